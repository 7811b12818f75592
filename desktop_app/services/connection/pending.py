"""Sessions that are to be attached once they are up. Any thread; quick."""

import threading
from collections.abc import Callable

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionId, SessionSnapshot
from desktop_app.services.runtime.jobs import JobPool, log_problem
from desktop_app.services.state.store import SessionStore

ATTACH_S = 30.0


class PendingAttaches:
    """Remembers which sessions are waited for, and attaches each by a job as soon as the server calls it ready."""

    def __init__(self, store: SessionStore, jobs: JobPool, attach: Callable[[SessionId, Cancel], None]) -> None:
        self._store = store
        self._jobs = jobs
        self._attach = attach
        self._lock = threading.Lock()
        self._sessions: set[SessionId] = set()
        self._unsubscribe = store.subscribe(self._on_change)

    def attach_when_up(self, session: SessionId) -> None:
        """Attach this session once it is ready; at once where it is already."""
        with self._lock:
            self._sessions.add(session)
        self._on_change(None, self._store.get(session))

    def attach_soon(self, session: SessionId) -> None:
        """Attach this session by a job, whatever its state."""

        def attach(cancel: Cancel) -> None:
            limited = Cancel(ATTACH_S)
            cancel.on_cancel(limited.cancel)
            self._attach(session, limited)

        snapshot = self._store.get(session)
        name = snapshot.name if snapshot else session.task[:8]
        self._jobs.submit(f"attach {name}", attach, log_problem)

    def drop(self, session: SessionId) -> None:
        """Wait for this session no longer."""
        with self._lock:
            self._sessions.discard(session)

    def _on_change(self, _old: SessionSnapshot | None, new: SessionSnapshot | None) -> None:
        """Attach the session that has become ready. On the writer's thread."""
        if new is None or new.remote not in (Remote.READY, Remote.ENDED):
            return
        with self._lock:
            if new.id not in self._sessions:
                return
            self._sessions.discard(new.id)
        if new.remote is Remote.READY and new.link is Link.OFF:
            self.attach_soon(new.id)

    def close(self) -> None:
        """Follow the sessions no longer."""
        self._unsubscribe()
