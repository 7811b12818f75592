"""Blocking work about a session, once at a time, and what became of it. GUI thread; the work runs by way of the bridge.

What failed is kept per session until it works, is tried again or is dismissed.
"""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import Problem
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge


@dataclass(frozen=True, slots=True)
class Failure:
    """A command that did not work, and how to run it again."""

    problem: Problem
    again: Callable[[], None]


class Work(QObject):
    """The work under way and the failures of all sessions."""

    changed = Signal(object)  # SessionId: what is busy or failed has changed
    failed = Signal(object, object)  # SessionId, Problem

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._failures: dict[SessionId, Failure] = {}
        self._busy: set[tuple[SessionId, str]] = set()

    def doing(self, session: SessionId, name: str) -> bool:
        """True if that work about that session is under way, so that a second click does nothing."""
        return (session, name) in self._busy

    def failure(self, session: SessionId) -> Problem | None:
        """Return what kept the session's last work from succeeding, as long as it counts."""
        failure = self._failures.get(session)
        return failure.problem if failure else None

    def again_of(self, session: SessionId) -> Callable[[], None] | None:
        """Return what runs the work that failed again."""
        failure = self._failures.get(session)
        return failure.again if failure else None

    def dismiss(self, session: SessionId) -> None:
        if self._failures.pop(session, None):
            self.changed.emit(session)

    def prune(self, known: frozenset[SessionId]) -> None:
        """Forget what belongs to sessions that are gone."""
        self._failures = {session: failure for session, failure in self._failures.items() if session in known}

    def do(
        self,
        session: SessionId,
        name: str,
        work: Callable[[Cancel], object],
        then: Callable[[object], None] = lambda _value: None,
    ) -> None:
        """Run blocking work about a session, once at a time per name; what fails is shown with the session."""
        key = (session, name)
        if key in self._busy:
            return
        self._busy.add(key)
        self._failures.pop(session, None)

        def again() -> None:
            self.do(session, name, work, then)

        def done(outcome: Outcome) -> None:
            self._busy.discard(key)
            if outcome.problem is not None:
                self._failures[session] = Failure(outcome.problem, again)
                self.failed.emit(session, outcome.problem)
            elif not outcome.cancelled:
                then(outcome.value)
            self.changed.emit(session)

        self._bridge.submit(f"{name}-{session.task[:8]}", work, done, self)
        self.changed.emit(session)
