"""What every command of the command line shares: the core, the arguments, and finding accounts and sessions."""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.computer import Waiting
from desktop_app.cli.interrupt import Interruptible
from desktop_app.cli.keyboard import Pokes, on_terminal
from desktop_app.cli.output import clock, say, shorten
from desktop_app.domain.accounts.account import SANDBOX_ID, Account
from desktop_app.domain.accounts.identity import told_apart
from desktop_app.domain.launch.option_checks import clean_line, task_id
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.nearest import nearest
from desktop_app.domain.problems import AppError, Problem, failure
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.snapshot import Remote, SessionId, SessionSnapshot
from desktop_app.services.core import Core

CALL_S = 60.0
SANDBOX_S = 180.0  # its first start installs an agent
SHORTEST_PREFIX = 4
LAUNCHES = (None, "launch")  # the commands that may start the sandbox by themselves
TASK_LENGTH = 32
MOST_NAMED = 10
LONG_AGO = datetime.min.replace(tzinfo=UTC)
LOOK_S = 1.0  # what another process holds does not change our store

T = TypeVar("T")
Looked = tuple[tuple[SessionSnapshot, ...], dict[str, Problem]]


class CommandBase:
    """One parsed command line over one core."""

    def __init__(self, core: Core, arguments: argparse.Namespace) -> None:
        self.core = core
        self.arguments = arguments
        self.kept = ""  # a sentence for whoever interrupts: what stays of what was done so far
        self.json: bool = getattr(arguments, "json", False)
        self.away: dict[str, Problem] = {}  # account -> why its server could not be asked

    @property
    def asks(self) -> bool:
        """Whether a person at a terminal is to be asked."""
        return self.listens and not hasattr(self.arguments, "yes")

    @property
    def listens(self) -> bool:
        """Whether a person at a terminal may say what to do while we stay connected; --yes answers questions only."""
        return self.arguments.command is None and not self.json and on_terminal()

    def cancel(self) -> Cancel:
        return Interruptible(CALL_S)

    def account(self) -> Account:
        """The account that was named, or the only one, or for a launch the sandbox where there is none.

        Problems: account.unknown, account.several, account.none
        """
        found = self._chosen_account()
        if found.sandbox and self.arguments.command in LAUNCHES and not self.core.sandbox.address():
            return self._new_sandbox()  # with its agent there: a launch asks for queues that are served
        return found

    def _chosen_account(self) -> Account:
        name = self._account_name()
        known = self.core.accounts.all()
        if name == SANDBOX_ID and not any(account.sandbox for account in known):
            return self._new_sandbox()
        if name:
            return self.core.accounts.find(name)
        if len(known) == 1:
            return known[0]
        if known:
            raise failure("account.several", known=told_apart(known))
        return self._first_account()

    def _first_account(self) -> Account:
        """The sandbox, for a launch on a computer that holds no ClearML key. Problems: account.none"""
        if self.arguments.command not in LAUNCHES:
            raise failure("account.none", found="")
        offer = self.core.credentials.found(self.cancel())
        if offer.found:
            sources = ", ".join(one.source for one in offer.found)
            raise failure("account.none", found=f" ({sources})")
        return self._new_sandbox()

    @property
    def profile(self) -> str:
        """The profile that a launch begins with, "" = none."""
        return getattr(self.arguments, "profile", "")

    def start_spec(self, otherwise: Callable[[], LaunchSpec]) -> LaunchSpec:
        """What the flags change: the profile where one is named. Problems: profile.unknown"""
        return self.core.profiles.get(self.profile) if self.profile else otherwise()

    def _new_sandbox(self) -> Account:
        say("Starting the sandbox of this computer…")
        return self.core.accounts.use_sandbox(Interruptible(SANDBOX_S))

    # -- sessions

    def look(self) -> Looked:
        """The sessions of all (or the named) accounts, and what kept some accounts from answering: of those, what is
        known without their server."""

        def one(account: Account) -> tuple[SessionSnapshot, ...]:
            try:
                self.core.sessions.look(account.id, self.cancel())
            except AppError:
                self.core.known.recall(account.id)
                raise
            return ()

        wanted = self._wanted_accounts()
        _, problems = self._each(wanted, one)
        self.away = {account.id: problems[account.label] for account in wanted if account.label in problems}
        ids = {account.id for account in wanted}
        return tuple(s for s in self.core.store.all() if s.id.account in ids), problems

    def everybodys(self) -> Looked:
        """The living sessions of all users of these accounts' workspaces."""
        return self._each(
            self._wanted_accounts(), lambda account: self.core.sessions.of_all_users(account.id, self.cancel())
        )

    def _each(self, accounts: Sequence[Account], ask: Callable[[Account], tuple[SessionSnapshot, ...]]) -> Looked:
        found: list[SessionSnapshot] = []
        problems: dict[str, Problem] = {}
        for account in accounts:
            try:
                found += ask(account)
            except AppError as error:
                problems[account.label] = error.problem
        return tuple(found), problems

    def _wanted_accounts(self) -> Sequence[Account]:
        return [self.core.accounts.find(self._account_name())] if self._account_name() else self.core.accounts.all()

    def _account_name(self) -> str:
        return getattr(self.arguments, "account", "")

    def session(self, *, ended: bool = False, theirs: bool = False) -> SessionSnapshot:
        """The session that the command is about; with ``ended`` one that has ended will do where none that lives fits,
        with ``theirs`` (to look at it) another user's, too. Problems: session.unknown, session.others, and what kept a
        server from answering."""
        text = task_id(getattr(self.arguments, "by_id", "") or self.arguments.session)
        found, problems = self.look()
        fitting = matching(found, text)
        if len(fitting) == 1:
            self._say_as_of(fitting[0])
            return fitting[0]
        if not fitting and len(text) == TASK_LENGTH:
            return self._allowed(self._by_id(text), theirs)
        gone = self._ended(text) if ended and text and not fitting else None
        if gone is not None:
            return gone
        other = self.somebodys(text, problems) if text and not fitting else None
        if other is not None:
            return self._allowed(other, theirs)
        if not fitting and problems:
            raise AppError(next(iter(problems.values())))
        if not fitting:
            self.say_sandbox_rests()
        raise unknown_session(text, fitting or found)

    def say_sandbox_rests(self) -> bool:
        """Whether it does: its earlier sessions are known to it alone, and looking for them does not start it."""
        rests = any(account.sandbox for account in self._wanted_accounts()) and not self.core.sandbox.address()
        if rests:
            say("The sandbox does not run. Its earlier sessions can be seen while it does: sessiondock sandbox start")
        return rests

    def holder_of(self, snapshot: SessionSnapshot) -> dict[str, object]:
        """What the process that holds the tunnel says; it may be ending at this moment."""
        if not snapshot.held_by:
            return {}
        try:
            return dict(self.core.connections.status(snapshot.id))
        except AppError:
            return {}

    def _say_as_of(self, found: SessionSnapshot) -> None:
        """What follows is not what the server says now."""
        why = self.away.get(found.id.account)
        if why is not None and found.stale_since is not None:
            say(f"{why.title}. What is known of “{clean_line(found.name)}” is as of {clock(found.stale_since)}.")

    def somebodys(self, text: str, silent: Mapping[str, Problem]) -> SessionSnapshot | None:
        """Another user's session of that name; ``silent``: accounts, by name, that don't answer.
        Problems: session.ambiguous"""
        wanted = self._wanted_accounts()
        asked = [one for one in wanted if one.label not in silent and (not one.sandbox or self.core.sandbox.address())]
        found, _ = self._each(asked, lambda account: self.core.sessions.of_all_users(account.id, self.cancel()))
        by_task = {one.id.task: one for one in matching(tuple(s for s in found if not s.facts.mine), text)}
        if len(by_task) > 1:
            rows = [f"{shorten(s.name, 40)} ({s.id.task[:8]}), which belongs to {_owner(s)}" for s in by_task.values()]
            raise failure("session.ambiguous", known=", ".join(rows[:MOST_NAMED]))
        return next(iter(by_task.values()), None)

    @staticmethod
    def _allowed(found: SessionSnapshot, theirs: bool) -> SessionSnapshot:
        """One of another user's may be looked at, and one that clearml-session started lets anybody in.
        Problems: session.others"""
        if not found.facts.mine:
            if not theirs and found.facts.clearml_session is None:
                raise others_session(found)
            say(f"“{clean_line(found.name)}” belongs to {_owner(found)}.")
        return found

    def finished(self) -> tuple[list[tuple[Account, tuple[FinishedSession, ...]]], dict[str, Problem]]:
        """The sessions that have ended, by account, the newest first; a sandbox that does not run is not started."""
        found: list[tuple[Account, tuple[FinishedSession, ...]]] = []
        problems: dict[str, Problem] = {}
        for account in self._wanted_accounts():
            if account.sandbox and not self.core.sandbox.address():
                continue
            try:
                found.append((account, self.core.history.ended(account.id, self.cancel())))
            except AppError as error:
                problems[account.label] = error.problem
        return found, problems

    def _ended(self, text: str) -> SessionSnapshot | None:
        """By name (the newest of several), else by the beginning of an id; "": the newest of all.

        Problems: session.ambiguous
        """
        known = [(account.id, one) for account, ended in self.finished()[0] for one in ended]
        known.sort(key=lambda row: row[1].ended or LONG_AGO, reverse=True)
        text = text.strip()
        named = [row for row in known if text in ("", row[1].name.strip())][:1]
        fitting = named or [row for row in known if len(text) >= SHORTEST_PREFIX and row[1].task.startswith(text)]
        if len(fitting) > 1:
            names = ", ".join(f"{one.name} ({one.task[:8]})" for _, one in fitting)
            raise failure("session.ambiguous", known=names)
        return (
            self.core.sessions.fetch(SessionId(fitting[0][0], fitting[0][1].task), self.cancel()) if fitting else None
        )

    def _by_id(self, task: str) -> SessionSnapshot:
        """One that has ended is not in the list, but its server still knows it: as ours where one account says so."""
        last: AppError | None = None
        theirs: SessionSnapshot | None = None
        accounts = [self.account()] if self._account_name() else self.core.accounts.all()
        for account in accounts:
            try:
                found = self.core.sessions.fetch(SessionId(account.id, task), self.cancel())
            except AppError as error:
                last = error
                continue
            if found.facts.mine:
                return found
            theirs = theirs or found
        if theirs is not None:
            return theirs
        raise last or unknown_session(task, ())

    def wait(
        self,
        session: SessionId,
        until: Callable[[SessionSnapshot], T | None],
        seconds: float,
        patience: Waiting | None = None,
    ) -> T | None:
        """The first truthy answer about the session's changing snapshot; None after ``seconds`` or when it is gone."""
        end = time.monotonic() + seconds
        patience = patience or Pokes()
        unsubscribe = self.core.store.subscribe(lambda _old, _new: patience.poke())
        try:
            while time.monotonic() < end:
                now = self.core.store.get(session)
                answer = until(now) if now is not None else None
                if now is None or answer:
                    return answer
                patience.wait(LOOK_S)
            return None
        finally:
            unsubscribe()


