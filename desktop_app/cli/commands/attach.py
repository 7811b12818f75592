"""The commands about the connection: attach, detach, reconnect. Main thread; attach blocks until it ends."""

import argparse

from desktop_app.cli.context.context import Context
from desktop_app.cli.following.attach import attach_or_holder, tell_holder
from desktop_app.cli.following.stay import stay
from desktop_app.cli.following.watch import Until, Watch
from desktop_app.cli.registry import Commands, add_session_or_id
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import SessionSnapshot


def add_attach(commands: Commands) -> None:
    """Register attach."""
    command = commands.add("attach", run_attach, "connect to a session and hold the connection")
    add_session_or_id(command)


def run_attach(context: Context, _arguments: argparse.Namespace) -> int:
    """Hold the session's connection in the foreground, where no other process does."""
    snapshot = context.session()
    session = snapshot.id
    if snapshot.held_by:
        return tell_holder(context, session, snapshot.held_by)
    context.core.polling.watch(session.account)
    pid = attach_or_holder(context, session)
    if pid:
        return tell_holder(context, session, pid)
    return stay(context, Watch(context, Until(hold=True)), session)


def add_detach(commands: Commands) -> None:
    """Register detach."""
    command = commands.add("detach", run_detach, "close the connection; the session goes on")
    add_session_or_id(command)


def run_detach(context: Context, _arguments: argparse.Namespace) -> int:
    """Close the connection, whichever process of this computer holds it."""
    snapshot = context.session()
    held = bool(snapshot.held_by)
    context.core.connections.detach(snapshot.id)
    text = "is detached" if held else "was not attached on this computer"
    context.tell_done(snapshot, "detached", f"“{snapshot.name}” {text}; it goes on running.")
    return 0


def add_reconnect(commands: Commands) -> None:
    """Register reconnect."""
    command = commands.add("reconnect", run_reconnect, "dial again now instead of waiting")
    command.add_argument("--all", action="store_true", help="every session that is attached on this computer")
    add_session_or_id(command)


def run_reconnect(context: Context, arguments: argparse.Namespace) -> int:
    """Let the processes that hold connections dial again now."""
    sessions = _attached(context) if arguments.all else [_reconnected(context, context.session())]
    names = ", ".join(f"“{snapshot.name}”" for snapshot in sessions)
    text = f"Reconnecting {names}." if sessions else "No session is attached on this computer."
    context.tell({"reconnecting": [snapshot.id.task for snapshot in sessions]}, text)
    return 0


def _reconnected(context: Context, snapshot: SessionSnapshot) -> SessionSnapshot:
    """Return the session, which is dialled again. Problems: session.not_attached"""
    if not context.core.connections.redial(snapshot.id, context.cancel()):
        raise failure("session.not_attached", task=snapshot.id.task[:8])
    return snapshot


def _attached(context: Context) -> list[SessionSnapshot]:
    """Dial every attached session again and return them; an account that can't be asked does not matter here."""
    sessions, _ = context.sessions.look()
    return [snapshot for snapshot in sessions if context.core.connections.redial(snapshot.id, context.cancel())]
