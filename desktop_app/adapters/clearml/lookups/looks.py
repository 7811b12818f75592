"""What the last looks at tasks found, so that a poll reads only of those the whole that have moved since. Any thread.

Every call that changes a task stamps ``last_change`` (an agent's reports and log lines ``last_update``), as recorded of
a server with API 2.34 and named in the API since 2.13. Because others run servers of their own, nothing is believed for
longer than ``WHOLE_S``.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desktop_app.adapters.clearml.documents.facts import age_of
from remote_bootstrap.contract import RUNTIME_RECORD

# What tells whether a task has moved, and what moves without more ado.
FIELDS = ("id", "status", "status_message", "last_change", "last_update", "last_worker", "last_worker_report")
STAMP = ("status", "status_message", "last_change", "last_worker")
STARTING_S = 1800.0  # since it began to run, until it has said where to connect: every sign of life counts
WHOLE_S = 600.0

Document = dict[str, Any]
Read = Callable[[Sequence[str]], Sequence[Document]]


@dataclass(frozen=True, slots=True)
class Known:
    """One task as it was read. ``at``: monotonic seconds."""

    whole: Document
    at: float


class Looks:
    """Completes the rows of a query that asked for ``FIELDS`` only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Known] = {}

    @property
    def is_first(self) -> bool:
        """True if nothing is known yet: then the whole may as well be asked for at once."""
        return not self._known

    def learn(self, tasks: Sequence[Document]) -> dict[str, Document]:
        """Keep what a first query returned, with all fields."""
        with self._lock:
            at = time.monotonic()
            self._known = {str(task["id"]): Known(task, at) for task in tasks}
            return {task: entry.whole for task, entry in self._known.items()}

    def complete(self, rows: Sequence[Document], now: float, read: Read) -> dict[str, Document]:
        """Return task -> all its fields; a task that is gone by now is left out.

        ``now``: seconds since 1970 by the server's clock; ``read(ids)`` asks for the whole of tasks. Problems: its own
        """
        with self._lock:
            at = time.monotonic()
            now_rows = {row["id"]: row for row in rows}
            known = {task: self._known[task] for task in now_rows if task in self._known}
            moved = [row["id"] for row in rows if _has_moved(known.get(row["id"]), row, now, at)]
            unmoved = {task: {**entry.whole, **now_rows[task]} for task, entry in known.items() if task not in moved}
            fresh = {str(whole["id"]): whole for whole in (read(moved) if moved else ())}
            kept = {task: entry for task, entry in known.items() if task in unmoved}
            self._known = {**kept, **{task: Known(whole, at) for task, whole in fresh.items()}}
            complete = {**unmoved, **fresh}
            return {task: complete[task] for task in now_rows if task in complete}


def _has_moved(known: Known | None, row: Mapping[str, Any], now: float, at: float) -> bool:
    if known is None or not row.get("last_change") or at - known.at >= WHOLE_S:
        return True
    if any(known.whole.get(name) != row.get(name) for name in STAMP):
        return True
    return _starts(known.whole, now) and known.whole.get("last_update") != row.get("last_update")


def _starts(task: Mapping[str, Any], now: float) -> bool:
    if task.get("status") != "in_progress":
        return False
    runtime = task.get("runtime")
    if isinstance(runtime, Mapping) and runtime.get(RUNTIME_RECORD):
        return False
    age = age_of(task.get("started"), now)
    return age is None or age < STARTING_S
