"""Accounts: who we are on which server, one live server client and one poller per account. Any thread."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from desktop_app.domain.account import SANDBOX_ID, Account, Identity, relatives_of
from desktop_app.domain.problems import Problem, failure
from desktop_app.domain.secrets import API_SECRET, GIT_CREDENTIALS, PROXY_PASSWORD
from desktop_app.domain.session import Remote, SessionId
from desktop_app.ports import Cancel, Server
from desktop_app.services.forgetting import forget_session
from desktop_app.services.outside import Outside
from desktop_app.services.poller import Poller
from desktop_app.services.secrets.session_keys import SessionKeys
from desktop_app.services.store import SessionStore

SIGN_IN_S = 20.0
AGENT_S = 8.0  # the sandbox agent registers within some two seconds
AGENT_POLL_S = 0.25

_log = logging.getLogger(__name__)


class Accounts:
    """Everything that depends on an account's id. ``after_poll(account)`` runs on the poller's thread."""

    def __init__(self, outside: Outside, store: SessionStore, after_poll: Callable[[str], None]) -> None:
        self._outside = outside
        self._store = store
        self._after_poll = after_poll
        self._lock = threading.RLock()
        self._connecting: dict[str, threading.Lock] = {}
        self._servers: dict[str, Server] = {}
        self._pollers: dict[str, Poller] = {}
        self._closed = False

    def all(self) -> tuple[Account, ...]:
        """Quick."""
        return self._outside.profiles.accounts()

    def find(self, account: str) -> Account:
        """Quick. By id, else by label. Problems: account.unknown"""
        known = self.all()
        for found in known:
            if account in (found.id, found.label):
                return found
        names = ", ".join(a.label for a in known) or "none"
        raise failure("account.unknown", name=account, known=names)

    def problem(self, account: str) -> Problem | None:
        """Quick."""
        poller = self._pollers.get(account)
        return poller.problem if poller else None

    # -- servers and pollers

    def server(self, account: str, cancel: Cancel) -> Server:
        """The account's client, made at first use: reads the keyring, starts the sandbox. Blocks."""
        with self._lock:
            if account in self._servers:
                return self._servers[account]
            gate = self._connecting.setdefault(account, threading.Lock())
        with gate:
            with self._lock:
                if account in self._servers:
                    return self._servers[account]
            server = self._connect(self.find(account), cancel)
            with self._lock:
                self._servers[account] = server
            return server

    def _connect(self, account: Account, cancel: Cancel) -> Server:
        if account.sandbox:
            return self._outside.connect_server(*self._ensure_sandbox(cancel))
        found = self._outside.secrets.get(API_SECRET, account.id)
        if not found:
            raise failure("account.no_secret", server=account.api_url)
        return self._outside.connect_server(account, found)

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
        with self._lock:
            if account in self._pollers or self._closed:
                return
            poller = Poller(
                account,
                lambda cancel: self.server(account, cancel),
                self._store,
                self._outside,
                self._polled,
            )
            self._pollers[account] = poller
        poller.start()

    def _polled(self, account: str) -> None:
        """On the poller's thread. A sandbox that is gone is looked for anew: at another port, with another key even."""
        problem = self.problem(account)
        if account == SANDBOX_ID and problem is not None and problem.code.startswith("server."):
            with self._lock:
                lost = self._servers.pop(account, None)
            if lost is not None:
                lost.close()
        self._after_poll(account)

    def poke(self, account: str) -> None:
        """Quick: ask this account's server now."""
        poller = self._pollers.get(account)
        if poller is not None:
            poller.poke()

    def look_now(self, account: str) -> None:
        """Quick: the same, of an account that may be new to this process."""
        self.watch(account)
        self.poke(account)

    def wait_polled(self, account: str, seconds: float) -> bool:
        """Block until fresh facts of this account are in the store."""
        poller = self._pollers.get(account)
        return poller is not None and poller.wait_polled(seconds)

    def look(self, account: Account, cancel: Cancel) -> None:
        """One query into the store, without a poller. A sandbox that does not run is not started: it has no session."""
        if account.sandbox and not self._outside.sandbox.address():
            return
        for seen in self.server(account.id, cancel).sessions((), cancel):
            self._store.see(SessionId(account.id, seen.task), seen.facts)
        self._after_poll(account.id)

    # -- changing the list

    def use_sandbox(self, cancel: Cancel) -> Account:
        """Start (or adopt) the sandbox and make it an account."""
        account, secret = self._ensure_sandbox(cancel)
        server = self._outside.connect_server(account, secret)
        self._replace_server(SANDBOX_ID, server)
        _await_agent(server, cancel)
        return account

    def sign_in(self, account: Account, secret: str, cancel: Cancel) -> Account:
        """Verify by a login, keep the secret in the keyring, begin polling; a known key pair is updated.

        Of ``account`` the address, the key, the web page and the trust count; without a key the secret is a token.
        """
        account = replace(account, access_key=account.access_key.strip())
        server = self._outside.connect_server(account, secret.strip())
        try:
            who = server.whoami(Cancel(cancel.remaining(SIGN_IN_S)))
            cancel.check()
            account = self._with_route(described(account, who))
            old = self._outside.secrets.get(API_SECRET, account.id) or ""
            self._outside.secrets.set(API_SECRET, account.id, secret.strip())
            self._outside.profiles.save_account(account)
        except BaseException:
            server.close()
            raise
        self._wrap_keys(account, old if old != secret.strip() else "", server, cancel)
        self._replace_server(account.id, server)
        return account

    def _with_route(self, account: Account) -> Account:
        """An account that comes back with a new key keeps the way to its machines."""
        return replace(account, route=next((a.route for a in self.all() if a.id == account.id), ""))

    def _wrap_keys(self, account: Account, replaced: str, server: Server, cancel: Cancel) -> None:
        """Another key of the same user: it shall open his running sessions on any computer, a revoked one no more."""
        relatives = (account.id, *relatives_of(account.id, self.all()))
        refused = [one for one in relatives if (found := self.problem(one)) and found.code == "server.unauthorised"]
        dead = [secret for one in refused if (secret := self._outside.secrets.get(API_SECRET, one))]
        dead = [secret for secret in (replaced, *dead) if secret]
        sessions = [s.id for one in relatives for s in self._store.of_account(one) if s.remote is not Remote.ENDED]
        SessionKeys(self._outside.secrets, self._outside.slot_cipher).wrap_again(
            sessions, account.id, dead, server, cancel
        )

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
        with self._lock:
            poller = self._pollers.pop(account, None)
            server = self._servers.pop(account, None)
        if poller is not None:
            poller.cancel()
        if server is not None:
            server.close()
        if poller is not None:
            poller.join(1.0)
        for snapshot in self._store.of_account(account):
            self._forget(snapshot.id)
        for kind in (API_SECRET, GIT_CREDENTIALS, PROXY_PASSWORD):
            self._outside.secrets.delete(kind, account)
        self._outside.profiles.remove_account(account)

    def _forget(self, session: SessionId) -> None:
        snapshot = self._store.get(session)
        self._store.remove(session)
        if snapshot is not None and snapshot.remote is Remote.ENDED:
            forget_session(self._outside, session)

    def cancel(self) -> None:
        """Quick: begin to end."""
        with self._lock:
            self._closed = True
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


def account_id(url: str, access_key: str) -> str:
    """The same for the same key on the same server, so that an account that comes back finds its sessions' keys."""
    return hashlib.sha256(f"{url}\n{access_key}".encode()).hexdigest()[:12]


def described(account: Account, who: Identity) -> Account:
    """With its id and with what the server says about it."""
    host = account.api_url.partition("://")[2]
    return replace(
        account,
        id=account_id(account.api_url, account.access_key or f"token of {who.user_id}"),
        label=f"{who.user_name} on {host}" if who.user_name else host,
        user_id=who.user_id,
        user_name=who.user_name,
        company=who.company,
        server_version=who.server_version,
    )


def _await_agent(server: Server, cancel: Cancel) -> None:
    """Give the sandbox's agent a moment to report, so that the queue list does not begin with "no agent"."""
    patience = Cancel(cancel.remaining(AGENT_S))
    while not patience.expired and not any(queue.served for queue in server.queues(cancel)):
        if cancel.wait(AGENT_POLL_S):
            return
