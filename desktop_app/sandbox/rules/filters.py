"""get_all: which documents pass. Pure functions.

As recorded of a real server: lists take ``-x`` and ``__$not``/``__$and``/``__$or`` and null ("has none"), names are
case-sensitive regular expressions, and what is hidden is found by its id or on request only.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from desktop_app.sandbox.rules import errors, fields, keys

Document = Mapping[str, Any]
Test = Callable[[Document], bool]

HIDDEN = "hidden"  # the system tag of what lists leave out
_MODES = {"and": "all", "all": "all", "or": "any", "any": "any", "nop": ""}
_COMPARISONS: Mapping[str, Callable[[datetime, datetime], bool]] = {
    ">=": lambda have, bound: have >= bound,
    "<=": lambda have, bound: have <= bound,
    ">": lambda have, bound: have > bound,
    "<": lambda have, bound: have < bound,
    "==": lambda have, bound: have == bound,
}


@dataclass(frozen=True)
class Kind:
    """What one kind of document can be asked by. ``starts`` are prefixes of dotted names that lists filter by."""

    tree: fields.Tree
    lists: tuple[str, ...]
    patterns: tuple[str, ...]
    times: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    hides: bool = False


TASKS = Kind(
    fields.TASK,
    ("id", "user", "tags", "system_tags", "type", "status", "project", "parent", "execution.queue"),
    ("name", "comment", "report"),
    ("created", "started", "completed", "status_changed", "last_update", "last_change"),
    ("hyperparams.", "runtime.", "models."),
    hides=True,
)
PROJECTS = Kind(
    fields.PROJECT,
    ("id", "user", "tags", "system_tags", "parent", "path"),
    ("name", "basename", "description"),
    ("created", "last_update"),
    hides=True,
)
QUEUES = Kind(fields.QUEUE, ("id", "tags", "system_tags"), ("name", "display_name"), ("created", "last_update"))
USERS = Kind(fields.USER, ("id",), ("name",), ("created",))


def tests(kind: Kind, body: Mapping[str, Any]) -> list[Test]:
    """Return what a document must pass. Raises ApiError 400/12, 400/16 or 400/21 for a filter that means nothing."""
    found: list[Test] = []
    for name, value in body.items():
        if value is None:
            continue
        if name in kind.lists or name.startswith(kind.starts):
            found += _of_list(name, value)
        elif name in kind.patterns and value != "":
            found.append(_of_pattern(name, value))
        elif name in kind.times:
            found += _of_times(name, value)
        elif name in ("_any_", "_or_", "_all_", "_and_"):
            found.append(_of_several(name, value))
    for name, value in (body.get("filters") or {}).items():
        if value:
            found.append(_by(name, _given(name, value)))
    if kind.hides and not body.get("search_hidden") and not body.get("id"):
        found.append(lambda document: HIDDEN not in (document.get("system_tags") or ()))
    return found


# --- lists ------------------------------------------------------------------------------------------------------------


@dataclass
class Wanted:
    """Which values of a list pass: any of some, or all of others. ``either``: one of the two groups is enough."""

    any_in: list[Any] = field(default_factory=list)
    any_out: list[Any] = field(default_factory=list)
    all_in: list[Any] = field(default_factory=list)
    all_out: list[Any] = field(default_factory=list)
    either: bool = False

    def passes(self, have: Sequence[Any]) -> bool:
        results = []
        if self.any_in or self.any_out:
            results.append(
                any(_has(have, one) for one in self.any_in) or any(not _has(have, one) for one in self.any_out)
            )
        if self.all_in or self.all_out:
            results.append(
                all(_has(have, one) for one in self.all_in) and not any(_has(have, one) for one in self.all_out)
            )
        return (any(results) if self.either else all(results)) if results else True


def _has(have: Sequence[Any], wanted: Any) -> bool:
    """True if the value is in the field. Null is had by what has nothing."""
    return not have if wanted is None else wanted in have


def _of_list(name: str, value: Any) -> list[Test]:
    values = value if isinstance(value, list) else [value]
    return [_by(name, _parsed(name, values))] if values else []


def _by(name: str, wanted: Wanted) -> Test:
    path = tuple(keys.unescaped(part) for part in name.split("."))

    def test(document: Document) -> bool:
        have = fields.at(document, path)
        return wanted.passes(have if isinstance(have, list) else [] if have is None else [have])

    return test


def _parsed(name: str, values: Sequence[Any]) -> Wanted:
    wanted, mode, negate = Wanted(), "", False
    for value in values:
        if value is not None and not isinstance(value, str):
            raise errors.invalid_value(f"invalid value type, string expected): field={name}, value={value}")
        if value is not None and value.startswith("__$"):
            word = value[3:]
            if negate or (word != "not" and word not in _MODES):
                raise errors.invalid_value(f"Unsupported operator): field={name}, operator={value}")
            negate = word == "not"
            mode = mode if negate else _MODES[word]
            continue
        out = negate
        if value is not None and value.startswith("-"):
            out, value = True, value[1:]
            if not value:
                raise errors.invalid_value(f"Missing value after the exclude prefix -): field={name}")
        _add(wanted, mode, out, value)
        negate = False
    if negate:
        raise errors.invalid_value(f"Value is expected after): field={name}, operator=__$not")
    return wanted


def _add(wanted: Wanted, mode: str, out: bool, value: Any) -> None:
    """Add a filter. Without a mode any of the included ones is enough, and all of the excluded ones count."""
    if out:
        (wanted.any_out if mode == "any" else wanted.all_out).append(value)
    else:
        (wanted.all_in if mode == "all" else wanted.any_in).append(value)


def _given(name: str, value: Any) -> Wanted:
    """Return a filter in its own words: ``{"op": …, "any": {"include": …, "exclude": …}, "all": …}``."""
    if not isinstance(value, dict) or not set(value) <= {"op", "any", "all"}:
        raise errors.invalid_field(f"field={name}, value={value}")
    groups: dict[str, list[list[Any]]] = {}
    for group in ("any", "all"):
        given = value.get(group) or {}
        if not isinstance(given, dict) or not set(given) <= {"include", "exclude"}:
            raise errors.invalid_field(f"field={name}, value={value}")
        groups[group] = [list(given.get("include") or ()), list(given.get("exclude") or ())]
    any_in, any_out, all_in, all_out = groups["any"] + groups["all"]
    return Wanted(any_in, any_out, all_in, all_out, either=value.get("op") == "or")


# --- texts and times --------------------------------------------------------------------------------------------------


def _compiled(pattern: Any, flags: re.RegexFlag = re.NOFLAG) -> "re.Pattern[str]":
    try:
        return re.compile(str(pattern), flags)
    except re.error as error:
        raise errors.malformed_pattern(str(error)) from error


def _of_pattern(name: str, value: Any) -> Test:
    pattern = _compiled(value)
    return lambda document: pattern.search(str(document.get(name) or "")) is not None


def _of_several(name: str, value: Any) -> Test:
    """Match one pattern over several fields, in small or large letters."""
    if not isinstance(value, dict) or not set(value) <= {"fields", "pattern"} or "pattern" not in value:
        raise errors.invalid_value(f"failed parsing query field): error=incorrect field format, field={name}")
    pattern = _compiled(value.get("pattern") or "", re.IGNORECASE)
    paths = [tuple(str(one).split(".")) for one in value.get("fields") or ()]
    if not paths:
        return lambda document: True
    join = any if name in ("_any_", "_or_") else all

    def matches(have: Any) -> bool:
        texts = have if isinstance(have, list) else [have]
        return any(pattern.search(str(text)) for text in texts if text is not None)

    return lambda document: join(matches(fields.at(document, path)) for path in paths)


def _of_times(name: str, value: Any) -> list[Test]:
    """Read bounds like ``>=2026-01-31T12:00:00``, a range of two plain times, or one time; other texts filter
    nothing."""
    given = value if isinstance(value, list) else [value]
    signs = [next((sign for sign in _COMPARISONS if str(one).startswith(sign)), "") for one in given]
    if len(given) == 2 and not any(signs):
        signs = [">=", "<="]
    found: list[Test] = []
    for one, sign in zip(given, signs, strict=True):
        try:
            bound = datetime.fromisoformat(str(one).removeprefix(sign))
        except ValueError:
            continue
        found.append(_of_time(name, sign or "==", bound))
    return found


def _of_time(name: str, sign: str, bound: datetime) -> Test:
    def test(document: Document) -> bool:
        have = document.get(name)
        if not have:
            return False
        time = datetime.fromisoformat(str(have))
        return _COMPARISONS[sign](time, bound if bound.tzinfo else bound.replace(tzinfo=time.tzinfo))

    return test
