"""What a supervisor asks of the session that it keeps connected, and how long it waits between two dials."""

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.domain import backoff
from desktop_app.domain.sessions.snapshot import WAITING, Remote, SessionId, SessionSnapshot
from desktop_app.services.state.store import SessionStore
from remote_bootstrap import contract

CONNECTABLE = (Remote.READY, Remote.STOPPING)


class SupervisedSession:
    """The session as the store knows it at the moment. ``cancel``: nobody wants its connection any more."""

    def __init__(self, session: SessionId, store: SessionStore, cancel: Cancel) -> None:
        self._session = session
        self._store = store
        self._cancel = cancel

    @property
    def snapshot(self) -> SessionSnapshot | None:
        return self._store.get(self._session)

    @property
    def record(self) -> contract.Record | None:
        """Return where it says that it is reached."""
        snapshot = self.snapshot
        return snapshot.facts.record if snapshot else None

    def is_wanted(self) -> bool:
        """True if there is, or will be, something to connect to: others may reset a task or enqueue it again."""
        snapshot = self.snapshot
        return not self._cancel.cancelled and snapshot is not None and snapshot.remote is not Remote.ENDED

    def is_connectable(self) -> bool:
        """True if there is something to connect to now."""
        snapshot = self.snapshot
        return self.is_wanted() and snapshot is not None and snapshot.remote in CONNECTABLE

    def is_coming(self) -> bool:
        """True if it waits for an agent or starts."""
        snapshot = self.snapshot
        return snapshot is not None and snapshot.remote in (*WAITING, Remote.STARTING)

    def is_ending(self) -> bool:
        """True if it shuts down, or was asked to."""
        snapshot = self.snapshot
        return snapshot is not None and (snapshot.remote is Remote.STOPPING or snapshot.stop_requested)


class RedialPauses:
    """Counts dials in a row. Decision 0014."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._up_at: float | None = None
        self.attempt = 0

    def connected(self) -> None:
        """Note that the connection is up."""
        self._up_at = self._outside.clock()

    def start_over(self) -> None:
        """Count from the first dial again."""
        self.attempt = 0
        self._up_at = None

    def next(self) -> float:
        """Return the seconds until the next dial: none after a connection that held, then longer and longer."""
        pace = self._outside.pace
        held = self._up_at is not None and self._outside.clock() - self._up_at >= pace.steady_s
        self._up_at = None
        self.attempt = 1 if held else self.attempt + 1
        if held:
            return 0.0
        return backoff.delay(self.attempt, self._outside.jitter(), pace.redial_first_s, pace.redial_last_s)
