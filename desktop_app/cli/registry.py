"""The table in which each command registers its parser and the function that runs it. Main thread."""

import argparse
from collections.abc import Callable
from typing import Any, cast

from desktop_app.cli.context.context import Context
from desktop_app.cli.parsing.parser import Check, Parser, no_objection

Run = Callable[[Context, argparse.Namespace], int]

EXIT_CODES = (
    'exit codes: 0 done; 1 a problem, told on standard error (with --json: {"error": {...}} on standard output); '
    "2 wrong usage; 130 interrupted (Ctrl-C), which never stops a session"
)
SESSION = "id, beginning of an id, or name"


class Commands:
    """The commands of a parser. A parsed command line has its command's function as ``run``."""

    def __init__(self, top: Parser, prog: str) -> None:
        self._parsers: Any = top.add_subparsers(dest="command", metavar="COMMAND", prog=prog, title="commands")

    def add(self, name: str, run: Run, help_text: str, *, check: Check = no_objection) -> Parser:
        """Add a command with its common arguments. ``check`` says what is wrong with its arguments, "" = nothing."""
        about = {"help": help_text, "description": help_text, "epilog": EXIT_CODES}
        # an abbreviation in a script breaks when an option is added
        command = cast(Parser, self._parsers.add_parser(name, allow_abbrev=False, **about))
        command.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
        command.set_defaults(run=run)
        command.check = check
        return command

    def all(self) -> dict[str, Parser]:
        """Return the commands by name, in the order in which they were added."""
        return dict(self._parsers.choices)


def add_session(command: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Add the words SESSION and --account. ``required``: it can't be left out where there is one session only."""
    if required:
        command.add_argument("session", help=SESSION)
    else:
        command.add_argument("session", nargs="?", default="", help=SESSION)
    add_account(command)


def add_session_or_id(command: argparse.ArgumentParser) -> None:
    """Add the word SESSION, the same as --id, and --account."""
    text = "id, its beginning, name, or the task's web address; may be left out when there is only one session"
    command.add_argument("session", nargs="?", default="", help=text)
    text = "the same, as clearml-session has it"
    command.add_argument("--id", dest="by_id", metavar="SESSION", default="", help=text)
    add_account(command, " (default: the only one)")


def add_account(command: argparse.ArgumentParser, default: str = "") -> None:
    """Add --account. ``default``: what its help says of leaving it out."""
    command.add_argument("--account", default=argparse.SUPPRESS, help=f"the account's name or id{default}")
