"""Attaching a session, or finding that another process of ours holds its connection. Main thread; blocks."""

from desktop_app.cli.context.context import Context
from desktop_app.cli.terminal.output import json_line, say
from desktop_app.cli.terminal.standard_input import can_ask, read_passphrase
from desktop_app.cli.views.as_json import problem_of_holder, session_json
from desktop_app.cli.views.sessions import app_label, connection_text
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.snapshot import SessionId, local_address


def attach_or_holder(context: Context, session: SessionId) -> int:
    """Attach; return 0, or the process that was quicker. Problems: as of attaching"""
    try:
        _attach_unlocked(context, session)
    except AppError as error:
        if error.problem.code != "tunnel.owned":
            raise
        holder = context.core.connections.peers.of(session)  # it says who it is a moment after it has taken it
        if holder is None or not holder.pid:
            raise
        return holder.pid
    return 0


def _attach_unlocked(context: Context, session: SessionId) -> None:
    """Attach; a session that another computer launched may need its passphrase, which the user can type."""
    core = context.core
    snapshot = core.store.get(session)
    if snapshot is not None and snapshot.facts.clearml_session is not None:
        core.connections.attach(session, context.cancel())
        return
    try:
        core.keys.check(session, context.cancel())
    except AppError as error:
        if error.problem.code != "ssh.passphrase" or context.agreed or not can_ask():
            raise
        say(f"{error.problem}")
        core.keys.unlock(session, read_passphrase(twice=False), context.cancel())
    core.connections.attach(session, context.cancel())


def tell_holder(context: Context, session: SessionId, pid: int) -> int:
    """Tell that another process has the connection already, which is what was asked for; return the exit code."""
    holder = context.core.connections.status(session)
    snapshot = context.core.store.get(session)
    if context.json and snapshot is not None:
        json_line({"event": "held", "pid": pid, **session_json(snapshot, holder)})
        return 0
    say(f"Process {pid} on this computer holds this session already ({connection_text(holder)}).")
    problem = problem_of_holder(holder)
    if problem is not None:
        say(f"{problem}")
    for app, port in dict(holder.get("ports") or {}).items():
        say(f"  {app_label(app)}: {local_address(app, port)}")
    return 0
