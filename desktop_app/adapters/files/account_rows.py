"""The accounts in settings.json: rows of fields, read with care. Any thread; no secrets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from desktop_app.adapters.files.json_file import Content, JsonFile, rows
from desktop_app.boundary.memory import AccountMemory
from desktop_app.domain.accounts.account import Account, ApiKey
from desktop_app.domain.accounts.identity import tell_apart

ACCOUNTS, REMOVED = "accounts", "removed_accounts"
KEPT_REMOVED = 20
_KEY_FIELDS = {field.name for field in fields(ApiKey)}


class AccountRows(AccountMemory):
    """The accounts in that file."""

    def __init__(self, settings: JsonFile) -> None:
        self._settings = settings

    def all(self) -> tuple[Account, ...]:
        return accounts_in(self._settings.read())

    def save(self, account: Account) -> None:
        self.change(lambda known: (*(one for one in known if one.id != account.id), account))

    def change(self, edit: Callable[[Sequence[Account]], Sequence[Account]]) -> None:
        self._settings.change(lambda content: put_accounts(content, edit(accounts_in(content))))

    def remove(self, account: str) -> None:
        def edit(content: Content) -> None:
            known = accounts_in(content)
            gone = [_bare(one) for one in known if one.id == account and one.user_id and not one.sandbox]
            put_accounts(content, [one for one in known if one.id != account])
            content[REMOVED] = [*rows(content, REMOVED), *(asdict(one) for one in gone)][-KEPT_REMOVED:]

        self._settings.change(edit)

    def removed(self) -> tuple[Account, ...]:
        return accounts_in(self._settings.read(), REMOVED)


def accounts_in(content: Mapping[str, Any], key: str = ACCOUNTS) -> tuple[Account, ...]:
    """Return the accounts that can be read, each with a label of its own."""
    accounts = [_account(row) for row in rows(content, key)]
    return tell_apart([account for account in accounts if account is not None])


def put_accounts(content: Content, accounts: Sequence[Account]) -> None:
    """Put these accounts in; one that is there is not removed any more."""
    content[ACCOUNTS] = [asdict(account) for account in tell_apart(accounts)]
    there = {account.id for account in accounts}
    if REMOVED in content:
        content[REMOVED] = [row for row in rows(content, REMOVED) if row.get("id") not in there]


def _bare(account: Account) -> Account:
    """Return what tells a removed account when it comes back, and where what was kept of its sessions is."""
    return Account(
        account.id, "", account.api_url, "", user_id=account.user_id, user_created=account.user_created,
        former=account.former,
    )  # fmt: skip


def _account(row: Mapping[str, Any]) -> Account | None:
    names = {field.name for field in fields(Account)}
    values: dict[str, Any] = {n: value for n, value in row.items() if n in names and isinstance(value, str)}
    if not {"id", "label", "api_url", "access_key"} <= values.keys():
        return None
    keys = tuple(key for key in map(_key, rows(row, "keys")) if key is not None)
    former = row.get("former")
    ids = tuple(one for one in former if isinstance(one, str)) if isinstance(former, list) else ()
    return replace(Account(**values), keys=keys, former=ids)


def _key(row: Mapping[str, object]) -> ApiKey | None:
    values = {name: value for name, value in row.items() if name in _KEY_FIELDS and isinstance(value, str)}
    return ApiKey(**values) if {"access_key", "owner"} <= values.keys() else None
