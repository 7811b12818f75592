"""All arguments of the command line: the commands, and what each of them takes. Main thread."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from desktop_app import APP_NAME, __version__
from desktop_app.cli.catalogue import add_catalogue
from desktop_app.cli.cleanup import add_cleanup
from desktop_app.cli.completion import add_completion
from desktop_app.cli.connection import add_reconnect
from desktop_app.cli.doctor import add_doctor
from desktop_app.cli.files import add_file_commands
from desktop_app.cli.flags import PROFILE
from desktop_app.cli.gifts import add_gift_commands
from desktop_app.cli.keys import add_key_commands
from desktop_app.cli.open import add_open
from desktop_app.cli.options import add_filters, add_launch_options, normal
from desktop_app.cli.parsing import OPTIONS, Parser, read
from desktop_app.cli.ports import add_port_commands
from desktop_app.cli.profiles import add_profile_command
from desktop_app.cli.session import add_session_flags
from desktop_app.cli.ssh import add_arguments as add_ssh_arguments
from desktop_app.domain.access.route import EXAMPLES

Make = Callable[[str, str, str], argparse.ArgumentParser]

PROGRAM = "sessiondock"
EXIT_CODES = (
    'exit codes: 0 done; 1 a problem, told on standard error (with --json: {"error": {...}} on standard output); '
    "2 wrong usage; 130 interrupted (Ctrl-C), which never stops a session"
)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Exits with code 2 for what can't be understood."""
    return read(parser(), normal(arguments))


def parser() -> Parser:
    top = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [COMMAND] {OPTIONS}",
        description="Remote development sessions on ClearML agents. Without a command: opens the window.",
        epilog=EXIT_CODES,
    )
    top.add_argument("--version", action="version", version=f"{APP_NAME} {__version__}")
    top.add_argument("--hidden", action="store_true", help="start in the tray, without a window")
    top.add_argument(
        "--demo", type=int, nargs="?", const=0, metavar="N",
        help="open the window on N made-up sessions (default: one in every state); touches nothing of yours",
    )  # fmt: skip
    top.add_argument("--self-test", action="store_true", help="check this installation and leave")
    top.set_defaults(handler="run_session", session="")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", prog=PROGRAM, title="commands")
    add_session_flags(top)  # after the commands, which a newcomer looks for
    make = partial(_command, commands)
    _add_commands(make)
    add_completion(make("completion", "run_completion", "print a script that completes commands and options"), top)
    top.commands = dict(commands.choices)
    return top


def _add_commands(make: Make) -> None:
    """In the order in which the help names them."""
    _launch(make("launch", "run_launch", "launch a session and connect to it"))
    _list(make("list", "run_list", "show the sessions of all accounts"))
    info = make("info", "run_info", "show one session")
    log = make("log", "run_log", "print a session's log")
    attach = make("attach", "run_attach", "connect to a session and hold the connection")
    detach = make("detach", "run_detach", "close the connection; the session goes on")
    shutdown = make("shutdown", "run_shutdown", "end a session (or cancel one that waits)")
    enqueue = make("enqueue", "run_enqueue", "put a session that waits, or is in no queue, into a queue")
    opened = make("open", "run_open", "open an attached session in a browser, editor or terminal")
    reconnect = make("reconnect", "run_reconnect", "dial again now instead of waiting")
    add_reconnect(reconnect)
    password = make("password", "run_password", "print the SSH password that a session was launched with")
    for command in (password, info, log, attach, detach, shutdown, enqueue, opened, reconnect):
        _session_argument(command)
    info.add_argument("--verbose", action="store_true", dest="full", help="with the whole ssh command")
    log.add_argument("-f", "--follow", action="store_true", help="go on until the session ends")
    enqueue.add_argument("--queue", required=True, metavar="QUEUE", help="its name")
    shutdown.add_argument("--force", action="store_true", help="end its task in ClearML although nobody there answers")
    shutdown.add_argument("--no-wait", action="store_true", help="ask for the end and don't wait for it")
    add_open(opened)
    add_catalogue(make("options", "run_options", "print the launch options and what they are for"))
    add_file_commands(make)
    add_doctor(make("doctor", "run_doctor", "find out why a session can't be used"))
    add_port_commands(make)
    add_ssh_arguments(make)
    add_cleanup(make)
    add_key_commands(make)
    add_gift_commands(make)
    add_profile_command(make)
    _sandbox(make)
    _accounts(make)


