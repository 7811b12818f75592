"""Finished sessions for the window's tests: stands for core.cleanup."""

from collections.abc import Callable, Sequence

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.sessions.finished import FinishedSession


class FakeCleanup:
    """``call`` notes what was asked for, waits and fails as the test says (``FakeCore``)."""

    def __init__(self, call: Callable[..., None]) -> None:
        self._call = call
        self.found: tuple[FinishedSession, ...] = ()
        self.stubborn: frozenset[str] = frozenset()  # tasks that the server does not delete

    def look(self, account: str, cancel: Cancel) -> tuple[FinishedSession, ...]:
        self._call("cleanup.look", cancel, account)
        return self.found

    def delete(self, account: str, tasks: Sequence[str], cancel: Cancel) -> int:
        self._call("cleanup.delete", cancel, account, tuple(tasks))
        gone = set(tasks) - self.stubborn
        self.found = tuple(one for one in self.found if one.task not in gone)
        return len(gone)
