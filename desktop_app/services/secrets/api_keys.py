"""The API keys of accounts: which one is used, what comes after one that the server refuses, and how keys come and go.

Any thread; blocking (keyring, settings file). Several processes may change the same account: each change is made in the
settings file at once, and nothing is remembered here but which key this process's client of an account uses.
"""

import hashlib
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import NextKey, Server
from desktop_app.domain.accounts.account import Account, ApiKey, Identity
from desktop_app.domain.accounts.addresses import place_of
from desktop_app.domain.accounts.identity import has_key, joined_by, same_user
from desktop_app.domain.accounts.secrets import API_SECRET
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import Remote, SessionId
from desktop_app.services.secrets.session_keys import SessionKeys, Wrapped
from desktop_app.services.secrets.stored import account_of, api_secrets, owners_of
from desktop_app.services.state.account_store import AccountStore

_Edit = Callable[[Account], Account]
_log = logging.getLogger(__name__)


class ApiKeys:
    """Thread-safe."""

    def __init__(self, outside: Outside, accounts: AccountStore) -> None:
        self._outside = outside
        self._accounts = accounts
        self._lock = threading.Lock()
        self._used: dict[str, str] = {}  # account -> access key of this process's client

    # -- using them

    def first(self, account: Account) -> tuple[Account, str]:
        """Return the account with the key to begin with, and its secret. Problems: account.no_secret, keyring.*"""
        for key in account.all_keys:
            secret = self._outside.secrets.get(API_SECRET, key.owner)
            if secret:
                self._note(account.id, key.access_key)
                return replace(account, access_key=key.access_key), secret
        raise failure("account.no_secret", server=account.api_url)

    def is_current(self, account: Account) -> bool:
        """True if the key that this process uses is one of the account's still. Quick."""
        with self._lock:
            used = self._used.get(account.id)
        return used is None or any(key.access_key == used for key in account.all_keys)

    def next_key(self, account: str) -> NextKey:
        """Return the key to go on with; a client asks when its own is refused. One that was refused is not offered
        again for a while: of two of them, each would take the other's place at every look, in the settings, too."""
        refusals: dict[str, float] = {}

        def is_fresh(access_key: str) -> bool:
            at = refusals.get(access_key)
            return at is not None and self._outside.clock() - at < self._outside.pace.refused_s

        def choose(refused: str) -> tuple[str, str] | None:
            if not is_fresh(refused):
                refusals[refused] = self._outside.clock()
                self._mark(account, refused, self._outside.now().isoformat(timespec="seconds"))
            known = account_of(self._outside, account)
            for key in known.all_keys if known else ():
                secret = None if is_fresh(key.access_key) else self._outside.secrets.get(API_SECRET, key.owner)
                if secret:
                    self._note(account, key.access_key)
                    self._prefer(account, key.access_key)
                    _log.info("account %s goes on with another of its keys", account)
                    return key.access_key, secret
            return None

        return choose

    def accepted(self, account: Account) -> None:
        """Note that the server has just answered: a key that was refused for a while is not any more."""
        with self._lock:
            used = self._used.get(account.id, account.access_key)
        if any(key.access_key == used and key.refused for key in account.keys):
            self._mark(account.id, used, "")

    def _note(self, account: str, access_key: str) -> None:
        with self._lock:
            self._used[account] = access_key

    def _mark(self, account: str, access_key: str, since: str) -> None:
        def marked(known: Account) -> Account:
            keys = (
                replace(key, refused=since and (key.refused or since)) if key.access_key == access_key else key
                for key in known.keys or known.all_keys
            )
            return replace(known, keys=tuple(keys))

        self._change(account, marked)

    def _prefer(self, account: str, access_key: str) -> None:
        self._change(account, lambda known: replace(known, keys=known.all_keys, access_key=access_key))

    def _change(self, account: str, edit: _Edit) -> None:
        """Change the account; what can't be written is found out anew by the next process."""
        try:
            self._accounts.change(
                lambda known: [edit(one) if one.id == account and not one.sandbox else one for one in known]
            )
        except AppError as error:
            _log.info("the keys of account %s stay as they are noted: %s", account, error)

    # -- changing them

    def keep(self, account: Account, secret: str, proven: str = "") -> tuple[Account, str]:
        """Keep a key that signed in: its secret goes into the keyring, the account into the settings, joined with the
        one of the same user on the same server. ``proven``: the account that is this user's at another address. Answers
        the account and the secret that was replaced, "" = none.

        Problems: keyring.*, file.unwritable
        """
        mine = self._known(account, proven)
        found = next((key for key in (mine.all_keys if mine else ()) if key.access_key == account.access_key), None)
        own = account_id(account.api_url, account.access_key or f"token of {account.user_id}")
        key = ApiKey(account.access_key, found.owner if found else own)
        old = self._outside.secrets.get(API_SECRET, key.owner) or ""
        self._outside.secrets.set(API_SECRET, key.owner, secret)
        kept: list[Account] = []

        def edit(known: Sequence[Account]) -> Sequence[Account]:
            before = self._known(account, proven, known)
            after = joined_by(before, account, key) if before else replace(account, id=own, keys=(key,))
            kept[:] = [after]
            return [*(one for one in known if one.id != after.id), after]

        self._accounts.change(edit)
        named = self._accounts.get(kept[0].id) or kept[0]
        return named, old if old != secret else ""

    def _known(self, account: Account, proven: str, known: Sequence[Account] | None = None) -> Account | None:
        """Return the account that this is another sign-in to; one that was removed comes back as what it was."""
        place = place_of(account.api_url)
        rows = self._outside.memory.accounts.all() if known is None else known
        for one in rows:
            if has_key(one, account.access_key, place) or same_user(one, account) or one.id == proven:
                return one
        gone = next((one for one in self._outside.memory.accounts.removed() if same_user(one, account)), None)
        return replace(account, id=gone.id, former=gone.former) if gone else None

    def drop(self, account: Account, access_key: str) -> tuple[Account, str]:
        """Return the account without that key, and the key's secret where the server refuses that key.

        Problems: account.no_key, keyring.*, file.unwritable
        """
        key = next((one for one in account.all_keys if one.access_key == access_key), None)
        if key is None:  # another process was quicker
            raise _no_key(account, access_key)
        secret = self._outside.secrets.get(API_SECRET, key.owner) or ""
        self._outside.secrets.delete(API_SECRET, key.owner)

        def without(known: Account) -> Account:
            left = tuple(one for one in known.all_keys if one.access_key != access_key)
            if not left:  # the same
                raise _no_key(known, access_key)
            return replace(known, keys=left, access_key=left[0].access_key)

        self._accounts.change(lambda known: [without(one) if one.id == account.id else one for one in known])
        after = account_of(self._outside, account.id)
        if after is None:  # the whole account went meanwhile
            raise _no_key(account, access_key)
        return after, secret if key.refused else ""

    # -- the running sessions

    def wrap(self, account: Account, replaced: str, server: Server, cancel: Cancel) -> Wrapped:
        """Let every key of the account open the user's running sessions, on any computer, and refused ones no more.

        Which sessions run, the server is asked: this process may know none of them. Raises Cancelled only.
        """
        own = api_secrets(self._outside, account.id)
        refused = [key.owner for key in account.keys if key.refused]
        dead = [secret for one in refused if (secret := self._outside.secrets.get(API_SECRET, one))]
        alive = [secret for secret in own if secret not in dead]
        try:
            running = [one for one in server.sessions.living((), cancel) if one.facts.remote is not Remote.ENDED]
        except AppError as error:
            _log.info("account %s: its running sessions keep their old key slots: %s", account.id, error)
            return Wrapped(failed=("*",))
        tasks = {
            one.task: owners_of(self._outside, SessionId(account.id, one.task))
            for one in running
            if one.facts.clearml_session is None
        }
        keys = SessionKeys(self._outside.secrets, self._outside.slot_cipher)
        return keys.wrap_again(tasks, alive, [secret for secret in (replaced, *dead) if secret], server, cancel)


