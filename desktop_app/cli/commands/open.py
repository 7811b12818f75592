"""The command open: a session's applications in the browser, programs of this computer on the session. Main thread."""

import argparse

from desktop_app.cli.context.context import Context
from desktop_app.cli.registry import Commands, add_session_or_id
from desktop_app.cli.terminal.output import json_line, result, say
from desktop_app.cli.terminal.tables import table
from desktop_app.domain.access.open_in import BY_KEY, OPENERS, TERMINAL
from desktop_app.domain.nearest import nearest
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import SessionSnapshot, progress_of
from remote_bootstrap.contract import APP_READY
from remote_bootstrap.contract.apps import APPS

BROWSER_APPS = tuple(spec for spec in APPS if spec.opens == "browser")
KEYS = frozenset({TERMINAL, *BY_KEY, *(spec.key for spec in BROWSER_APPS)})


def add_open(commands: Commands) -> None:
    """Register open."""
    command = commands.add("open", run_open, "open an attached session in a browser, editor or terminal")
    add_session_or_id(command)
    text = "an application of the session or a program of this computer (see --list); default: the first that is ready"
    command.add_argument("application", nargs="?", default="", help=text)
    command.add_argument("--list", action="store_true", dest="only_list", help="show what a session can be opened in")
    command.add_argument("--print", action="store_true", dest="only_print", help="print the address (good for 30 s)")
    text = f'for "{TERMINAL}": which program, now and later ("" = the desktop\'s own)'
    command.add_argument("--terminal", metavar="PROGRAM", help=text)


def run_open(context: Context, arguments: argparse.Namespace) -> int:
    """Open a session in something, or say what it can be opened in."""
    if arguments.terminal is not None:
        context.core.open_in.choose_terminal(arguments.terminal)
    if arguments.only_list:
        return _list_openers(context)
    session, key = arguments.session, arguments.application
    if not key and session in KEYS:  # "open zed", with one session only
        session, key = "", session
    if key and key not in KEYS:
        raise failure("open.unknown", name=key, known=", ".join(sorted(KEYS)), near=nearest(key, KEYS))
    snapshot = context.sessions.find(arguments.by_id) if arguments.by_id else _session_to_open(context, session, key)
    key = key or _first_ready(snapshot)
    if arguments.only_print:
        url = context.core.entrances.login_page(snapshot.id, key, context.cancel())
        json_line({"url": url}) if context.json else result(url)
        return 0
    text = _open_key(context, snapshot, key)
    value = {"id": snapshot.id.task, "account": snapshot.id.account, "done": "opened", "in": key}
    context.tell(value, text)
    return 0


def _session_to_open(context: Context, text: str, key: str) -> SessionSnapshot:
    """Return the session of that name; without ``key`` the text may have meant an application.

    Problems: open.neither, and as of ``SessionChoice.find``
    """
    try:
        return context.sessions.find(text)
    except AppError as error:
        if error.problem.code != "session.unknown" or key:
            raise
        names = [s.name for s in context.core.store.all()]
        told = {"sessions": ", ".join(names) or "there is none", "known": ", ".join(sorted(KEYS))}
        raise failure("open.neither", name=text, near=nearest(text, (*KEYS, *names)), **told) from None


def _open_key(context: Context, snapshot: SessionSnapshot, key: str) -> str:
    """Open the session in the program or application of that key; return what happens, as a sentence."""
    if key == TERMINAL:
        _open_terminal(context, snapshot)
        return "A terminal opens."
    if key in BY_KEY:
        context.core.open_in.open(snapshot.id, key, context.cancel())
        return f"{BY_KEY[key].label} opens."
    context.core.open_in.open_app(snapshot.id, key, context.cancel())
    return f"{key} opens in your browser."


def _open_terminal(context: Context, snapshot: SessionSnapshot) -> None:
    """Open a terminal window; where no program can, name the command for the terminal that we run in.

    Problems: open.no_terminal
    """
    try:
        context.core.open_in.open_terminal(snapshot.id, context.cancel())
    except AppError as error:
        if error.problem.code != "open.no_terminal":
            raise
        here = f"sessiondock --attach {snapshot.id.task[:8]} --shell"
        raise failure("open.no_terminal", command=here) from None


def _list_openers(context: Context) -> int:
    programs = context.core.open_in.look(context.cancel())
    rows = [(spec.key, f"{spec.label} in the browser", "") for spec in BROWSER_APPS]
    rows += [(o.key, o.label, programs.programs[o.key]) for o in OPENERS if o.key in programs.programs]
    rows += [(TERMINAL, "SSH terminal", programs.terminal or next(iter(programs.terminals), ""))]
    if context.json:
        listed = [{"key": key, "label": label, "program": program} for key, label, program in rows]
        json_line({"open_in": listed, "terminals": list(programs.terminals), "ssh_config": programs.ssh_ready})
        return 0
    result(table(("KEY", "OPENS", "PROGRAM"), rows))
    if not programs.ssh_ready:
        say("Programs of this computer need ssh to know the sessions: sessiondock ssh-config install")
    return 0


def _first_ready(snapshot: SessionSnapshot) -> str:
    """Return the key of the first application that is ready. Problems: open.not_ready"""
    report = snapshot.facts.report
    states = report.apps if report else {}
    ready = [spec.key for spec in BROWSER_APPS if spec.key in states and states[spec.key].state == APP_READY]
    if not ready:
        raise failure("open.not_ready", app="The session", state=progress_of(snapshot), why="Try again later.")
    return ready[0]
