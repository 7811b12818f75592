"""Queue entries that outlive a task's status: taken out, so that no agent brings an ended session back. Any thread.

tasks.stop takes the entry with it. tasks.stopped, failed and completed (by other tools, or by people) leave it, and an
agent that pulls it turns “stopped” back into “queued” and runs the session (as recorded of a server with API 2.34).
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from desktop_app.adapters.clearml.facts import queue_id_of
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import AppError

ENDED_STATUSES = ("stopped", "completed", "failed")
_log = logging.getLogger(__name__)

Call = Callable[[str, Mapping[str, Any], Cancel], object]


def take_out(call: Call, tasks: Iterable[Mapping[str, Any]], user: str, cancel: Cancel) -> None:
    """Of this user's tasks those that ended without ever running. What the server says to it is of no interest."""
    for task in tasks:
        queue = queue_id_of(task)
        ended = task.get("status") in ENDED_STATUSES and not task.get("started")
        if ended and queue and task.get("user") == user:
            _remove(call, str(task["id"]), queue, cancel)


def _remove(call: Call, task: str, queue: str, cancel: Cancel) -> None:
    try:
        call("queues.remove_task", {"queue": queue, "task": task}, cancel)
    except AppError as error:  # mostly: it is in no queue
        _log.debug("the queue entry of %s: %s", task, error.problem.cause)
    else:
        _log.info("took the ended session %s out of its queue", task)
