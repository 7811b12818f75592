"""workers.*: which agents live and what they run. Runs in a request's thread.

A worker that reports nothing within its timeout is forgotten, as on a real server; until then a killed agent is still
listed.
"""

from desktop_app.sandbox.call import Call, iso, seconds_of
from desktop_app.sandbox.store import Document


def register(call: Call) -> Document:
    worker = _fresh(call, call.need("worker"))
    timeout = call.number("timeout", 0)
    worker["timeout"] = min(float(timeout), worker["timeout"]) if timeout > 0 else worker["timeout"]
    worker.update(queues=call.items("queues"), tags=call.items("tags"), system_tags=call.items("system_tags"))
    call.store.put("worker", worker)
    return {}


def _fresh(call: Call, name: str) -> Document:
    return {
        "id": name,
        "user": call.identity.user,
        "user_name": call.identity.user_name,
        "ip": call.address,
        "timeout": call.server.limits.worker_timeout,
        "register_time": call.now,
        "last_activity_time": call.now,
        "last_report_time": None,
        "queues": [],
        "tags": [],
        "system_tags": [],
        "task": None,
        "queue": None,
    }


def unregister(call: Call) -> Document:
    call.store.delete("worker", call.need("worker"))
    return {}


def status_report(call: Call) -> Document:
    """Notes that the worker lives and what it runs; touches the task that it runs."""
    name = call.need("worker")
    worker = call.store.get("worker", name) or _fresh(call, name)
    task_id = call.text("task")
    worker.update(
        last_activity_time=call.now,
        last_report_time=call.now,
        ip=call.address,
        task=task_id or None,
        queue=call.text("queue") or None,
    )
    if call.body.get("queues") is not None:
        worker["queues"] = call.items("queues")
    if call.body.get("tags") is not None:
        worker["tags"] = call.items("tags")
    call.store.put("worker", worker)
    for task in call.store.some("task", [task_id] if task_id else []):
        task.update(last_worker=name, last_worker_report=call.now, last_update=call.now)
        call.store.put("task", task)
    return {}


def living(call: Call) -> list[Document]:
    """Every worker within its timeout."""
    return [w for w in call.store.all("worker") if call.seconds - seconds_of(w["last_activity_time"]) < w["timeout"]]


def brief(call: Call, worker: Document) -> Document:
    """A worker as queues.get_all_ex shows it."""
    return {"name": worker["id"], "key": worker["id"], "ip": worker["ip"], "task": _task(call, worker)}


def get_all(call: Call) -> Document:
    last_seen = call.number("last_seen", 0)
    oldest = iso(call.seconds - last_seen) if last_seen > 0 else ""
    found = [worker for worker in living(call) if worker["last_activity_time"] >= oldest]
    return {"workers": [_full(call, worker) for worker in found]}


def _full(call: Call, worker: Document) -> Document:
    return {
        "id": worker["id"],
        "key": worker["id"],
        "user": {"id": worker["user"], "name": worker["user_name"]},
        "company": {"id": call.identity.company, "name": call.identity.company_name},
        "ip": worker["ip"],
        "register_time": worker["register_time"],
        "last_activity_time": worker["last_activity_time"],
        "last_report_time": worker["last_report_time"],
        "task": _task(call, worker),
        "queue": _queue(call, worker["queue"]) if worker["queue"] else None,
        "queues": [_queue(call, queue_id) for queue_id in worker["queues"]],
        "tags": worker["tags"],
        "system_tags": worker["system_tags"],
    }


def _task(call: Call, worker: Document) -> Document | None:
    if not worker["task"]:
        return None
    found = call.store.some("task", [worker["task"]], bulky=False)
    name = found[0]["name"] if found else None
    return {"id": worker["task"], "name": name, "running_time": 0, "last_iteration": 0}


def _queue(call: Call, queue_id: str) -> Document:
    queue = call.store.get("queue", queue_id)
    entries = queue["entries"] if queue else []
    return {
        "id": queue_id,
        "name": queue["name"] if queue else None,
        "next_task": {"id": entries[0]["task"]} if entries else None,
        "num_tasks": len(entries),
    }
