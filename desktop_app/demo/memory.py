"""What is remembered between runs, in memory. Thread-safe enough for tests: every method is one dict operation."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from desktop_app.boundary.memory import Consents, Document, ForwardMemory, Memory, UploadMemory
from desktop_app.domain.access.listening import Forward
from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.identity import tell_apart
from desktop_app.domain.files.transfer import Wanted
from desktop_app.domain.problems import AppError, Problem


class FakeDocument(Document):
    """Implements ``boundary.memory.Document``."""

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


class FakeProfiles(Memory):
    """Implements ``boundary.memory.Memory``; one instance outlives the cores that a test starts and ends."""

    def __init__(self, *accounts: Account) -> None:
        self._accounts = {account.id: account for account in accounts}
        self.removed: dict[str, Account] = {}
        self.remembered: dict[str, Mapping[str, Any]] = {}
        self.launched_with: dict[str, Mapping[str, Any]] = {}
        self.local_ports: dict[str, dict[str, int]] = {}
        self.host_keys: dict[str, str] = {}
        self.sequences: dict[str, int] = {}
        self.trusting: dict[str, dict[str, str]] = {}
        self.ended: list[str] = []
        self.held: dict[str, None] = {}
        self.named: dict[str, Alias] = {}
        self.unwritable: Problem | None = None  # what noting an attached session runs into
        self.preferences: dict[str, str] = {}

    def accounts(self) -> tuple[Account, ...]:
        return tuple(self._accounts.values())

    def save_account(self, account: Account) -> None:
        self._accounts[account.id] = account

    def change_accounts(self, edit: Callable[[Sequence[Account]], Sequence[Account]]) -> None:
        self._accounts = {account.id: account for account in tell_apart(edit(self.accounts()))}
        for account in self._accounts:
            self.removed.pop(account, None)

    def remove_account(self, account: str) -> None:
        gone = self._accounts.pop(account, None)
        if gone is not None and gone.user_id:
            self.removed[account] = gone

    def removed_accounts(self) -> tuple[Account, ...]:
        return tuple(self.removed.values())

    def sessions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.local_ports, *self.host_keys, *self.held, *self.remembered)))

    def open_sessions(self) -> tuple[str, ...]:
        return tuple(one for one in self.sessions() if one not in self.ended)

    def end_session(self, session: str) -> None:
        self.ended.append(session)
        for kept in (self.local_ports, self.held):
            kept.pop(session, None)

    def session_options(self, session: str) -> Mapping[str, Any]:
        return self.launched_with.get(session, {})

    def save_session_options(self, session: str, values: Mapping[str, Any]) -> None:
        self.launched_with[session] = dict(values)

    def ports(self, session: str) -> Mapping[str, int]:
        return self.local_ports.get(session, {})

    def save_ports(self, session: str, ports: Mapping[str, int]) -> None:
        self.local_ports[session] = dict(ports)

    def sequence(self, session: str) -> int:
        return self.sequences.get(session, -1)

    def save_sequence(self, session: str, sequence: int) -> None:
        self.sequences[session] = max(sequence, self.sequence(session))

    def host_key(self, session: str) -> str:
        return self.host_keys.get(session, "")

    def save_host_key(self, session: str, host_key: str) -> None:
        self.host_keys[session] = host_key
        self.sequences.pop(session, None)

    def trusted(self, session: str) -> Mapping[str, str]:
        return dict(self.trusting.get(session, {}))

    def save_trusted(self, session: str, values: Mapping[str, str]) -> None:
        self.trusting[session] = dict(values)

    def attached(self) -> tuple[str, ...]:
        return tuple(self.held)

    def save_attached(self, session: str, attached: bool) -> None:
        if self.unwritable is not None:
            raise AppError(self.unwritable)
        if attached:
            self.held[session] = None
        else:
            self.held.pop(session, None)

    def preference(self, name: str) -> str:
        return self.preferences.get(name, "")

    def save_preference(self, name: str, value: str) -> None:
        self.preferences[name] = value

    def known(self) -> Mapping[str, Mapping[str, Any]]:
        return dict(self.remembered)

    def save_known(self, session: str, known: Mapping[str, Any]) -> None:
        self.remembered.pop(session, None)
        if known:
            self.remembered[session] = json.loads(json.dumps(known))

    def aliases(self) -> tuple[Alias, ...]:
        return tuple(self.named.values())

    def save_alias(
        self, session: str, user: str, port: int, title: str, choose: Callable[[Collection[str]], str]
    ) -> Alias:
        mine = self.named.get(session)
        name = mine.name if mine else choose({alias.name for alias in self.named.values()})
        self.named[session] = Alias(name, session, user, port, title)
        return self.named[session]

    def drop_alias(self, session: str) -> None:
        self.named.pop(session, None)

    def forget_session(self, session: str) -> None:
        kept = (self.launched_with, self.remembered, self.local_ports, self.host_keys, self.trusting)
        for store in (*kept, self.held, self.named):
            store.pop(session, None)

    def problems(self) -> tuple[Problem, ...]:
        return ()


class FakeForwards(ForwardMemory):
    """What is remembered about forwards, in memory."""

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


class FakeConsents(Consents):
    """What was agreed to, in memory."""

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
