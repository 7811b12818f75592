"""tasks.*: creating, finding and deleting tasks, and moving them through their life. Runs in a request's thread.

Editing what a task holds is in ``task_edit``.
"""

import uuid
from typing import Any

from desktop_app.sandbox import errors, query, queues, status
from desktop_app.sandbox.call import Call, iso, name_of, seconds_of
from desktop_app.sandbox.store import Document, Store

COPIED_AT_CREATION = ("comment", "parent", "script", "hyperparams", "configuration", "runtime", "container", "models")


def find(call: Call, key: str = "task", *, bulky: bool = True) -> Document:
    """The task that the call names. Raises ApiError 400/101."""
    task_id = call.need(key)
    found = call.store.some("task", [task_id], bulky=bulky)
    if not found:
        raise errors.invalid_task(task_id)
    return found[0]


def blank(call: Call, name: str, kind: str) -> Document:
    """A task with every field that the stock clients take for granted."""
    return {
        "id": uuid.uuid4().hex,
        "company": call.identity.company,
        "user": call.identity.user,
        "name": name,
        "type": kind,
        "status": status.CREATED,
        "status_reason": "",
        "status_message": "",
        "status_changed": call.now,
        "comment": "",
        "report_assets": [],
        "created": call.now,
        "project": None,
        "output": {},
        "execution": {"test_split": 0, "parameters": {}, "model_desc": {}, "model_labels": {}, "artifacts": []},
        "tags": [],
        "system_tags": [],
        "script": {"binary": "python", "repository": "", "entry_point": "", "requirements": {}},
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
    task = blank(call, name_of(call), call.need("type"))
    for field in COPIED_AT_CREATION:
        if call.body.get(field) is not None:
            task[field] = call.body[field]
    task["execution"] = {**task["execution"], **call.mapping("execution")}
    task["tags"], task["system_tags"] = call.items("tags"), call.items("system_tags")
    if call.text("output_dest"):
        task["output"] = {"destination": call.text("output_dest")}
    task["project"] = _known_project(call, call.text("project"))
    call.store.put("task", task)
    return {"id": task["id"]}


def _known_project(call: Call, project: str) -> str | None:
    if project and call.store.get("project", project) is None:
        raise errors.invalid_project(project)
    return project or None


def clone(call: Call) -> Document:
    """Copies what was put into the task, not what came out of it."""
    source = find(call)
    task = blank(call, call.text("new_task_name") or source["name"], source["type"])
    for field in ("script", "hyperparams", "configuration", "container", "comment", "project", "tags", "system_tags"):
        task[field] = source[field]
    inputs = [a for a in source["execution"].get("artifacts", []) if a.get("mode") == "input"]
    task["execution"] = {**source["execution"], "artifacts": inputs}
    task["execution"].pop("queue", None)
    task["parent"] = call.text("new_task_parent") or source["id"]
    for given, field in (("new_task_comment", "comment"), ("new_task_tags", "tags")):
        if call.body.get(given) is not None:
            task[field] = call.body[given]
    if call.text("new_task_project"):
        task["project"] = _known_project(call, call.text("new_task_project"))
    call.store.put("task", task)
    return {"id": task["id"]}


def get_by_id(call: Call) -> Document:
    return {"task": find(call)}


def get_all(call: Call) -> Document:
    bulky = any(query.wants(call.body, field) for field in ("script", "configuration"))
    ids = [str(key) for key in query.as_list(call.body.get("id"))]
    documents = call.store.some("task", ids, bulky=bulky) if ids else call.store.all("task", bulky=bulky)
    found = query.select(documents, call.body)
    return {"tasks": [query.project(task, call.body.get("only_fields")) for task in found]}


def delete(call: Call) -> Document:
    task = find(call)
    if task["status"] != status.CREATED and not call.flag("force"):
        raise errors.invalid_status(f"expected={status.CREATED}, status={task['status']}")
    queues.remove(call, task["id"])
    call.store.delete("task", task["id"])
    call.store.delete_events(task["id"])
    return {"deleted": True, "updated_children": 0, "updated_models": 0, "deleted_models": 0, "urls": None}


# --- life -----------------------------------------------------------------------------------------------------------


def change_status(call: Call, task: Document, new: str, *, message: str, reason: str, force: bool) -> Document:
    """Move the task and answer the changed fields. Raises ApiError 400/110 for a move that the table forbids."""
    old = task["status"]
    if not force and not status.may_become(old, new):
        raise errors.invalid_status(f"current_status={old}, new_status={new}")
    if old == status.QUEUED != new:
        queues.remove(call, task["id"])
    fields: Document = {
        "status": new,
        "status_reason": reason,
        "status_message": message,
        "status_changed": call.now,
        "last_update": call.now,
        "last_change": call.now,
        "last_changed_by": call.identity.user,
    }
    if old != new and new == status.IN_PROGRESS:
        fields["started"] = call.now
    if new in status.FINISHED:
        fields["completed"] = call.now
    task.update(fields)
    call.store.put("task", task)
    return fields


def _moved(call: Call, new: str) -> Document:
    fields = change_status(
        call,
        find(call),
        new,
        message=call.text("status_message"),
        reason=call.text("status_reason"),
        force=call.flag("force"),
    )
    return {"fields": fields, "updated": 1}


def started(call: Call) -> Document:
    return {"started": 1, **_moved(call, status.IN_PROGRESS)}


def stopped(call: Call) -> Document:
    return _moved(call, status.STOPPED)


def failed(call: Call) -> Document:
    return _moved(call, status.FAILED)


def completed(call: Call) -> Document:
    return _moved(call, status.COMPLETED)


def stop(call: Call) -> Document:
    """Ask the agent to end the task, or end its record at once where no agent would hear."""
    task = find(call)
    age = call.seconds - seconds_of(task["last_update"])
    if status.stop_is_for_the_worker(task, age, call.server.limits.stop_grace):
        new, message = task["status"], status.STOPPING
    else:
        new, message = status.STOPPED, f"Stopped by {call.identity.user_name}"
    reason = call.text("status_reason") or str(task.get("status_reason") or "")
    fields = change_status(call, task, new, message=message, reason=reason, force=call.flag("force"))
    return {"fields": fields, "updated": 1}


def enqueue(call: Call) -> Document:
    task = find(call)
    queue = queues.wanted(call)
    if task["status"] == status.QUEUED:
        raise errors.already_queued(task["id"])
    before = task["status"]
    task["enqueue_status"] = before
    task["execution"]["queue"] = queue["id"]
    fields = change_status(
        call,
        task,
        status.QUEUED,
        message=call.text("status_message"),
        reason=call.text("status_reason"),
        force=call.flag("force"),
    )
    queues.append(call, queue["id"], task["id"])
    extra: Document = {"enqueue_status": before, "execution.queue": queue["id"]}
    answer: Document = {"queued": 1, "updated": 1, "fields": {**fields, **extra}}
    if call.flag("verify_watched_queue"):
        answer["queue_watched"] = queues.is_watched(call, queue["id"])
    return answer


def dequeue(call: Call) -> Document:
    task = find(call)
    task["enqueue_status"] = None
    queues.remove(call, task["id"])
    fields = change_status(
        call,
        task,
        call.text("new_status") or status.CREATED,
        message=call.text("status_message"),
        reason=call.text("status_reason"),
        force=False,
    )
    return {"dequeued": 1, "updated": 1, "fields": {**fields, "enqueue_status": None}}


def ping(call: Call) -> Document:
    task = find(call)
    touch(call.store, task, last_update=call.now)
    return {}


def touch(store: Store, task: Document, **fields: Any) -> None:
    task.update(fields)
    store.put("task", task)


def stop_forgotten(store: Store, now: float, after: float) -> list[str]:
    """The watchdog: end the records of running tasks that nobody touched for ``after`` seconds; answers their ids."""
    ended = []
    for task in store.all("task"):
        if task["status"] != status.IN_PROGRESS or now - seconds_of(task["last_update"]) < after:
            continue
        reason = "Forced stop (non-responsive)"
        stamp = iso(now)
        touch(
            store,
            task,
            status=status.STOPPED,
            status_reason=reason,
            status_message=reason,
            status_changed=stamp,
            last_update=stamp,
            last_change=stamp,
            completed=stamp,
        )
        ended.append(str(task["id"]))
    return ended


def alive(store: Store) -> int:
    """How many tasks run or wait to run."""
    return store.count("task", status.ALIVE)
