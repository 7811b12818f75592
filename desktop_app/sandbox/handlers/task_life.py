"""tasks.*: moving a task through its life. Runs in a request's thread.

As recorded: only tasks.stop, dequeue, reset, delete and archive take a task out of its queue. What a task is told by
started, stopped, failed or completed leaves its queue entry where it is, and an agent that pulls it later may bring the
task back to ``queued``.
"""

from typing import Any

from desktop_app.sandbox.handlers import queues, status, task_fields, workers
from desktop_app.sandbox.handlers.tasks import find, save
from desktop_app.sandbox.rules import errors
from desktop_app.sandbox.rules.call import Call, iso, seconds_of
from desktop_app.sandbox.rules.store import Document, Store

FAILED_ENQUEUEING = "failed enqueueing"
RUN = ("started", "completed", "published", "active_duration", "last_worker", "last_worker_report", "enqueue_status")
ENDS = ("completed", "active_duration")  # what a task that starts again has no more


def change_status(
    call: Call, task: Document, new: str, *, force: bool = True, message: str = "", reason: str = "", **more: Any
) -> Document:
    """Move the task and answer the changed fields. Raises ApiError 400/110 for a move that the table forbids."""
    old = task["status"]
    if not force and not status.may_become(old, new):
        raise errors.invalid_change(old, new)
    fields: Document = {
        "status": new,
        "status_reason": reason,
        "status_message": message,
        "status_changed": call.now,
        "last_update": call.now,
        "last_change": call.now,
        "last_changed_by": call.identity.user,
        **more,
    }
    task.update(fields)
    if new == status.QUEUED:  # from here on an agent runs it
        task["system_tags"] = [tag for tag in task["system_tags"] if tag != status.DEVELOPMENT]
    save(call.store, task)
    if task.get("project"):
        call.store.touch("project", task["project"], last_update=call.now)
    return fields


def _moved(call: Call, task: Document, new: str, **more: Any) -> Document:
    """Change the status as the call says: with its reason, message and force."""
    fields = change_status(
        call,
        task,
        new,
        force=call.flag("force"),
        message=call.text("status_message"),
        reason=call.text("status_reason"),
        **more,
    )
    return {"fields": fields, "updated": 1}


def started(call: Call) -> Document:
    found = call.store.get("task", call.text("task"))
    if found is None:
        raise errors.invalid_object("task=None")
    fresh = found["status"] != status.IN_PROGRESS or not found.get("started")
    answer = _moved(call, found, status.IN_PROGRESS, **({"started": call.now} if fresh else {}))
    if fresh:
        save(call.store, {**found, **dict.fromkeys(ENDS)})
    return {"started": 1, **answer}


def _ended(call: Call, new: str) -> Document:
    task = find(call)
    answer = _moved(call, task, new, completed=call.now)
    if task.get("started"):
        duration = int(call.seconds - seconds_of(task["started"]))
        save(call.store, {**task, "active_duration": max(0, duration)})
    return answer


def stopped(call: Call) -> Document:
    return _ended(call, status.STOPPED)


def failed(call: Call) -> Document:
    return _ended(call, status.FAILED)


def completed(call: Call) -> Document:
    answer = _ended(call, status.COMPLETED)
    if call.flag("publish"):
        publish(call.with_body(force=True))
    return {**answer, "published": int(call.flag("publish"))}


def close(call: Call) -> Document:
    return _moved(call, find(call), status.CLOSED)


def publish(call: Call) -> Document:
    task = find(call)
    if not call.flag("force") and status.PUBLISHED not in status.TRANSITIONS.get(task["status"], ()):
        raise errors.invalid_change(task["status"], status.PUBLISHED)
    return _moved(
        call.with_body(status_message=""), task, status.PUBLISHED, published=call.now, output=task.get("output", {})
    )


def stop(call: Call) -> Document:
    """Ask the agent to end the task, or end its record at once where no agent would hear."""
    task = find(call)
    age = call.seconds - seconds_of(task["last_update"])
    if status.stop_is_for_the_worker(task, age, call.server.limits.stop_grace):
        new, message = task["status"], status.STOPPING
    else:
        new, message = status.STOPPED, f"Stopped by {call.identity.user_name}"
    if not call.flag("force") and not status.may_become(task["status"], new):
        raise errors.invalid_change(task["status"], new)
    if task["status"] == status.QUEUED:
        queues.remove_everywhere(call, task["id"])
    fields = change_status(call, task, new, message=message, reason=call.text("status_reason"))
    return {"fields": fields, "updated": 1}


# --- queues -----------------------------------------------------------------------------------------------------------


