"""What the faces ask the doctor (``core.doctor``). See ``services.doctor.Doctor``."""

from collections.abc import Callable
from typing import Protocol

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.diagnosis import Diagnosis, Finding
from desktop_app.domain.sessions.snapshot import SessionId


class DoctorService(Protocol):
    """Thread-safe."""

    def examine(self, session: SessionId, cancel: Cancel, tell: Callable[[Finding], None] = ...) -> Diagnosis:
        """Blocks for seconds. ``tell`` is called on the same thread."""

    def examine_account(self, account: str, cancel: Cancel, tell: Callable[[Finding], None] = ...) -> Diagnosis:
        """The stages that need no session."""

    def report(self, diagnosis: Diagnosis) -> str:
        """Quick: a text without secrets."""
