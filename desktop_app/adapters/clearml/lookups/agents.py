"""The agents of a server, asked for only when that may tell something new: on a large cluster the list is long.

Any thread. An agent's report stamps the task that it runs, too, so a running session whose task was stamped lately
needs no look at the list.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from desktop_app.adapters.clearml.documents.facts import LIVE_STATUSES, is_reported, worker_lost_s
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.sessions.reducer import AGENT_LOST_AFTER_S

WAITING_EVERY_S = 180.0  # for polls, while a session waits for an agent
SILENT_EVERY_S = 120.0  # while one runs whose agent does not report on it
SUSPECT_EVERY_S = 30.0  # until it is sure that an agent is lost

Document = dict[str, Any]


class Agents:
    """``read(cancel)``: the server's list now; ``now()``: seconds since 1970 by the server's clock."""

    def __init__(self, read: Callable[[Cancel], list[Document]], now: Callable[[], float]) -> None:
        self._read = read
        self._now = now
        self._lock = threading.Lock()
        self._at: float | None = None  # monotonic, of the last look
        self._known: tuple[list[Document], float] = ([], 0.0)
        self._suspect = False

    def all(self, cancel: Cancel) -> list[Document]:
        """Ask for all agents. Problems: server.*"""
        with self._lock:
            return self._look(cancel)[0]

    def of(self, tasks: Sequence[Mapping[str, Any]], polls: bool, cancel: Cancel) -> tuple[list[Document], float]:
        """Return what these tasks need to be known of the agents, and when that was true, in seconds since 1970.

        A poll takes what an earlier one has read. Problems: server.*
        """
        now = self._now()
        if not any(task.get("status") in LIVE_STATUSES for task in tasks):
            return [], now
        running = [task for task in tasks if task.get("status") == "in_progress" and task.get("last_worker")]
        silent = [task for task in running if not is_reported(task, now)]
        waits = any(task.get("status") == "queued" for task in tasks)
        with self._lock:
            if polls and self._at is not None and not silent and not waits:
                return [], now
            every = SUSPECT_EVERY_S if self._suspect else SILENT_EVERY_S
            every = every if silent else WAITING_EVERY_S
            if not polls or self._at is None or time.monotonic() - self._at > every:
                self._look(cancel)
            workers, at = self._known
            by_name = {str(worker.get("id")): worker for worker in workers}
            lost = [worker_lost_s(task, by_name, at) for task in silent]
            self._suspect = any(0 < seconds < AGENT_LOST_AFTER_S for seconds in lost)
            return self._known

    def _look(self, cancel: Cancel) -> tuple[list[Document], float]:
        self._known = (self._read(cancel), self._now())
        self._at = time.monotonic()
        return self._known
