"""SessionChoice: which session a command is about, and lists of sessions. Main thread; blocks."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from desktop_app.boundary.cancel import Cancel
from desktop_app.cli.context.accounts import AccountChoice
from desktop_app.cli.context.matching import (
    SHORTEST_PREFIX,
    TASK_LENGTH,
    matching,
    others_ambiguous,
    others_session,
    owner_of,
    unknown_session,
)
from desktop_app.cli.terminal.output import say
from desktop_app.cli.terminal.tables import clock
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.launch.option_checks import clean_line, task_id
from desktop_app.domain.problems import AppError, Problem, failure
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.snapshot import Remote, SessionId, SessionSnapshot

if TYPE_CHECKING:
    from desktop_app.services.core import Core

LONG_AGO = datetime.min.replace(tzinfo=UTC)

Looked = tuple[tuple[SessionSnapshot, ...], dict[str, Problem]]  # sessions; account's name -> why it did not answer


class SessionChoice:
    """The sessions of the accounts that a command is about."""

    def __init__(self, core: "Core", accounts: AccountChoice, cancel: Callable[[], Cancel]) -> None:
        self._core = core
        self._accounts = accounts
        self._cancel = cancel
        self.away: dict[str, Problem] = {}  # account's id -> why its server could not be asked by the last look

    # -- lists

    def look(self) -> Looked:
        """Return your sessions, and why some accounts did not answer: of those, what is known without their server."""
        accounts = self._accounts.all()
        _, problems = self._each(accounts, self._look_at)
        self.away = {account.id: problems[account.label] for account in accounts if account.label in problems}
        ids = {account.id for account in accounts}
        return tuple(s for s in self._core.store.all() if s.id.account in ids), problems

    def _look_at(self, account: Account) -> tuple[SessionSnapshot, ...]:
        """Bring the store up to date; it holds more than this account's sessions, so none are returned."""
        try:
            self._core.sessions.look(account.id, self._cancel())
        except AppError:
            self._core.known.recall(account.id)
            raise
        return ()

    def living(self) -> list[SessionSnapshot]:
        """Return your sessions that have not ended."""
        return [snapshot for snapshot in self.look()[0] if snapshot.remote is not Remote.ENDED]

    def of_all_users(self) -> Looked:
        """Return the living sessions of all users of these accounts' workspaces."""
        return self._each(self._accounts.all(), self._of_all_users)

    def _of_all_users(self, account: Account) -> tuple[SessionSnapshot, ...]:
        return self._core.sessions.of_all_users(account.id, self._cancel())

    def _each(self, accounts: Sequence[Account], ask: Callable[[Account], tuple[SessionSnapshot, ...]]) -> Looked:
        sessions: list[SessionSnapshot] = []
        problems: dict[str, Problem] = {}
        for account in accounts:
            try:
                sessions += ask(account)
            except AppError as error:
                problems[account.label] = error.problem
        return tuple(sessions), problems

    def finished(self) -> tuple[list[tuple[Account, tuple[FinishedSession, ...]]], dict[str, Problem]]:
        """Return your sessions that have ended, by account, the newest first, and why some accounts did not answer.

        A sandbox that does not run is not started.
        """
        rows: list[tuple[Account, tuple[FinishedSession, ...]]] = []
        problems: dict[str, Problem] = {}
        for account in self._accounts.all():
            if account.sandbox and not self._core.sandbox.address():
                continue
            try:
                rows.append((account, self._core.history.ended(account.id, self._cancel())))
            except AppError as error:
                problems[account.label] = error.problem
        return rows, problems

    # -- one

    def find(self, text: str, *, ended: bool = False, theirs: bool = False) -> SessionSnapshot:
        """Return the session that a text names (id, its beginning, name, web address), "" = the only one.

        ``ended``: one that has ended will do where none that lives fits; ``theirs``: another user's will do, too.
        Problems: session.unknown, session.ambiguous, session.none, session.others, and what kept a server from
        answering.
        """
        text = task_id(text)
        sessions, problems = self.look()
        fitting = matching(sessions, text)
        if len(fitting) == 1:
            self._say_as_of(fitting[0])
            return fitting[0]
        if not fitting and len(text) == TASK_LENGTH:
            return _allowed(self._by_id(text), theirs)
        gone = self.ended(text) if ended and text and not fitting else None
        if gone is not None:
            return gone
        other = self.of_another_user(text, problems) if text and not fitting else None
        if other is not None:
            return _allowed(other, theirs)
        if not fitting and problems:
            raise AppError(next(iter(problems.values())))
        if not fitting:
            self._accounts.say_if_sandbox_rests()
        raise unknown_session(text, fitting or sessions)

    def _say_as_of(self, snapshot: SessionSnapshot) -> None:
        """Say so where what follows is not what the server says now."""
        problem = self.away.get(snapshot.id.account)
        if problem is not None and snapshot.stale_since is not None:
            name, time = clean_line(snapshot.name), clock(snapshot.stale_since)
            say(f"{problem.title}. What is known of “{name}” is as of {time}.")

    def _by_id(self, task: str) -> SessionSnapshot:
        """Ask each server: one that has ended is in no list. A session of ours where one account says so, else another
        user's; a sandbox that does not run is not started. Problems: task.gone, task.foreign, session.unknown"""
        last: AppError | None = None
        theirs: SessionSnapshot | None = None
        for account in self._accounts.all():
            if account.sandbox and not self._core.sandbox.address():
                continue
            try:
                snapshot = self._core.sessions.fetch(SessionId(account.id, task), self._cancel())
            except AppError as error:
                last = error
                continue
            if snapshot.facts.mine:
                return snapshot
            theirs = theirs or snapshot
        if theirs is not None:
            return theirs
        self._accounts.say_if_sandbox_rests()
        raise last or unknown_session(task, ())

    def ended(self, text: str) -> SessionSnapshot | None:
        """Return the session of yours that has ended with that name (the newest of several), else that beginning of an
        id; with "" the newest of all. Problems: session.ambiguous"""
        known = [(account.id, finished) for account, ended in self.finished()[0] for finished in ended]
        known.sort(key=lambda row: row[1].ended or LONG_AGO, reverse=True)
        text = text.strip()
        named = [row for row in known if text in ("", row[1].name.strip())][:1]
        fitting = named or [row for row in known if len(text) >= SHORTEST_PREFIX and row[1].task.startswith(text)]
        if len(fitting) > 1:
            names = ", ".join(f"{finished.name} ({finished.task[:8]})" for _, finished in fitting)
            raise failure("session.ambiguous", known=names)
        if not fitting:
            return None
        account, newest = fitting[0]
        return self._core.sessions.fetch(SessionId(account, newest.task), self._cancel())

    def of_another_user(self, text: str, silent: Mapping[str, Problem]) -> SessionSnapshot | None:
        """Return another user's session of that name. ``silent``: accounts, by name, that don't answer.

        Problems: session.ambiguous
        """
        answering = [account for account in self._accounts.all() if account.label not in silent]
        asked = [account for account in answering if not account.sandbox or self._core.sandbox.address()]
        sessions, _ = self._each(asked, self._of_all_users)
        by_task = {s.id.task: s for s in matching(tuple(s for s in sessions if not s.facts.mine), text)}
        if len(by_task) > 1:
            raise others_ambiguous(tuple(by_task.values()))
        return next(iter(by_task.values()), None)

    def holder_of(self, snapshot: SessionSnapshot) -> dict[str, object]:
        """Return what the process that holds the connection says of it; {} where none does, or it ends just now."""
        if not snapshot.held_by:
            return {}
        try:
            return dict(self._core.connections.status(snapshot.id))
        except AppError:
            return {}


def _allowed(snapshot: SessionSnapshot, theirs: bool) -> SessionSnapshot:
    """Return the session if this command may use it: another user's may be looked at, and one that clearml-session
    started lets anybody in. Problems: session.others"""
    if not snapshot.facts.mine:
        if not theirs and snapshot.facts.clearml_session is None:
            raise others_session(snapshot)
        say(f"“{clean_line(snapshot.name)}” belongs to {owner_of(snapshot)}.")
    return snapshot