def enqueue(call: Call) -> Document:
    """Enqueue the task. Raises ApiError 400/701 or 400/706 after it has written that this failed, as a real server
    does."""
    task = find(call)
    _check_queue_fields(call, task)
    queue_id = queues.wanted(call)
    before, place = task["status"], task["execution"].get("queue")
    if not call.flag("force") and not status.may_become(before, status.QUEUED):
        raise errors.invalid_change(before, status.QUEUED)
    back = str(task.get("enqueue_status") or before) if before == status.QUEUED else before
    fields = _moved(call.with_body(force=True), task, status.QUEUED, enqueue_status=back)["fields"]
    refusal = queues.refusal(call, queue_id, task["id"])
    if refusal is not None:
        change_status(call, task, before, reason=FAILED_ENQUEUEING, enqueue_status=None)
        raise refusal
    if before == status.QUEUED and place and place != queue_id:
        queues.remove(call, place, task["id"])
    queues.append(call, queue_id, task["id"])
    extra: Document = {}
    if not _keeps_queue(call):
        task["execution"]["queue"] = queue_id
        save(call.store, task)
        extra = {"execution.queue": queue_id}
    answer: Document = {"queued": 1, "updated": 1, "fields": {**fields, **extra}}
    if call.flag("verify_watched_queue"):
        answer["queue_watched"] = workers.is_watched(call, queue_id)
    return answer


def _keeps_queue(call: Call) -> bool:
    return call.body.get("update_execution_queue") is False


def _check_queue_fields(call: Call, task: Document) -> None:
    if call.text("queue") and call.text("queue_name"):
        raise errors.invalid_field("Either queue id or queue name should be provided")
    if not _keeps_queue(call):
        return
    if call.flag("verify_watched_queue"):
        raise errors.invalid_field("verify_watched_queue cannot be used with update_execution_queue=False")
    if task["status"] != status.QUEUED or not task["execution"].get("queue"):
        raise errors.invalid_field("Cannot skip setting execution queue for a task that is not enqueued")


def dequeue(call: Call) -> Document:
    """Give back the status from before the enqueueing; do nothing to a task that neither waits nor runs."""
    new = call.text("new_status")
    if new and new not in status.TRANSITIONS and new != status.UNKNOWN:
        raise errors.invalid_field(f"Invalid task status: {new}")
    task = call.store.get("task", call.text("task"))
    if task is None or task["status"] not in status.ALIVE:
        return {"dequeued": 1, "updated": 0, "fields": {}}
    queues.remove_everywhere(call, task["id"])
    new = new or task.get("enqueue_status") or status.CREATED
    return {"dequeued": 1, **_moved(call.with_body(force=True), task, new, enqueue_status=None)}


def taken_out(call: Call, task_id: str, reason: str) -> None:
    """Return what becomes of a queued task whose queue lost it."""
    task = call.store.get("task", task_id)
    if task is None or task["status"] != status.QUEUED:
        return
    task["execution"].pop("queue", None)
    back = task.get("enqueue_status") or status.CREATED
    change_status(call, task, back, reason=reason, enqueue_status=None)


# --- back to the beginning --------------------------------------------------------------------------------------------


def reset(call: Call) -> Document:
    """Make the task as new: nothing of its last run is left. With ``clear_all`` neither its script nor its execution
    are."""
    task = find(call)
    if not call.flag("force") and not status.may_become(task["status"], status.CREATED):
        raise errors.invalid_change(task["status"], status.CREATED)
    taken = queues.remove_everywhere(call, task["id"]) and task["status"] == status.QUEUED
    inputs = [one for one in task["execution"].get("artifacts", []) if one.get("mode") == "input"]
    task["execution"]["artifacts"] = inputs
    task["execution"].pop("queue", None)
    task.update(runtime={}, last_iteration=0, last_metrics={}, unique_metrics=[], metric_stats={})
    task.update(models={**task["models"], "output": []}, **dict.fromkeys(RUN))
    task["output"] = {key: value for key, value in task["output"].items() if key not in ("result", "error")}
    if call.flag("clear_all"):
        task.update(execution=task_fields.blank_execution(), script=task_fields.blank_script())
    call.store.delete_events(task["id"])
    fields = change_status(call, task, status.CREATED, message="reset", reason="reset")
    return {
        "deleted_models": 0,
        "dequeued": {"removed": 1} if taken else {},
        "events": {},
        "fields": fields,
        "updated": 1,
        "urls": {},
    }


def ping(call: Call) -> Document:
    """Note that the task lives; of an unknown one, too, as recorded."""
    call.store.touch("task", call.text("task"), last_update=call.now)
    return {}


def stop_forgotten(store: Store, now: float, after: float) -> list[str]:
    """End the records of running tasks that were not touched for ``after`` seconds, and return their ids."""
    ended = []
    for task in store.all("task"):
        if task["status"] != status.IN_PROGRESS or now - seconds_of(task["last_update"]) < after:
            continue
        reason, stamp = "Forced stop (non-responsive)", iso(now)
        task.update(status=status.STOPPED, status_reason=reason, status_message=reason, completed=stamp)
        task.update(status_changed=stamp, last_update=stamp, last_change=stamp)
        save(store, task)
        ended.append(str(task["id"]))
    return ended


def alive(store: Store) -> int:
    """Count the tasks that run or wait to run."""
    return store.count("task", status.ALIVE)
