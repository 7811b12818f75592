"""queues.*: first in, first out. Runs in a request's thread. A queue's document holds its entries in order."""

import uuid

from desktop_app.sandbox import errors, query, workers
from desktop_app.sandbox.call import Call, iso, name_of
from desktop_app.sandbox.store import Document, Store

DEFAULT = "default"


def make(store: Store, company: str, name: str, now: float) -> Document:
    """A new, empty queue of that name."""
    tags = [DEFAULT] if name == DEFAULT else []
    queue: Document = {
        "id": uuid.uuid4().hex,
        "name": name,
        "company": company,
        "created": iso(now),
        "tags": [],
        "system_tags": tags,
        "entries": [],
        "last_update": iso(now),
        "metadata": {},
    }
    store.put("queue", queue)
    return queue


def named(store: Store, name: str) -> Document | None:
    return next((queue for queue in store.all("queue") if queue["name"] == name), None)


def find(call: Call) -> Document:
    """The queue that the call names by id. Raises ApiError 400/701."""
    queue_id = call.need("queue")
    queue = call.store.get("queue", queue_id)
    if queue is None:
        raise errors.invalid_queue(queue_id, call.identity.company)
    return queue


def wanted(call: Call) -> Document:
    """Where to put a task: by id, by name (made if absent), else the default queue."""
    if call.text("queue"):
        return find(call)
    name = call.text("queue_name") or DEFAULT
    found = named(call.store, name)
    return found or make(call.store, call.identity.company, name, call.seconds)


def create(call: Call) -> Document:
    name = name_of(call)
    if named(call.store, name) is not None:
        raise errors.not_unique(f"name={name}")
    queue = make(call.store, call.identity.company, name, call.seconds)
    tags, system_tags = call.items("tags"), call.items("system_tags")
    call.store.put("queue", {**queue, "tags": tags, "system_tags": queue["system_tags"] + system_tags})
    return {"id": queue["id"]}


def get_by_id(call: Call) -> Document:
    return {"queue": find(call)}


def get_all(call: Call) -> Document:
    found = query.select(call.store.all("queue"), call.body)
    return {"queues": [query.project(queue, call.body.get("only_fields")) for queue in found]}


def get_all_ex(call: Call) -> Document:
    """As get_all, with the names of the waiting tasks and the workers that serve each queue."""
    living = workers.living(call)
    found = []
    for queue in query.select(call.store.all("queue"), call.body):
        serving = [workers.brief(call, worker) for worker in living if queue["id"] in worker["queues"]]
        rich = {**queue, "workers": serving, "entries": _named_entries(call, queue)}
        found.append(query.project(rich, call.body.get("only_fields")))
    return {"queues": found}


def _named_entries(call: Call, queue: Document) -> list[Document]:
    ids = [entry["task"] for entry in queue["entries"]]
    names = {task["id"]: task["name"] for task in call.store.some("task", ids, bulky=False)}
    return [{**entry, "task": {"id": entry["task"], "name": names.get(entry["task"])}} for entry in queue["entries"]]


def get_next_task(call: Call) -> Document:
    """Takes the oldest entry out of the queue, if there is one."""
    queue = find(call)
    if not queue["entries"]:
        return {}
    call.server.before_pull(call.identity.user)
    entry = queue["entries"].pop(0)
    _save(call, queue)
    return {"entry": entry}


def append(call: Call, queue_id: str, task_id: str) -> None:
    queue = call.store.get("queue", queue_id)
    if queue is None:
        raise errors.invalid_queue(queue_id, call.identity.company)
    queue["entries"].append({"task": task_id, "added": call.now})
    _save(call, queue)


def remove(call: Call, task_id: str) -> None:
    """Take the task out of whatever queue it waits in."""
    for queue in call.store.all("queue"):
        left = [entry for entry in queue["entries"] if entry["task"] != task_id]
        if len(left) != len(queue["entries"]):
            queue["entries"] = left
            _save(call, queue)


def is_watched(call: Call, queue_id: str) -> bool:
    return any(queue_id in worker["queues"] for worker in workers.living(call))


def _save(call: Call, queue: Document) -> None:
    call.store.put("queue", {**queue, "last_update": call.now})
