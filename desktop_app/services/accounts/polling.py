"""Polling (``core.polling``): one poller per account that is watched. Any thread."""

import logging
import threading
import time
from collections.abc import Callable

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server
from desktop_app.domain.accounts.account import SANDBOX_ID, Account
from desktop_app.domain.problems import Cancelled
from desktop_app.domain.sessions.snapshot import SessionId, SessionSnapshot
from desktop_app.services.accounts.servers import Servers
from desktop_app.services.secrets.api_keys import ApiKeys
from desktop_app.services.state.account_store import AccountStore
from desktop_app.services.state.poller import Poller
from desktop_app.services.state.schedule import is_news
from desktop_app.services.state.store import SessionStore

_log = logging.getLogger(__name__)


class Polling:
    """Keeps the session store true to the servers of the accounts that are watched."""

    def __init__(
        self, outside: Outside, store: SessionStore, accounts: AccountStore, servers: Servers, keys: ApiKeys
    ) -> None:
        self._outside = outside
        self._store = store
        self._accounts = accounts
        self._servers = servers
        self._keys = keys
        self._lock = threading.Lock()
        self._pollers: dict[str, Poller] = {}
        self._closed = False
        self.after_poll: list[Callable[[str], None]] = []  # called on the poller's thread, also after a failure
        self._unsubscribe = store.subscribe(self._on_change)

    def _on_change(self, old: SessionSnapshot | None, new: SessionSnapshot | None) -> None:
        """Ask the server early: a connection or a control channel may know that something happened. Writer's thread."""
        if new is not None and is_news(old, new):
            self.poke(new.id.account)

    def start(self) -> None:
        """Poll every known account. Quick."""
        for account in self._accounts.all():
            self.watch(account.id)

    def watch(self, account: str) -> None:
        """Keep this account's sessions up to date from now on. Quick, idempotent."""
        if self._accounts.get(account) is None:
            self._let_go(account)
            return
        with self._lock:
            if account in self._pollers or self._closed:
                return
            poller = Poller(
                account, lambda cancel: self._server(account, cancel), self._store, self._outside, self._polled
            )
            self._pollers[account] = poller
        poller.start()

    def _server(self, account: str, cancel: Cancel) -> Server:
        """Return the client to poll with; an account that another process removed is polled no more."""
        if all(account not in known.ids for known in self._accounts.reload()):
            self._let_go(account)
            raise Cancelled
        return self._servers.of(account, cancel)

    def _polled(self, account: str) -> None:
        """Pass on that the server was looked at. A sandbox that is gone is looked for anew: at another port, even."""
        known = self._accounts.get(account)
        poller = self._pollers.get(account)
        if known is None:  # another process removed it
            self._let_go(account)
            return
        problem = poller.problem if poller else None
        self._accounts.note_problem(account, problem)
        if problem is None:
            self._keys.accepted(known)
        elif account == SANDBOX_ID and problem.code.startswith("server."):
            self._servers.drop(account)
        self._tell(account)

    def _tell(self, account: str) -> None:
        for tell in tuple(self.after_poll):
            tell(account)

    def poke(self, account: str) -> None:
        """Ask this account's server now. Quick."""
        poller = self._pollers.get(account)
        if poller is not None:
            poller.poke()

    def poke_all(self) -> None:
        """Ask every server now. Quick."""
        for account in tuple(self._pollers):
            self.poke(account)

    def glance(self) -> None:
        """Ask those servers now that were not asked just now: the user looks. Quick."""
        for poller in tuple(self._pollers.values()):
            poller.glance()

    def look_now(self, account: str) -> None:
        """Ask the server of an account that may be new to this process, or have other keys. Blocks (a file)."""
        self._accounts.reload()
        self.watch(account)
        self.poke(account)

    def wait_polled(self, account: str, seconds: float) -> bool:
        """Block until the store holds facts that are newer than this call; False after ``seconds``."""
        poller = self._pollers.get(account)
        return poller is not None and poller.wait_polled(seconds)

    def look(self, account: Account, cancel: Cancel) -> None:
        """Read the account's sessions into the store once, without a poller. Blocks. Problems: server.*, keyring.*

        A sandbox that does not run is not started: it has no session.
        """
        if account.sandbox and not self._outside.sandbox.address():
            return
        for seen in self._servers.of(account.id, cancel).sessions.living((), cancel):
            self._store.see(SessionId(account.id, seen.task), seen.facts)
        self._tell(account.id)

    def stop(self, account: str) -> Poller | None:
        """Poll this account no more; its poller may still be ending."""
        with self._lock:
            poller = self._pollers.pop(account, None)
        if poller is not None:
            poller.cancel()
        self._servers.drop(account)
        self._accounts.note_problem(account, None)
        return poller

    def _let_go(self, account: str) -> None:
        """Forget an account that another process removed."""
        if self.stop(account) is not None:
            _log.info("account %s was removed", account)
        for snapshot in self._store.of_account(account):
            self._store.remove(snapshot.id)

    def cancel(self) -> None:
        """Begin to end. Quick."""
        with self._lock:
            self._closed = True
            pollers = tuple(self._pollers.values())
        self._unsubscribe()
        for poller in pollers:
            poller.cancel()

    def close(self, seconds: float) -> tuple[str, ...]:
        """End the pollers and close the clients; returns the names of threads that outlive ``seconds``."""
        self.cancel()
        with self._lock:
            pollers = tuple(self._pollers.values())
        self._servers.close()
        deadline = time.monotonic() + seconds
        return tuple(p.name for p in pollers if not p.join(max(0.0, deadline - time.monotonic())))
