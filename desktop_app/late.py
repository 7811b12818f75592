"""The adapters whose libraries are loaded when they are first used, not at every start (decision 0049). Any thread.

Part of the composition layer. Each function takes the place of the one that it imports; what a start does not load is
held by tests/test_start.py.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.computer import SystemEvent
from desktop_app.boundary.connection import Examined, KeyPair, Target, Tunnel
from desktop_app.boundary.files import RemoteFiles
from desktop_app.boundary.secrets import SecretStore, SlotCipher
from desktop_app.boundary.server import NextKey, Server
from desktop_app.domain.access.listening import Page
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.key_slots import Slot, SlotKind
from desktop_app.domain.accounts.secrets import SecretKind
from desktop_app.domain.diagnosis import Stage
from remote_bootstrap.contract import Record
from remote_bootstrap.contract.apps import Login

if TYPE_CHECKING:
    from desktop_app.adapters.browser_page import LoginPages

# -- httpx: 60 ms and 10 MB


def connect_server(account: Account, secret: str, next_key: NextKey) -> Server:
    """Return a ``ClearMLServer``."""
    from desktop_app.adapters.clearml.server import ClearMLServer

    return ClearMLServer(account.api_url, account.access_key, secret, trust=account.trust, next_key=next_key)


def find_api(typed: str, addresses: Sequence[str], trust: str, cancel: Cancel) -> str:
    """Do what ``adapters.clearml.wire.find.find_api`` does."""
    from desktop_app.adapters.clearml.wire import find

    return find.find_api(typed, addresses, trust, cancel)


# -- paramiko: 0.2 s and 12 MB


def new_tunnel(name: str) -> Tunnel:
    """Return an ``SshTunnel``."""
    from desktop_app.adapters.ssh.tunnel import SshTunnel

    return SshTunnel(name)


def new_files() -> RemoteFiles:
    """Return an ``SshFiles``."""
    from desktop_app.adapters.ssh.transfer.files import SshFiles

    return SshFiles()


def examine(target: Target, tell: Callable[[Stage, str], None], cancel: Cancel) -> Examined:
    """Do what ``adapters.ssh.examine`` does."""
    from desktop_app.adapters.ssh import examine as examination

    return examination.examine(target, tell, cancel)


# -- cryptography: 20 ms and 7 MB


def new_key(comment: str) -> KeyPair:
    """Do what ``adapters.ssh.keys`` does."""
    from desktop_app.adapters.ssh import keys

    return KeyPair(*keys.new_key(comment))


def public_line(private_key: str) -> str:
    """Do what ``adapters.ssh.keys`` does."""
    from desktop_app.adapters.ssh import keys

    return keys.public_line(private_key)


def verify_record(record: Record, task: str, first_seen: str | None, in_log: str | None) -> None:
    """Do what ``adapters.ssh.keys`` does."""
    from desktop_app.adapters.ssh import keys

    keys.verify_record(record, task, first_seen, in_log)


class Slots(SlotCipher):
    """As ``AesSlots``."""

    def seal(self, kind: SlotKind, secret: str, private_key: str, task: str, public_key: str) -> Slot:
        """Do what ``AesSlots`` does."""
        return _slots().seal(kind, secret, private_key, task, public_key)

    def open(self, slot: Slot, secret: str, task: str, public_key: str) -> str:
        """Do what ``AesSlots`` does."""
        return _slots().open(slot, secret, task, public_key)


@cache
def _slots() -> SlotCipher:
    from desktop_app.adapters.ssh.key_slots import AesSlots

    return AesSlots()


# -- keyring: 80 ms and 4 MB


class Keyring(SecretStore):
    """As ``KeyringStore``."""

    def get(self, kind: SecretKind, owner: str) -> str | None:
        """Do what ``KeyringStore`` does."""
        return _keyring().get(kind, owner)

    def set(self, kind: SecretKind, owner: str, value: str) -> None:
        """Do what ``KeyringStore`` does."""
        _keyring().set(kind, owner, value)

    def delete(self, kind: SecretKind, owner: str) -> None:
        """Do what ``KeyringStore`` does."""
        _keyring().delete(kind, owner)


@cache
def _keyring() -> SecretStore:
    from desktop_app.adapters.keyring_store import KeyringStore

    return KeyringStore()


# -- http.server and http.client: 15 ms


def login_page(login: Login, origin: str, secret: str) -> str:
    """Do what ``LoginPages.open`` does."""
    return _pages().open(login, origin, secret)


@cache
def _pages() -> "LoginPages":
    from desktop_app.adapters.browser_page import LoginPages

    return LoginPages()


def look_at_page(port: int, cancel: Cancel) -> Page:
    """Do what ``adapters.web_probe`` does."""
    from desktop_app.adapters import web_probe

    return web_probe.look_at_page(port, cancel)


# -- psutil: 7 ms and 2 MB


def watch_system(tell: Callable[[SystemEvent], None], cancel: Cancel) -> None:
    """Do what ``adapters.system_watch`` does."""
    from desktop_app.adapters import system_watch

    system_watch.watch_system(tell, cancel)
