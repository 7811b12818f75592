"""Which sessions must be told again to shut down: the wish holds until the server has it. The poller's thread.

Why once is not enough: an agent that has just pulled a task reports it as started, and that report overwrites a stop
which came a moment before. The server then shows a running task that no one asked to stop.
"""

from collections.abc import Iterable

from desktop_app.boundary.cancel import Clock
from desktop_app.domain.problems import Problem, problem
from desktop_app.domain.sessions.reducer import is_silent
from desktop_app.domain.sessions.snapshot import Remote, SessionId, SessionSnapshot

_HEARD = (Remote.STOPPING, Remote.ENDED)


def is_unheard(snapshot: SessionSnapshot) -> bool:
    """True if the user wants this session to end and the server doesn't say that it does."""
    return snapshot.stop_requested and snapshot.remote not in _HEARD


class Stops:
    """Remembers when each stop was sent. ``every`` is in seconds."""

    def __init__(self, clock: Clock, every: float) -> None:
        self._clock = clock
        self._every = every
        self._sent: dict[SessionId, float] = {}

    def due(self, snapshots: Iterable[SessionSnapshot]) -> tuple[SessionId, ...]:
        """Return the sessions to stop again now; the first stop is sent by the caller that was asked for it."""
        now = self._clock()
        unheard = {snapshot.id for snapshot in snapshots if is_unheard(snapshot)}
        self._sent = {session: self._sent.get(session, now) for session in unheard}
        due = tuple(session for session, sent in self._sent.items() if now - sent >= self._every)
        self._sent.update(dict.fromkeys(due, now))
        return due


class Abandoned:
    """Remembers since when no agent answers for a session that should end. ``after`` is in seconds."""

    def __init__(self, clock: Clock, after: float) -> None:
        self._clock = clock
        self._after = after
        self._since: dict[SessionId, float] = {}

    def due(self, snapshots: Iterable[SessionSnapshot]) -> tuple[SessionSnapshot, ...]:
        """Return the sessions of which the user should be told now, as often as asked."""
        now = self._clock()
        silent = [snapshot for snapshot in snapshots if is_silent(snapshot)]
        self._since = {snapshot.id: self._since.get(snapshot.id, now) for snapshot in silent}
        return tuple(snapshot for snapshot in silent if now - self._since[snapshot.id] >= self._after)


def gone(snapshot: SessionSnapshot) -> Problem:
    """Return the problem that says so, with the way out."""
    minutes = max(1, round(snapshot.facts.worker_lost_s / 60))
    return problem("agent.gone", worker=snapshot.facts.worker, minutes=minutes)
