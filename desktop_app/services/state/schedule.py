"""Schedule: how long an account's server is left alone, by what its sessions do. The poller's thread; pure otherwise.

The longer nothing moves, the less often the server is asked: what begins or ends is looked at with pauses of a small
part of the time that it has taken so far, so that asking seldom never costs a launch much. Each pause is a little off,
so that many computers do not ask in step. See docs/decisions/0036-traffic.md.
"""

from collections.abc import Callable, Iterable

from desktop_app.boundary.cancel import Clock
from desktop_app.boundary.outside import Pace
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionId, SessionSnapshot
from remote_bootstrap import contract

SPREAD = 0.1  # of each pause, to either side
STARTING_PART = 0.02  # of the time that a session has been starting, ending or connecting
WAITING_PART = 0.15  # of the time that it has been waiting for an agent


def is_busy(snapshot: SessionSnapshot) -> bool:
    """True if news about this session is expected soon and has no quicker way than the server."""
    if snapshot.remote is Remote.ENDED:
        return False
    if snapshot.remote in (Remote.STARTING, Remote.STOPPING) or snapshot.stop_requested or _says_it_ends(snapshot):
        return True
    if snapshot.link is Link.UP and snapshot.facts.clearml_session is None:
        return False  # the control channel tells
    return any(e.state not in contract.APP_SETTLED for e in snapshot.endpoints)


def is_news(old: SessionSnapshot | None, new: SessionSnapshot | None) -> bool:
    """True if this change of a session, from any source, is worth a look at the server."""
    if old is None or new is None or new.remote is Remote.ENDED:
        return False
    lost = old.link is Link.UP and new.link in (Link.CONNECTING, Link.RETRYING, Link.BLOCKED)
    return lost or (_says_it_ends(new) and not _says_it_ends(old))


def _says_it_ends(snapshot: SessionSnapshot) -> bool:
    report = snapshot.facts.report
    return report is not None and report.phase in contract.LAST_PHASES


class Schedule:
    """Remembers when each session moved last."""

    def __init__(self, clock: Clock, jitter: Callable[[], float], pace: Pace) -> None:
        self._clock = clock
        self._jitter = jitter
        self._pace = pace
        self._moved: dict[SessionId, tuple[object, float]] = {}

    def pause(self, snapshots: Iterable[SessionSnapshot]) -> float:
        """Return the seconds until the next look at the sessions of one account."""
        now, known = self._clock(), self._moved
        self._moved = {}
        seconds = self._pace.poll_calm_s
        for snapshot in snapshots:
            state, since = known.get(snapshot.id, (None, now))
            after = _state(snapshot)
            since = since if state == after else now
            self._moved[snapshot.id] = (after, since)
            seconds = min(seconds, self._of(snapshot, now - since))
        return self.off(seconds)

    def off(self, seconds: float) -> float:
        """Return a little more or less than that."""
        return seconds * (1.0 + SPREAD * (2.0 * self._jitter() - 1.0))

    def _of(self, snapshot: SessionSnapshot, age: float) -> float:
        """Return the pause in seconds that this session needs, which moved ``age`` seconds ago."""
        pace = self._pace
        if is_busy(snapshot):
            return min(max(pace.poll_busy_s, STARTING_PART * age), pace.poll_waiting_s)
        if snapshot.remote is Remote.QUEUED:
            return self._waiting(age, pace.poll_waiting_s)
        if snapshot.remote is Remote.CREATED or snapshot.link in (Link.CONNECTING, Link.RETRYING):
            return self._waiting(age, pace.poll_calm_s)
        return pace.poll_calm_s

    def _waiting(self, age: float, longest: float) -> float:
        pace = self._pace
        if age < pace.poll_quick_s:
            return pace.poll_busy_s
        return min(max(pace.poll_busy_s, WAITING_PART * age), longest)


def _state(snapshot: SessionSnapshot) -> object:
    """Return a value that differs when the session has moved."""
    facts = snapshot.facts
    told = (facts.report.phase, facts.report.sequence) if facts.report and snapshot.link is not Link.UP else None
    record = facts.record.sequence if facts.record else 0
    apps = tuple((e.app, e.state) for e in snapshot.endpoints)
    return (facts.remote, facts.queue, facts.worker, record, told, apps, snapshot.link, snapshot.stop_requested)
