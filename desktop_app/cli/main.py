"""The command line: arguments in, a command run, an exit code out. Main thread.

Without a command it opens the window; everything else works without Qt and without a display. Exit codes: 0 done,
1 a problem (said on standard error, and as {"error": …} with --json), 2 wrong usage, 130 interrupted.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from desktop_app import APP_NAME, __version__
from desktop_app.cli.accounts import AccountCommands
from desktop_app.cli.catalogue import CatalogueCommands, add_catalogue
from desktop_app.cli.cleanup import add_cleanup
from desktop_app.cli.connection import ConnectionCommands, add_reconnect
from desktop_app.cli.doctor import DoctorCommands, add_doctor
from desktop_app.cli.files import FileCommands, add_file_commands
from desktop_app.cli.gifts import add_gift_commands
from desktop_app.cli.keys import add_key_commands
from desktop_app.cli.open import OpenCommands, add_open
from desktop_app.cli.options import add_filters, add_launch_options, normal
from desktop_app.cli.output import json_line, problem_json, say, set_up_streams
from desktop_app.cli.password import PasswordCommands
from desktop_app.cli.ports import PortCommands, add_port_commands
from desktop_app.cli.profiles import ProfileCommands, add_profile_command
from desktop_app.cli.session import OneSession, add_session_flags, wants_session
from desktop_app.cli.ssh import SshCommands
from desktop_app.cli.ssh import add_arguments as add_ssh_arguments
from desktop_app.compose import build_core, default_paths, run_window, set_up_log
from desktop_app.domain.cli_flags import PROFILE
from desktop_app.domain.problems import AppError, Cancelled
from desktop_app.domain.route import EXAMPLES
from desktop_app.services.core import Core
from desktop_app.services.ownership import WINDOW

PROGRAM = "sessiondock"
OK, PROBLEM, USAGE, INTERRUPTED = 0, 1, 2, 130

EXIT_CODES = (
    'exit codes: 0 done; 1 a problem, told on standard error (with --json: {"error": {...}} on standard output); '
    "2 wrong usage; 130 interrupted (Ctrl-C), which never stops a session"
)


class Commands(
    AccountCommands,
    OneSession,
    ConnectionCommands,
    CatalogueCommands,
    PortCommands,
    PasswordCommands,
    ProfileCommands,
    DoctorCommands,
    FileCommands,
    OpenCommands,
    SshCommands,
):
    """All commands over one core."""


def main(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code."""
    set_up_streams()
    parsed = parse(arguments)
    if not parsed.command and not wants_session(parsed):
        return open_window(arguments, hidden=parsed.hidden)
    signal.signal(signal.SIGTERM, _interrupt)
    return run_command(parsed, lambda: make_core("cli", verbose=hasattr(parsed, "verbose")))


def make_core(role: str, *, verbose: bool = False) -> Core:
    """The real core, with its log, on standard error too when ``verbose``. Problems: file.unwritable"""
    paths = default_paths()
    redactor, tail = set_up_log(paths, role, sys.stderr if verbose else None)
    return build_core(paths, role, redactor=redactor, tail=tail)


