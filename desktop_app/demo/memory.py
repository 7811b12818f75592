"""What is remembered between runs, in memory. Thread-safe enough for tests: every method is one dict operation."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from desktop_app.boundary.memory import (
    AccountMemory,
    AliasMemory,
    Document,
    ForwardMemory,
    HandoverMemory,
    Memory,
    Preferences,
    SessionMemory,
    TrustMemory,
    UploadMemory,
)
from desktop_app.domain.access.listening import Forward
from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.identity import tell_apart
from desktop_app.domain.files.transfer import Wanted
from desktop_app.domain.problems import AppError, Problem


class FakeDocument(Document):
    """A JSON object; ``broken`` is raised when it is changed."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.content: dict[str, Any] = {}
        self.broken: AppError | None = None

    def read(self) -> Mapping[str, Any]:
        return self.content

    def change(self, edit: Callable[[dict[str, Any]], None]) -> None:
        if self.broken is not None:
            raise self.broken
        draft = json.loads(json.dumps(self.content))
        edit(draft)
        self.content = draft


class FakeAccounts(AccountMemory):
    """Accounts. ``gone``: those that were removed."""

    def __init__(self, *accounts: Account) -> None:
        self.rows = {account.id: account for account in accounts}
        self.gone: dict[str, Account] = {}

    def all(self) -> tuple[Account, ...]:
        return tuple(self.rows.values())

    def save(self, account: Account) -> None:
        self.rows[account.id] = account

    def change(self, edit: Callable[[Sequence[Account]], Sequence[Account]]) -> None:
        self.rows = {account.id: account for account in tell_apart(edit(self.all()))}
        for account in self.rows:
            self.gone.pop(account, None)

    def remove(self, account: str) -> None:
        removed = self.rows.pop(account, None)
        if removed is not None and removed.user_id:
            self.gone[account] = removed

    def removed(self) -> tuple[Account, ...]:
        return tuple(self.gone.values())


class FakePreferences(Preferences):
    """Choices."""

    def __init__(self) -> None:
        self.chosen: dict[str, str] = {}

    def get(self, name: str) -> str:
        return self.chosen.get(name, "")

    def save(self, name: str, value: str) -> None:
        self.chosen[name] = value


class FakeTrust(TrustMemory):
    """Host keys and what goes with them."""

    def __init__(self) -> None:
        self.host_keys: dict[str, str] = {}
        self.sequences: dict[str, int] = {}
        self.trusting: dict[str, dict[str, str]] = {}

    def host_key(self, session: str) -> str:
        return self.host_keys.get(session, "")

    def save_host_key(self, session: str, host_key: str) -> None:
        self.host_keys[session] = host_key
        self.sequences.pop(session, None)

    def sequence(self, session: str) -> int:
        return self.sequences.get(session, -1)

    def save_sequence(self, session: str, sequence: int) -> None:
        self.sequences[session] = max(sequence, self.sequence(session))

    def trusted(self, session: str) -> Mapping[str, str]:
        return dict(self.trusting.get(session, {}))

    def save_trusted(self, session: str, values: Mapping[str, str]) -> None:
        self.trusting[session] = dict(values)


class FakeAliases(AliasMemory):
    """Names for the user's own ssh."""

    def __init__(self) -> None:
        self.named: dict[str, Alias] = {}

    def all(self) -> tuple[Alias, ...]:
        return tuple(self.named.values())

    def save(self, session: str, user: str, port: int, title: str, choose: Callable[[Collection[str]], str]) -> Alias:
        mine = self.named.get(session)
        name = mine.name if mine else choose({alias.name for alias in self.named.values()})
        self.named[session] = Alias(name, session, user, port, title)
        return self.named[session]

    def drop(self, session: str) -> None:
        self.named.pop(session, None)


class FakeForwards(ForwardMemory):
    """Forwards of sessions, and rules."""

    def __init__(self) -> None:
        self.sessions: dict[str, tuple[Forward, ...]] = {}
        self.rules: frozenset[str] = frozenset()

    def of(self, session: str) -> tuple[Forward, ...]:
        return self.sessions.get(session, ())

    def save(self, session: str, forwards: tuple[Forward, ...]) -> None:
        self.sessions[session] = forwards

    def always(self) -> frozenset[str]:
        return self.rules

    def save_always(self, services: frozenset[str]) -> None:
        self.rules = services


