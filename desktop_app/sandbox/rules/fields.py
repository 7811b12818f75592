"""Which names ``only_fields`` and ``order_by`` may hold for each kind of document. Pure functions.

As recorded: a name that the document's kind doesn't know is refused (400/14), and so is a field beside a part of it
(500/1), because a real server's database can't answer both.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from desktop_app.sandbox.rules import errors, keys

Path = tuple[str, ...]

DEEPEST_PARAMETER = 4  # parts of a path into hyper-parameters or configuration
ESCAPED = ("hyperparams", "configuration")  # whose keys are stored escaped and answered plain
LEGACY = (  # where old clients look for what lies elsewhere by now
    ("execution.parameters", "hyperparams.Args"),
    ("execution.model_desc", "configuration"),
    ("execution.docker_cmd", "container"),
)


class Leaf(Enum):
    """What has no named parts."""

    VALUE = "a single value"
    LIST = "a list of values: parts are numbers"
    FREE = "an object of any names"


Tree = Mapping[str, "Leaf | Tree"]


def _values(names: str) -> dict[str, "Leaf | Tree"]:
    return dict.fromkeys(names.split(), Leaf.VALUE)


_MODELS: Tree = _values("name model updated")
TASK: Tree = {
    **_values(
        "id pk company user name type status status_reason status_message status_changed comment report created started"
        " completed published active_duration parent project last_worker last_worker_report last_update last_change"
        " last_changed_by last_iteration enqueue_status company_origin docker_init_script"
    ),
    "report_assets": Leaf.LIST,
    "tags": Leaf.LIST,
    "system_tags": Leaf.LIST,
    "unique_metrics": Leaf.LIST,
    "output": _values("destination model error result"),
    "execution": {
        **_values("test_split model framework docker_cmd queue dataviews"),
        "parameters": Leaf.FREE,
        "model_desc": Leaf.FREE,
        "model_labels": Leaf.FREE,
        "artifacts": {
            **_values("key type mode uri content_size hash timestamp"),
            "type_data": _values("preview content_type data_hash"),
            "display_data": Leaf.LIST,
        },
    },
    "script": {
        **_values("binary repository tag branch version_num entry_point working_dir diff"),
        "requirements": Leaf.FREE,
    },
    "models": {"input": _MODELS, "output": _MODELS},
    "last_metrics": Leaf.FREE,
    "metric_stats": Leaf.FREE,
    "hyperparams": Leaf.FREE,
    "configuration": Leaf.FREE,
    "runtime": Leaf.FREE,
    "container": Leaf.FREE,
}
QUEUE: Tree = {
    **_values("id pk name display_name company created last_update"),
    "tags": Leaf.LIST,
    "system_tags": Leaf.LIST,
    "entries": _values("task added"),
    "metadata": Leaf.FREE,
}
PROJECT: Tree = {
    **_values(
        "id pk company user name basename description created last_update default_output_destination"
        " company_origin featured logo_url logo_blob parent"
    ),
    "tags": Leaf.LIST,
    "system_tags": Leaf.LIST,
    "path": Leaf.LIST,
}
USER: Tree = _values("id pk company name family_name given_name avatar created_in_version created")


def path_of(tree: Tree, name: Any) -> Path:
    """Return the parts of a dotted name. Raises ApiError 400/14 (400/12, 500/0) for what the tree doesn't know."""
    if not isinstance(name, str):
        raise errors.broken(f"'{type(name).__name__}' object has no attribute 'replace'")
    if not name:
        raise errors.broken("string index out of range")
    for old, new in LEGACY if tree is TASK else ():
        name = name.replace(old, new)
    parts = tuple(name.split("."))
    _resolve(tree, name.replace(".", "__").split("__"))
    if parts[0] in ESCAPED and len(parts) > 1:
        if len(parts) > DEEPEST_PARAMETER:
            raise errors.invalid_field(f"invalid task field): path={name}")
        return (parts[0], *(keys.unescaped(part) for part in parts[1:]))
    return parts


def _resolve(tree: Tree, parts: Sequence[str]) -> None:
    here: Leaf | Tree = tree
    for part in parts:
        if here is Leaf.FREE:
            return
        if isinstance(here, Leaf):
            if here is Leaf.VALUE or not part.isdigit():
                raise errors.unknown_field(part)
        elif part in here:
            here = here[part]
        else:
            raise errors.unknown_field(part)


def projection(tree: Tree, body: Mapping[str, Any], *, fold: bool = False) -> list[Path]:
    """Return the paths that the answer shall hold; none means everything.

    Raises ApiError 400/14 for an unknown name and 500/1 for a field beside a part of it; with ``fold`` the part counts
    as asked for by the whole.
    """
    given = body.get("projection") or body.get("only_fields") or []
    paths = [path_of(tree, name) for name in given if not _is_excluded(name)]
    beside = [path for path in paths if any(_is_inside(path, other) for other in paths)]
    if beside and not fold:
        raise errors.path_collision(".".join(beside[0]))
    return [path for path in paths if path not in beside]


def _is_excluded(name: Any) -> bool:
    return isinstance(name, str) and name.startswith("-")


def excluded(tree: Tree, body: Mapping[str, Any]) -> list[Path]:
    """Return the paths that the answer shall not hold: names with a minus. Raises ApiError 400/14."""
    given = body.get("projection") or body.get("only_fields") or []
    return [path_of(tree, name.lstrip("-")) for name in given if _is_excluded(name)]


def _is_inside(path: Path, other: Path) -> bool:
    return len(path) > len(other) and path[: len(other)] == other


def project(document: Mapping[str, Any], paths: Sequence[Path]) -> dict[str, Any]:
    """Return the asked parts. Of ``a.b`` the outer ``a`` is answered even when it has no ``b``; what is null is
    absent."""
    if not paths:
        return {key: value for key, value in document.items() if value is not None}
    result: dict[str, Any] = {}
    for path in paths:
        if document.get(path[0]) is not None:
            _copy(document, result, path)
    return result


def without(document: dict[str, Any], paths: Sequence[Path]) -> dict[str, Any]:
    """Return the document without those parts."""
    for path in paths:
        inner = at(document, path[:-1]) if len(path) > 1 else document
        if isinstance(inner, Mapping):
            less = {key: value for key, value in inner.items() if key != path[-1]}
            document = less if len(path) == 1 else _with(document, path[:-1], less)
    return document


def _with(document: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    inner = value if len(path) == 1 else _with(document[path[0]], path[1:], value)
    return {**document, path[0]: inner}


def _copy(source: Mapping[str, Any], target: dict[str, Any], path: Path) -> None:
    head, rest = path[0], path[1:]
    if head not in source:
        return
    value = source[head]
    if not rest:
        target[head] = value
    elif isinstance(value, Mapping):
        _copy(value, target.setdefault(head, {}), rest)
    elif isinstance(value, list):
        parts = target.setdefault(head, [{} for _ in value])
        for item, part in zip(value, parts, strict=True):
            if isinstance(item, Mapping):
                _copy(item, part, rest)


def at(document: Mapping[str, Any], path: Path) -> Any:
    """Return what lies at a path, or None."""
    value: Any = document
    for part in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value
