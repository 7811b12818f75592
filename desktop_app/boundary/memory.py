"""What is remembered between runs, secrets excepted: one memory, a part for each subject.

Thread-safe. Each method may wait for a small local file, so that none is for the window's thread. Writers raise
file.unwritable, file.unreadable or file.newer.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from desktop_app.domain.access.listening import Forward
from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.files.transfer import Wanted
from desktop_app.domain.problems import Problem


class AccountMemory(Protocol):
    """The accounts, without their secrets."""

    def all(self) -> tuple[Account, ...]:
        """Return the accounts, each with a label of its own."""

    def save(self, account: Account) -> None:
        """Add the account, or replace the one with its id."""

    def change(self, edit: Callable[[Sequence[Account]], Sequence[Account]]) -> None:
        """Replace all of them by what ``edit`` makes of them, alone among our processes."""

    def remove(self, account: str) -> None:
        """Forget that account but for what ``removed`` tells. Idempotent."""

    def removed(self) -> tuple[Account, ...]:
        """Return id, address and user of accounts that were removed: one that comes back finds what was kept of its
        sessions."""


class Preferences(Protocol):
    """What the user chose once and for all."""

    def get(self, name: str) -> str:
        """Return the choice, "" for none."""

    def save(self, name: str, value: str) -> None:
        """Remember the choice; "" = none."""


class SessionMemory(Protocol):
    """Sessions, by their text (``SessionId.text``). The least recently used ones make room for new ones."""

    def all(self) -> tuple[str, ...]:
        """Return every session of which anything is remembered."""

    def options(self, session: str) -> Mapping[str, Any]:
        """Return what it was launched with, for ``options.from_profile``; empty for a session of another computer."""

    def save_options(self, session: str, values: Mapping[str, Any]) -> None:
        """Remember what it was launched with."""

    def ports(self, session: str) -> Mapping[str, int]:
        """Return application key -> local port that this session had."""

    def save_ports(self, session: str, ports: Mapping[str, int]) -> None:
        """Remember these ports, and no others."""

    def attached(self) -> tuple[str, ...]:
        """Return the sessions that a window held and never let go of (it was killed)."""

    def save_attached(self, session: str, attached: bool) -> None:
        """Remember that a window holds the session, or has let go of it."""

    def known(self) -> Mapping[str, Mapping[str, Any]]:
        """Return session -> what it was like when it was connected last (domain/sessions/known.py)."""

    def save_known(self, session: str, known: Mapping[str, Any]) -> None:
        """Remember what it is like; {} = nothing is worth knowing any more."""

    def open(self) -> tuple[str, ...]:
        """Return the sessions of which more is remembered than how they were launched."""

    def end(self, session: str) -> None:
        """Keep of an ended session how it was launched, for a next one like it, and its host key, which no other run of
        its task may replace without the user."""

    def forget(self, session: str) -> None:
        """Forget all that any part remembers of it. Idempotent."""


class TrustMemory(Protocol):
    """By what a session is told from another that claims to be it."""

    def host_key(self, session: str) -> str:
        """Return the first host key that this session showed, "" before that."""

    def save_host_key(self, session: str, host_key: str) -> None:
        """Remember the host key; its records are counted anew."""

    def sequence(self, session: str) -> int:
        """Return the number of the newest connection record that was believed, -1 before that."""

    def save_sequence(self, session: str, sequence: int) -> None:
        """Remember that number, unless a newer one is."""

    def trusted(self, session: str) -> Mapping[str, str]:
        """Return what goes with the host key: which ``run`` showed it, and another key that the user ``accepted``."""

    def save_trusted(self, session: str, values: Mapping[str, str]) -> None:
        """Remember what goes with the host key."""


class AliasMemory(Protocol):
    """The names by which the user's own ssh knows sessions."""

    def all(self) -> tuple[Alias, ...]:
        """Return the aliases, one per session that has one."""

    def save(self, session: str, user: str, port: int, title: str, choose: Callable[[Collection[str]], str]) -> Alias:
        """Return the session's alias with these facts. It keeps its name; a new one is ``choose(taken)``, which is
        called while no other process writes."""

    def drop(self, session: str) -> None:
        """Forget the session's alias. Idempotent."""


class ForwardMemory(Protocol):
    """Forwards of sessions, and the rules about them."""

    def of(self, session: str) -> tuple[Forward, ...]:
        """Return the forwards that the user made for this session."""

    def save(self, session: str, forwards: tuple[Forward, ...]) -> None:
        """Remember these forwards, and no others."""

    def always(self) -> frozenset[str]:
        """Return the keys of services (domain/access/port_services.py) that are forwarded as soon as they listen."""

    def save_always(self, services: frozenset[str]) -> None:
        """Remember these services, and no others."""


class HandoverMemory(Protocol):
    """What of the user's own was handed over to sessions: key of a kind -> the identity of the machine it went to."""

    def of(self, session: str) -> Mapping[str, str]:
        """Return what the user agreed to for this session."""

    def save(self, session: str, key: str, place: str) -> None:
        """Remember that this kind goes to that machine."""


class UploadMemory(Protocol):
    """Uploads that launches asked for and that are not made yet."""

    def sessions(self) -> tuple[str, ...]:
        """Return the sessions that wait for some."""

    def of(self, session: str) -> tuple[Wanted, ...]:
        """Return what waits for this session."""

    def save(self, session: str, uploads: tuple[Wanted, ...]) -> None:
        """Remember what waits for this session."""

    def drop(self, session: str) -> bool:
        """Forget them; True if there were any: of several processes one hears that."""


class Memory(Protocol):
    """All of it. A damaged file is set aside and named by ``problems``."""

    accounts: AccountMemory
    preferences: Preferences
    sessions: SessionMemory
    trust: TrustMemory
    aliases: AliasMemory
    forwards: ForwardMemory
    handovers: HandoverMemory
    uploads: UploadMemory

    def problems(self) -> tuple[Problem, ...]:
        """Return what kept a file from being read."""


class Document(Protocol):
    """One small JSON object on disk, for what only one service knows the shape of."""

    problems: list[Problem]  # what could not be read

    def read(self) -> Mapping[str, Any]:
        """Return the content, not to be changed by the caller."""

    def change(self, edit: Callable[[dict[str, Any]], None]) -> None:
        """Edit and replace it, alone among our processes."""
