"""Ended sessions for the window's tests: stands for core.history."""

from collections.abc import Callable

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.sessions.again import Again
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.snapshot import SessionId

SPEC = LaunchSpec(queue="a100", name="yesterday", packages="torch==2.5", init_script="export A=1", store_defaults=False)


class FakeHistory:
    """``call`` notes what was asked for, waits and fails as the test says (``FakeCore``)."""

    def __init__(self, call: Callable[..., None]) -> None:
        self._call = call
        self.found: tuple[FinishedSession, ...] = ()
        self.launch = Again(SPEC)

    def ended(self, account: str, cancel: Cancel) -> tuple[FinishedSession, ...]:
        self._call("history.ended", cancel, account)
        return self.found

    def again(self, session: SessionId, cancel: Cancel) -> Again:
        self._call("history.again", cancel, session)
        return self.launch
