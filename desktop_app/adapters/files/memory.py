"""What SessionDock remembers between runs, in two JSON files. No secrets. Any thread; several processes may write, one
after the other.

settings.json has the accounts, preferences and rules, state.json what is remembered of each session.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop_app.adapters.files.account_rows import AccountRows
from desktop_app.adapters.files.json_file import JsonFile, look_up, part
from desktop_app.adapters.files.session_rows import SessionRow, SessionRows
from desktop_app.boundary.memory import (
    AliasMemory,
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
from desktop_app.domain.files.transfer import Wanted
from desktop_app.domain.problems import Problem

PREFERENCES, ALWAYS = "preferences", "always_forward"


class MemoryFiles(Memory):
    """The memory of this user on this computer."""

    def __init__(self, config_dir: Path, state_dir: Path) -> None:
        self._settings = JsonFile(config_dir / "settings.json")
        self._state = JsonFile(state_dir / "state.json")
        rows = SessionRows(self._state)
        self.accounts = AccountRows(self._settings)
        self.preferences = _SavedPreferences(self._settings)
        self.sessions = _Sessions(rows)
        self.trust = _Trust(rows)
        self.aliases = _Aliases(rows)
        self.forwards = _Forwards(rows, self._settings)
        self.handovers = _Handovers(rows)
        self.uploads = _Uploads(rows)

    def problems(self) -> tuple[Problem, ...]:
        self._settings.read()
        self._state.read()
        return (*self._settings.problems, *self._state.problems)


class _SavedPreferences(Preferences):
    def __init__(self, settings: JsonFile) -> None:
        self._settings = settings

    def get(self, name: str) -> str:
        return str(look_up(self._settings.read(), PREFERENCES, name) or "")

    def save(self, name: str, value: str) -> None:
        self._settings.change(lambda content: part(content, PREFERENCES).update({name: value}))


class _Sessions(SessionMemory):
    def __init__(self, rows: SessionRows) -> None:
        self._rows = rows

    def all(self) -> tuple[str, ...]:
        return tuple(self._rows.all())

    def options(self, session: str) -> Mapping[str, Any]:
        return self._rows.of(session).options

    def save_options(self, session: str, values: Mapping[str, Any]) -> None:
        self._rows.use(session, lambda row: replace(row, options=dict(values)))

    def ports(self, session: str) -> Mapping[str, int]:
        return self._rows.of(session).ports

    def save_ports(self, session: str, ports: Mapping[str, int]) -> None:
        self._rows.use(session, lambda row: replace(row, ports=dict(ports)))

    def attached(self) -> tuple[str, ...]:
        return tuple(session for session, row in self._rows.all().items() if row.attached)

    def save_attached(self, session: str, attached: bool) -> None:
        if attached or self._rows.of(session).attached:
            self._rows.use(session, lambda row: replace(row, attached=attached))

    def known(self) -> Mapping[str, Mapping[str, Any]]:
        return {session: row.known for session, row in self._rows.all().items() if row.known}

    def save_known(self, session: str, known: Mapping[str, Any]) -> None:
        if known or self._rows.of(session).known:
            self._rows.change(session, lambda row: replace(row, known=dict(known)))

    def open(self) -> tuple[str, ...]:
        return tuple(session for session, row in self._rows.all().items() if not row.ended)

    def end(self, session: str) -> None:
        def edit(known: dict[str, SessionRow]) -> None:
            if session in known:
                known[session] = known[session].once_ended()

        self._rows.change_all(edit)

    def forget(self, session: str) -> None:
        self._rows.change_all(lambda known: known.pop(session, None))


class _Trust(TrustMemory):
    def __init__(self, rows: SessionRows) -> None:
        self._rows = rows

    def host_key(self, session: str) -> str:
        return self._rows.of(session).host_key

    def save_host_key(self, session: str, host_key: str) -> None:
        self._rows.use(session, lambda row: replace(row, host_key=host_key, sequence=-1))

    def sequence(self, session: str) -> int:
        return self._rows.of(session).sequence

    def save_sequence(self, session: str, sequence: int) -> None:
        if sequence > self.sequence(session):
            self._rows.use(session, lambda row: replace(row, sequence=max(row.sequence, sequence)))

    def trusted(self, session: str) -> Mapping[str, str]:
        return self._rows.of(session).trusted

    def save_trusted(self, session: str, values: Mapping[str, str]) -> None:
        self._rows.use(session, lambda row: replace(row, trusted=dict(values)))


class _Aliases(AliasMemory):
    def __init__(self, rows: SessionRows) -> None:
        self._rows = rows

    def all(self) -> tuple[Alias, ...]:
        return tuple(row.alias for row in self._rows.all().values() if row.alias)

    def save(self, session: str, user: str, port: int, title: str, choose: Callable[[Collection[str]], str]) -> Alias:
        saved: list[Alias] = []

        def edit(known: dict[str, SessionRow]) -> None:
            row = known.get(session, SessionRow())
            taken = {other.alias.name for name, other in known.items() if other.alias and name != session}
            saved[:] = [Alias(row.alias.name if row.alias else choose(taken), session, user, port, title)]
            known[session] = replace(row, alias=saved[0])

        self._rows.change_all(edit)
        return saved[0]

    def drop(self, session: str) -> None:
        if self._rows.of(session).alias:
            self._rows.change(session, lambda row: replace(row, alias=None))


class _Forwards(ForwardMemory):
    def __init__(self, rows: SessionRows, settings: JsonFile) -> None:
        self._rows = rows
        self._settings = settings

    def of(self, session: str) -> tuple[Forward, ...]:
        return self._rows.of(session).forwards

    def save(self, session: str, forwards: tuple[Forward, ...]) -> None:
        self._rows.change(session, lambda row: replace(row, forwards=forwards))

    def always(self) -> frozenset[str]:
        services = self._settings.read().get(ALWAYS)
        return frozenset(str(key) for key in services) if isinstance(services, list) else frozenset()

    def save_always(self, services: frozenset[str]) -> None:
        self._settings.change(lambda content: content.update({ALWAYS: sorted(services)}))


class _Handovers(HandoverMemory):
    def __init__(self, rows: SessionRows) -> None:
        self._rows = rows

    def of(self, session: str) -> Mapping[str, str]:
        return self._rows.of(session).handovers

    def save(self, session: str, key: str, place: str) -> None:
        self._rows.change(session, lambda row: replace(row, handovers={**row.handovers, key: place}))


class _Uploads(UploadMemory):
    def __init__(self, rows: SessionRows) -> None:
        self._rows = rows

    def sessions(self) -> tuple[str, ...]:
        return tuple(session for session, row in self._rows.all().items() if row.uploads)

    def of(self, session: str) -> tuple[Wanted, ...]:
        return self._rows.of(session).uploads

    def save(self, session: str, uploads: tuple[Wanted, ...]) -> None:
        self._rows.change(session, lambda row: replace(row, uploads=uploads))

    def drop(self, session: str) -> bool:
        dropped: list[Wanted] = []

        def edit(known: dict[str, SessionRow]) -> None:
            row = known.get(session)
            if row is not None and row.uploads:
                dropped.extend(row.uploads)
                known[session] = replace(row, uploads=())

        self._rows.change_all(edit)
        return bool(dropped)
