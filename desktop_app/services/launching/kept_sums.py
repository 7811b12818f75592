"""What sessions in containers keep for later ones: the sums that they told, remembered per account and queue.

Any thread; what is remembered is written on a job's thread. A sum counts only when a session that was launched from
here told it over its own control channel: the archive that it stands for is unpacked and run by a later session.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from desktop_app.boundary.outside import Outside
from desktop_app.domain.launch.options import from_profile
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.snapshot import SessionId, SessionSnapshot
from desktop_app.services.runtime.jobs import JobPool, log_problem
from desktop_app.services.state.store import SessionStore
from remote_bootstrap.contract.archive_sums import sums_of, with_newer

MOST_QUEUES = 40  # of which sums are remembered
QUEUES = "queues"

_log = logging.getLogger(__name__)


def kept_in(outside: Outside, account: str, queue: str) -> Mapping[str, Sequence[str]]:
    """Return name -> sums; empty where nothing is known. Blocks (a small local file)."""
    rows = outside.kept.read().get(QUEUES)
    return sums_of(rows.get(_key(account, queue))) if isinstance(rows, dict) else {}


class KeptSums:
    """Remembers the sums that connected sessions tell. Thread-safe."""

    def __init__(self, outside: Outside, store: SessionStore, jobs: JobPool) -> None:
        self._outside = outside
        self._jobs = jobs
        self.close: Callable[[], None] = store.subscribe(self._on_change)

    def _on_change(self, old: SessionSnapshot | None, new: SessionSnapshot | None) -> None:
        """Have a job remember sums that are new. Quick; on a writer's thread."""
        told = _told(new)
        if new is not None and told and told != _told(old):
            self._jobs.submit(f"remember what {new.name} keeps", lambda _cancel: self._save(new.id, told), log_problem)

    def _save(self, session: SessionId, told: Mapping[str, str]) -> None:
        # Not the queue that the server names: a member of the workspace can change it.
        queue = from_profile(self._outside.memory.sessions.options(session.text)).queue
        if not queue:
            return

        def edit(content: dict[str, Any]) -> None:
            rows = content.get(QUEUES)
            rows = dict(rows) if isinstance(rows, dict) else {}
            known = sums_of(rows.pop(_key(session.account, queue), None))
            rows[_key(session.account, queue)] = {n: list(s) for n, s in with_newer(known, told).items()}
            content[QUEUES] = dict(list(rows.items())[-MOST_QUEUES:])

        try:
            self._outside.kept.change(edit)
        except AppError as error:
            _log.warning("%s", error)


def _key(account: str, queue: str) -> str:
    return f"{account} {queue}"


def _told(snapshot: SessionSnapshot | None) -> Mapping[str, str]:
    report = snapshot.facts.report if snapshot is not None else None
    return report.kept if report is not None else {}
