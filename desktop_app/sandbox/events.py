"""events.*: the tasks' console logs, and other queries of the stock clients that find nothing. In request threads."""

from desktop_app.sandbox import errors
from desktop_app.sandbox.call import Call, iso
from desktop_app.sandbox.store import Document

DEFAULT_BATCH = 500
MAX_BATCH = 10_000


def add_batch(call: Call) -> Document:
    known: set[str] = set()
    accepted: list[Document] = []
    rejected = 0
    for event in call.lines:
        task_id = str(event.get("task") or "")
        if task_id not in known and call.store.some("task", [task_id], bulky=False):
            known.add(task_id)
        if task_id not in known or not event.get("type"):
            rejected += 1
            continue
        accepted.append(_stamped(call, event))
    if not accepted:
        raise errors.ApiError(400, 7, "Events not added: no event names a known task")
    call.store.add_events(accepted)
    return {"added": len(accepted), "errors": rejected, "errors_info": {}}


def _stamped(call: Call, event: Document) -> Document:
    try:
        timestamp = int(event.get("timestamp") or call.seconds * 1000)
    except (TypeError, ValueError) as error:
        raise errors.validation("an event's 'timestamp' is not of type 'integer'") from error
    defaults: Document = {"level": "INFO", "worker": "", "metric": "", "variant": "", "model_event": False}
    return {**defaults, **event, "timestamp": timestamp, "@timestamp": iso(call.seconds)}


def get_task_log(call: Call) -> Document:
    """Pages through the log from either end; ``order`` decides only how the page is sorted.

    Without ``from_timestamp`` (ms) a page starts at the end that ``navigate_earlier`` (default) says.
    """
    earlier = bool(call.body.get("navigate_earlier", True))
    batch = max(1, min(call.number("batch_size", DEFAULT_BATCH), MAX_BATCH))
    beyond = call.number("from_timestamp", 0) or None
    found, total = call.store.events(call.need("task"), "log", newest_first=earlier, limit=batch, beyond=beyond)
    order = call.text("order") or ("desc" if earlier else "asc")
    if (order == "asc") == earlier:
        found.reverse()
    return {"events": found, "returned": len(found), "total": total}


def get_task_events(call: Call) -> Document:
    """Debug images and plots: sessions have none, and clients that delete a task ask for them."""
    kind = call.text("event_type") or "log"
    batch = max(1, min(call.number("batch_size", DEFAULT_BATCH), MAX_BATCH))
    newest = call.text("order") == "desc"
    found, total = call.store.events(call.need("task"), kind, newest_first=newest, limit=batch)
    return {"events": found, "returned": len(found), "total": total, "scroll_id": ""}
