"""The command completion: a script for a shell that completes our command lines. Main thread."""

import argparse
from functools import partial

from desktop_app.cli.context.context import Context
from desktop_app.cli.parsing.completion_scripts import SCRIPTS
from desktop_app.cli.parsing.parser import Parser
from desktop_app.cli.registry import Commands
from desktop_app.cli.terminal.output import json_line, result


def add_completion(commands: Commands, top: Parser) -> None:
    """Register completion. ``top``: the parser whose commands and options it completes."""
    run = partial(run_completion, top)
    command = commands.add("completion", run, "print a script that completes commands and options")
    text = "its startup file gets: source <(sessiondock completion SHELL), or: sessiondock completion fish | source"
    command.add_argument("shell", choices=tuple(SCRIPTS), help=text)


def run_completion(top: Parser, context: Context, arguments: argparse.Namespace) -> int:
    """Print the script."""
    script = SCRIPTS[arguments.shell](top)
    if context.json:
        json_line({"shell": arguments.shell, "script": script})
    else:
        result(script.rstrip("\n"))
    return 0
