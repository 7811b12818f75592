"""What a person may type while connected: reconnect, shell, quit, shutdown. Main thread, between two looks."""

from collections.abc import Callable

from desktop_app.boundary.cancel import Cancel
from desktop_app.cli.output import say
from desktop_app.cli.shell import run_shell
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.core import Core

COMMANDS = (
    "Type r to reconnect, s for a shell, g to give what it asks for, q to disconnect, shutdown to end the session."
)
LEAVE = 1  # exit code 0, plus one


def say_it_goes_on(session: SessionId) -> None:
    say(f"The session goes on running. Connect again: sessiondock attach {session.task[:8]}")
    say(f"End it: sessiondock shutdown {session.task[:8]}")


class Typed:
    """``answer`` is the exit code plus one once a line says to leave."""

    def __init__(
        self, core: Core, session: SessionId, cancel: Callable[[], Cancel], give_asked: Callable[[SessionId], None]
    ) -> None:
        self._core = core
        self._session = session
        self._cancel = cancel
        self._give_asked = give_asked
        self.answer: int | None = None

    def line(self, text: str | None) -> None:
        """One line, or None at the end of the input."""
        acts = {
            "r": self._reconnect, "reconnect": self._reconnect, "s": self._shell, "shell": self._shell,
            "q": self._quit, "quit": self._quit, "exit": self._quit, "shutdown": self._shutdown,
            "g": self._give, "give": self._give,
        }  # fmt: skip
        act = self._quit if text is None else acts.get(text.lower())
        try:
            act() if act else say(COMMANDS)
        except AppError as error:
            say(f"sessiondock: {error.problem}")

    def _reconnect(self) -> None:
        say("Checking the connection; it is dialled again if it does not answer.")
        self._core.connections.reconnect(self._session)

    def _shell(self) -> None:
        run_shell(self._core.open_in.ssh_command(self._session, self._cancel()))
        say(COMMANDS)

    def _give(self) -> None:
        self._give_asked(self._session)
        say(COMMANDS)

    def _quit(self) -> None:
        say_it_goes_on(self._session)
        self.answer = LEAVE

    def _shutdown(self) -> None:
        say("Shutting down…")
        self._core.sessions.stop(self._session, self._cancel())
