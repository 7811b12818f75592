"""The command line: arguments in, a command run, an exit code out. Main thread.

Without a command it opens the window; everything else works without Qt and without a display. Exit codes: 0 done,
1 a problem (said on standard error, and as {"error": …} with --json), 2 wrong usage, 130 interrupted.

The composition, and with it everything that talks to the world, is imported when the first core is made: the help, the
version and a wrong command line need none.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from desktop_app.boundary.computer import Waiting
from desktop_app.cli.arguments import parse
from desktop_app.cli.commands.without_command import wants_session
from desktop_app.cli.context.context import Context
from desktop_app.cli.terminal import interrupt
from desktop_app.cli.terminal.output import close_output, json_line, say, set_up_streams
from desktop_app.cli.terminal.questions import Left
from desktop_app.cli.views.as_json import problem_json
from desktop_app.domain.files.disk import disk_problem
from desktop_app.domain.problems import AppError, Cancelled, Problem

if TYPE_CHECKING:
    from desktop_app.services.core import Core

OK, PROBLEM, INTERRUPTED = 0, 1, 130

# What other programs start, and end by a signal when they are done: ssh and its like show what it says as an error.
RUN_BY_OTHERS = frozenset({"ssh-proxy", "completion"})


def main(arguments: Sequence[str]) -> int:
    """Run one command line; return the exit code."""
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
        from desktop_app.window_start import open_window  # late on purpose: see above

        return open_window(arguments, hidden=parsed.hidden, demo=parsed.demo)
    interrupt.watch()
    return run_command(parsed, lambda: make_core("cli", verbose=hasattr(parsed, "verbose")))


def make_core(role: str, *, verbose: bool = False) -> "Core":
    """Build the real core, with its log, on standard error too when ``verbose``. Problems: file.unwritable"""
    from desktop_app.compose import build_core, set_up_log  # late on purpose: see above
    from desktop_app.paths import default_paths

    paths = default_paths()
    redactor, tail = set_up_log(paths, role, sys.stderr if verbose else None)
    return build_core(paths, role, redactor=redactor, tail=tail)


def new_keyboard(typed: Callable[[str | None], None]) -> Waiting:
    """Wait for pokes and for typed lines, which go to ``typed``."""
    from desktop_app import compose  # late on purpose: see above

    return compose.new_keyboard(typed)


def run_command(parsed: argparse.Namespace, make: Callable[[], "Core"]) -> int:
    """Run one command over a core that lives as long as it does; return the exit code."""
    context = Context(parsed, make, new_keyboard)
    quiet = parsed.command in RUN_BY_OTHERS
    try:
        code = parsed.run(context, parsed)
        return _left(context, quiet) if interrupt.interrupted() else _with_log_trouble(context, code)
    except AppError as error:
        if interrupt.interrupted():  # it only looks as if something had broken
            return _left(context, quiet)
        return _failed(context, error.problem)
    except (KeyboardInterrupt, Cancelled) as left:
        return _left(context, quiet, "Left; nothing was done." if isinstance(left, Left) else "Interrupted.")
    except BrokenPipeError:  # the reader of our output has seen enough
        close_output()
        return OK
    except OSError as error:
        disk = disk_problem(error)
        if disk is None:
            raise
        return _failed(context, disk)
    finally:
        context.close()


def _left(context: Context, quiet: bool, text: str = "Interrupted.") -> int:
    """Say that the command was left, and what is kept of what was done; return the exit code."""
    if quiet:
        return INTERRUPTED
    text = f"{text} {context.kept}".rstrip()
    say(text)
    if context.json and context.kept:
        json_line({"event": "interrupted", "text": text})
    return INTERRUPTED


def _failed(context: Context, problem: Problem) -> int:
    say(f"sessiondock: {problem}")
    if context.json:
        try:
            json_line({"error": problem_json(problem)})
        except AppError as error:  # a full disk
            say(f"sessiondock: {error.problem}")
    return PROBLEM


def _with_log_trouble(context: Context, code: int) -> int:
    """Return the exit code; a log that could not be written is worth a sentence where nothing else was."""
    if code == OK and (trouble := context.log_trouble()):
        say(f"sessiondock: {trouble}")
    return code
