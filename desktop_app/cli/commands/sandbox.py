"""The command sandbox: the embedded server and agent of this computer. Main thread; blocks."""

import argparse

from desktop_app.cli.context.accounts import SANDBOX_S
from desktop_app.cli.context.context import Context
from desktop_app.cli.registry import Commands
from desktop_app.cli.terminal.interrupt import Interruptible
from desktop_app.cli.terminal.output import json_line, result, say
from desktop_app.domain.accounts.account import SANDBOX_ID
from desktop_app.domain.launch.option_checks import clean_line
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.snapshot import Remote, SessionSnapshot

RESTS = "The sandbox does not run."


def add_sandbox(commands: Commands) -> None:
    """Register sandbox."""
    command = commands.add("sandbox", run_sandbox, "the sandbox of this computer: an own server and agent")
    command.add_argument("what", choices=("start", "stop", "status"))


def run_sandbox(context: Context, arguments: argparse.Namespace) -> int:
    """Start or stop the sandbox, or say whether it runs."""
    if arguments.what == "start":
        address = context.core.sign_in.to_sandbox(Interruptible(SANDBOX_S)).api_url
        context.tell(_running_json(address), f"The sandbox runs at {address}.")
    elif arguments.what == "stop":
        _stop(context)
    else:
        address = context.core.sandbox.address()
        if context.json:
            json_line(_running_json(address))
        else:
            result(f"The sandbox runs at {address}." if address else RESTS)
    return 0


def _running_json(address: str) -> dict[str, object]:
    return {"running": bool(address), "api_url": address or None}


def _stop(context: Context) -> None:
    """Stop the sandbox, and tell which sessions ended with it."""
    sessions = _living(context) if context.core.sandbox.address() else []
    was_running = context.core.sandbox.stop()
    names = ", ".join(f"“{clean_line(s.name)}” ({s.id.task[:8]})" for s in sessions)
    ended = f"The sandbox has ended, and with it {names}." if names else "The sandbox has ended."
    value = {**_running_json(""), "ended": [s.id.task for s in sessions] if was_running else []}
    context.tell(value, ended if was_running else RESTS)


def _living(context: Context) -> list[SessionSnapshot]:
    """Return the sandbox's sessions that have not ended; none where it does not answer, which does not keep it."""
    try:
        context.core.sessions.look(SANDBOX_ID, context.cancel())
    except AppError as error:
        say(f"Its sessions could not be asked for: {error.problem}")
        return []
    known = context.core.store.all()
    return [s for s in known if s.id.account == SANDBOX_ID and s.remote is not Remote.ENDED]
