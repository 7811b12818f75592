"""Accounts: who we are on which server, one live server client and one poller per account. Any thread."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server
from desktop_app.domain.accounts import identity
from desktop_app.domain.accounts.account import SANDBOX_ID, Account
from desktop_app.domain.accounts.secrets import API_SECRET, GIT_CREDENTIALS, PROXY_PASSWORD
from desktop_app.domain.problems import AppError, Cancelled, Problem
from desktop_app.domain.sessions.snapshot import Remote, SessionId, SessionSnapshot
from desktop_app.services.secrets.api_keys import ApiKeys, described, know_each_other
from desktop_app.services.secrets.forgetting import forget_session
from desktop_app.services.secrets.session_keys import Wrapped
from desktop_app.services.state.poller import Poller
from desktop_app.services.state.schedule import is_news
from desktop_app.services.state.store import SessionStore

SIGN_IN_S = 20.0
AGENT_S = 8.0  # the sandbox agent registers within some two seconds
AGENT_POLL_S = 0.25

_log = logging.getLogger(__name__)


class Accounts:
    """Everything that depends on an account's id."""

    def __init__(self, outside: Outside, store: SessionStore) -> None:
        self._outside = outside
        self._store = store
        self.after_poll: list[Callable[[str], None]] = []  # called after each look at an account's server
        self._lock = threading.RLock()
        self._connecting: dict[str, threading.Lock] = {}
        self._keys = ApiKeys(outside)
        self._servers: dict[str, Server] = {}
        self._made_for: dict[str, Account] = {}  # what each of these servers was made of
        self._pollers: dict[str, Poller] = {}
        self._closed = False
        self.on_switched = self._keys.on_switched
        self.before_removal: list[Callable[[str], None]] = []
        self.on_changed: list[Callable[[str], None]] = []  # an account came, went or has other keys
        self.wrapped: dict[str, Wrapped] = {}  # account -> what became of the running sessions at its last sign-in
        self._unsubscribe = store.subscribe(self._heard)

    def _heard(self, old: SessionSnapshot | None, new: SessionSnapshot | None) -> None:
        """On the writer's thread: a connection or a control channel may know that something happened."""
        if new is not None and is_news(old, new):
            self.poke(new.id.account)

    def all(self) -> tuple[Account, ...]:
        """Quick."""
        return self._outside.profiles.accounts()

    def find(self, account: str) -> Account:
        """Quick. By id or label, else by what else tells it. Problems: account.unknown, account.ambiguous"""
        return identity.find(self.all(), account)

    def problem(self, account: str) -> Problem | None:
        """Quick."""
        poller = self._pollers.get(account)
        return poller.problem if poller else None

    # -- servers and pollers

    def server(self, account: str, cancel: Cancel) -> Server:
        """The account's client, made at first use: reads the keyring, starts the sandbox. Blocks.

        Another process may have removed the key that it uses, or signed in at another address: then it is made anew.
        """
        known = self._exactly(account)
        account = known.id  # it may be named by one that it had
        with self._lock:
            made = self._made(known)
            if made is not None:
                return made
            gate = self._connecting.setdefault(account, threading.Lock())
        with gate:
            with self._lock:
                made = self._made(known)
            if made is not None:
                return made
            server = self._connect(known, cancel)
            with self._lock:
                old, self._servers[account] = self._servers.get(account), server
                self._made_for[account] = known
        if old is not None:
            old.close()
        return server

    def _exactly(self, account: str) -> Account:
        """By its id, which is what sessions and pollers know. Problems: account.unknown"""
        known = self.all()
        found = next((one for one in known if account in one.ids), None)
        if found is None:
            raise identity.unknown(known, account)
        return found

    def _made(self, known: Account) -> Server | None:
        """Under the lock: the client that there is, as long as it is right."""
        before = self._made_for.get(known.id, known)
        moved = (before.api_url, before.trust) != (known.api_url, known.trust)
        if not known.sandbox and (moved or not self._keys.is_current(known)):
            return None
        return self._servers.get(known.id)

    def _connect(self, account: Account, cancel: Cancel) -> Server:
        if account.sandbox:
            return self._outside.connect_server(*self._ensure_sandbox(cancel), no_other_key)
        return self._outside.connect_server(*self._keys.first(account), self._keys.next_key(account.id))

    def _ensure_sandbox(self, cancel: Cancel) -> tuple[Account, str]:
        """Start or adopt the sandbox, hold it, and remember its account like any other."""
        known = next((a.access_key for a in self.all() if a.sandbox), "")
        old = self._outside.secrets.get(API_SECRET, SANDBOX_ID) or ""
        account, secret = self._outside.sandbox.ensure(known, old, cancel)
        self._outside.sandbox.hold()
        if secret != old:
            self._outside.secrets.set(API_SECRET, account.id, secret)
        if account not in self.all():
            self._outside.profiles.save_account(account)
        return account, secret

    def start(self) -> None:
        """Quick: poll every known account."""
        for account in self.all():
            self.watch(account.id)

    def watch(self, account: str) -> None:
        """Quick: poll this account. Idempotent."""
        if all(one.id != account for one in self.all()):
            self._let_go(account)
            return
        with self._lock:
            if account in self._pollers or self._closed:
                return
            poller = Poller(
                account,
                lambda cancel: self._polled_server(account, cancel),
                self._store,
                self._outside,
                self._polled,
            )
            self._pollers[account] = poller
        poller.start()

    def _polled_server(self, account: str, cancel: Cancel) -> Server:
        """Nobody polls an account that another process removed."""
        if all(account not in one.ids for one in self.all()):
            self._let_go(account)
            raise Cancelled
        return self.server(account, cancel)

    def _polled(self, account: str) -> None:
        """On the poller's thread. A sandbox that is gone is looked for anew: at another port, with another key even."""
        known = next((one for one in self.all() if one.id == account), None)
        if known is None:  # another process removed it
            self._let_go(account)
            return
        problem = self.problem(account)
        if problem is None:
            self._keys.accepted(known)
        if account == SANDBOX_ID and problem is not None and problem.code.startswith("server."):
            with self._lock:
                lost = self._servers.pop(account, None)
            if lost is not None:
                lost.close()
        self._tell_polled(account)

    def _tell_polled(self, account: str) -> None:
        for tell in tuple(self.after_poll):
            tell(account)

    def poke(self, account: str) -> None:
        """Quick: ask this account's server now."""
        poller = self._pollers.get(account)
        if poller is not None:
            poller.poke()

    def poke_all(self) -> None:
        """Quick: ask every server now."""
        for account in tuple(self._pollers):
            self.poke(account)

    def glance(self) -> None:
        """Quick: somebody looks; ask those servers now that were not asked just now."""
        for poller in tuple(self._pollers.values()):
            poller.glance()

    def look_now(self, account: str) -> None:
        """Quick: the same, of an account that may be new to this process."""
        self.watch(account)
        self.poke(account)
        for tell in tuple(self.on_switched):
            tell(account)

    def wait_polled(self, account: str, seconds: float) -> bool:
        """Block until fresh facts of this account are in the store."""
        poller = self._pollers.get(account)
        return poller is not None and poller.wait_polled(seconds)

    def look(self, account: Account, cancel: Cancel) -> None:
        """One query into the store, without a poller. A sandbox that does not run is not started: it has no session."""
        if account.sandbox and not self._outside.sandbox.address():
            return
        for seen in self.server(account.id, cancel).sessions.living((), cancel):
            self._store.see(SessionId(account.id, seen.task), seen.facts)
        self._tell_polled(account.id)

    # -- changing the list

    def use_sandbox(self, cancel: Cancel) -> Account:
        """Start (or adopt) the sandbox and make it an account."""
        account, secret = self._ensure_sandbox(cancel)
        server = self._outside.connect_server(account, secret, no_other_key)
        self._replace_server(SANDBOX_ID, server)
        _await_agent(server, cancel)
        return account

    def sign_in(self, account: Account, secret: str, cancel: Cancel) -> Account:
        """Verify by a login, keep the secret in the keyring, begin polling. A key of a user whose account is known
        joins that account, and opens his running sessions from now on (``wrapped`` says which).

        Of ``account`` the address, the key, the web page and the trust count; without a key the secret is a token.
        """
        account = replace(account, access_key=account.access_key.strip())
        server = self._outside.connect_server(account, secret.strip(), no_other_key)
        try:
            who = server.user.whoami(Cancel(cancel.remaining(SIGN_IN_S)))
            cancel.check()
            account = described(account, who)
            proven = self._proven_elsewhere(account, server, cancel)
            account, replaced = self._keys.keep(account, secret.strip(), proven)
            self.wrapped[account.id] = self._keys.wrap(account, replaced, server, cancel)
        finally:
            server.close()
        self._changed(account.id)
        return account

    def _proven_elsewhere(self, account: Account, here: Server, cancel: Cancel) -> str:
        """The id of the account that is this one at another address, "" where none is shown to be."""
        for known in self.all():
            if not identity.may_be_same_user(known, account):
                continue
            patience = Cancel(cancel.remaining(SIGN_IN_S))
            try:
                if know_each_other(known, self.server(known.id, patience), account, here, patience):
                    return known.id
            except (AppError, Cancelled) as error:
                cancel.check()
                _log.info("whether %s is account %s can't be found out: %s", account.api_url, known.id, error)
        return ""

    def remove_key(self, account: str, access_key: str, cancel: Cancel) -> Account | None:
        """Forget one of several keys; everything else of the account stays. None where it was the only one: the account
        is removed. The slots of a key that the server refuses go, too. Problems: account.no_key, keyring.*,
        file.unwritable"""
        known = self._exactly(account)
        if all(key.access_key == access_key for key in known.all_keys):
            self.remove(account)
            return None
        after, dead = self._keys.drop(known, access_key)
        self._changed(account)
        if dead:
            try:
                self._keys.wrap(after, dead, self.server(account, cancel), cancel)
            except AppError as error:
                _log.info("the slots of a key that was removed from %s stay: %s", account, error)
        return after

    def _changed(self, account: str) -> None:
        """The next call is made with the key that is in use now; other processes of ours hear of it."""
        with self._lock:
            old = self._servers.pop(account, None)
        if old is not None:
            old.close()
        self.look_now(account)
        for tell in tuple(self.on_changed):
            tell(account)

    def _replace_server(self, account: str, server: Server) -> None:
        with self._lock:
            old = self._servers.get(account)
            self._servers[account] = server
        if old is not None:
            old.close()
        self.watch(account)
        self.poke(account)

    def remove(self, account: str) -> None:
        """Forget the account and its secrets. Its sessions go on; their keys stay for when the account comes back."""
        known = self._exactly(account)
        for tell in tuple(self.before_removal):
            tell(account)
        poller = self._stop(account)
        if poller is not None:
            poller.join(1.0)
        self._forget_sessions(account)
        for key in known.all_keys:
            self._outside.secrets.delete(API_SECRET, key.owner)
        for kind in (GIT_CREDENTIALS, PROXY_PASSWORD):
            for owner in known.ids:
                self._outside.secrets.delete(kind, owner)
        self._outside.profiles.remove_account(account)
        for tell in tuple(self.on_changed):
            tell(account)

    def _stop(self, account: str) -> Poller | None:
        with self._lock:
            poller = self._pollers.pop(account, None)
            server = self._servers.pop(account, None)
        if poller is not None:
            poller.cancel()
        if server is not None:
            server.close()
        return poller

    def _let_go(self, account: str) -> None:
        """Quick: another process removed this account."""
        if self._stop(account) is not None:
            _log.info("account %s was removed", account)
        for snapshot in self._store.of_account(account):
            self._store.remove(snapshot.id)

    def _forget_sessions(self, account: str) -> None:
        for snapshot in self._store.of_account(account):
            self._store.remove(snapshot.id)
            if snapshot.remote is Remote.ENDED:
                forget_session(self._outside, snapshot.id)

    def cancel(self) -> None:
        """Quick: begin to end."""
        with self._lock:
            self._closed = True
            self._unsubscribe()
            pollers = tuple(self._pollers.values())
        for poller in pollers:
            poller.cancel()

    def close(self, seconds: float) -> tuple[str, ...]:
        """End the pollers; returns the names of threads that outlive ``seconds``."""
        self.cancel()
        with self._lock:
            pollers, servers = tuple(self._pollers.values()), tuple(self._servers.values())
        for server in servers:
            server.close()
        deadline = time.monotonic() + seconds
        return tuple(p.name for p in pollers if not p.join(max(0.0, deadline - time.monotonic())))


def no_other_key(_refused: str) -> None:
    """What is signed in with is what was said."""


def _await_agent(server: Server, cancel: Cancel) -> None:
    """Give the sandbox's agent a moment to report, so that the queue list does not begin with "no agent"."""
    patience = Cancel(cancel.remaining(AGENT_S))
    while not patience.expired and not any(queue.served for queue in server.queues.all(cancel)):
        if cancel.wait(AGENT_POLL_S):
            return
