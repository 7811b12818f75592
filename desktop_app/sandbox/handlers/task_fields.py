"""What a task may hold: reading the fields of tasks.create, edit and clone. Pure but for look-ups.

As recorded: creation checks every value's type (400/800, 400/16, sometimes 500), ``tasks.edit`` only converts and
merges; names and texts of scripts are trimmed, tags sorted, artifacts sorted by their key.
"""

from collections.abc import Mapping
from typing import Any

from desktop_app.sandbox.rules import errors
from desktop_app.sandbox.rules.call import Call
from desktop_app.sandbox.rules.store import Document

NAME = 3  # characters of a task's or a queue's name
TYPES = (
    "training",
    "testing",
    "inference",
    "data_processing",
    "application",
    "monitor",
    "controller",
    "report",
    "optimizer",
    "service",
    "qc",
    "custom",
)
OPERATOR = "__$"  # begins words of filters, and so no tag
DEFINES = "TF_DEFINE"  # the one section that old clients name
LEGACY_SECTION = "Args"  # of parameters that old clients gave in ``execution``

SCRIPT = ("binary", "repository", "tag", "branch", "version_num", "entry_point", "working_dir", "requirements", "diff")
TRIMMED = frozenset(SCRIPT) - {"requirements", "diff"}
PARAMETER = ("section", "name", "value", "type", "description")
CONFIGURATION = ("name", "value", "type", "description")
ARTIFACT = ("key", "type", "mode", "uri", "content_size", "hash", "timestamp", "type_data", "display_data")
EXECUTION = (
    "test_split",
    "parameters",
    "model",
    "model_desc",
    "model_labels",
    "framework",
    "docker_cmd",
    "artifacts",
    "dataviews",
    "queue",
)
CONTAINER = ("image", "arguments", "setup_shell_script")


def blank_execution() -> Document:
    return {"test_split": 0, "parameters": {}, "model_desc": {}, "model_labels": {}, "artifacts": []}


def blank_script() -> Document:
    return {"binary": "python", "repository": "", "entry_point": "", "requirements": {}}


# --- single fields ----------------------------------------------------------------------------------------------------


def name(value: Any) -> str:
    """Return the trimmed name. Raises ApiError 400/800 for what is no text, or too short once it is trimmed."""
    text = _text("name", value).strip()
    if len(text) < NAME:
        raise errors.validation("name=String value is too short")
    return text


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise errors.validation(f"{field}=StringField only accepts string values")
    return value


def tags(field: str, value: Any) -> list[str]:
    """Return tags in order. Raises ApiError 400/800 for what is no list and 500/0 for what isn't made of texts."""
    if not isinstance(value, list):
        raise errors.validation(f"{field}=Only lists and tuples may be used in a list field")
    for one in value:
        if not isinstance(one, str):
            raise errors.broken(f"'{type(one).__name__}' object has no attribute 'startswith'")
        if one.startswith(OPERATOR):
            raise errors.invalid_value(f"unsupported tag prefix): values=[{one}]")
    return sorted(value)


def project(call: Call, value: Any) -> str:
    """Return the project's id. Raises ApiError 400/16 for what is none."""
    if not isinstance(value, str) or call.store.get("project", value) is None:
        raise errors.invalid_value(f"expecting Project id): id={value}, field=project")
    return value


def parent(call: Call, value: Any) -> str:
    """Return the parent's id. Raises ApiError 400/16 for what is no task's id."""
    if not isinstance(value, str) or not call.store.some("task", [value], bulky=False):
        raise errors.invalid_value(f"expecting Task id): id={value}, field=parent")
    return value


def free(field: str, value: Any, *, strict: bool) -> Document:
    """Return an object of any names: ``runtime`` or ``container``."""
    if isinstance(value, str):
        raise errors.invalid_value(f"dictionary update sequence element #0 has length 1): field={field}")
    if not isinstance(value, dict):
        raise errors.validation(f"{field}=Only dictionaries may be used in a DictField")
    _check_keys(field, value, strict=strict)
    return dict(value)


def _check_keys(field: str, value: Any, *, strict: bool) -> None:
    """Check which names the database takes at all, and with ``strict`` which ones a new document may have."""
    for inner in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        _check_keys(field, inner, strict=strict)
    for key in value if isinstance(value, dict) else ():
        if "\0" in key:
            raise errors.broken(f"Field names cannot contain the null character (found: {key})")
        if strict and not key:
            raise errors.validation(f"{field}=Empty keys are not allowed in a DictField")
        if strict and key.startswith("$"):
            raise errors.validation(f'{field}=Invalid dictionary key name - keys may not startswith "$" characters')


def container(value: Any, *, strict: bool) -> Document:
    found = free("container", value, strict=strict)
    if strict:
        for key, one in found.items():
            _text(f"container={key}", one)
    return found


def script(value: Any, *, strict: bool) -> Document:
    """Return the script. Raises ApiError 500/0 for what is no object and 400/12 for a name that scripts don't have."""
    if not isinstance(value, dict):
        raise errors.broken(f"'{type(value).__name__}' object has no attribute 'get'")
    found: Document = {}
    for key, one in value.items():
        if key not in SCRIPT:
            raise errors.invalid_field(f"document=Script, field={key}")
        if one is None:
            continue
        if key == "requirements":
            found[key] = one
        elif strict or isinstance(one, str):
            text = _text(f"script={key}", one)
            found[key] = text.strip() if key in TRIMMED else text
        else:
            found[key] = one
    return found


