"""The command shutdown: a session is asked to end, and seen to end. Main thread; blocks."""

import argparse
import time

from desktop_app.cli.context.context import Context
from desktop_app.cli.registry import Commands, add_session_or_id
from desktop_app.cli.terminal.interrupt import Interruptible
from desktop_app.cli.terminal.output import json_line, say
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import Remote, SessionSnapshot, Status, progress_of
from desktop_app.services.state.stops import Abandoned, Stops, gone

END_S = 60.0
WORKSPACE_S = 2700.0  # whatever it tells meanwhile: storing a workspace takes half an hour at most
STOP_AGAIN_S = 3.0
GONE_S = 20.0  # a session that lives hears of its end within this time, with or without an agent


def add_shutdown(commands: Commands) -> None:
    """Register shutdown."""
    command = commands.add("shutdown", run_shutdown, "end a session (or cancel one that waits)")
    add_session_or_id(command)
    command.add_argument(
        "--force", action="store_true", help="end its task in ClearML even if its machine does not answer"
    )
    command.add_argument("--no-wait", action="store_true", help="ask for the end and don't wait for it")


def run_shutdown(context: Context, arguments: argparse.Namespace) -> int:
    """End the named session."""
    snapshot = context.session(ended=True)
    return shut_down(context, snapshot, wait=not arguments.no_wait, force=arguments.force)


def shut_down(context: Context, snapshot: SessionSnapshot, *, wait: bool, force: bool = False) -> int:
    """Ask for its end, and wait for it; return the exit code. Problems: session.lingers, session.gone"""
    if snapshot.remote is not Remote.ENDED:
        end = context.core.sessions.end_anyway if force else context.core.sessions.stop
        end(snapshot.id, context.cancel())
    if not wait:
        context.tell_done(snapshot, "shutting down", f"“{snapshot.name}” shuts down.")
        return 0
    _wait_for_end(context, snapshot)
    context.tell_done(snapshot, "ended", f"“{snapshot.name}” has ended.")
    return 0


def _wait_for_end(context: Context, snapshot: SessionSnapshot) -> None:
    silence, at_most, told = Interruptible(END_S), Interruptible(WORKSPACE_S), ""
    stops, abandoned = Stops(time.monotonic, STOP_AGAIN_S), Abandoned(time.monotonic, GONE_S)
    latest = snapshot
    while latest.remote is not Remote.ENDED:
        if silence.expired or at_most.expired:
            seconds = round(WORKSPACE_S if at_most.expired else END_S)
            raise failure("session.lingers", name=snapshot.name, seconds=seconds)
        if abandoned.due((latest,)):
            raise AppError(gone(latest))
        silence.wait(1.0)
        try:
            latest = context.core.sessions.fetch(snapshot.id, context.cancel())
            if latest.remote is Remote.STOPPING and (text := progress_of(latest)) != told:  # it stores its workspace
                silence, told = Interruptible(END_S), text
                _tell_progress(context, latest, text)
            for session in stops.due((latest,)):
                context.core.sessions.stop(session, context.cancel())
        except AppError as error:
            if error.problem.code == "task.gone":
                return
            raise


def _tell_progress(context: Context, snapshot: SessionSnapshot, text: str) -> None:
    """Tell what the session does before it ends. Programs hear of a workspace only: else they get one object."""
    if not context.json:
        say(f"{text}…")
    elif text != Status.SHUTTING_DOWN.value:
        json_line({"event": "progress", "id": snapshot.id.task, "progress": text})
