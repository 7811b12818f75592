"""The command cleanup: finished sessions are listed by name, and deleted if a person says so. Main thread."""

import argparse
from collections.abc import Callable
from typing import Any

from desktop_app.cli import ask
from desktop_app.cli.base import CommandBase
from desktop_app.cli.details import columns, finished_table
from desktop_app.cli.keyboard import on_terminal
from desktop_app.cli.output import json_line, result, say
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.launch.options import CLEAN_ASK, CLEAN_YES, LaunchSpec
from desktop_app.domain.sessions.finished import FinishedSession

MakeCommand = Callable[[str, str, str], argparse.ArgumentParser]


def add_cleanup(make: MakeCommand) -> None:
    """``make(name, handler, help)`` makes one command with its common arguments."""
    command = make("cleanup", "run_cleanup", "delete your finished sessions in ClearML (never a last snapshot)")
    command.add_argument("--account", default=argparse.SUPPRESS, help="the account's name or id")
    command.add_argument("--yes", "-y", action="store_true", default=argparse.SUPPRESS, help="don't ask")


class CleanupCommands(CommandBase):
    """One method per command; each returns the exit code."""

    def run_cleanup(self) -> int:
        """Without --yes, and where nobody can be asked, it only lists."""
        account = self.account()
        found = self.core.cleanup.look(account.id, self.cancel())
        deleted = self._delete(account, found) if found and self._may(found, hasattr(self.arguments, "yes")) else 0
        if self.json:
            json_line({"finished": [_finished_json(one) for one in found], "deleted": deleted})
        elif not found:
            say("There is nothing to clean up.")
        return 0

    def clean_up_before(self, account: Account, spec: LaunchSpec, *, asks: bool) -> None:
        """What option --session-cleanup says, before a launch."""
        if spec.session_cleanup != CLEAN_YES and not (spec.session_cleanup == CLEAN_ASK and asks):
            return
        found = self.core.cleanup.look(account.id, self.cancel())
        if found and self._may(found, spec.session_cleanup == CLEAN_YES):
            self._delete(account, found)

    def _may(self, found: tuple[FinishedSession, ...], yes: bool) -> bool:
        if not self.json:
            result(finished_table(found, width=columns()))
        if yes:
            return True
        if self.json or not on_terminal():
            say("Nothing was deleted: nobody can be asked here. To delete them: sessiondock cleanup --yes")
            return False
        question = f"Delete {'this finished session' if len(found) == 1 else f'these {len(found)} finished sessions'}?"
        agreed = ask.yes(question, default=False)
        if not agreed:
            say("Nothing was deleted.")
        return agreed

    def _delete(self, account: Account, found: tuple[FinishedSession, ...]) -> int:
        deleted = self.core.cleanup.delete(account.id, [one.task for one in found], self.cancel())
        if not self.json:
            say(f"Deleted {deleted} of {len(found)}.")
        return deleted


def _finished_json(one: FinishedSession) -> dict[str, Any]:
    return {"id": one.task, "name": one.name, "ended": one.ended.isoformat() if one.ended else None}
