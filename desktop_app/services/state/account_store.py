"""AccountStore (``core.accounts``): the accounts of this user and what keeps their servers from answering. Any thread.

Reading is quick: everything is in memory. The settings file is read again with ``reload`` before each look at
a server, since other processes of ours change it, too.
"""

import logging
import threading
from collections.abc import Callable, Sequence

from desktop_app.boundary.memory import AccountMemory
from desktop_app.domain.accounts import identity
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.problems import Problem

Listener = Callable[[str], None]

_log = logging.getLogger(__name__)


class AccountStore:
    """The one place of this process where accounts change; tells its listeners of each change."""

    def __init__(self, memory: AccountMemory) -> None:
        self._memory = memory
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._accounts = memory.all()
        self._problems: dict[str, Problem] = {}
        self._listeners: list[Listener] = []

    # -- reading: quick

    def all(self) -> tuple[Account, ...]:
        """Return the accounts in the order in which they were added. Quick."""
        with self._lock:
            return self._accounts

    def get(self, account: str) -> Account | None:
        """Return the account with this id. Quick."""
        return next((known for known in self.all() if known.id == account), None)

    def find(self, name: str) -> Account:
        """Return the account with this id or label, else the one that is told by it otherwise. Quick.

        Problems: account.unknown, account.ambiguous
        """
        return identity.find(self.all(), name)

    def problem(self, account: str) -> Problem | None:
        """Return why this account's server can't be used right now, None while it can. Quick."""
        with self._lock:
            return self._problems.get(account)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener(account id)`` after each change of an account or of its problem, on the thread that made it.

        Returns what ends that. Quick.
        """
        with self._lock:
            self._listeners.append(listener)
        return lambda: self._unsubscribe(listener)

    def _unsubscribe(self, listener: Listener) -> None:
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    # -- changing

    def reload(self) -> tuple[Account, ...]:
        """Read the accounts from the settings again, and return them. Blocks (a file)."""
        with self._reading:  # so that what was read first is not kept last
            accounts = self._memory.all()
            with self._lock:
                before, self._accounts = self._accounts, accounts
        old, new = {known.id: known for known in before}, {known.id: known for known in accounts}
        for account in {**old, **new}:
            if old.get(account) != new.get(account):
                self._tell(account)
        return accounts

    def change(self, edit: Callable[[Sequence[Account]], Sequence[Account]]) -> None:
        """Change the accounts, in the settings at once. Blocks. Problems: file.unwritable"""
        self._memory.change(edit)
        self.reload()

    def remove(self, account: str) -> None:
        """Take the account out of the settings. Blocks. Problems: file.unwritable"""
        self._memory.remove(account)
        self.reload()

    def note_problem(self, account: str, problem: Problem | None) -> None:
        """Note what the last look at this account's server failed with, None where it did not fail. Quick."""
        with self._lock:
            before = self._problems.pop(account, None)
            if problem is not None:
                self._problems[account] = problem
        if before != problem:
            self._tell(account)

    def _tell(self, account: str) -> None:
        with self._lock:
            listeners = tuple(self._listeners)
        for listener in listeners:
            try:
                listener(account)
            except Exception:  # a listener's mistake must not stop the one that changes something
                _log.exception("a listener of the accounts failed")
