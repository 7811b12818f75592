"""workers.*: which agents live and what they run. Runs in a request's thread.

A worker belongs to the user who reports it: the same name of two users is two workers. One that reports nothing within
its timeout is forgotten with its queues, as on a real server; until then a killed agent is still listed.
"""

import re
from fnmatch import translate

from desktop_app.sandbox.rules import errors
from desktop_app.sandbox.rules.call import Call, iso, seconds_of
from desktop_app.sandbox.rules.store import Document


def _key(call: Call, name: str) -> str:
    return f"worker_{call.company}_{call.identity.user}_{name}"


def _lives(call: Call, worker: Document) -> bool:
    return call.seconds - seconds_of(worker["last_activity_time"]) < float(worker["timeout"])


def _fresh(call: Call, name: str) -> Document:
    return {
        "id": _key(call, name),
        "name": name,
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


def register(call: Call) -> Document:
    name, wanted = call.text("worker"), call.number("timeout", 0)
    worker = _fresh(call, name)
    if wanted < 0:
        raise errors.worker_refused(wanted, name)
    missing = [queue_id for queue_id in call.items("queues") if call.store.get("queue", queue_id) is None]
    if missing:
        raise errors.ApiError(400, 701, f"Invalid queue id: ids=({', '.join(missing)})")
    worker["timeout"] = wanted or worker["timeout"]
    worker.update(queues=call.items("queues"), tags=call.items("tags"), system_tags=call.items("system_tags"))
    call.store.put("worker", worker)
    return {}


def unregister(call: Call) -> Document:
    call.store.delete("worker", _key(call, call.text("worker")))
    return {}


def status_report(call: Call) -> Document:
    """Note that the worker lives and what it runs; touch the task that it runs."""
    name, task_id = call.text("worker"), call.text("task")
    if task_id and not call.store.some("task", [task_id], bulky=False):
        raise errors.invalid_task(task_id, call.company)
    worker = call.store.get("worker", _key(call, name))
    if worker is None or not _lives(call, worker):
        worker = _fresh(call, name)
    worker.update(
        last_activity_time=call.now,
        last_report_time=call.now,
        ip=call.address,
        task=task_id or None,
        queue=call.text("queue") or None,
    )
    worker["queues"] = call.items("queues") or worker["queues"]
    worker["tags"] = call.items("tags")  # shown until the next report; it is still found by what it once said
    worker["known_tags"] = sorted({*worker.get("known_tags", ()), *worker["tags"]})
    call.store.put("worker", worker)
    call.store.touch("task", task_id, last_worker=name, last_worker_report=call.now, last_update=call.now)
    return {}


# --- finding ----------------------------------------------------------------------------------------------------------


def living(call: Call) -> list[Document]:
    """Return every worker within its timeout."""
    return [worker for worker in call.store.all("worker") if _lives(call, worker)]


def is_watched(call: Call, queue_id: str) -> bool:
    return any(queue_id in worker["queues"] for worker in living(call))


def _asked(call: Call) -> list[Document]:
    last_seen = call.number("last_seen", 0)
    oldest = iso(call.seconds - last_seen) if last_seen > 0 else ""
    name = re.compile(translate(call.text("worker_pattern", "*")))
    tags = set(call.items("tags"))
    return [
        worker
        for worker in living(call)
        if worker["last_activity_time"] >= oldest
        and name.match(worker["name"])
        and (not tags or tags & {*worker["tags"], *worker.get("known_tags", ())})
    ]


def get_all(call: Call) -> Document:
    return {"workers": [_full(call, worker) for worker in _asked(call)]}


def get_count(call: Call) -> Document:
    return {"count": len(_asked(call))}


def brief(call: Call, worker: Document) -> Document:
    """Return a worker as queues.get_all_ex shows it."""
    task = _task(call, worker)
    shown = {"id": task["id"], "name": task.get("name")} if task else None
    return {"name": worker["name"], "key": worker["id"], "ip": worker["ip"], "task": shown}


def _full(call: Call, worker: Document) -> Document:
    full = {
        "id": worker["name"],
        "key": worker["id"],
        "user": {"id": worker["user"], "name": worker["user_name"]},
        "company": {"id": call.company, "name": call.identity.company_name},
        "ip": worker["ip"],
        "register_time": worker["register_time"],
        "register_timeout": int(worker["timeout"]),
        "last_activity_time": worker["last_activity_time"],
        "last_report_time": worker["last_report_time"],
        "task": _task(call, worker),
        "queue": _queue(call, worker["queue"]) if worker["queue"] else None,
        "queues": [_queue(call, queue_id) for queue_id in worker["queues"]],
        "tags": worker["tags"],
        "system_tags": worker["system_tags"],
    }
    return {key: value for key, value in full.items() if value is not None}


def _task(call: Call, worker: Document) -> Document | None:
    if not worker["task"]:
        return None
    found = call.store.some("task", [worker["task"]], bulky=False)
    if not found:
        return {"id": worker["task"]}
    task = found[0]
    running = call.seconds - seconds_of(task["started"]) if task.get("started") else 0
    return {
        "id": task["id"],
        "name": task["name"],
        "running_time": int(running * 1000),
        "last_iteration": task["last_iteration"],
    }


def _queue(call: Call, queue_id: str) -> Document:
    queue = call.store.get("queue", queue_id)
    if queue is None:
        return {"id": queue_id}
    shown: Document = {"id": queue_id, "name": queue["name"], "num_tasks": len(queue["entries"])}
    if queue["entries"]:
        next_id = queue["entries"][0]["task"]
        found = call.store.some("task", [next_id], bulky=False)
        shown["next_task"] = {"id": next_id, **({"name": found[0]["name"]} if found else {})}
    return shown


# --- statistics, which the sandbox doesn't collect --------------------------------------------------------------------


def get_stats(_call: Call) -> Document:
    return {"workers": []}


def get_activity_report(_call: Call) -> Document:
    return {"active": {"counts": [], "dates": []}, "total": {"counts": [], "dates": []}}


def get_queue_metrics(_call: Call) -> Document:
    return {"queues": [{"queue": "total", "dates": [], "avg_waiting_times": [], "queue_lengths": []}]}