def _command(commands: Any, name: str, handler: str, help_text: str) -> argparse.ArgumentParser:
    about = {"help": help_text, "description": help_text, "epilog": EXIT_CODES}
    # an abbreviation in a script breaks when an option is added
    command: argparse.ArgumentParser = commands.add_parser(name, allow_abbrev=False, **about)
    command.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    command.set_defaults(handler=handler)
    return command


def _session_argument(command: argparse.ArgumentParser) -> None:
    text = "id, its beginning, name, or the task's web address; may be left out when there is only one session"
    command.add_argument("session", nargs="?", default="", help=text)
    command.add_argument(
        "--id", dest="by_id", metavar="SESSION", default="", help="the same, as clearml-session has it"
    )
    _account_argument(command)


def _account_argument(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--account", default=argparse.SUPPRESS, help="the account's name or id (default: the only one)"
    )


def _list(command: argparse.ArgumentParser) -> None:
    command.add_argument("-a", "--all-users", action="store_true", help="of all users of the workspace, not only yours")
    command.add_argument("--ended", action="store_true", help="yours that have ended, instead of those that live")
    _account_argument(command)
    add_filters(command)


def _sandbox(make: Make) -> None:
    sandbox = make("sandbox", "run_sandbox", "the sandbox of this computer: an own server and agent")
    sandbox.add_argument("what", choices=("start", "stop", "status"))


def _accounts(make: Make) -> None:
    accounts = make("accounts", "run_accounts", "the ClearML accounts that SessionDock knows")
    accounts.add_argument("what", choices=("list", "add", "import", "remove", "route"))
    accounts.add_argument(
        "server",
        nargs="?",
        default="",
        metavar="SERVER|FILE|ACCOUNT",
        help="add: the server's address; import: a clearml.conf, or - for a copied text on standard input "
        "(default: all that this computer holds); remove, route: the account",
    )
    accounts.add_argument(
        "access_key",
        nargs="?",
        default="",
        metavar="KEY|ROUTE",
        help="add: the access key; its secret is asked for or read from stdin. remove: one key of the account, or its "
        "beginning; the account goes with its last key only. route: how its machines are reached: "
        f"direct, {EXAMPLES}; a proxy's password is asked for or read from stdin",
    )
    accounts.add_argument("--env", action="store_true", help="import: the CLEARML_* variables only")
    accounts.add_argument("--ca-file", default="", metavar="PEM", help="your company's certificate authority")
    accounts.add_argument(
        "--any-certificate", action="store_true", help="don't check the server's certificate (not safe)"
    )


def _launch(command: argparse.ArgumentParser) -> None:
    _account_argument(command)
    command.add_argument("--no-attach", action="store_true", help="don't connect; the session runs on its own")
    command.add_argument(
        "--wait", action="store_true", help="return once every application is ready (or has failed), not before"
    )
    start = command.add_mutually_exclusive_group()
    start.add_argument(
        "--again", nargs="?", const="", default=argparse.SUPPRESS, metavar="SESSION",
        help="the options of that session, which may have ended (alone: of the one that ended last); other flags "
        "change them",
    )  # fmt: skip
    command.add_argument(
        "--yes", "-y", action="store_true", dest="take_over",
        help="with --again: launch with what only that session's task says; it is shown, and nothing is asked",
    )  # fmt: skip
    start.add_argument(PROFILE.flag, default=argparse.SUPPRESS, metavar="NAME", help=PROFILE.help)
    add_launch_options(command)
