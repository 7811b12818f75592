"""queues.*: first in, first out. Runs in a request's thread. A queue's document holds its entries in order.

Calls that take queues or their entries away, and moves inside a queue, are in ``queue_edit``.
"""

import uuid
from typing import Any

from desktop_app.sandbox.handlers import status, task_fields, workers
from desktop_app.sandbox.rules import errors, filters, query
from desktop_app.sandbox.rules.call import Call, iso
from desktop_app.sandbox.rules.errors import ApiError
from desktop_app.sandbox.rules.store import Document, Store

DEFAULT = "default"
METADATA = (2, 16)  # the last version of the API whose clients don't know metadata as an object


def make(store: Store, company: str, name: str, now: float, **more: Any) -> Document:
    """Make a new, empty queue of that name."""
    queue: Document = {
        "id": uuid.uuid4().hex,
        "name": name,
        "company": company,
        "created": iso(now),
        "tags": [],
        "system_tags": [DEFAULT] if name == DEFAULT else [],
        "entries": [],
        "last_update": iso(now),
        "metadata": {},
        **more,
    }
    store.put("queue", queue)
    return queue


def named(store: Store, name: str) -> Document | None:
    return next((queue for queue in store.all("queue") if queue["name"] == name), None)


def find(call: Call) -> Document:
    """Return the queue that the call names by id. Raises ApiError 400/701."""
    queue_id = call.text("queue")
    queue = call.store.get("queue", queue_id)
    if queue is None:
        raise errors.invalid_queue(queue_id, call.company)
    return queue


def default(call: Call) -> Document:
    """Return the queue with the default tag. Raises ApiError 400/707 for none and 400/708 for several."""
    found = [queue for queue in call.store.all("queue") if DEFAULT in queue["system_tags"]]
    if not found:
        raise errors.no_default_queue()
    if len(found) > 1:
        raise errors.several_default_queues(", ".join(queue["id"] for queue in found))
    return found[0]


def wanted(call: Call) -> str:
    """Return the id of where to put a task: as given, by name (made if absent), else the default queue."""
    if call.text("queue"):
        return call.text("queue")
    if not call.text("queue_name"):
        return str(default(call)["id"])
    name = task_fields.name(call.text("queue_name"))
    found = named(call.store, name)
    return str((found or make(call.store, call.company, name, call.seconds))["id"])


def create(call: Call) -> Document:
    name = task_fields.name(call.body["name"])
    if named(call.store, name) is not None:
        raise errors.not_unique(f"name={name}")
    given: Document = {
        "tags": task_fields.tags("tags", call.items("tags")),
        "system_tags": task_fields.tags("system_tags", call.items("system_tags")),
    }
    if call.body.get("display_name") is not None:
        given["display_name"] = call.text("display_name")
    if call.mapping("metadata"):
        given["metadata"] = call.mapping("metadata")
    return {"id": make(call.store, call.company, name, call.seconds, **given)["id"]}


# --- finding ----------------------------------------------------------------------------------------------------------


def get_by_id(call: Call) -> Document:
    return {"queue": _cut(call, find(call))}


def get_default(call: Call) -> Document:
    found = default(call)
    return {"id": found["id"], "name": found["name"]}


def get_all(call: Call) -> Document:
    asked = query.understand(filters.QUEUES, call.body)
    found = [_cut(call, queue) for queue in query.select(asked, call.store.all("queue"))]
    return {"queues": [query.project(asked, queue) for queue in found]}


def _cut(call: Call, queue: Document) -> Document:
    """Return the queue with as many entries as the call wants at most."""
    if call.version <= METADATA:
        queue = {**queue, "metadata": []}
    most = call.body.get("max_task_entries")
    return {**queue, "entries": queue["entries"][:most]} if isinstance(most, int) and most > 0 else queue


def get_all_ex(call: Call) -> Document:
    """Return queues always in full, with the names of the waiting tasks and the workers that serve each queue."""
    asked = query.understand(filters.QUEUES, call.body)
    living = workers.living(call)
    found = []
    for queue in query.select(asked, call.store.all("queue")):
        serving = [workers.brief(call, worker) for worker in living if queue["id"] in worker["queues"]]
        entries = _named_entries(call, _cut(call, queue))
        found.append({**queue, "company": {"id": queue["company"]}, "workers": serving, "entries": entries})
    return {"queues": found}


def _named_entries(call: Call, queue: Document) -> list[Document]:
    ids = [entry["task"] for entry in queue["entries"]]
    names = {task["id"]: task["name"] for task in call.store.some("task", ids, bulky=False)}
    return [{**entry, "task": {"id": entry["task"], "name": names.get(entry["task"])}} for entry in queue["entries"]]


def get_num_entries(call: Call) -> Document:
    return {"num": len(find(call)["entries"])}


# --- entries ----------------------------------------------------------------------------------------------------------


def get_next_task(call: Call) -> Document:
    """Take the oldest entry out of the queue, if there is one.

    A stopped task becomes "queued" again: an entry outlives a later change of its task's status.
    """
    queue = find(call)
    if not queue["entries"]:
        return {}
    call.server.before_pull(call.identity.user)
    entry = queue["entries"].pop(0)
    save(call, queue)
    task = call.store.get("task", entry["task"])
    if task is not None and task["status"] == status.STOPPED:
        call.store.touch("task", task["id"], status=status.QUEUED)
    if task is not None and call.flag("get_task_info"):
        return {"entry": entry, "task_info": {"company": task["company"], "user": task["user"]}}
    return {"entry": entry}


def peek_task(call: Call) -> Document:
    entries = find(call)["entries"]
    return {"task": entries[0]["task"] if entries else None}


def refusal(call: Call, queue_id: str, task_id: str) -> ApiError | None:
    """Return why the task can't be put into that queue: an error that keeps what was written before it."""
    queue = call.store.get("queue", queue_id)
    if queue is None:
        return errors.invalid_queue(queue_id, call.company, keep=True)
    if any(entry["task"] == task_id for entry in queue["entries"]):
        return errors.already_queued(task_id, keep=True)
    return None


def append(call: Call, queue_id: str, task_id: str) -> None:
    queue = call.store.get("queue", queue_id)
    if queue is None:
        raise errors.invalid_queue(queue_id, call.company)
    queue["entries"].append({"task": task_id, "added": call.now})
    save(call, queue)


def remove(call: Call, queue_id: str, task_id: str) -> bool:
    """Take the task out of that queue; false when it isn't in it."""
    queue = call.store.get("queue", queue_id)
    left = [entry for entry in queue["entries"] if entry["task"] != task_id] if queue else []
    if queue is None or len(left) == len(queue["entries"]):
        return False
    queue["entries"] = left
    save(call, queue)
    return True


def remove_everywhere(call: Call, task_id: str) -> bool:
    """Take the task out of whatever queue it waits in."""
    taken = [queue["id"] for queue in call.store.all("queue") if remove(call, queue["id"], task_id)]
    return bool(taken)


def save(call: Call, queue: Document) -> None:
    call.store.put("queue", {**queue, "last_update": call.now})
