"""The sessions in state.json: one typed row for each, which this class alone reads and writes. Any thread.

What makes no sense in a row counts as absent. What a row holds under names that this version does not know stays.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from desktop_app.adapters.files.json_file import Content, JsonFile, part
from desktop_app.domain.access.listening import Forward, read_forward
from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.files.transfer import Wanted

SESSIONS = "sessions"
KEPT_SESSIONS = 500


@dataclass(frozen=True, slots=True)
class SessionRow:
    """What is remembered of one session; see ``boundary.memory`` for what the fields mean."""

    options: Mapping[str, Any] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    host_key: str = ""
    sequence: int = -1
    trusted: Mapping[str, str] = field(default_factory=dict)
    attached: bool = False
    alias: Alias | None = None
    forwards: tuple[Forward, ...] = ()
    handovers: Mapping[str, str] = field(default_factory=dict)
    uploads: tuple[Wanted, ...] = ()
    known: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False
    others: Mapping[str, Any] = field(default_factory=dict)  # of a version that remembers more

    def once_ended(self) -> "SessionRow":
        """Return what is kept of it once it has ended: how it was launched, and by what another run of its task is told
        from it."""
        return SessionRow(
            self.options, host_key=self.host_key, sequence=self.sequence, trusted=self.trusted, alias=self.alias,
            ended=True,
        )  # fmt: skip


class SessionRows:
    """All rows, in the order in which the sessions were used last."""

    def __init__(self, state: JsonFile) -> None:
        self._state = state
        self._read: tuple[Mapping[str, Any], dict[str, SessionRow]] = ({}, {})  # of which content, the rows

    def all(self) -> Mapping[str, SessionRow]:
        """Return session -> row, not to be changed by the caller. Quick: rows are read once per change of the file."""
        content, known = self._read
        current = self._state.read()
        if current is not content:
            known = _rows_in(current)
            self._read = (current, known)
        return known

    def of(self, session: str) -> SessionRow:
        """Return that session's row, an empty one where there is none."""
        return self.all().get(session, SessionRow())

    def change(self, session: str, edit: Callable[[SessionRow], SessionRow]) -> None:
        """Replace that session's row where it stands, alone among our processes. Problems: file.unwritable"""
        self.change_all(lambda known: known.update({session: edit(known.get(session, SessionRow()))}))

    def use(self, session: str, edit: Callable[[SessionRow], SessionRow]) -> None:
        """Replace that session's row and make it the newest one, of a session that has not ended; the oldest rows make
        room for it. Problems: file.unwritable"""

        def renew(known: dict[str, SessionRow]) -> None:
            known[session] = replace(edit(known.pop(session, SessionRow())), ended=False)
            # Those that ended first: nothing else tells of the secrets that are kept of the others.
            oldest = sorted(known, key=lambda one: not known[one].ended)
            for old in oldest[: max(0, len(known) - KEPT_SESSIONS)]:
                del known[old]

        self.change_all(renew)

    def change_all(self, edit: Callable[[dict[str, SessionRow]], object]) -> None:
        """Edit all rows in place, alone among our processes. Problems: file.unwritable"""

        def rewrite(content: Content) -> None:
            before = _rows_in(content)
            after = dict(before)
            edit(after)
            if list(after.items()) == list(before.items()):  # in the same order
                return
            texts = part(content, SESSIONS)
            content[SESSIONS] = {
                name: texts[name] if before.get(name) == row and isinstance(texts.get(name), dict) else _written(row)
                for name, row in after.items()
            }

        self._state.change(rewrite)


def _rows_in(content: Mapping[str, Any]) -> dict[str, SessionRow]:
    found = content.get(SESSIONS)
    return {session: _row(session, value) for session, value in found.items()} if isinstance(found, dict) else {}


# -- one row

_NAMES = (
    "options", "ports", "host_key", "sequence", "trusted", "attached", "alias", "forwards", "consents", "uploads",
    "known", "ended",
)  # fmt: skip


def _row(session: str, value: object) -> SessionRow:
    if not isinstance(value, dict):
        return SessionRow()
    sequence = value.get("sequence")
    return SessionRow(
        options=_object(value, "options"),
        ports={app: port for app, port in _object(value, "ports").items() if type(port) is int and 0 < port < 65536},
        host_key=str(value.get("host_key") or ""),
        sequence=sequence if type(sequence) is int else -1,
        trusted={name: text for name, text in _object(value, "trusted").items() if isinstance(text, str)},
        attached=value.get("attached") is True,
        alias=_alias(session, _object(value, "alias")),
        forwards=tuple(one for one in map(read_forward, _list(value, "forwards")) if one is not None),
        handovers={key: str(place) for key, place in _object(value, "consents").items()},
        uploads=_uploads(_list(value, "uploads")),
        known=_object(value, "known"),
        ended=value.get("ended") is True,
        others={name: other for name, other in value.items() if name not in _NAMES},
    )


def _written(row: SessionRow) -> Content:
    """Return the row as it lies in the file; what is empty is left out."""
    alias = row.alias and {"name": row.alias.name, "user": row.alias.user, "port": row.alias.port,
                           "title": row.alias.title}  # fmt: skip
    values: Content = {
        "options": dict(row.options),
        "ports": dict(row.ports),
        "host_key": row.host_key,
        "trusted": dict(row.trusted),
        "attached": row.attached,
        "alias": alias,
        "forwards": [{**asdict(one), "kind": one.kind.value} for one in row.forwards],
        "consents": dict(row.handovers),
        "uploads": [asdict(one) for one in row.uploads],
        "known": dict(row.known),
        "ended": row.ended,
    }
    counted = {"sequence": row.sequence} if row.sequence >= 0 else {}
    return {**row.others, **{name: value for name, value in values.items() if value}, **counted}


def _alias(session: str, row: Mapping[str, Any]) -> Alias | None:
    name, user, port, title = (row.get(key) for key in ("name", "user", "port", "title"))
    if not isinstance(name, str) or not isinstance(user, str) or not isinstance(title, str) or type(port) is not int:
        return None
    return Alias(name, session, user, port, title)


def _uploads(values: list[Any]) -> tuple[Wanted, ...]:
    uploads = (_wanted(value) for value in values if isinstance(value, dict))
    # A damaged row must not become the folder that this program happens to run in.
    return tuple(one for one in uploads if Path(one.path).is_absolute())


def _wanted(row: Mapping[str, Any]) -> Wanted:
    path, size, modified = row.get("path"), row.get("size"), row.get("modified")
    return Wanted(
        path if isinstance(path, str) else "",
        size if isinstance(size, int) else -1,
        modified if isinstance(modified, int) else -1,
    )


def _object(row: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = row.get(key)
    return value if isinstance(value, dict) else {}


def _list(row: Mapping[str, Any], key: str) -> list[Any]:
    value = row.get(key)
    return value if isinstance(value, list) else []
