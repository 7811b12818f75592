"""tasks.*: calls for many tasks at once, archiving, and moving between projects. Runs in a request's thread.

A call for many answers what succeeded and what failed, each failure with its codes.
"""

from desktop_app.sandbox.handlers import projects, queues, status, task_life, tasks
from desktop_app.sandbox.rules import errors
from desktop_app.sandbox.rules.call import Call, Handler
from desktop_app.sandbox.rules.errors import ApiError
from desktop_app.sandbox.rules.store import Document


def for_many(handler: Handler, flag: str = "") -> Handler:
    """Make the same call for every task that ``ids`` names; ``flag`` names a count that is a yes or no in its
    answers."""

    def many(call: Call) -> Document:
        succeeded, failed = [], []
        for task_id in call.items("ids"):
            try:
                answer = handler(call.with_body(task=task_id))
                succeeded.append({"id": task_id, **answer, **({flag: bool(answer[flag])} if flag else {})})
            except ApiError as error:
                details = {"codes": [error.code, error.subcode], "msg": error.message, "data": error.data}
                failed.append({"id": task_id, "error": details})
        return {"succeeded": succeeded, "failed": failed}

    return many


def _archive_one(call: Call) -> Document:
    """Archive a task: what waits is taken back, what runs ends; of others only the reason and the message change."""
    task = tasks.find(call)
    task["system_tags"] = sorted({*task["system_tags"], status.ARCHIVED})
    if task["status"] in status.ALIVE:
        queues.remove_everywhere(call, task["id"])
        waited = task["status"] == status.QUEUED
        new = (task.get("enqueue_status") or status.CREATED) if waited else status.STOPPED
        task_life.change_status(call, task, new, enqueue_status=None)
    _tell(call, task)
    return {"archived": True}


def _tell(call: Call, task: Document) -> None:
    """Write why, without a change of the status."""
    task.update(status_reason=call.text("status_reason"), status_message=call.text("status_message"))
    task.update(last_change=call.now, last_changed_by=call.identity.user)
    tasks.save(call.store, task)


def _unarchive_one(call: Call) -> Document:
    task = tasks.find(call)
    task["system_tags"] = [tag for tag in task["system_tags"] if tag != status.ARCHIVED]
    _tell(call, task)
    return {"unarchived": True}


archive_many = for_many(_archive_one)
unarchive_many = for_many(_unarchive_one)


def enqueue_many(call: Call) -> Document:
    """Enqueue several tasks; whether an agent serves the queue is said once."""
    answer = for_many(task_life.enqueue, "queued")(call)
    watched = [one.pop("queue_watched") for one in answer["succeeded"] if "queue_watched" in one]
    return {**answer, **({"queue_watched": watched[0]} if watched else {})}


def archive(call: Call) -> Document:
    found = tasks.find_all(call, call.items("tasks"))
    for task in found:
        _archive_one(call.with_body(task=task["id"]))
    return {"archived": len(found)}


def unarchive(call: Call) -> Document:
    found = tasks.find_all(call, call.items("tasks"))
    for task in found:
        _unarchive_one(call.with_body(task=task["id"]))
    return {"unarchived": len(found)}


def move(call: Call) -> Document:
    """Move tasks into a project that is there, or into one of that name."""
    if not call.text("project") and not call.text("project_name"):
        raise errors.missing_fields("project or project_name is required")
    if call.text("project"):
        project = projects.find(call, call.text("project"))
    else:
        project, _ = projects.ensure(call, call.text("project_name"))
    for task in call.store.some("task", call.items("ids")):
        stamps = {"last_change": call.now, "last_changed_by": call.identity.user}
        call.store.put("task", {**task, "project": project["id"], **stamps})
    return {"project_id": project["id"]}