def matching(found: tuple[SessionSnapshot, ...], text: str) -> list[SessionSnapshot]:
    """By whole id, else by name, else by the beginning of an id; with no text: all that live. Blanks around a name
    don't count: the server cuts them off."""
    text = text.strip()
    if not text:
        return [s for s in found if s.remote is not Remote.ENDED]
    for fits in (
        lambda s: text in (s.id.task, s.id.text),
        lambda s: s.name.strip() == text,
        lambda s: len(text) >= SHORTEST_PREFIX and s.id.task.startswith(text),
    ):
        chosen = [s for s in found if fits(s)]
        if chosen:
            return chosen
    return []


def others_session(found: SessionSnapshot) -> AppError:
    """It is there, but not ours."""
    return failure("session.others", name=shorten(found.name, 60), owner=_owner(found))


def _owner(found: SessionSnapshot) -> str:
    return clean_line(found.facts.owner) or "another user"


def unknown_session(text: str, known: tuple[SessionSnapshot, ...] | list[SessionSnapshot]) -> AppError:
    """None fits, or more than one does."""
    names = ", ".join(f"{shorten(s.name, 40)} ({_which(s, known)})" for s in known[:MOST_NAMED])
    names += ", …" if len(known) > MOST_NAMED else ""
    fitting = matching(tuple(known), text)
    if not fitting and not text:
        return failure("session.none")
    if len(fitting) > 1:
        return failure("session.ambiguous", known=names)
    near = nearest(text, [shorten(s.name, 40) for s in known])
    return failure("session.unknown", name=shorten(text, 60), known=names or "none", near=near)


def _which(one: SessionSnapshot, known: tuple[SessionSnapshot, ...] | list[SessionSnapshot]) -> str:
    """What tells it from the others: two accounts on one server both know each session there."""
    twice = sum(other.id.task == one.id.task for other in known) > 1
    return f"--account {one.id.account}" if twice else one.id.task[:8]
