"""Context: what every command is given. Main thread; blocks where its parts do."""

import argparse
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.computer import Waiting
from desktop_app.cli.context.accounts import AccountChoice
from desktop_app.cli.context.sessions import SessionChoice
from desktop_app.cli.terminal.interrupt import Interruptible
from desktop_app.cli.terminal.keyboard import on_terminal
from desktop_app.cli.terminal.output import json_line, say
from desktop_app.domain.sessions.snapshot import SessionSnapshot

if TYPE_CHECKING:
    from desktop_app.services.core import Core

CALL_S = 60.0
LAUNCHES = (None, "launch")  # the commands that may start the sandbox by themselves

MakeKeyboard = Callable[[Callable[[str | None], None]], Waiting]


class Context:
    """The core, which is made when a command first needs it, and how this command line is to be answered."""

    def __init__(
        self, arguments: argparse.Namespace, make_core: Callable[[], "Core"], new_keyboard: MakeKeyboard
    ) -> None:
        self._arguments = arguments
        self._make_core = make_core
        self._core: Core | None = None
        self.new_keyboard = new_keyboard  # waits for pokes and for typed lines
        self.json: bool = getattr(arguments, "json", False)
        self.agreed = hasattr(arguments, "yes")  # --yes: the user agrees without being asked
        self.kept = ""  # a sentence for the user who interrupts: what stays of what was done so far

    @property
    def core(self) -> "Core":
        """Return the core of this command, with a word about files of ours that could not be read.

        Problems: file.unwritable
        """
        if self._core is None:
            self._core = self._make_core()
            for problem in self._core.trouble.files():
                say(f"sessiondock: {problem}")
        return self._core

    def close(self) -> None:
        """End what the core began, if there is one."""
        if self._core is not None:
            self._core.close()

    def log_trouble(self) -> str:
        """Return why the log could not be written, as a sentence; "" where it could, or nothing was to be logged."""
        return self._core.trouble.log() if self._core is not None else ""

    # -- the user

    @property
    def listens(self) -> bool:
        """True if a user at a terminal may say what to do while we stay connected; --yes answers questions only."""
        return self._arguments.command is None and not self.json and on_terminal()

    @property
    def asks(self) -> bool:
        """True if a user at a terminal is to be asked."""
        return self.listens and not self.agreed

    def tell(self, value: object, text: str) -> None:
        """Tell what was done: the JSON value with --json, else the sentence."""
        json_line(value) if self.json else say(text)

    def tell_done(self, snapshot: SessionSnapshot, done: str, text: str) -> None:
        """Tell what was done with a session; ``done`` is the word for programs."""
        self.tell({"id": snapshot.id.task, "account": snapshot.id.account, "done": done}, text)

    def cancel(self) -> Cancel:
        """Return a token for one call to a server or to another process."""
        return Interruptible(CALL_S)

    # -- what the command is about

    @cached_property
    def accounts(self) -> AccountChoice:
        """Return the accounts that the command is about."""
        launches = self._arguments.command in LAUNCHES
        return AccountChoice(self.core, getattr(self._arguments, "account", ""), launches=launches, cancel=self.cancel)

    @cached_property
    def sessions(self) -> SessionChoice:
        """Return the sessions of these accounts."""
        return SessionChoice(self.core, self.accounts, self.cancel)

    def session(self, *, ended: bool = False, theirs: bool = False) -> SessionSnapshot:
        """Return the session that the command line names, as ``SessionChoice.find`` does."""
        text = getattr(self._arguments, "by_id", "") or self._arguments.session
        return self.sessions.find(text, ended=ended, theirs=theirs)
