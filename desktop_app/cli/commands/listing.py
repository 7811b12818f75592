"""The commands that look at sessions: list, info, log. Main thread; blocks."""

import argparse
import sys
from collections.abc import Mapping

from desktop_app.cli.context.context import Context
from desktop_app.cli.parsing.launch_options import add_filters, given, names_given
from desktop_app.cli.registry import Commands, add_account, add_session_or_id
from desktop_app.cli.terminal.interrupt import Interruptible
from desktop_app.cli.terminal.output import json_line, result, say
from desktop_app.cli.terminal.tables import columns
from desktop_app.cli.views.as_json import ended_json, problem_json, session_json
from desktop_app.cli.views.sessions import describe, finished_table, session_table
from desktop_app.domain.launch.option_checks import items, project_path
from desktop_app.domain.problems import AppError, Problem, failure
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionSnapshot

FOLLOW_S = 2.0
NO_ACCOUNT = "There is no account yet: sessiondock accounts import, or try the sandbox: sessiondock launch"


def add_list(commands: Commands) -> None:
    """Register list."""
    command = commands.add("list", run_list, "show the sessions of all accounts")
    command.add_argument("-a", "--all-users", action="store_true", help="of all users of the workspace, not only yours")
    command.add_argument("--ended", action="store_true", help="yours that have ended, instead of those that live")
    add_account(command, " (default: the only one)")
    add_filters(command)


def run_list(context: Context, arguments: argparse.Namespace) -> int:
    """Show the sessions; exit code 1 where an account did not answer and nothing is known of it."""
    if arguments.ended:
        return _list_ended(context, arguments)
    everyone = arguments.all_users
    sessions, problems = context.sessions.of_all_users() if everyone else context.sessions.look()
    sessions = tuple(snapshot for snapshot in sessions if _passes(snapshot, given(arguments, context.core.text_files)))
    shown = [session_json(snapshot, context.sessions.holder_of(snapshot)) for snapshot in sessions]
    if context.json:
        rows = [{**row, "ssh_alias": _alias(context, s)} for row, s in zip(shown, sessions, strict=True)]
        json_line({"sessions": rows, "problems": {name: problem_json(p) for name, p in problems.items()}})
    elif sessions:
        accounts = {account.id: account.label for account in context.core.accounts.all()}
        pairs = tuple(zip(sessions, shown, strict=True))
        result(session_table(pairs, accounts, owners=everyone, width=columns()))
    else:
        say(f"No sessions. {'Launch one: sessiondock launch' if context.core.accounts.all() else NO_ACCOUNT}")
    _say_problems(problems)
    known = {snapshot.id.account for snapshot in context.core.store.all() if snapshot.stale_since is not None}
    silent = {account for account in context.sessions.away if account not in known}
    return 1 if silent or (problems and everyone) else 0


def _passes(snapshot: SessionSnapshot, values: Mapping[str, str]) -> bool:
    """True if --project and --session-tags, where they are given, let it be shown."""
    tags = items(values.get("tags", ""))
    project = project_path(values.get("project", ""))
    in_project = project in ("", project_path(snapshot.facts.project))
    return in_project and (not tags or bool(set(tags) & set(snapshot.facts.tags)))


def _list_ended(context: Context, arguments: argparse.Namespace) -> int:
    if arguments.all_users or names_given(arguments):
        raise failure(
            "usage.together",
            why="--ended lists all of your sessions that have ended; it takes no --all-users and no filter.",
        )
    finished, problems = context.sessions.finished()
    rows = [(account, session) for account, sessions in finished for session in sessions]
    if context.json:
        ended = [ended_json(account.id, session) for account, session in rows]
        json_line({"ended": ended, "problems": {name: problem_json(p) for name, p in problems.items()}})
    elif rows:
        result(finished_table([session for _, session in rows], width=columns()))
    elif not context.accounts.say_if_sandbox_rests():
        say("No session has ended.")
    _say_problems(problems)
    return 1 if problems else 0


def _say_problems(problems: Mapping[str, Problem]) -> None:
    for name, problem in problems.items():
        say(f"{name}: {problem}")


def add_info(commands: Commands) -> None:
    """Register info."""
    command = commands.add("info", run_info, "show one session")
    add_session_or_id(command)
    command.add_argument("--verbose", action="store_true", dest="full", help="with the whole ssh command")


def run_info(context: Context, arguments: argparse.Namespace) -> int:
    """Show one session, which may have ended or be another user's."""
    snapshot = context.session(ended=True, theirs=True)
    holder = context.sessions.holder_of(snapshot)
    shown = session_json(snapshot, holder)
    shown["ssh_alias"] = _alias(context, snapshot)
    shown["ssh_command"] = _ssh_command(context, snapshot) if holder.get("link") == Link.UP.value else None
    if context.json:
        json_line(shown)
        return 0
    labels = {account.id: account.label for account in context.core.accounts.all()}
    shown["ssh_short"] = _terminal(context, snapshot, shown)
    full = arguments.full or hasattr(arguments, "verbose")
    result(describe(snapshot, shown, labels.get(snapshot.id.account, ""), full=full))
    return 0


def _terminal(context: Context, snapshot: SessionSnapshot, shown: Mapping[str, object]) -> str:
    """Return the shortest command for a shell in it, "" where it is not connected."""
    if not shown["ssh_command"]:
        return ""
    return context.core.aliases.short_command(snapshot.id) or f"sessiondock --attach {snapshot.id.task[:8]} --shell"


def _alias(context: Context, snapshot: SessionSnapshot) -> str | None:
    alias = context.core.aliases.of(snapshot.id)
    return alias.name if alias else None


def _ssh_command(context: Context, snapshot: SessionSnapshot) -> str | None:
    try:
        return context.core.open_in.ssh_command(snapshot.id, context.cancel())
    except AppError:
        return None


def add_log(commands: Commands) -> None:
    """Register log."""
    command = commands.add("log", run_log, "print a session's log")
    add_session_or_id(command)
    command.add_argument("-f", "--follow", action="store_true", help="go on until the session ends")


def run_log(context: Context, arguments: argparse.Namespace) -> int:
    """Print the log of a session, which may have ended or be another user's."""
    snapshot = context.session(ended=True, theirs=True)
    since = 0
    while True:
        # The state comes first: what is written before the end is then in the page that follows.
        ended = snapshot.remote is Remote.ENDED
        since = _print_log(context, snapshot, since)
        if ended or not arguments.follow:
            return 0
        Interruptible().wait(FOLLOW_S)
        snapshot = context.core.sessions.fetch(snapshot.id, context.cancel())


def _print_log(context: Context, snapshot: SessionSnapshot, since: int) -> int:
    """Print what was written after that time stamp; return the stamp of the last line."""
    while page := context.core.sessions.log(snapshot.id, since, context.cancel()):
        for line in page:
            if context.json:
                json_line({"timestamp": line.timestamp, "level": line.level, "text": line.text})
            else:
                result(line.text.removesuffix("\n"))
        since = page[-1].timestamp
        sys.stdout.flush()
    return since
