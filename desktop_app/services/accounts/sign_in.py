"""SignIn (``core.sign_in``): how accounts and their keys come and go. Any thread; blocking but for ``wrapped``."""

import logging
from collections.abc import Callable
from dataclasses import replace

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server
from desktop_app.domain.accounts import identity
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.secrets import API_SECRET, GIT_CREDENTIALS, PROXY_PASSWORD
from desktop_app.domain.problems import AppError, Cancelled
from desktop_app.domain.sessions.snapshot import Remote
from desktop_app.services.accounts.polling import Polling
from desktop_app.services.accounts.servers import Servers, no_other_key
from desktop_app.services.secrets.api_keys import ApiKeys, described, know_each_other
from desktop_app.services.secrets.forgetting import forget_session
from desktop_app.services.secrets.session_keys import Wrapped
from desktop_app.services.state.account_store import AccountStore
from desktop_app.services.state.store import SessionStore

SIGN_IN_S = 20.0
AGENT_S = 8.0  # the sandbox agent registers within some two seconds
AGENT_POLL_S = 0.25

_log = logging.getLogger(__name__)


class SignIn:
    """Adds and removes accounts and keys."""

    def __init__(
        self,
        outside: Outside,
        store: SessionStore,
        accounts: AccountStore,
        keys: ApiKeys,
        servers: Servers,
        polling: Polling,
    ) -> None:
        self._outside = outside
        self._store = store
        self._accounts = accounts
        self._keys = keys
        self._servers = servers
        self._polling = polling
        self._wrapped: dict[str, Wrapped] = {}
        self.before_removal: list[Callable[[str], None]] = []
        self.on_changed: list[Callable[[str], None]] = []  # this process added or removed an account or a key

    def wrapped(self, account: str) -> Wrapped:
        """Return what became of the running sessions when the last key of that account signed in. Quick."""
        return self._wrapped.get(account, Wrapped())

    def to_sandbox(self, cancel: Cancel) -> Account:
        """Start (or adopt) the sandbox and make it an account. Takes seconds on the first run.

        Problems: sandbox.failed, keyring.*
        """
        account, secret = self._servers.ensure_sandbox(cancel)
        server = self._outside.connect_server(account, secret, no_other_key)
        self._servers.replace(account.id, server)
        self._polling.watch(account.id)
        self._polling.poke(account.id)
        _await_agent(server, cancel)
        return account

    def with_key(self, account: Account, secret: str, cancel: Cancel) -> Account:
        """Verify by a login, keep the secret in the keyring, begin polling. A key of a user whose account is known
        joins that account, and opens that user's running sessions from now on (``wrapped`` says which).

        Of ``account`` the address, the key, the web page and the trust count; without a key the secret is a token.
        Problems: server.*, keyring.*, file.unwritable
        """
        secret = secret.strip()
        self._outside.register_secret(secret)  # before anything is logged of the request that carries it
        account = replace(account, access_key=account.access_key.strip())
        server = self._outside.connect_server(account, secret, no_other_key)
        try:
            who = server.user.whoami(Cancel(cancel.remaining(SIGN_IN_S)))
            cancel.check()
            account = described(account, who)
            proven = self._proven_elsewhere(account, server, cancel)
            account, replaced = self._keys.keep(account, secret, proven)
            self._wrapped[account.id] = self._keys.wrap(account, replaced, server, cancel)
        finally:
            server.close()
        self._changed(account.id)
        return account

    def _proven_elsewhere(self, account: Account, here: Server, cancel: Cancel) -> str:
        """Return the id of the account that is this one at another address, "" where none is shown to be."""
        for known in self._accounts.reload():
            if not identity.may_be_same_user(known, account):
                continue
            limited = Cancel(cancel.remaining(SIGN_IN_S))
            try:
                if know_each_other(known, self._servers.of(known.id, limited), account, here, limited):
                    return known.id
            except (AppError, Cancelled) as error:
                cancel.check()
                _log.info("whether %s is account %s can't be found out: %s", account.api_url, known.id, error)
        return ""

    def remove_key(self, account: str, access_key: str, cancel: Cancel) -> Account | None:
        """Forget one of several keys; everything else of the account stays. None where it was the only one: the account
        is removed. The slots of a key that the server refuses go, too.

        Problems: account.unknown, account.no_key, keyring.*, file.unwritable
        """
        known = self._servers.exactly(account)
        if all(key.access_key == access_key for key in known.all_keys):
            self.remove_account(account)
            return None
        after, dead = self._keys.drop(known, access_key)
        self._changed(account)
        if dead:
            try:
                self._keys.wrap(after, dead, self._servers.of(account, cancel), cancel)
            except AppError as error:
                _log.info("the slots of a key that was removed from %s stay: %s", account, error)
        return after

    def _changed(self, account: str) -> None:
        """Make the next call with the key that is in use now, and tell other processes of ours."""
        self._servers.drop(account)
        self._polling.look_now(account)
        for tell in tuple(self.on_changed):
            tell(account)

    def remove_account(self, account: str) -> None:
        """Forget the account and its secrets. Its sessions go on; their keys stay for when the account comes back.

        Problems: account.unknown, keyring.*, file.unwritable
        """
        known = self._servers.exactly(account)
        for tell in tuple(self.before_removal):
            tell(account)
        poller = self._polling.stop(account)
        if poller is not None:
            poller.join(1.0)
        for snapshot in self._store.of_account(account):
            self._store.remove(snapshot.id)
            if snapshot.remote is Remote.ENDED:
                forget_session(self._outside, snapshot.id)
        for key in known.all_keys:
            self._outside.secrets.delete(API_SECRET, key.owner)
        for kind in (GIT_CREDENTIALS, PROXY_PASSWORD):
            for owner in known.ids:
                self._outside.secrets.delete(kind, owner)
        self._accounts.remove(account)
        for tell in tuple(self.on_changed):
            tell(account)


def _await_agent(server: Server, cancel: Cancel) -> None:
    """Give the sandbox's agent a moment to report, so that the queue list does not begin with "no agent"."""
    limited = Cancel(cancel.remaining(AGENT_S))
    while not limited.expired and not any(queue.served for queue in server.queues.all(cancel)):
        if cancel.wait(AGENT_POLL_S):
            return
