"""Giving a session what it asks for while it is followed. Main thread; blocks."""

from desktop_app.cli.context.context import Context
from desktop_app.cli.terminal.output import say
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.snapshot import SessionId


def hand_over_asked(context: Context, session: SessionId) -> None:
    """Give everything that waits for the user's consent; what fails is told, and the session goes on without it."""
    handover = context.core.handovers.view(session, context.cancel())
    for kind in handover.asked:
        try:
            context.core.handovers.give(session, kind, context.cancel())
        except AppError as error:
            say(f"sessiondock: {error.problem}")
            continue
        if not context.json:
            say(f"Gave {kind.what} to {handover.place}.")
