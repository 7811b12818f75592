"""tasks.*: creating, copying, finding and deleting tasks. Runs in a request's thread.

A task's life is in ``task_life``, editing what it holds in ``task_edit``, calls for many tasks in ``task_many``.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from desktop_app.sandbox.handlers import projects, queues, status, task_fields, task_versions
from desktop_app.sandbox.rules import errors, fields, filters, query
from desktop_app.sandbox.rules.call import Call
from desktop_app.sandbox.rules.store import Document, Store

CLONED = ("script", "hyperparams", "configuration", "container", "comment", "project", "tags", "system_tags", "type")
ON_REQUEST = ("enqueue_status", "unique_metrics")  # what lists answer only where it is named
SCROLL_SECONDS = 600  # that a scroll is remembered after its last use
REFERENCES = ("company", "user", "project", "parent")


def find(call: Call, *, bulky: bool = True) -> Document:
    """Return the task that the call names. Raises ApiError 400/101."""
    task_id = call.text("task")
    found = call.store.some("task", [task_id], bulky=bulky)
    if not found:
        raise errors.invalid_task(task_id, call.company)
    return found[0]


def find_all(call: Call, ids: Sequence[str]) -> list[Document]:
    """Return the tasks of those ids. Raises ApiError 400/101 when one is missing."""
    found = call.store.some("task", list(ids))
    missing = sorted(set(ids) - {task["id"] for task in found})
    if missing:
        raise errors.invalid_tasks(*missing)
    return found


def save(store: Store, task: Document) -> None:
    """Write the task; what is None is absent from then on."""
    for field in [field for field, value in task.items() if value is None]:
        del task[field]
    store.put("task", task)


def blank(call: Call) -> Document:
    """Return a task as the server makes it; what was not given is absent."""
    return {
        "id": uuid.uuid4().hex,
        "company": call.company,
        "user": call.identity.user,
        "status": status.CREATED,
        "report_assets": [],
        "created": call.now,
        "output": {},
        "execution": task_fields.blank_execution(),
        "tags": [],
        "system_tags": [],
        "script": task_fields.blank_script(),
        "last_update": call.now,
        "last_change": call.now,
        "last_changed_by": call.identity.user,
        "last_iteration": 0,
        "last_metrics": {},
        "unique_metrics": [],
        "metric_stats": {},
        "hyperparams": {},
        "configuration": {},
        "runtime": {},
        "models": {"input": [], "output": []},
        "container": {},
    }


def create(call: Call) -> Document:
    fields = task_fields.read(task_versions.upgraded(call), strict=True)
    task = blank(call)
    task["execution"].update(fields.pop("execution", {}))
    task["script"].update(fields.pop("script", {}))
    legacy = fields.pop("legacy", {})
    task.update(fields)
    task["hyperparams"] = task_fields.merged_parameters(task["hyperparams"], legacy)
    if call.text("output_dest"):
        task["output"] = {"destination": call.text("output_dest")}
    save(call.store, task)
    return {"id": task["id"]}


def clone(call: Call) -> Document:
    """Copy what was put into the task, not what came out of it."""
    found = call.store.get("task", call.text("task"))
    if found is None:
        raise errors.invalid_task(call.text("task"), call.company)
    task = blank(call)
    task.update({field: found[field] for field in CLONED if field in found})
    task["name"] = task_fields.name(call.text("new_task_name") or found["name"])
    inputs = [one for one in found["execution"].get("artifacts", []) if one.get("mode") == "input"]
    task["execution"] = {**found["execution"], "artifacts": inputs}
    task["execution"].pop("queue", None)
    task["parent"] = _new_parent(call, found)
    answer: Document = {"id": task["id"]}
    answer |= _new_project(call, task)
    for given, field in (
        ("new_task_comment", "comment"),
        ("new_task_tags", "tags"),
        ("new_task_system_tags", "system_tags"),
    ):
        if call.body.get(given) is not None:
            task[field] = sorted(call.body[given]) if field != "comment" else call.body[given]
    if call.body.get("new_task_hyperparams") is not None:
        task["hyperparams"] = task_fields.hyperparams(call.body["new_task_hyperparams"], strict=True)
    if call.body.get("new_task_configuration") is not None:
        task["configuration"] = task_fields.configuration(call.body["new_task_configuration"], strict=True)
    if call.mapping("execution_overrides"):
        task["execution"] |= task_fields.execution(call.mapping("execution_overrides"))
    save(call.store, task)
    return answer


def _new_parent(call: Call, source: Document) -> str | None:
    """Return the named parent, the source, or with an empty name the source's own one."""
    given = call.body.get("new_task_parent")
    if given is None:
        return str(source["id"])
    if not given:
        return source.get("parent") or str(source["id"])
    if not call.store.some("task", [given], bulky=False):
        raise errors.ApiError(400, 101, f"Invalid task id (invalid parent): parent={given}")
    return str(given)


def _new_project(call: Call, task: Document) -> Document:
    """Put the copy where the call wants it; return the project that had to be made for it."""
    if call.text("new_project_name"):
        project, made = projects.ensure(call, call.text("new_project_name"))
        task["project"] = project["id"]
        return {"new_project": {"id": project["id"], "name": project["name"]}} if made else {}
    if call.text("new_task_project"):
        task["project"] = projects.find(call, call.text("new_task_project"))["id"]
    return {}