def _no_key(account: Account, access_key: str) -> AppError:
    known = ", ".join(one.shown for one in account.all_keys if one.access_key != access_key) or "none"
    return failure("account.no_key", account=account.label, name=access_key, known=known)


def know_each_other(known: Account, there: Server, new: Account, here: Server, cancel: Cancel) -> bool:
    """True if two addresses are of one server: there, the key that has just signed in here is listed as the user's, and
    here, one of those that the account has. Neither learns a secret, or a key's name, of the other. Problems: server.*
    """
    if not new.access_key or new.access_key not in there.user.key_names(cancel):
        return False
    listed = set(here.user.key_names(cancel)) - {new.access_key}
    return any(key.access_key in listed for key in known.all_keys)


def account_id(url: str, access_key: str) -> str:
    """Return what a key's secret is kept under, and an account that begins with it; the same for the same key."""
    return hashlib.sha256(f"{url}\n{access_key}".encode()).hexdigest()[:12]


def described(account: Account, who: Identity) -> Account:
    """Return the account with what the server says about it."""
    host = account.api_url.partition("://")[2]
    return replace(
        account,
        label=f"{who.user_name} on {host}" if who.user_name else host,
        user_id=who.user_id,
        user_name=who.user_name,
        user_created=who.user_created,
        company=who.company,
        server_version=who.server_version,
    )
