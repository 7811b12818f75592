"""Servers (``core.servers``): one live client per account, made at its first use. Any thread; blocking."""

import threading

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server
from desktop_app.domain.accounts import identity
from desktop_app.domain.accounts.account import SANDBOX_ID, Account
from desktop_app.domain.accounts.secrets import API_SECRET
from desktop_app.services.secrets.api_keys import ApiKeys
from desktop_app.services.state.account_store import AccountStore


class Servers:
    """Makes the clients, and makes them anew where an account's address or keys have changed."""

    def __init__(self, outside: Outside, accounts: AccountStore, keys: ApiKeys) -> None:
        self._outside = outside
        self._accounts = accounts
        self._keys = keys
        self._lock = threading.RLock()
        self._connecting: dict[str, threading.Lock] = {}
        self._servers: dict[str, Server] = {}
        self._made_for: dict[str, Account] = {}  # what each of these servers was made of

    def of(self, account: str, cancel: Cancel) -> Server:
        """Return the account's client; at its first use this reads the keyring or starts the sandbox.

        Another process may have removed the key that it uses, or signed in at another address: then it is made anew.
        Problems: account.unknown, account.no_secret, keyring.*, sandbox.failed
        """
        known = self.exactly(account)
        with self._lock:
            server = self._usable(known)
            if server is not None:
                return server
            gate = self._connecting.setdefault(known.id, threading.Lock())
        with gate:
            with self._lock:
                server = self._usable(known)
            if server is not None:
                return server
            server = self._connect(known, cancel)
            with self._lock:
                old = self._servers.get(known.id)
                self._servers[known.id] = server
                self._made_for[known.id] = known
        if old is not None:
            old.close()
        return server

    def exactly(self, account: str) -> Account:
        """Return the account that has, or had, this id, as the settings have it now. Problems: account.unknown"""
        accounts = self._accounts.reload()
        known = next((one for one in accounts if account in one.ids), None)
        if known is None:
            raise identity.unknown(accounts, account)
        return known

    def _usable(self, account: Account) -> Server | None:
        """Return the client that there is, as long as it is right. Under the lock."""
        before = self._made_for.get(account.id, account)
        moved = (before.api_url, before.trust) != (account.api_url, account.trust)
        if not account.sandbox and (moved or not self._keys.is_current(account)):
            return None
        return self._servers.get(account.id)

    def _connect(self, account: Account, cancel: Cancel) -> Server:
        if account.sandbox:
            return self._outside.connect_server(*self.ensure_sandbox(cancel), no_other_key)
        return self._outside.connect_server(*self._keys.first(account), self._keys.next_key(account.id))

    def ensure_sandbox(self, cancel: Cancel) -> tuple[Account, str]:
        """Start or adopt the sandbox, hold it, and remember its account like any other. Problems: sandbox.failed"""
        accounts = self._accounts.reload()
        access_key = next((known.access_key for known in accounts if known.sandbox), "")
        old = self._outside.secrets.get(API_SECRET, SANDBOX_ID) or ""
        account, secret = self._outside.sandbox.ensure(access_key, old, cancel)
        self._outside.register_secret(secret)
        self._outside.sandbox.hold()
        if secret != old:
            self._outside.secrets.set(API_SECRET, account.id, secret)
        if account not in accounts:
            self._accounts.change(lambda known: (*(one for one in known if one.id != account.id), account))
        return account, secret

    def replace(self, account: str, server: Server) -> None:
        """Use this client from now on."""
        with self._lock:
            old = self._servers.get(account)
            self._servers[account] = server
        if old is not None:
            old.close()

    def drop(self, account: str) -> None:
        """Close the account's client; the next use makes another one."""
        with self._lock:
            server = self._servers.pop(account, None)
        if server is not None:
            server.close()

    def close(self) -> None:
        """Close all clients."""
        with self._lock:
            servers = tuple(self._servers.values())
        for server in servers:
            server.close()


def no_other_key(_refused: str) -> None:
    """Offer no key in place of the one that signs in."""
