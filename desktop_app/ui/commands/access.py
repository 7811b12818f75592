"""The ways into a session: the browser, a program of this computer, a terminal, what ssh needs. GUI thread."""

from collections.abc import Callable

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.sessions.snapshot import Action, SessionId
from desktop_app.services.core import Core
from desktop_app.ui.commands.clipboard import copy_secret, copy_text
from desktop_app.ui.commands.runner import Work


class Access:
    """One for the whole window; ``say`` shows a short sentence of success."""

    def __init__(self, core: Core, work: Work, say: Callable[[str], None]) -> None:
        self._core, self._work, self._say = core, work, say

    def open_app(self, session: SessionId, app: str) -> None:
        """Open an application of the session in the browser, logged in."""

        def work(cancel: Cancel) -> None:
            self._core.open_in.open_app(session, app, cancel)

        self._work.do(session, Action.OPEN.value + app, work)

    def open_in(self, session: SessionId, key: str) -> None:
        """Open the session in a program of this computer (``domain.access.open_in``)."""

        def work(cancel: Cancel) -> None:
            self._core.open_in.open(session, key, cancel)

        self._work.do(session, Action.OPEN_IN.value + key, work)

    def terminal(self, session: SessionId) -> None:
        """Open a terminal that is logged in to the session."""

        def work(cancel: Cancel) -> None:
            self._core.open_in.open_terminal(session, cancel)

        self._work.do(session, Action.TERMINAL.value, work)

    def copy_ssh(self, session: SessionId) -> None:
        """Put the command that logs in to the session on the clipboard."""

        def work(cancel: Cancel) -> str:
            return self._core.open_in.ssh_command(session, cancel)

        self._work.do(session, Action.COPY_SSH.value, work, self._copied(copy_text, "The ssh command"))

    def copy_password(self, session: SessionId) -> None:
        """Put the password that logs in to the session on the clipboard, as a secret."""

        def work(_cancel: Cancel) -> str:
            return self._core.passwords.of(session)

        self._work.do(session, Action.COPY_PASSWORD.value, work, self._copied(copy_secret, "The SSH password"))

    def _copied(self, copy: Callable[[str], None], what: str) -> Callable[[object], None]:
        def then(value: object) -> None:
            copy(str(value))
            self._say(f"{what} is on the clipboard.")

        return then
