"""queues.*: changing and deleting queues, and taking or moving their entries. Runs in a request's thread.

A task that loses its place gets back the status from before it was enqueued, and a reason that says why.
"""

from desktop_app.sandbox.handlers import queues, task_fields, task_life
from desktop_app.sandbox.rules import errors
from desktop_app.sandbox.rules.call import Call
from desktop_app.sandbox.rules.store import Document


def update(call: Call) -> Document:
    queue = queues.find(call)
    fields: Document = {}
    if call.body.get("name") is not None:
        fields["name"] = task_fields.name(call.body["name"])
        found = queues.named(call.store, fields["name"])
        if found is not None and found["id"] != queue["id"]:
            raise errors.not_unique(f"name={fields['name']}")
    for field in ("tags", "system_tags"):
        if call.body.get(field) is not None:
            fields[field] = task_fields.tags(field, call.items(field))
    for field in ("display_name", "metadata"):
        if call.body.get(field) is not None:
            fields[field] = call.body[field]
    if fields:
        queues.save(call, {**queue, **fields})
    return {"updated": int(bool(fields)), "fields": fields}


def delete(call: Call) -> Document:
    queue = queues.find(call)
    if queue["entries"] and not call.flag("force"):
        raise errors.queue_not_empty(queue["id"])
    call.store.delete("queue", queue["id"])
    for entry in queue["entries"]:
        task_life.taken_out(call, entry["task"], f"Queue {queue['id']} was deleted")
    return {"deleted": 1}


def clear_queue(call: Call) -> Document:
    queue = queues.find(call)
    queues.save(call, {**queue, "entries": []})
    for entry in queue["entries"]:
        task_life.taken_out(call, entry["task"], f"Queue {queue['id']} was cleared")
    return {"removed_tasks": [entry["task"] for entry in queue["entries"]]}


def add_task(call: Call) -> Document:
    """Put an entry into the queue; the task's status stays what it is, unless the call wants it updated."""
    queue_id, task_id = queues.find(call)["id"], call.text("task")
    task = call.store.get("task", task_id)
    if task is None:
        raise errors.invalid_task(task_id, call.company)
    refusal = queues.refusal(call, queue_id, task_id)
    if refusal is not None:
        refusal.keep = False
        raise refusal
    queues.append(call, queue_id, task_id)
    return {"added": 1}


def remove_task(call: Call) -> Document:
    """Take an entry out of the queue; the task's status stays "queued" unless the call wants it updated."""
    queue, task_id = queues.find(call), call.text("task")
    if not queues.remove(call, queue["id"], task_id):
        raise errors.not_in_queue(task_id, queue["id"])
    if call.flag("update_task_status"):
        task_life.taken_out(call, task_id, f"Task was removed from the queue {queue['id']}")
    return {"removed": 1}


# --- moves inside a queue ---------------------------------------------------------------------------------------------


def _moved(call: Call, by: int | None, *, to_end: bool = False) -> Document:
    """Move the entry by so many places, or to an end of the queue. Answers where it is then."""
    queue, task_id = queues.find(call), call.text("task")
    entries = queue["entries"]
    place = next((number for number, entry in enumerate(entries) if entry["task"] == task_id), None)
    if place is None:
        raise errors.not_in_queue(task_id, queue["id"])
    entry = entries.pop(place)
    new = max(0, min(place + by, len(entries))) if by is not None else len(entries) if to_end else 0
    entries.insert(new, entry)
    queues.save(call, queue)
    return {"position": new}


def move_task_forward(call: Call) -> Document:
    return _moved(call, -call.number("count", 1))


def move_task_backward(call: Call) -> Document:
    return _moved(call, call.number("count", 1))


def move_task_to_front(call: Call) -> Document:
    return _moved(call, None)


def move_task_to_back(call: Call) -> Document:
    return _moved(call, None, to_end=True)
