"""SessionStore: the one place where snapshots change. Any thread.

Lock, advance, replace, unlock, notify. Notifications go out in the order of the changes and without the lock, on the
thread that changed something (one thread delivers at a time; another's change is delivered by it too). That may be
the window's thread, so a listener is quick: it touches no file and no lock of a file, but hands that to a job.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from desktop_app.domain.sessions.reducer import Event, ServerSaw, advance
from desktop_app.domain.sessions.snapshot import ServerFacts, SessionId, SessionSnapshot

Listener = Callable[[SessionSnapshot | None, SessionSnapshot | None], None]

_log = logging.getLogger(__name__)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class SessionStore:
    """All snapshots, and the only one that changes them. Quick; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshots: dict[SessionId, SessionSnapshot] = {}
        self._listeners: list[Listener] = []
        self._pending: deque[tuple[SessionSnapshot | None, SessionSnapshot | None]] = deque()
        self._delivering = False

    def all(self) -> tuple[SessionSnapshot, ...]:
        """Return all snapshots, the newest session first."""
        with self._lock:
            snapshots = list(self._snapshots.values())
        return tuple(sorted(snapshots, key=lambda s: (s.facts.created or _LONG_AGO, s.id.task), reverse=True))

    def of_account(self, account: str) -> tuple[SessionSnapshot, ...]:
        """Return the snapshots of one account, newest first."""
        return tuple(s for s in self.all() if s.id.account == account)

    def get(self, session: SessionId) -> SessionSnapshot | None:
        """Return the session's snapshot, None when there is no such session (any more)."""
        with self._lock:
            return self._snapshots.get(session)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener(old, new)`` after each change; new None = removed. Return what ends that."""
        with self._lock:
            self._listeners.append(listener)
        return lambda: self._unsubscribe(listener)

    def _unsubscribe(self, listener: Listener) -> None:
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def see(self, session: SessionId, facts: ServerFacts) -> None:
        """Note what the server says about a session; a session that is new appears."""
        with self._lock:
            self._put(session, advance(self._snapshots.get(session) or SessionSnapshot(session), ServerSaw(facts)))
        self._deliver()

    def apply(self, session: SessionId, event: Event) -> SessionSnapshot | None:
        """Advance one snapshot and return the new one; None when there is no such session (any more)."""
        with self._lock:
            now = self._snapshots.get(session)
            if now is None:
                return None
            after = advance(now, event)
            self._put(session, after)
        self._deliver()
        return after

    def remove(self, session: SessionId) -> None:
        """Take a session off the list. Idempotent."""
        with self._lock:
            old = self._snapshots.pop(session, None)
            if old is not None:
                self._pending.append((old, None))
        self._deliver()

    def _put(self, session: SessionId, after: SessionSnapshot) -> None:
        old = self._snapshots.get(session)
        if old is not after:
            self._snapshots[session] = after
            self._pending.append((old, after))

    def _deliver(self) -> None:
        while True:
            with self._lock:
                if self._delivering or not self._pending:
                    return
                self._delivering = True
                old, new = self._pending.popleft()
                listeners = tuple(self._listeners)
            for listener in listeners:
                _call(listener, old, new)
            with self._lock:
                self._delivering = False


def _call(listener: Listener, old: SessionSnapshot | None, new: SessionSnapshot | None) -> None:
    try:
        listener(old, new)
    except Exception:  # a listener's mistake must not stop the writer
        _log.exception("a listener of the session store failed")