def execution(value: Any) -> Document:
    """Return what executions have; other names are dropped, and parameters move to the hyper-parameters."""
    if not isinstance(value, dict):
        raise errors.broken(f"'{type(value).__name__}' object has no attribute 'get'")
    found = {key: one for key, one in value.items() if key in EXECUTION and key != "parameters" and one is not None}
    if "artifacts" in found:
        found["artifacts"] = artifacts(found["artifacts"])
    return found


def artifacts(value: Any) -> list[Document]:
    """Return artifacts with their defaults, one of each key and mode (the last), sorted by key; outputs before
    inputs."""
    if not isinstance(value, list):
        raise errors.validation("artifacts=Only lists and tuples may be used in a list field")
    found: dict[tuple[str, str], Document] = {}
    for one in value:
        if not isinstance(one, dict) or not isinstance(one.get("key"), str):
            raise errors.validation("artifacts=an artifact needs a key")
        known = {key: one[key] for key in ARTIFACT if one.get(key) is not None}
        known = {"mode": "output", "display_data": [], **known}
        found[known["key"], known["mode"]] = known
    return [found[key] for key in sorted(found, key=lambda pair: (pair[0], pair[1] == "input"))]


# --- hyper-parameters and configuration -------------------------------------------------------------------------------


def hyperparams(value: Any, *, strict: bool) -> Document:
    """Return hyper-parameters by section. Raises ApiError 400/12 for empty names, 500/101 for fields that parameters
    don't have (400/800, 500/0)."""
    if not isinstance(value, dict):
        raise errors.validation("hyperparams=Only dictionaries may be used in a DictField")
    found: Document = {}
    for section, parameters in value.items():
        if not section.strip():
            raise errors.invalid_field("Empty section name is not allowed")
        if not isinstance(parameters, dict):
            raise errors.broken(f"'{type(parameters).__name__}' object has no attribute 'items'")
        found[section] = {key: _parameter(key, one, strict=strict) for key, one in parameters.items()}
    return found


def _parameter(key: str, value: Any, *, strict: bool) -> Document:
    if not key.strip():
        raise errors.invalid_field("Empty parameter name is not allowed")
    return _item("ParamsItem", PARAMETER, value, strict=strict)


def configuration(value: Any, *, strict: bool) -> Document:
    """Return configuration objects, checked as ``hyperparams`` are, one level less deep."""
    if not isinstance(value, dict):
        raise errors.validation("configuration=Only dictionaries may be used in a DictField")
    if any(not key.strip() for key in value):
        raise errors.invalid_field("Empty configuration name is not allowed")
    return {key: _item("ConfigurationItem", CONFIGURATION, one, strict=strict) for key, one in value.items()}


def _item(kind: str, known: tuple[str, ...], value: Any, *, strict: bool) -> Document:
    if not isinstance(value, dict):
        raise errors.broken(f"The source SON object needs to be of type 'dict' but a '{type(value)}' was found")
    for field, one in value.items():
        if field not in known:
            raise errors.ApiError(
                500, 101, f"Inconsistent data encountered in document: document={kind}, field={field}"
            )
        if strict and one is not None:
            _text(f"{kind}.{field}", one)
    return {field: one for field, one in value.items() if one is not None}


def legacy_parameters(value: Any) -> Document:
    """Return parameters that a client gave in ``execution`` as hyper-parameters; only ``TF_DEFINE/…`` names a
    section."""
    found: Document = {}
    for key, one in value.items() if isinstance(value, dict) else ():
        section, _, rest = str(key).partition("/")
        section, name_ = (section, rest) if section == DEFINES and rest else (LEGACY_SECTION, str(key))
        item = {"section": section, "name": name_, "type": "legacy", "value": str(one)}
        found.setdefault(section, {})[name_] = item
    return found


# --- whole bodies -----------------------------------------------------------------------------------------------------


def merged_parameters(own: Mapping[str, Any], legacy: Mapping[str, Any]) -> Document:
    result = {section: dict(parameters) for section, parameters in own.items()}
    for section, parameters in legacy.items():
        result.setdefault(section, {}).update(parameters)
    return result


def read(call: Call, *, strict: bool) -> Document:
    """Return the fields of a task that the body gives, ready to be stored; ``execution`` and ``script`` only in part.

    ``strict`` is for new tasks. Raises ApiError as a real server does.
    """
    body = call.body
    readers: dict[str, Any] = {
        "name": name,
        "type": lambda value: value,
        "tags": lambda value: tags("tags", value),
        "system_tags": lambda value: tags("system_tags", value),
        "comment": lambda value: _text("comment", value),
        "parent": lambda value: parent(call, value),
        "project": lambda value: project(call, value),
        "script": lambda value: script(value, strict=strict),
        "execution": execution,
        "hyperparams": lambda value: hyperparams(value, strict=strict),
        "configuration": lambda value: configuration(value, strict=strict),
        "runtime": lambda value: free("runtime", value, strict=strict),
        "container": lambda value: container(value, strict=strict),
        "models": lambda value: free("models", value, strict=False),
        "report": lambda value: _text("report", value),
    }
    found = {key: reader(body[key]) for key, reader in readers.items() if body.get(key) is not None}
    given = body.get("execution")
    if isinstance(given, dict) and given.get("parameters"):
        found["legacy"] = legacy_parameters(given["parameters"])
    return found
