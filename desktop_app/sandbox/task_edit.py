"""tasks.*: changing what a task holds. Runs in a request's thread.

As on a real server, ``tasks.edit`` replaces whole ``runtime``, ``hyperparams``, ``configuration`` and tag fields and
merges ``script`` and ``execution`` one level deep; the finer calls change single entries.
"""

from collections.abc import Sequence

from desktop_app.sandbox import errors, query, status
from desktop_app.sandbox.call import Call
from desktop_app.sandbox.store import Document
from desktop_app.sandbox.tasks import find

REPLACED = (
    "name",
    "type",
    "tags",
    "system_tags",
    "comment",
    "parent",
    "project",
    "hyperparams",
    "configuration",
    "runtime",
    "container",
    "models",
)
MERGED = ("script", "execution")
ONLY_TAGS = frozenset({"tags", "system_tags"})

ANY_STATUS = tuple(status.TRANSITIONS)
EDITABLE = (status.CREATED,)
EDITABLE_BY_FORCE = (status.CREATED, status.IN_PROGRESS)


def _require(call: Call, task: Document, allowed: Sequence[str], by_force: Sequence[str]) -> None:
    if task["status"] not in (by_force if call.flag("force") else allowed):
        raise errors.invalid_status(f"expected={allowed[0]}, status={task['status']}")


def _save(call: Call, task: Document, fields: Document) -> Document:
    """Write the changed fields with the usual stamps; tags alone do not count as an update of the task."""
    stamps: Document = {"last_change": call.now, "last_changed_by": call.identity.user}
    if not set(fields) <= ONLY_TAGS:
        stamps["last_update"] = call.now
    task.update(fields, **stamps)
    call.store.put("task", task)
    return {"updated": 1, "fields": {**fields, **stamps}}


def edit(call: Call) -> Document:
    task = find(call)
    _require(call, task, EDITABLE, ANY_STATUS)
    fields = {key: call.body[key] for key in REPLACED if call.body.get(key) is not None}
    for key in MERGED:
        if call.body.get(key) is not None:
            fields[key] = {**task[key], **call.mapping(key)}
    if call.body.get("output_dest") is not None:
        fields["output"] = {**task["output"], "destination": call.text("output_dest")}
    if fields.get("project") and call.store.get("project", fields["project"]) is None:
        raise errors.invalid_project(fields["project"])
    return _save(call, task, fields)


def edit_runtime(call: Call) -> Document:
    """Add, change and remove single runtime properties; the others stay as they are."""
    task = find(call)
    _require(call, task, EDITABLE_BY_FORCE, ANY_STATUS)
    runtime = {**task["runtime"], **call.mapping("add_or_update")}
    for key in call.items("remove"):
        runtime.pop(str(key), None)
    return {"updated": _save(call, task, {"runtime": runtime})["updated"]}


def edit_hyper_params(call: Call) -> Document:
    task = find(call)
    items = [item for item in call.items("hyperparams") if isinstance(item, dict)]
    properties_only = bool(items) and all(item.get("section") == "properties" for item in items)
    _require(call, task, ANY_STATUS if properties_only else EDITABLE, EDITABLE_BY_FORCE)
    replace = call.text("replace_hyperparams", "none")
    sections = {} if replace == "all" else {name: dict(values) for name, values in task["hyperparams"].items()}
    if replace == "section":
        for item in items:
            sections[str(item.get("section"))] = {}
    for item in items:
        section, name = str(item.get("section") or ""), str(item.get("name") or "")
        if not section or not name:
            raise errors.validation("a hyper-parameter needs 'section' and 'name'")
        sections.setdefault(section, {})[name] = item
    return {"updated": _save(call, task, {"hyperparams": sections})["updated"]}


def set_requirements(call: Call) -> Document:
    task = find(call)
    script = {**task["script"], "requirements": call.mapping("requirements")}
    _save(call, task, {"script": script})
    return {"updated": 1, "fields": {}}


def add_or_update_artifacts(call: Call) -> Document:
    """An artifact replaces the one of the same key and mode."""
    task = find(call)
    _require(call, task, EDITABLE_BY_FORCE, ANY_STATUS)
    fresh = [{"mode": "output", **item} for item in call.items("artifacts") if isinstance(item, dict)]
    keys = {(item.get("key"), item["mode"]) for item in fresh}
    kept = [a for a in query.as_list(task["execution"].get("artifacts")) if (a.get("key"), a.get("mode")) not in keys]
    _save(call, task, {"execution": {**task["execution"], "artifacts": kept + fresh}})
    return {"updated": 1}
