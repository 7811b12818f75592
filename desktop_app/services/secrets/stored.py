"""Where the keyring has what belongs to an account: under its id, or that of an account that was joined into it.

Blocking (the keyring); any thread. Problems: keyring.*
"""

from desktop_app.boundary.outside import Outside
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.secrets import API_SECRET, SecretKind
from desktop_app.domain.sessions.snapshot import SessionId


def account_of(outside: Outside, account: str) -> Account | None:
    """Return the account with that id, None where there is none. Quick."""
    return next((one for one in outside.memory.accounts.all() if one.id == account), None)


def ids_of(outside: Outside, account: str) -> tuple[str, ...]:
    """Return the account's id, then those that it had. Quick."""
    found = account_of(outside, account)
    return found.ids if found else (account,)


def owners_of(outside: Outside, session: SessionId) -> tuple[str, ...]:
    """Return what the keyring may have a session's secrets under. Quick."""
    return tuple(SessionId(one, session.task).text for one in ids_of(outside, session.account))


def kept(outside: Outside, kind: SecretKind, owners: tuple[str, ...]) -> str:
    """Return the first that is there, "" = none. Blocks. Problems: keyring.*"""
    return next((found for one in owners if (found := outside.secrets.get(kind, one))), "")


def api_secrets(outside: Outside, account: str) -> tuple[str, ...]:
    """Return the secrets of all keys of the account, that of the key in use first. Blocks. Problems: keyring.*"""
    known = account_of(outside, account)
    owners = [key.owner for key in known.all_keys] if known else [account]
    return tuple(found for one in owners if (found := outside.secrets.get(API_SECRET, one)))