class FakeHandoverMemory(HandoverMemory):
    """What was handed over."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, str]] = {}

    def of(self, session: str) -> Mapping[str, str]:
        return dict(self.sessions.get(session, {}))

    def save(self, session: str, key: str, place: str) -> None:
        self.sessions.setdefault(session, {})[key] = place


class FakeUploads(UploadMemory):
    """What launches still have to upload; shared by the cores of one world."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[Wanted, ...]] = {}
        self.problem: Problem | None = None  # while set: nothing can be taken out

    def sessions(self) -> tuple[str, ...]:
        return tuple(self.rows)

    def of(self, session: str) -> tuple[Wanted, ...]:
        return self.rows.get(session, ())

    def save(self, session: str, uploads: tuple[Wanted, ...]) -> None:
        self.rows[session] = uploads

    def drop(self, session: str) -> bool:
        if self.problem is not None:
            raise AppError(self.problem)
        return self.rows.pop(session, None) is not None


class FakeSessions(SessionMemory):
    """Sessions; what is forgotten here is forgotten by the other parts, too."""

    def __init__(self, trust: FakeTrust, aliases: FakeAliases) -> None:
        self._trust = trust
        self._aliases = aliases
        self.remembered: dict[str, Mapping[str, Any]] = {}
        self.launched_with: dict[str, Mapping[str, Any]] = {}
        self.local_ports: dict[str, dict[str, int]] = {}
        self.ended: list[str] = []
        self.held: dict[str, None] = {}
        self.unwritable: Problem | None = None  # what noting an attached session runs into

    def all(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.local_ports, *self._trust.host_keys, *self.held, *self.remembered)))

    def options(self, session: str) -> Mapping[str, Any]:
        return self.launched_with.get(session, {})

    def save_options(self, session: str, values: Mapping[str, Any]) -> None:
        self.launched_with[session] = dict(values)

    def ports(self, session: str) -> Mapping[str, int]:
        return self.local_ports.get(session, {})

    def save_ports(self, session: str, ports: Mapping[str, int]) -> None:
        self.local_ports[session] = dict(ports)

    def attached(self) -> tuple[str, ...]:
        return tuple(self.held)

    def save_attached(self, session: str, attached: bool) -> None:
        if self.unwritable is not None:
            raise AppError(self.unwritable)
        if attached:
            self.held[session] = None
        else:
            self.held.pop(session, None)

    def known(self) -> Mapping[str, Mapping[str, Any]]:
        return dict(self.remembered)

    def save_known(self, session: str, known: Mapping[str, Any]) -> None:
        self.remembered.pop(session, None)
        if known:
            self.remembered[session] = json.loads(json.dumps(known))

    def open(self) -> tuple[str, ...]:
        return tuple(one for one in self.all() if one not in self.ended)

    def end(self, session: str) -> None:
        self.ended.append(session)
        for kept in (self.local_ports, self.held):
            kept.pop(session, None)

    def forget(self, session: str) -> None:
        trust = (self._trust.host_keys, self._trust.trusting)
        for kept in (self.launched_with, self.remembered, self.local_ports, self.held, self._aliases.named, *trust):
            kept.pop(session, None)


class FakeMemory(Memory):
    """All of it; one instance outlives the cores that a test starts and ends."""

    accounts: FakeAccounts
    preferences: FakePreferences
    sessions: FakeSessions
    trust: FakeTrust
    aliases: FakeAliases
    forwards: FakeForwards
    handovers: FakeHandoverMemory
    uploads: FakeUploads

    def __init__(self, *accounts: Account) -> None:
        self.accounts = FakeAccounts(*accounts)
        self.preferences = FakePreferences()
        self.trust = FakeTrust()
        self.aliases = FakeAliases()
        self.sessions = FakeSessions(self.trust, self.aliases)
        self.forwards = FakeForwards()
        self.handovers = FakeHandoverMemory()
        self.uploads = FakeUploads()

    def problems(self) -> tuple[Problem, ...]:
        return ()
