"""events.*: the tasks' console logs, and other queries of the stock clients that find nothing. In request threads."""

import uuid
from collections import Counter
from typing import Any

from desktop_app.sandbox.rules import errors
from desktop_app.sandbox.rules.call import Call, iso
from desktop_app.sandbox.rules.store import Document

DEFAULT_BATCH = 500
MAX_BATCH = 10_000
TYPES = ("log", "plot", "training_debug_image", "training_stats_scalar", "training_stats_vector")


def add_batch(call: Call) -> Document:
    """Add what names a known task. Raises ApiError 400/131 when that is nothing at all."""
    if not call.lines:
        raise errors.empty_batch()
    known = {str(task["id"]) for task in call.store.some("task", list(_named(call)), bulky=False)}
    accepted: list[Document] = []
    refused: Counter[str] = Counter()
    for event in call.lines:
        reason = _refusal(event, known)
        if reason:
            refused[reason] += 1
        else:
            accepted.append(_stamped(call, event))
    if not accepted:
        raise errors.events_refused(", ".join(f"{reason}={count}" for reason, count in refused.items()))
    call.store.add_events(accepted)
    for task_id in {event["task"] for event in accepted}:
        call.store.touch("task", task_id, last_update=call.now)
    return {"added": len(accepted), "errors": sum(refused.values()), "errors_info": dict(refused)}


def _named(call: Call) -> set[str]:
    return {event["task"] for event in call.lines if isinstance(event.get("task"), str)}


def _refusal(event: Document, known: set[str]) -> str:
    """Return why the event can't be added, or nothing."""
    if not event.get("type"):
        return "Event must have a 'type' field"
    if event["type"] not in TYPES:
        return f"Invalid event type {event['type']}"
    if not event.get("task"):
        return "Event must have a 'task' field"
    return "" if event["task"] in known else f"Invalid task id {event['task']}"


def _stamped(call: Call, event: Document) -> Document:
    given = event.get("timestamp")
    try:
        timestamp = int(call.seconds * 1000 if given is None else given)
    except (TypeError, ValueError) as error:
        raise errors.broken(str(error)) from error
    defaults: Document = {"level": "INFO", "worker": "", "metric": "", "variant": "", "model_event": False}
    return {**defaults, **event, "timestamp": timestamp, "@timestamp": iso(call.seconds)}


def _need_task(call: Call) -> str:
    """Return the id of the task that the call names. Raises ApiError 400/101."""
    task_id = call.text("task")
    if not call.store.some("task", [task_id], bulky=False):
        raise errors.invalid_tasks(task_id)
    return task_id


def _batch(call: Call) -> int:
    asked = call.number("batch_size", DEFAULT_BATCH)
    return MAX_BATCH if asked < 0 else min(asked, MAX_BATCH)


def get_task_log(call: Call) -> Document:
    """Page through the log from either end; ``order`` decides only how the page is sorted.

    Without ``from_timestamp`` (ms) a page starts at the end that ``navigate_earlier`` (default) says.
    """
    task_id = _need_task(call)
    if call.items("metrics"):  # logs have none
        return {"events": [], "returned": 0, "total": 0}
    earlier = bool(call.body.get("navigate_earlier", True))
    beyond = call.number("from_timestamp", 0) or None
    batch = _batch(call)
    found, total = call.store.events(task_id, "log", newest_first=earlier, limit=batch, beyond=beyond)
    order = call.text("order") or ("desc" if earlier else "asc")
    if (order == "asc") == earlier:
        found.reverse()
    return {"events": found, "returned": len(found), "total": total}


def get_task_events(call: Call) -> Document:
    """Return no debug images and plots: sessions have none, and clients that delete a task ask for them."""
    task_id, kind = _need_task(call), call.text("event_type") or "log"
    newest = call.text("order") == "desc"
    found, total = call.store.events(task_id, kind, newest_first=newest, limit=_batch(call))
    return {"events": found, "returned": len(found), "total": total, "scroll_id": uuid.uuid4().hex}


def download_task_log(call: Call) -> Document:
    found, _ = call.store.events(_need_task(call), "log", newest_first=False, limit=MAX_BATCH)
    return {"log": [str(event.get("msg", "")) for event in found]}


def clear_task_log(call: Call) -> Document:
    return {"deleted": call.store.delete_events(_need_task(call), "log")}


def nothing(**found: Any) -> Any:
    """Return a handler that has nothing to answer, in the recorded words."""

    def handler(_call: Call) -> Document:
        return dict(found)

    return handler
