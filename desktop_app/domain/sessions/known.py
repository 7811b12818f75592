"""What one process of ours tells another (or the next one, by a file) about a session: facts as JSON and back. Pure.

A reader takes what it understands: another version may have written it, or a user's editor.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from desktop_app.domain.problems import Problem
from desktop_app.domain.sessions.clearml_session import ClearmlSession
from desktop_app.domain.sessions.snapshot import End, Remote, ServerFacts
from remote_bootstrap.contract import ContractError, Record, Report


@dataclass(frozen=True, slots=True)
class Known:
    """Facts that were true at ``as_of``."""

    facts: ServerFacts
    as_of: datetime


def known_json(known: Known) -> dict[str, Any]:
    """Return it as JSON; no secret is in it."""
    values = {field.name: _plain(getattr(known.facts, field.name)) for field in fields(ServerFacts)}
    return {
        "as_of": known.as_of.isoformat(),
        "facts": {name: fact for name, fact in values.items() if fact is not None},
    }


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Report):
        return value.public().dumps()
    if isinstance(value, Record):
        return value.dumps()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def read_known(value: object) -> Known | None:
    """Read what ``known_json`` wrote; None where the least is not there: when, and what the session does."""
    rows = value.get("facts") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(rows, Mapping):
        return None
    values = {field.name: read for field in fields(ServerFacts) if (read := _read(field.name, rows)) is not None}
    as_of = _time(value.get("as_of"))
    if as_of is None or not isinstance(values.get("remote"), Remote):
        return None
    return Known(ServerFacts(**values), as_of)


_BLANK = ServerFacts(Remote.CREATED)
_EARLIER_NAMES = {"clearml_session": "foreign"}  # rows that version 0.1 wrote before are read as well


def _read(name: str, rows: Mapping[str, Any]) -> Any:
    """Return the field as it belongs into the facts, None for the default."""
    raw, usual = rows.get(name, rows.get(_EARLIER_NAMES.get(name, ""))), getattr(_BLANK, name)
    reader = _READERS.get(name)
    if reader is not None:
        try:
            return reader(raw)
        except (ContractError, ValueError, TypeError):
            return None
    if isinstance(usual, tuple):
        return tuple(item for item in raw if isinstance(item, str)) if isinstance(raw, list) else None
    if isinstance(usual, float) and type(raw) is int:
        return float(raw)
    return raw if type(raw) is type(usual) else None


def _time(value: object) -> datetime | None:
    """Return the time with a time zone, as all of ours have."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _clearml_session(value: object) -> ClearmlSession | None:
    if not isinstance(value, Mapping):
        return None
    blank = ClearmlSession()
    good: dict[str, Any] = {
        field.name: tuple(raw) if isinstance(raw, list) else raw
        for field in fields(ClearmlSession)
        if (raw := value.get(field.name)) is not None
        and type(tuple(raw) if isinstance(raw, list) else raw) is type(getattr(blank, field.name))
    }
    return ClearmlSession(**good)


def _left(raw: Any) -> tuple[Record | None, Report | None]:
    """Return what an earlier run of the task left: its record and its report."""
    record, report = raw if isinstance(raw, list) and len(raw) == 2 else (None, None)
    return (
        Record.loads(record) if isinstance(record, str) else None,
        Report.loads(report) if isinstance(report, str) else None,
    )


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "remote": Remote,
    "end": End,
    "created": _time,
    "started": _time,
    "changed": _time,
    "left": _left,
    "record": lambda raw: Record.loads(raw) if isinstance(raw, str) else None,
    "report": lambda raw: Report.loads(raw) if isinstance(raw, str) else None,
    "clearml_session": _clearml_session,
}


def is_away(why: Problem) -> bool:
    """True if this says that the server can't be asked (or not by us), and nothing about the session."""
    return why.code.startswith("server.") or why.code == "account.no_secret"
