"""tasks.*: changing what a task holds. Runs in a request's thread.

As on a real server, ``tasks.edit`` replaces whole ``runtime``, ``hyperparams``, ``configuration`` and tag fields and
merges ``script`` and ``execution`` one level deep; the finer calls change single entries, and only while the task's
status allows it, whatever ``force`` says.
"""

from collections.abc import Sequence

from desktop_app.sandbox.handlers import status, task_fields, task_versions
from desktop_app.sandbox.handlers.tasks import find, find_all, save
from desktop_app.sandbox.rules import errors, keys
from desktop_app.sandbox.rules.call import Call
from desktop_app.sandbox.rules.store import Document

QUIET = frozenset({"name", "comment", "project", "tags", "system_tags"})  # no update of what the task does
ANY_STATUS = tuple(status.TRANSITIONS)
EDITABLE = (status.CREATED,)
PROPERTIES = "properties"  # the section of hyper-parameters that stays writable


def _require(task: Document, allowed: Sequence[str]) -> None:
    if task["status"] not in allowed:
        raise errors.invalid_status(f"expected={allowed[0]}, status={task['status']}")


def _editable(call: Call, task: Document) -> None:
    """Return what a run works with: changed before it, or by force until it ends."""
    _require(task, status.WRITABLE if call.flag("force") else EDITABLE)


def _write(call: Call, task: Document, fields: Document) -> Document:
    """Write the changed fields with the usual stamps; answers everything that changed."""
    stamps: Document = {"last_change": call.now, "last_changed_by": call.identity.user}
    if not set(fields) <= QUIET:
        stamps["last_update"] = call.now
    task.update(fields, **stamps)
    save(call.store, task)
    return {**fields, **stamps}


def edit(call: Call) -> Document:
    task = find(call)
    _require(task, ANY_STATUS if call.flag("force") else EDITABLE)
    fields = task_fields.read(task_versions.upgraded(call), strict=False)
    for key in ("script", "execution", "models"):
        if key in fields:
            fields[key] = {**task[key], **fields[key]}
    legacy = fields.pop("legacy", {})
    if legacy:
        own = fields["hyperparams"] if "hyperparams" in fields else task["hyperparams"]
        fields["hyperparams"] = task_fields.merged_parameters(own, legacy)
    if call.body.get("output_dest") is not None:
        fields["output"] = {**task["output"], "destination": call.text("output_dest")}
    if call.body.get("status") in status.TRANSITIONS:
        fields["status"] = call.text("status")
    if not fields:
        return {"updated": 0, "fields": {}}
    return {"updated": 1, "fields": {**_write(call, task, fields), **_as_given(call, fields)}}


def _as_given(call: Call, fields: Document) -> Document:
    """Return what is answered as the call gave it, though it is stored with its defaults or without its nulls."""
    given: Document = {}
    if "execution" in fields and call.mapping("execution").get("artifacts"):
        given["execution"] = {**fields["execution"], "artifacts": call.mapping("execution")["artifacts"]}
    for field in ("hyperparams", "configuration"):
        if call.body.get(field) is not None and field in fields and set(fields[field]) == set(call.body[field]):
            given[field] = call.body[field]
    return given


def update_tags(call: Call) -> Document:
    add, taken = set(call.items("add_tags")), set(call.items("remove_tags"))
    tasks = call.store.some("task", call.items("ids"))
    for task in tasks:
        _write(call, task, {"tags": sorted((set(task["tags"]) | add) - taken)})
    return {"updated": len(tasks)}


def set_requirements(call: Call) -> Document:
    task = find(call)
    _write(call, task, {"script": {**task["script"], "requirements": call.mapping("requirements")}})
    return {"updated": 1, "fields": {}}


# --- runtime ----------------------------------------------------------------------------------------------------------


def edit_runtime(call: Call) -> Document:
    """Add, change and remove single runtime properties; the others stay as they are.

    Names are stored escaped, and never read back: it changes and removes only what it has written itself, or what was
    written under a plain name.
    """
    task = find(call)
    _require(task, status.WRITABLE)
    added = {keys.escaped(key): value for key, value in call.mapping("add_or_update").items()}
    removed = [keys.escaped(key) for key in call.items("remove")]
    if not added and not removed:
        return {"updated": 0}
    runtime = {key: value for key, value in {**task["runtime"], **added}.items() if key not in removed}
    _write(call, task, {"runtime": runtime})
    return {"updated": 1}


