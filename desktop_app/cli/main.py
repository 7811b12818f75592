"""The command line: arguments in, a command run, an exit code out. Main thread.

Without a command it opens the window; everything else works without Qt and without a display. Exit codes: 0 done,
1 a problem (said on standard error, and as {"error": …} with --json), 2 wrong usage, 130 interrupted.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

from desktop_app.cli import interrupt
from desktop_app.cli.accounts import AccountCommands
from desktop_app.cli.arguments import parse
from desktop_app.cli.ask import Left
from desktop_app.cli.catalogue import CatalogueCommands
from desktop_app.cli.completion import CompletionCommands
from desktop_app.cli.connection import ConnectionCommands
from desktop_app.cli.doctor import DoctorCommands
from desktop_app.cli.files import FileCommands
from desktop_app.cli.open import OpenCommands
from desktop_app.cli.output import close_output, json_line, problem_json, say, set_up_streams
from desktop_app.cli.password import PasswordCommands
from desktop_app.cli.ports import PortCommands
from desktop_app.cli.profiles import ProfileCommands
from desktop_app.cli.session import OneSession, wants_session
from desktop_app.cli.ssh import SshCommands
from desktop_app.compose import build_core, set_up_log
from desktop_app.domain.files.disk import disk_problem
from desktop_app.domain.problems import AppError, Cancelled, Problem
from desktop_app.paths import default_paths
from desktop_app.services.core import Core
from desktop_app.window_start import open_window

OK, PROBLEM, INTERRUPTED = 0, 1, 130


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
    CompletionCommands,
):
    """All commands over one core."""


# What other programs start, and end by a signal when they are done: ssh and its like show what it says as an error.
RUN_BY_OTHERS = frozenset({"ssh-proxy", "completion"})


def main(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code."""
    set_up_streams()
    try:
        parsed = parse(arguments)
    except AppError as error:  # the help could not be written
        say(f"sessiondock: {error.problem}")
        return PROBLEM
    except BrokenPipeError:
        close_output()
        return OK
    if not parsed.command and not wants_session(parsed):
        return open_window(arguments, hidden=parsed.hidden, demo=parsed.demo)
    interrupt.watch()
    return run_command(parsed, lambda: make_core("cli", verbose=hasattr(parsed, "verbose")))


def make_core(role: str, *, verbose: bool = False) -> Core:
    """The real core, with its log, on standard error too when ``verbose``. Problems: file.unwritable"""
    paths = default_paths()
    redactor, tail = set_up_log(paths, role, sys.stderr if verbose else None)
    return build_core(paths, role, redactor=redactor, tail=tail)


def run_command(parsed: argparse.Namespace, make: Callable[[], Core]) -> int:
    """One command over a core that lives as long as it does; the exit code."""
    core: Core | None = None
    commands: Commands | None = None
    try:
        core = make()
        for found in core.trouble.files():
            say(f"sessiondock: {found}")
        commands = Commands(core, parsed)
        code = int(getattr(commands, parsed.handler)())
        return _left(commands) if interrupt.interrupted() else _trouble_told(core, code)
    except AppError as error:
        if interrupt.interrupted():  # it only looks as if something had broken
            return _left(commands)
        return _failed(parsed, error.problem)
    except (KeyboardInterrupt, Cancelled) as left:
        return _left(commands, "Left; nothing was done." if isinstance(left, Left) else "Interrupted.")
    except BrokenPipeError:  # whoever read our output has seen enough
        close_output()
        return OK
    except OSError as error:
        disk = disk_problem(error)
        if disk is None:
            raise
        return _failed(parsed, disk)
    finally:
        if core is not None:
            core.close()


def _left(commands: Commands | None, text: str = "Interrupted.") -> int:
    """Say so, and what is kept of what was done."""
    if commands is not None and commands.arguments.command in RUN_BY_OTHERS:
        return INTERRUPTED
    kept = commands.kept if commands is not None else ""
    said = f"{text} {kept}".rstrip()
    say(said)
    if commands is not None and commands.json and kept:
        json_line({"event": "interrupted", "text": said})
    return INTERRUPTED


def _failed(parsed: argparse.Namespace, why: Problem) -> int:
    say(f"sessiondock: {why}")
    if getattr(parsed, "json", False):
        json_line({"error": problem_json(why)})
    return PROBLEM


def _trouble_told(core: Core, code: int) -> int:
    """A log that could not be written is worth a sentence where nothing else was."""
    if code == OK and core.trouble.log():
        say(f"sessiondock: {core.trouble.log()}")
    return code
