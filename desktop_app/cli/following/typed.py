"""What a user may type while connected: reconnect, shell, give, quit, shutdown. Main thread, between two looks."""

from desktop_app.cli.context.context import Context
from desktop_app.cli.following.handover import hand_over_asked
from desktop_app.cli.following.outcome import DONE, Outcome
from desktop_app.cli.terminal.output import say
from desktop_app.cli.terminal.shell import run_shell
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.snapshot import SessionId

COMMANDS = (
    "Type r to reconnect, s for a shell, g to give what it asks for, q to disconnect, shutdown to end the session."
)


def say_it_goes_on(session: SessionId) -> None:
    """Say how to come back to a session that we leave, and how to end it."""
    say(f"The session goes on running. Connect again: sessiondock attach {session.task[:8]}")
    say(f"End it: sessiondock shutdown {session.task[:8]}")


class Typed:
    """Does what typed lines say; ``outcome`` is set once a line says to leave."""

    def __init__(self, context: Context, session: SessionId) -> None:
        self._context = context
        self._session = session
        self.outcome: Outcome | None = None

    def line(self, text: str | None) -> None:
        """Do what one line says; None is the end of the input."""
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
        self._context.core.connections.reconnect(self._session)

    def _shell(self) -> None:
        run_shell(self._context.core.open_in.ssh_command(self._session, self._context.cancel()))
        say(COMMANDS)

    def _give(self) -> None:
        hand_over_asked(self._context, self._session)
        say(COMMANDS)

    def _quit(self) -> None:
        say_it_goes_on(self._session)
        self.outcome = DONE

    def _shutdown(self) -> None:
        say("Shutting down…")
        self._context.core.sessions.stop(self._session, self._context.cancel())
