"""Commands about session keys: passphrase (attach from another computer). Main thread."""

import argparse
import getpass
import sys
from collections.abc import Callable

from desktop_app.cli_base import CommandBase
from desktop_app.cli_output import json_line, say
from desktop_app.domain.problems import AppError
from desktop_app.domain.session import SessionId

MakeCommand = Callable[[str, str, str], argparse.ArgumentParser]


def add_key_commands(make: MakeCommand) -> None:
    """``make(name, handler, help)`` makes one command with its common arguments."""
    help_text = "let a passphrase (asked for, or a line of standard input) attach a session from another computer"
    command = make("passphrase", "run_passphrase", help_text)
    command.add_argument("session", nargs="?", default="", help="id, beginning of an id, or name")
    command.add_argument("--account", default="", help="the account's name or id")


class KeyCommands(CommandBase):
    """One method per command; each returns the exit code."""

    def run_passphrase(self) -> int:
        snapshot = self.session()
        self.core.keys.set_passphrase(snapshot.id, read_passphrase(twice=True), self.cancel())
        if self.json:
            json_line({"id": snapshot.id.task, "account": snapshot.id.account, "done": "passphrase set"})
        else:
            say(f"“{snapshot.name}” can now be attached from another computer with this passphrase.")
        return 0

    def attach_unlocked(self, session: SessionId) -> None:
        """Attach; a session of another computer may need its passphrase, which a person can tell."""
        try:
            self.core.keys.check(session, self.cancel())
        except AppError as error:
            if error.problem.code != "ssh.passphrase" or hasattr(self.arguments, "yes") or not _can_ask():
                raise
            say(f"{error.problem}")
            self.core.keys.unlock(session, read_passphrase(twice=False), self.cancel())
        self.core.attach(session, self.cancel())


def _can_ask() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def read_passphrase(*, twice: bool) -> str:
    """From a prompt without echo, or a line of standard input when that is a pipe."""
    if not _can_ask():
        return (sys.stdin.readline() if sys.stdin is not None else "").rstrip("\r\n")
    while True:
        first = getpass.getpass("Attach passphrase: ")
        if not twice or first == getpass.getpass("The same again: "):
            return first
        say("The two differ; try again.")
