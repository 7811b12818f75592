"""The commands that give a session what is the user's own, or take it back: give, withhold. Main thread; blocks.

Nothing is given before the machine that it goes to was named: on a terminal you are asked, elsewhere --yes agrees.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence

from desktop_app.boundary.cancel import Cancel
from desktop_app.cli.context.context import Context
from desktop_app.cli.registry import SESSION, Commands, add_account
from desktop_app.cli.terminal.keyboard import on_terminal
from desktop_app.cli.terminal.output import json_line, result, say
from desktop_app.cli.terminal.tables import table
from desktop_app.cli.views.as_json import problem_json
from desktop_app.domain.accounts import handover
from desktop_app.domain.accounts.handover import BY_KEY, KINDS, Handover, HandoverKind
from desktop_app.domain.nearest import nearest
from desktop_app.domain.problems import AppError, Problem, failure
from desktop_app.domain.sessions.snapshot import SessionId

WORDS = {kind.word: kind for kind in KINDS}

Change = Callable[[SessionId, HandoverKind, Cancel], Handover]


def add_give(commands: Commands) -> None:
    """Register give."""
    help_text = "give a session your git logins, ClearML key or SSH agent; without KIND: show"
    command = commands.add("give", run_give, help_text)
    _add_words(command, "*")
    command.add_argument(
        "--yes", "-y", action="store_true", default=argparse.SUPPRESS, help="agree without being asked"
    )


def run_give(context: Context, arguments: argparse.Namespace) -> int:
    """Give a session what was named, after the user agreed; exit code 1 if any of it failed."""
    session = context.session().id
    kinds = tuple(arguments.kinds)
    given = context.core.handovers.view(session, context.cancel())
    if kinds and not given.place:
        raise failure("session.not_attached", task=session.task[:8])
    if kinds and not _agreed(context, kinds, given.place):
        return 1
    return _change_each(context, session, kinds, given, context.core.handovers.give)


def add_withhold(commands: Commands) -> None:
    """Register withhold."""
    _add_words(commands.add("withhold", run_withhold, "take back from a session what it was given"), "+")


def run_withhold(context: Context, arguments: argparse.Namespace) -> int:
    """Take back from a session what was named; exit code 1 if any of it failed."""
    session = context.session().id
    return _change_each(context, session, arguments.kinds, Handover(), context.core.handovers.withhold)


def _add_words(command: argparse.ArgumentParser, count: str) -> None:
    command.add_argument("session", help=SESSION)
    command.add_argument("kinds", nargs=count, type=handover_kind, metavar="KIND", help=", ".join(WORDS))
    add_account(command)


def handover_kind(text: str) -> HandoverKind:
    """Return a kind that was given as an argument. Raises ArgumentTypeError."""
    if text not in WORDS:
        raise argparse.ArgumentTypeError(f"“{text}” is none of: {', '.join(WORDS)}.{nearest(text, WORDS)}")
    return WORDS[text]


def _change_each(
    context: Context, session: SessionId, kinds: Sequence[HandoverKind], given: Handover, change: Change
) -> int:
    """Give or take back each kind; one that fails does not stop the others, and each is told. Return the exit code."""
    problems: dict[str, Problem] = {}
    for kind in dict.fromkeys(kinds):
        try:
            given = change(session, kind, context.cancel())
        except AppError as error:
            problems[kind.word] = error.problem
            say(f"sessiondock: {kind.word}: {error.problem}")
    if problems and not given.items:
        given = _view(context, session)
    _show(context, session, given, problems)
    return 1 if problems else 0


def _view(context: Context, session: SessionId) -> Handover:
    """Return what is given as far as can be told: the connection may be what failed."""
    try:
        return context.core.handovers.view(session, context.cancel())
    except AppError:
        return Handover()


def _agreed(context: Context, kinds: tuple[HandoverKind, ...], place: str) -> bool:
    """Name the machine and ask the user. Problems: handover.asked (no user can be asked)"""
    if context.agreed:
        return True
    text = handover.sentence(kinds, place)
    if context.json or not on_terminal():
        raise failure("handover.asked", text=text)
    say(f"{text}.")
    return input("Agree? [y/N] ").strip().lower() in ("y", "yes")


def _show(context: Context, session: SessionId, given: Handover, problems: Mapping[str, Problem]) -> None:
    if context.json:
        failed = {word: problem_json(problem) for word, problem in problems.items()}
        json_line({"id": session.task, "account": session.account, **given.to_json(), "problems": failed})
        return
    rows = [(BY_KEY[item.key].word, BY_KEY[item.key].label, item.state.value) for item in given.items]
    result(table(("KIND", "WHAT", "STATE"), rows))
    if given.place:
        say(f"Goes to {given.place}.")