# --- finding ----------------------------------------------------------------------------------------------------------


def get_by_id(call: Call) -> Document:
    found = call.store.get("task", call.text("task"))
    if found is None:
        raise errors.invalid_tasks(call.text("task"))
    found.pop("enqueue_status", None)
    return {"task": task_versions.downgraded(call, fields.project(found, []))}


def get_all(call: Call) -> Document:
    call, scroll = _scrolled(_with_subprojects(call))
    asked = query.understand(filters.TASKS, call.body)
    found = [task_versions.downgraded(call, task) for task in query.answer(asked, _candidates(call, asked))]
    if not asked.paths:
        found = [{key: value for key, value in task.items() if key not in ON_REQUEST} for task in found]
    if scroll is None:
        return {"tasks": found}
    call.store.put("scroll", {**scroll, "position": call.number("start", 0) + len(found)})
    return {"tasks": found, "scroll_id": scroll["id"]}


def _scrolled(call: Call) -> tuple[Call, Document | None]:
    """Return the call from where its scroll has come to; a new scroll for an unknown id, none without one."""
    if "scroll_id" not in call.body:
        return call, None
    for old in call.store.all("scroll"):
        if old["until"] < call.seconds:
            call.store.delete("scroll", old["id"])
    scroll = call.store.get("scroll", call.text("scroll_id")) or {"id": uuid.uuid4().hex, "position": 0}
    start = 0 if call.flag("refresh_scroll") else scroll["position"]
    more = {"size": max(scroll["position"], call.body.get("size") or 0)} if call.flag("refresh_scroll") else {}
    return call.with_body(start=start, **more), {**scroll, "until": call.seconds + SCROLL_SECONDS}


def _with_subprojects(call: Call) -> Call:
    """Let ``include_subprojects`` ask for what lies in the projects inside of the named ones, too."""
    wanted = query.as_list(call.body.get("project"))
    if not wanted or not call.flag("include_subprojects"):
        return call
    inner = [one["id"] for one in call.store.all("project") if set(one["path"]) & set(wanted)]
    return call.with_body(project=[*wanted, *inner])


def get_by_id_ex(call: Call) -> Document:
    """Return named tasks as get_all_ex does."""
    if not call.body.get("id"):
        raise errors.missing_fields("missing=(id)")
    return get_all_ex(call)


def get_all_ex(call: Call) -> Document:
    """Return tasks; a part beside its whole is folded into it, and references are answered as objects."""
    call = _with_subprojects(call)
    asked = query.understand(filters.TASKS, _without_reference_parts(call.body), fold=True)
    found = query.answer(asked, _candidates(call, asked))
    return {"tasks": [_with_references(call, task) for task in found]}


def _candidates(call: Call, asked: query.Query) -> list[Document]:
    """Return every document that may pass the filters, without its bulky fields where they are not asked for."""
    bulky = asked.wants("script") or asked.wants("configuration")
    ids = query.as_list(call.body.get("id"))
    if ids and all(isinstance(one, str) and not one.startswith(("-", "__$")) for one in ids):
        return call.store.some("task", list(dict.fromkeys(ids)), bulky=bulky)
    return call.store.all("task", bulky=bulky)


def _without_reference_parts(body: Document) -> Document:
    """Ask for the whole where ``project.name`` asks for a part of it; the document itself holds only the id."""
    names = body.get("projection") or body.get("only_fields")
    if not isinstance(names, list):
        return body
    whole = [
        name.split(".")[0] if isinstance(name, str) and name.split(".")[0] in REFERENCES else name for name in names
    ]
    return {**body, "projection": None, "only_fields": ["id", *whole]}


def _with_references(call: Call, task: Document) -> Document:
    names = {str(name) for name in query.as_list(call.body.get("projection") or call.body.get("only_fields"))}
    kinds = {"company": "company", "user": "user", "project": "project", "parent": "task"}
    for field in REFERENCES:
        if field not in task:
            continue
        task[field] = {"id": task[field]}
        if f"{field}.name" in names:
            found = call.store.get(kinds[field], task[field]["id"]) or {}
            task[field]["name"] = found.get("name")
    return task


# --- deleting ---------------------------------------------------------------------------------------------------------


def delete(call: Call) -> Document:
    task = find(call, bulky=False)
    deletable = task["status"] == status.CREATED or status.ARCHIVED in task["system_tags"]
    if not deletable and not call.flag("force"):
        raise errors.undeletable(task["id"], task["status"])
    if task["status"] in status.ALIVE:
        queues.remove_everywhere(call, task["id"])
    children = 0
    for child in call.store.all("task"):
        if child.get("parent") == task["id"] and child["id"] != task["id"]:
            children += 1
            call.store.put("task", {**child, "parent": f"__DELETED__{task['id']}"})
    call.store.delete("task", task["id"])
    call.store.delete_events(task["id"])
    return {
        "deleted": True,
        "updated_children": children,
        "updated_models": 0,
        "deleted_models": 0,
        "urls": _urls(task) if call.flag("return_file_urls") else None,
    }


def _urls(task: Document) -> Document:
    """Return where the files of its artifacts lie."""
    outputs: list[dict[str, Any]] = task["execution"].get("artifacts", [])
    uris = [one["uri"] for one in outputs if one.get("mode") == "output" and one.get("uri")]
    return {"model_urls": [], "artifact_urls": uris, "event_urls": []}
