"""``launch --again``: another session with the options of an earlier one. Main thread.

What is kept on this computer is used as it is. What only the task tells can have been written by everybody in the
workspace, so it is shown, and a person (or --yes) agrees; that --yes gives no git logins or keys away.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from desktop_app.cli import ask
from desktop_app.cli.base import CommandBase
from desktop_app.cli.given import read_secret
from desktop_app.cli.keyboard import on_terminal
from desktop_app.cli.options import names_given
from desktop_app.cli.output import say, shorten
from desktop_app.domain.accounts.account import Account
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


class AgainCommands(CommandBase):
    """Part of the command launch."""

    _found: Again | None = None

    def again(self) -> tuple[Account, LaunchSpec]:
        """The account and the options of the session that --again names; without a name of the one that ended last.

        Problems: again.*, session.unknown, task.gone. Raises Left.
        """
        snapshot = self._earlier(self.arguments.again)
        found = self._found = self.core.history.again(snapshot.id, self.cancel())
        for name, value in found.differs:
            label, theirs = options()[name].label, shorten(value, DIFFERENT) or "nothing"
            say(f"{label}: the task in ClearML says “{theirs}” by now. What this computer launched with is used.")
        if found.partial:
            self._look_at(found)
        return self.core.accounts.find(snapshot.id.account), self._with_secrets(found)

    def told_again(self) -> dict[str, Any]:
        """For --json: what came from the earlier session's task; nothing where this launch is none like another."""
        if self._found is None:
            return {}
        found = {"taken_over": self._taken(self._found), "not_taken_over": list(self._found.left)}
        return {"again": {**found, "differs": dict(self._found.differs)}}

    def _taken(self, found: Again) -> dict[str, Any]:
        """Flags replace what the task says."""
        given = names_given(self.arguments)
        return {name: value for name, value in found.taken.items() if name not in given}

    def _look_at(self, found: Again) -> None:
        """Problems: again.unseen. Raises Left."""
        say(PARTIAL)
        for name, value in self._taken(found).items():
            for text in _shown(name, value):
                say(f"  {text}")
        if found.left:
            say(f"Not taken over: {', '.join(options()[name].flag for name in found.left)}.")
        if self.arguments.take_over:
            return
        if self.json or not on_terminal():
            raise failure("again.unseen", name=clean_line(found.spec.name))
        if not ask.yes("Launch with these?", default=False):
            raise ask.Left

    def _earlier(self, text: str) -> SessionSnapshot:
        if not self.core.sandbox.address() and any(account.sandbox for account in self._wanted_accounts()):
            self._new_sandbox()
        self.arguments.session = text
        if text:
            return self.session(ended=True, theirs=True)
        newest = self._ended("")
        if newest is None:
            raise failure("again.none")
        return newest

    def _with_secrets(self, found: Again) -> LaunchSpec:
        """A person types them again; a script says them, or that there shall be none."""
        asks = [name for name in found.asks if name not in names_given(self.arguments)]
        if asks and (self.json or not on_terminal()):
            raise failure("again.secret", flags=" and ".join(options()[name].flag for name in asks))
        spec = found.spec
        for name in asks:
            answer = {name: read_secret(f"{options()[name].label}: ")}
            spec = replace(spec, **answer)  # type: ignore[arg-type]  # a field that holds text
        return spec


def _shown(name: str, value: str | bool) -> Iterator[str]:
    """An option for a person to look at, whole but for a long script; each line is one, whatever is in it."""
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
    """Blanks in front are kept, which a script is easier to read with."""
    text = " " * (len(line) - len(line.lstrip())) + clean_line(line)
    return text if len(text) <= SCRIPT_COLUMNS else f"{text[:SCRIPT_COLUMNS]}… ({len(text):,} characters)"
