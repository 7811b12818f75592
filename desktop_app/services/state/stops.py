"""Shut down is a wish that holds until the server has it: which sessions must be told again. The poller's thread.

Why once is not enough: an agent that has just pulled a task reports it as started, and that report overwrites a stop
which came a moment before. The server then shows a running task that nobody asked to stop.
"""

from collections.abc import Iterable

from desktop_app.boundary.cancel import Clock
from desktop_app.domain.problems import Problem, problem
from desktop_app.domain.sessions.reducer import is_silent
from desktop_app.domain.sessions.snapshot import Remote, SessionId, SessionSnapshot

_HEARD = (Remote.STOPPING, Remote.ENDED)


def is_unheard(snapshot: SessionSnapshot) -> bool:
    """Whether a person wants this session to end and the server doesn't say that it does."""
    return snapshot.stop_requested and snapshot.remote not in _HEARD


class Stops:
    """Remembers when each stop was sent. ``every`` is in seconds."""

    def __init__(self, clock: Clock, every: float) -> None:
        self._clock = clock
        self._every = every
        self._sent: dict[SessionId, float] = {}

    def due(self, snapshots: Iterable[SessionSnapshot]) -> tuple[SessionId, ...]:
        """The sessions to stop again now; the first stop is the caller's who asked for it."""
        now = self._clock()
        wanted = {snapshot.id for snapshot in snapshots if is_unheard(snapshot)}
        self._sent = {session: self._sent.get(session, now) for session in wanted}
        found = tuple(session for session, sent in self._sent.items() if now - sent >= self._every)
        self._sent.update(dict.fromkeys(found, now))
        return found


class Abandoned:
    """Remembers since when nobody answers for a session that should end. ``after`` is in seconds."""

    def __init__(self, clock: Clock, after: float) -> None:
        self._clock = clock
        self._after = after
        self._since: dict[SessionId, float] = {}

    def due(self, snapshots: Iterable[SessionSnapshot]) -> tuple[SessionSnapshot, ...]:
        """Those of which a person should be told now, as often as asked."""
        now = self._clock()
        silent = [snapshot for snapshot in snapshots if is_silent(snapshot)]
        self._since = {one.id: self._since.get(one.id, now) for one in silent}
        return tuple(one for one in silent if now - self._since[one.id] >= self._after)


def gone(snapshot: SessionSnapshot) -> Problem:
    """What to say of it, with the way out."""
    minutes = max(1, round(snapshot.facts.worker_lost_s / 60))
    return problem("agent.gone", worker=snapshot.facts.worker, minutes=minutes)
