"""Session keys for the window's tests: stands for core.keys."""

from collections.abc import Callable

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.sessions.snapshot import SessionId


class FakeKeys:
    """``call`` notes what was asked for, waits and fails as the test says (``FakeCore``)."""

    def __init__(self, call: Callable[..., None]) -> None:
        self._call = call

    def unlock(self, session: SessionId, passphrase: str, cancel: Cancel) -> None:
        self._call("keys.unlock", cancel, session, passphrase)

    def trust_host(self, session: SessionId, fingerprint: str) -> None:
        self._call("keys.trust_host", Cancel(), session, fingerprint)

    def set_passphrase(self, session: SessionId, passphrase: str, cancel: Cancel) -> None:
        self._call("keys.set_passphrase", cancel, session, passphrase)


class FakePasswords:
    """Implements services.passwords.Passwords."""

    def __init__(self, call: Callable[..., None]) -> None:
        self._call = call

    def of(self, session: SessionId) -> str:
        self._call("passwords.of", None, session)
        return "correct horse"
