"""sessiondock open: a session's applications in the browser, programs of this computer on the session. Main thread."""

import argparse

from desktop_app.cli.base import CommandBase
from desktop_app.cli.output import json_line, result, say, table
from desktop_app.domain.access.open_in import BY_KEY, OPENERS, TERMINAL
from desktop_app.domain.nearest import nearest
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import SessionSnapshot, progress_of
from remote_bootstrap.contract import APP_READY
from remote_bootstrap.contract.apps import APPS

BROWSER_APPS = tuple(spec for spec in APPS if spec.opens == "browser")
KEYS = frozenset({TERMINAL, *BY_KEY, *(spec.key for spec in BROWSER_APPS)})


def add_open(opened: argparse.ArgumentParser) -> None:
    """Arguments beside the session."""
    text = "an application of the session or a program of this computer (see --list); default: the first that is ready"
    opened.add_argument("application", nargs="?", default="", help=text)
    opened.add_argument("--list", action="store_true", dest="only_list", help="show what a session can be opened in")
    opened.add_argument("--print", action="store_true", dest="only_print", help="print the address (good for 30 s)")
    text = f'for "{TERMINAL}": which program, now and later ("" = the desktop\'s own)'
    opened.add_argument("--terminal", metavar="PROGRAM", help=text)


class OpenCommands(CommandBase):
    """Each method returns the exit code."""

    def run_open(self) -> int:
        if self.arguments.terminal is not None:
            self.core.open_in.choose_terminal(self.arguments.terminal)
        if self.arguments.only_list:
            return self._list_programs()
        if not self.arguments.application and self.arguments.session in KEYS:  # "open zed", with one session only
            self.arguments.session, self.arguments.application = "", self.arguments.session
        key = self.arguments.application
        if key and key not in KEYS:
            raise failure("open.unknown", name=key, known=", ".join(sorted(KEYS)), near=nearest(key, KEYS))
        snapshot = self._session_to_open()
        key = key or _first_ready(snapshot)
        if self.arguments.only_print:
            url = self.core.entrances.login_page(snapshot.id, key, self.cancel())
            json_line({"url": url}) if self.json else result(url)
            return 0
        self._open_key(snapshot, key)
        return 0

    def _session_to_open(self) -> SessionSnapshot:
        """Problems: those of ``session``; of a word that could be either, both are told."""
        try:
            return self.session()
        except AppError as error:
            if error.problem.code != "session.unknown" or self.arguments.application or self.arguments.by_id:
                raise
            name, names = self.arguments.session, [s.name for s in self.core.store.all()]
            told = {"sessions": ", ".join(names) or "there is none", "known": ", ".join(sorted(KEYS))}
            raise failure("open.neither", name=name, near=nearest(name, (*KEYS, *names)), **told) from None

    def _open_key(self, snapshot: SessionSnapshot, key: str) -> None:
        if key == TERMINAL:
            self._open_terminal(snapshot)
            text = "A terminal opens."
        elif key in BY_KEY:
            self.core.open_in.open(snapshot.id, key, self.cancel())
            text = f"{BY_KEY[key].label} opens."
        else:
            self.core.open_in.open_app(snapshot.id, key, self.cancel())
            text = f"{key} opens in your browser."
        if self.json:
            json_line({"id": snapshot.id.task, "account": snapshot.id.account, "done": "opened", "in": key})
        else:
            say(text)

    def _open_terminal(self, snapshot: SessionSnapshot) -> None:
        """On a computer without terminal programs the one that we run in will do."""
        try:
            self.core.open_in.open_terminal(snapshot.id, self.cancel())
        except AppError as error:
            if error.problem.code != "open.no_terminal":
                raise
            here = f"sessiondock --attach {snapshot.id.task[:8]} --shell"
            raise failure("open.no_terminal", command=here) from None

    def _list_programs(self) -> int:
        found = self.core.open_in.look(self.cancel())
        rows = [(spec.key, f"{spec.label} in the browser", "") for spec in BROWSER_APPS]
        rows += [(o.key, o.label, found.programs[o.key]) for o in OPENERS if o.key in found.programs]
        rows += [(TERMINAL, "SSH terminal", found.terminal or next(iter(found.terminals), ""))]
        if self.json:
            listed = [{"key": key, "label": label, "program": program} for key, label, program in rows]
            json_line({"open_in": listed, "terminals": list(found.terminals), "ssh_config": found.ssh_ready})
        else:
            result(table(("KEY", "OPENS", "PROGRAM"), rows))
            if not found.ssh_ready:
                say("Programs of this computer need ssh to know the sessions: sessiondock ssh-config install")
        return 0


def _first_ready(snapshot: SessionSnapshot) -> str:
    report = snapshot.facts.report
    states = report.apps if report else {}
    ready = [spec.key for spec in BROWSER_APPS if spec.key in states and states[spec.key].state == APP_READY]
    if not ready:
        raise failure("open.not_ready", app="The session", state=progress_of(snapshot), why="Try again later.")
    return ready[0]