# --- hyper-parameters and configuration -------------------------------------------------------------------------------


def _section(name: str) -> str:
    return PROPERTIES if name.lower() == PROPERTIES else name


def edit_hyper_params(call: Call) -> Document:
    task = find(call)
    items = [{**item, "section": _section(item["section"])} for item in call.items("hyperparams")]
    _require_parameters(call, task, [item["section"] for item in items])
    replace = call.text("replace_hyperparams", "none")
    sections = {} if replace == "all" else {name: dict(values) for name, values in task["hyperparams"].items()}
    if replace == "section":
        sections |= {item["section"]: {} for item in items}
    for item in items:
        sections.setdefault(item["section"], {})[item["name"]] = item
    _write(call, task, {"hyperparams": sections})
    return {"updated": 1}


def _require_parameters(call: Call, task: Document, sections: Sequence[str]) -> None:
    if any(section != PROPERTIES for section in sections):
        _editable(call, task)


def delete_hyper_params(call: Call) -> Document:
    task = find(call)
    wanted = [(_section(item["section"]), item.get("name")) for item in call.items("hyperparams")]
    _require_parameters(call, task, [section for section, _ in wanted])
    left = {
        section: {name: item for name, item in items.items() if (section, name) not in wanted}
        for section, items in task["hyperparams"].items()
        if (section, None) not in wanted
    }
    touched = {section for section, _ in wanted}
    _write(call, task, {"hyperparams": {key: value for key, value in left.items() if value or key not in touched}})
    return {"deleted": 1}


def get_hyper_params(call: Call) -> Document:
    tasks = find_all(call, call.items("tasks"))
    return {"params": [{"task": task["id"], "hyperparams": _listed(task["hyperparams"])} for task in tasks]}


def _listed(sections: Document) -> list[Document]:
    return [sections[section][name] for section in sorted(sections) for name in sorted(sections[section])]


def edit_configuration(call: Call) -> Document:
    task = find(call)
    _editable(call, task)
    own = {} if call.flag("replace_configuration") else task["configuration"]
    given = {item["name"]: item for item in call.items("configuration")}
    _write(call, task, {"configuration": {**own, **given}})
    return {"updated": 1}


def delete_configuration(call: Call) -> Document:
    task = find(call)
    _editable(call, task)
    gone = set(call.items("configuration"))
    _write(
        call, task, {"configuration": {key: value for key, value in task["configuration"].items() if key not in gone}}
    )
    return {"deleted": 1}


def get_configurations(call: Call) -> Document:
    names = call.items("names")
    tasks = find_all(call, call.items("tasks"))
    found = [
        {
            "task": task["id"],
            "configuration": [item for key, item in sorted(task["configuration"].items()) if not names or key in names],
        }
        for task in tasks
    ]
    return {"configurations": found}


def get_configuration_names(call: Call) -> Document:
    tasks = find_all(call, call.items("tasks"))
    return {"configurations": [{"task": task["id"], "names": sorted(task["configuration"])} for task in tasks]}


# --- artifacts --------------------------------------------------------------------------------------------------------


def add_or_update_artifacts(call: Call) -> Document:
    """Add artifacts, each in place of the one of the same key and mode."""
    task = find(call)
    _require(task, status.WRITABLE)
    _put_artifacts(call, task, [*task["execution"].get("artifacts", []), *call.items("artifacts")])
    return {"updated": 1}


def delete_artifacts(call: Call) -> Document:
    task = find(call)
    _require(task, status.WRITABLE)
    gone = {(item["key"], item.get("mode", "output")) for item in call.items("artifacts")}
    left = [
        one for one in task["execution"].get("artifacts", []) if (one["key"], one.get("mode", "output")) not in gone
    ]
    _put_artifacts(call, task, left)
    return {"deleted": 1}


def _put_artifacts(call: Call, task: Document, artifacts: list[Document]) -> None:
    _write(call, task, {"execution": {**task["execution"], "artifacts": task_fields.artifacts(artifacts)}})
