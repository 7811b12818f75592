"""Queue entries that outlive a task's status: taken out, so that no agent brings an ended session back. Any thread.

tasks.stop takes the entry with it. tasks.stopped, failed and completed (by other tools, or by people) leave it, and an
agent that pulls it turns “stopped” back into “queued” and runs the session (as recorded of a server with API 2.34).
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from desktop_app.adapters.clearml.documents.facts import queue_id_of
from desktop_app.adapters.clearml.wire.connection import Connection
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import AppError

ENDED_STATUSES = ("stopped", "completed", "failed")
_log = logging.getLogger(__name__)


def take_out(connection: Connection, tasks: Iterable[Mapping[str, Any]], user: str, cancel: Cancel) -> None:
    """Take this user's tasks that ended without ever running out of their queues. A refusal of the server is logged."""
    for task in tasks:
        queue = queue_id_of(task)
        ended = task.get("status") in ENDED_STATUSES and not task.get("started")
        if ended and queue and task.get("user") == user:
            _remove(connection, str(task["id"]), queue, cancel)


def _remove(connection: Connection, task: str, queue: str, cancel: Cancel) -> None:
    try:
        connection.call("queues.remove_task", {"queue": queue, "task": task}, cancel)
    except AppError as error:  # mostly: it is in no queue
        _log.debug("the queue entry of %s: %s", task, error.problem.cause)
    else:
        _log.info("took the ended session %s out of its queue", task)
