"""The command cleanup: sessions that have ended are listed, and deleted if the user says so. Main thread; blocks."""

import argparse
from typing import Any

from desktop_app.cli.context.context import Context
from desktop_app.cli.launching.cleaning import delete, may_delete
from desktop_app.cli.registry import Commands, add_account
from desktop_app.cli.terminal.output import json_line, say
from desktop_app.domain.sessions.finished import FinishedSession


def add_cleanup(commands: Commands) -> None:
    """Register cleanup."""
    command = commands.add("cleanup", run_cleanup, "delete your finished sessions in ClearML (never a last snapshot)")
    add_account(command)
    command.add_argument("--yes", "-y", action="store_true", default=argparse.SUPPRESS, help="don't ask")


def run_cleanup(context: Context, _arguments: argparse.Namespace) -> int:
    """Delete what the user agrees to; without --yes, and where no user can be asked, it only lists."""
    account = context.accounts.chosen()
    finished = context.core.cleanup.look(account.id, context.cancel())
    agreed = bool(finished) and may_delete(context, finished, agreed=context.agreed)
    deleted = delete(context, account, finished) if agreed else 0
    if context.json:
        json_line({"finished": [_finished_json(session) for session in finished], "deleted": deleted})
    elif not finished:
        say("There is nothing to clean up.")
    return 0


def _finished_json(session: FinishedSession) -> dict[str, Any]:
    ended = session.ended.isoformat() if session.ended else None
    return {"id": session.task, "name": session.name, "ended": ended}
