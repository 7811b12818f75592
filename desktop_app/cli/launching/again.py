"""``launch --again``: another session with the options of an earlier one. Main thread; blocks.

What is kept on this computer is used as it is. What only the task tells can have been written by everyone in the
workspace, so it is shown, and the user (or --yes) agrees; that --yes gives no git logins or keys away.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from desktop_app.cli.context.context import Context
from desktop_app.cli.launching.launch import Launch
from desktop_app.cli.parsing.launch_options import names_given
from desktop_app.cli.terminal import questions
from desktop_app.cli.terminal.keyboard import on_terminal
from desktop_app.cli.terminal.output import say
from desktop_app.cli.terminal.standard_input import read_secret
from desktop_app.cli.terminal.tables import shorten
from desktop_app.domain.launch.option import Kind
from desktop_app.domain.launch.option_checks import clean_line
from desktop_app.domain.launch.options import LaunchSpec, options
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.again import Again
from desktop_app.domain.sessions.snapshot import SessionSnapshot

PARTIAL = (
    "Another computer launched that session: files to upload, git logins, packages of the storage and who may clean up "
    "are as by default. All members of the ClearML workspace can edit its task, which says:"
)
SCRIPT_LINES, SCRIPT_COLUMNS = 40, 200  # as much of an init script is shown
DIFFERENT = 60  # columns of a value that does not count


def again(context: Context, arguments: argparse.Namespace) -> Launch:
    """Return a launch with the options of the session that --again names; without a name of the one that ended last.

    Problems: again.*, session.unknown, task.gone. Raises Left.
    """
    snapshot = _earlier(context, arguments.again)
    earlier = context.core.history.again(snapshot.id, context.cancel())
    given = names_given(arguments)
    taken = {name: value for name, value in earlier.taken.items() if name not in given}
    for name, value in earlier.differs:
        label, theirs = options()[name].label, shorten(value, DIFFERENT) or "nothing"
        say(f"{label}: the task in ClearML says “{theirs}” by now. What this computer launched with is used.")
    if earlier.partial:
        _agree(context, earlier, taken, agreed=arguments.take_over)
    told = {"taken_over": taken, "not_taken_over": list(earlier.left), "differs": dict(earlier.differs)}
    account = context.core.accounts.find(snapshot.id.account)
    return Launch(account, _with_secrets(context, earlier, given), told={"again": told})


def _agree(context: Context, earlier: Again, taken: dict[str, Any], *, agreed: bool) -> None:
    """Show what is taken over from the task, and ask the user. Problems: again.unseen. Raises Left."""
    say(PARTIAL)
    for name, value in taken.items():
        for text in _shown(name, value):
            say(f"  {text}")
    if earlier.left:
        say(f"Not taken over: {', '.join(options()[name].flag for name in earlier.left)}.")
    if agreed:
        return
    if context.json or not on_terminal():
        raise failure("again.unseen", name=clean_line(earlier.spec.name))
    if not questions.yes("Launch with these?", default=False):
        raise questions.Left


def _earlier(context: Context, text: str) -> SessionSnapshot:
    if context.accounts.sandbox_rests:  # its earlier sessions are known to it alone
        context.accounts.start_sandbox()
    if text:
        return context.sessions.find(text, ended=True, theirs=True)
    newest = context.sessions.ended("")
    if newest is None:
        raise failure("again.none")
    return newest


def _with_secrets(context: Context, earlier: Again, given: frozenset[str]) -> LaunchSpec:
    """Return the options with the secrets, which the user types again and a script gives as flags.

    Problems: again.secret
    """
    asks = [name for name in earlier.asks if name not in given]
    if asks and (context.json or not on_terminal()):
        raise failure("again.secret", flags=" and ".join(options()[name].flag for name in asks))
    spec = earlier.spec
    for name in asks:
        answer = {name: read_secret(f"{options()[name].label}: ")}
        spec = replace(spec, **answer)  # type: ignore[arg-type]  # a field that holds text
    return spec


def _shown(name: str, value: str | bool) -> Iterator[str]:
    """Yield the lines that show an option, whole but for a long script. No value can break a line."""
    option = options()[name]
    if isinstance(value, bool):
        yield f"{option.label}: {'yes' if value else 'no'}"
    elif option.kind is Kind.SCRIPT:
        lines = value.splitlines()
        yield f"{option.label}, {len(lines)} lines with {len(value):,} characters:"
        yield from (f"    {_cut(line)}" for line in lines[:SCRIPT_LINES])
        if len(lines) > SCRIPT_LINES:
            yield f"    … {len(lines) - SCRIPT_LINES} more lines, in the task's hyper-parameter {option.param}"
    else:
        yield f"{option.label}: {', '.join(clean_line(line) for line in value.splitlines()) or 'nothing'}"


def _cut(line: str) -> str:
    """Return a line of a script, not too long, with the blanks in front, which make it easier to read."""
    text = " " * (len(line) - len(line.lstrip())) + clean_line(line)
    return text if len(text) <= SCRIPT_COLUMNS else f"{text[:SCRIPT_COLUMNS]}… ({len(text):,} characters)"