def run_command(parsed: argparse.Namespace, make: Callable[[], Core]) -> int:
    """One command over a core that lives as long as it does; the exit code."""
    core: Core | None = None
    try:
        core = make()
        return int(getattr(Commands(core, parsed), parsed.handler)())
    except AppError as error:
        say(f"sessiondock: {error.problem}")
        if getattr(parsed, "json", False):
            json_line({"error": problem_json(error.problem)})
        return PROBLEM
    except (KeyboardInterrupt, Cancelled):
        say("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    finally:
        if core is not None:
            core.close()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def open_window(arguments: Sequence[str], *, hidden: bool) -> int:
    """The window, or the one that is already open."""
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("QT_QPA_PLATFORM")
    if sys.platform.startswith("linux") and not display:
        say("There is no display here, so no window can open. Everything works without one: sessiondock --ask asks "
            "what to launch, sessiondock --help names the commands.")  # fmt: skip
        return PROBLEM
    core: Core | None = None
    try:
        core = make_core(WINDOW)
        if not core.links.claim_window():
            say(f"{APP_NAME} is already open; its window was brought up.")
            return OK
        return run_window(core, ["sessiondock", *arguments], hidden=hidden)
    except AppError as error:
        say(f"sessiondock: {error.problem}")
        return PROBLEM
    finally:
        if core is not None:
            core.close()


# -- arguments


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Exits with code 2 for what can't be understood."""
    return parser().parse_args(normal(arguments))


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [OPTION...]\n       {PROGRAM} COMMAND [OPTION...]",  # there are too many to name them there
        description="Remote development sessions on ClearML agents. Without a command: opens the window.",
        epilog=EXIT_CODES,
    )
    top.add_argument("--version", action="version", version=f"{APP_NAME} {__version__}")
    top.add_argument("--hidden", action="store_true", help="start in the tray, without a window")
    top.add_argument("--self-test", action="store_true", help="check this installation and leave")
    top.set_defaults(handler="run_session", session="")
    add_session_flags(top)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", prog=PROGRAM)
    _launch(_command(commands, "launch", "run_launch", "launch a session and connect to it"))
    _list(_command(commands, "list", "run_list", "show the sessions of all accounts"))
    info = _command(commands, "info", "run_info", "show one session")
    log = _command(commands, "log", "run_log", "print a session's log")
    attach = _command(commands, "attach", "run_attach", "connect to a session and hold the connection")
    detach = _command(commands, "detach", "run_detach", "close the connection; the session goes on")
    shutdown = _command(commands, "shutdown", "run_shutdown", "end a session (or cancel one that waits)")
    opened = _command(commands, "open", "run_open", "open an attached session in a browser, editor or terminal")
    reconnect = _command(commands, "reconnect", "run_reconnect", "dial again now instead of waiting")
    add_reconnect(reconnect)
    password = _command(commands, "password", "run_password", "print the SSH password that a session was launched with")
    for command in (password, info, log, attach, detach, shutdown, opened, reconnect):
        _session_argument(command)
    log.add_argument("-f", "--follow", action="store_true", help="go on until the session ends")
    shutdown.add_argument("--no-wait", action="store_true", help="ask for the end and don't wait for it")
    add_open(opened)
    add_catalogue(_command(commands, "options", "run_options", "print the launch options and what they are for"))
    add_file_commands(lambda name, handler, help_text: _command(commands, name, handler, help_text))
    add_doctor(_command(commands, "doctor", "run_doctor", "find out why a session can't be used"))
    add_port_commands(lambda name, handler, help_text: _command(commands, name, handler, help_text))
    add_ssh_arguments(commands, _command)
    add_cleanup(lambda name, handler, help_text: _command(commands, name, handler, help_text))
    add_key_commands(lambda name, handler, help_text: _command(commands, name, handler, help_text))
    add_gift_commands(lambda name, handler, help_text: _command(commands, name, handler, help_text))
    add_profile_command(lambda name, handler, help_text: _command(commands, name, handler, help_text))
    _sandbox(commands)
    _accounts(commands)
    return top


def _command(commands: Any, name: str, handler: str, help_text: str) -> argparse.ArgumentParser:
    about = {"help": help_text, "description": help_text, "epilog": EXIT_CODES}
    command: argparse.ArgumentParser = commands.add_parser(name, **about)
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
    _account_argument(command)
    add_filters(command)


def _sandbox(commands: Any) -> None:
    sandbox = _command(commands, "sandbox", "run_sandbox", "the sandbox of this computer: an own server and agent")
    sandbox.add_argument("what", choices=("start", "stop", "status"))


def _accounts(commands: Any) -> None:
    accounts = _command(commands, "accounts", "run_accounts", "the ClearML accounts that SessionDock knows")
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
        help="add: the access key; its secret is asked for or read from stdin. route: how its machines are reached: "
        f"direct, {EXAMPLES}; a proxy's password is asked for or read from stdin",
    )
    accounts.add_argument("--env", action="store_true", help="import: the CLEARML_* variables only")
    accounts.add_argument("--ca-file", default="", metavar="PEM", help="your company's certificate authority")
    accounts.add_argument(
        "--any-certificate", action="store_true", help="don't check the server's certificate (not safe)"
    )


def _launch(command: argparse.ArgumentParser) -> None:
    command.usage = f"{PROGRAM} launch [OPTION...]"
    _account_argument(command)
    command.add_argument("--no-attach", action="store_true", help="don't connect; the session runs on its own")
    command.add_argument(
        "--wait", action="store_true", help="return once every application is ready (or has failed), not before"
    )
    command.add_argument(PROFILE.flag, default=argparse.SUPPRESS, metavar="NAME", help=PROFILE.help)
    add_launch_options(command)
