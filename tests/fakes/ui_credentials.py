"""Accounts from keys for the window's tests: stands for core.credentials."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.credentials import Credentials, Offer
from desktop_app.domain.problems import failure

if TYPE_CHECKING:
    from tests.fakes.ui_core import FakeCore


class FakeCredentialImport:
    """Offers ``offer``; whatever is used becomes TEAM."""

    def __init__(self, core: "FakeCore") -> None:
        self._core = core
        self.offer = Offer()

    def found(self, cancel: Cancel) -> Offer:
        return self.offer

    def read_file(self, path: Path) -> Credentials:
        raise failure("credentials.none", where=path)

    def use(self, found: Credentials, cancel: Cancel) -> Account:
        self._core.used.append(found)
        return self._core.add_account(found.api_url, found.access_key, found.secret, cancel)

    def remove(self, account: str, access_key: str, cancel: Cancel) -> Account | None:
        self._core._call("credentials.remove", cancel, account, access_key)
        known = next(one for one in self._core.account_list if one.id == account)
        left = tuple(key for key in known.all_keys if key.access_key != access_key)
        others = [one for one in self._core.account_list if one.id != account]
        after = replace(known, keys=left, access_key=left[0].access_key) if left else None
        self._core.account_list = [*others, after] if after else others
        return after
