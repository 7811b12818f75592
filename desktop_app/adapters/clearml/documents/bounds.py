"""How much of what others wrote comes in: every text, list and number of the data that leaves this room. Pure.

Any member of a workspace can name a project, a queue, a worker or itself as he likes, and a window that draws half a
million characters stands still. So it is not asked of each place that reads a field: ``bounded`` goes through the whole
of what is handed on, and a field that nobody thought of is bounded as a name is. What the user's own launch wrote (its
parameters, its packages) and what is read for its own sake (a log) has more room.
"""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from desktop_app.domain.accounts.account import LogLine
from desktop_app.domain.sessions.again import LaunchedTask
from desktop_app.domain.sessions.clearml_session import ClearmlSessionLogin
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.snapshot import ServerFacts
from remote_bootstrap import contract

MAX_NAME = 300  # characters of whatever is not named here
MAX_PATH = 4096
MAX_LINE = 100_000  # of one log event
MAX_WHOLE = 4 * 1024 * 1024  # of a value that is of no use in part
MAX_ITEMS = 20_000  # of a list
MAX_FEW = 50  # of a list that a window shows in one place
MAX_NUMBER = 2**53  # whole numbers that survive JSON

# type -> characters of its texts; (type, field) goes before it. ``contract`` bounds what it reads by itself.
CHARACTERS: Mapping[object, int] = {
    (LogLine, "text"): MAX_LINE,
    LaunchedTask: MAX_WHOLE,
    ClearmlSessionLogin: MAX_PATH,
    (FinishedSession, "folder"): MAX_PATH,
    (ServerFacts, "message"): contract.MAX_SENTENCE,
    (ServerFacts, "record_error"): contract.MAX_SENTENCE,
}
ITEMS: Mapping[object, int] = {(ServerFacts, "tags"): MAX_FEW}
WHOLE = (contract.Record, contract.Report)

T = TypeVar("T")


def bounded(value: T, characters: int = MAX_NAME) -> T:
    """Return the value with nothing in it that is larger than it may be. A text that was cut ends with "…"."""
    return cast(T, _bounded(value, characters, MAX_ITEMS))


def _bounded(value: Any, characters: int, items: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= characters else value[: characters - 1] + "…"
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return max(-MAX_NUMBER, min(MAX_NUMBER, value))
    if isinstance(value, float):
        return value if math.isfinite(value) else 0.0
    if isinstance(value, tuple):
        return tuple(_bounded(item, characters, items) for item in value[:items])
    if isinstance(value, Mapping):
        few = list(value.items())[:items]
        return {_bounded(key, MAX_NAME, items): _bounded(item, characters, items) for key, item in few}
    if is_dataclass(value) and not isinstance(value, (type, *WHOLE)):
        return _fields(value, characters)
    return value


def _fields(value: Any, characters: int) -> Any:
    kind = type(value)
    usual = CHARACTERS.get(kind, characters)
    changed = {}
    for field in fields(value):
        was = getattr(value, field.name)
        key = (kind, field.name)
        cut = _bounded(was, CHARACTERS.get(key, usual), ITEMS.get(key, MAX_ITEMS))
        if cut is not was:
            changed[field.name] = cut
    return replace(value, **changed) if changed else value
