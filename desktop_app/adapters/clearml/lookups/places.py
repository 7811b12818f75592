"""Whether a queue really holds what says that it waits there. Any thread.

A task can be taken out of its queue and still say “queued” (queues.remove_task, as recorded of a server with API 2.34).
An agent that takes one does the same for the moment until it says that it has started, so an absence counts only
once it has lasted.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from desktop_app.adapters.clearml.documents.facts import age_of, queue_id_of
from desktop_app.boundary.cancel import Cancel

FIELDS = ("id", "name", "entries", "last_update")
ENTRIES_EVERY_S = 180.0  # for polls
LASTING_S = 20.0  # an agent has said by then that it started what it took

Document = Mapping[str, Any]
Read = Callable[[Sequence[str], Cancel], Sequence[Document]]


class Places:
    """``read(ids, cancel)``: the queues with these ids that there are, with ``FIELDS``."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._at: float | None = None  # monotonic, of the last look
        self._queues: dict[str, Document] = {}
        self._asked: set[tuple[str, str]] = set()  # (queue, task) of the last look
        self._absent: dict[str, float] = {}  # task -> when it was first not there, monotonic

    def lost(self, tasks: Sequence[Document], now: float, polls: bool, cancel: Cancel) -> frozenset[str]:
        """Return those of these tasks that say "queued" and are in no queue.

        ``now``: seconds since 1970 by the server's clock; a poll takes what an earlier one has read. Problems: server.*
        """
        waiting = {str(task["id"]): task for task in tasks if task.get("status") == "queued"}
        with self._lock:
            self._absent = {task: since for task, since in self._absent.items() if task in waiting}
            if not waiting:
                return frozenset()
            self._look(waiting, polls, cancel)
            return frozenset(task for task, document in waiting.items() if self._is_lost(task, document, now))

    def _look(self, waiting: Mapping[str, Document], polls: bool, cancel: Cancel) -> None:
        queued = {(queue_id_of(document), task) for task, document in waiting.items()}
        if polls and self._at is not None and queued <= self._asked and time.monotonic() - self._at <= self._every():
            return
        ids = sorted({queue for queue, _ in queued if queue})
        self._queues = {str(queue.get("id")): queue for queue in (self._read(ids, cancel) if ids else ())}
        self._asked, self._at = queued, time.monotonic()
        for task, document in waiting.items():
            if task in _tasks_in(self._queues.get(queue_id_of(document), {})):
                self._absent.pop(task, None)
            else:
                self._absent.setdefault(task, self._at)

    def _every(self) -> float:
        """Return seconds; soon again while it isn't sure yet."""
        unsure = self._at is not None and any(self._at - since < LASTING_S for since in self._absent.values())
        return LASTING_S if unsure else ENTRIES_EVERY_S

    def _is_lost(self, task: str, found: Document, now: float) -> bool:
        since = self._absent.get(task)
        if since is None or self._at is None:
            return False
        if self._at - since >= LASTING_S:
            return True
        queue = self._queues.get(queue_id_of(found))
        changed = age_of(found.get("status_changed"), now)
        touched = age_of(queue.get("last_update"), now) if queue is not None else LASTING_S
        return changed is not None and touched is not None and min(changed, touched) >= LASTING_S


def _tasks_in(queue: Document) -> frozenset[str]:
    entries = queue.get("entries")
    rows = entries if isinstance(entries, list) else ()
    return frozenset(str(row.get("task")) for row in rows if isinstance(row, Mapping))
