"""Compares an answer with the recorded one, and blanks what differs from run to run. Owns no state; any thread.

What each mode of ``compare`` means is in README.md. Standard library only: replay.py runs without this project.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

Json = Any

HEX = re.compile(r"\b[0-9a-f]{32}\b")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)?")
JWT = re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]*")
HOST = re.compile(r"127\.0\.0\.1(:\d+)?")
LONG = 1000  # characters; longer texts are kept as length and digest
NOW_MS = 1_795_000_000_000  # larger whole numbers are times in ms
DURATIONS = ("active_duration", "running_time")  # fields with seconds in them
SHOWN = 160  # characters of a value in a sentence


def blank(value: Json, names: Sequence[tuple[str, str]]) -> Json:
    """The value with ids, times, tokens and the given (text, name) pairs replaced by placeholders."""
    if isinstance(value, str):
        if len(value) > LONG:
            return f"<text:{len(value)}:{hashlib.sha256(value.encode('utf-8', 'replace')).hexdigest()[:12]}>"
        for text, name in names:
            value = value.replace(text, f"${{{name}}}")
        for pattern, mark in ((JWT, "<jwt>"), (TIME, "<time>"), (HOST, "<host>"), (HEX, "<id>")):
            value = pattern.sub(mark, value)
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value > NOW_MS:
        return "<ms>"
    if isinstance(value, list):
        return [blank(one, names) for one in value]
    if isinstance(value, dict):
        return {
            blank(key, names): "<n>" if key in DURATIONS and isinstance(one, (int, float)) else blank(one, names)
            for key, one in value.items()
        }
    return value


def at(value: Json, path: str) -> Json:
    """What lies at a dotted path, or None."""
    for part in path.split("."):
        if isinstance(value, list):
            value = value[int(part)] if part.isdigit() and int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def every(value: Json, path: str) -> Json:
    """As ``at``, but ``[]`` after a name collects from every item of that list."""
    head, mark, rest = path.partition("[]")
    found = at(value, head) if head else value
    if not mark:
        return found
    rest = rest.lstrip(".")
    items = found if isinstance(found, list) else []
    return [every(one, rest) if rest else one for one in items]


def compare(step: Json, expected: Json, got: Json, likely: bool = False) -> list[str]:
    """What is wrong with the answer, one sentence each; with ``likely``, only by the rules of that mode."""
    problems: list[str] = []
    for rule in step["compare"]:
        path, _, mode = rule.partition(":")
        mode = mode or "exact"
        if mode == "info" or (mode == "likely") != likely:
            continue
        if mode not in _MODES:
            raise ValueError("unknown compare mode: " + rule)
        problems += _MODES[mode](every(expected, path), every(got, path), path)
    return problems


def _in_order(value: Json) -> Json:
    """With every list in one order, whatever it was."""
    if isinstance(value, list):
        return sorted((_in_order(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    if isinstance(value, dict):
        return {key: _in_order(one) for key, one in value.items()}
    return value


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _differ(want: Json, have: Json, path: str) -> list[str]:
    return [f"{path}: expected {_short(want)}, got {_short(have)}"]


def _fields(want: Json, have: Json, path: str, extra: bool = False) -> list[str]:
    """Names that are missing, and those too many unless ``extra`` ones are fine."""
    problems = [f"{path}: missing field {key!r}" for key in want if key not in have]
    if not extra:
        problems += [f"{path}: extra field {key!r} = {_short(have[key])}" for key in have if key not in want]
    return problems


def _exact(want: Json, have: Json, path: str) -> list[str]:
    if want == "<any>":
        return []
    if want in ("<ms>", "<n>"):
        fits = have == want or (_is_number(have) and (want == "<n>" or isinstance(have, int)))
        return [] if fits else _differ(want, have, path)
    if isinstance(want, dict) and isinstance(have, dict):
        problems = _fields(want, have, path)
        for key in want:
            if key in have:
                problems += _exact(want[key], have[key], f"{path}.{key}")
        return problems
    if isinstance(want, list) and isinstance(have, list):
        if len(want) != len(have):
            return _differ(want, have, path)
        pairs = zip(want, have, strict=True)
        return [line for number, (a, b) in enumerate(pairs) for line in _exact(a, b, f"{path}.{number}")]
    if want == have and (type(want) is type(have) or (_is_number(want) and _is_number(have))):
        return []
    return _differ(want, have, path)


def _kind(value: Json) -> str:
    if isinstance(value, str) and value in ("<ms>", "<n>"):
        return "number"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return {str: "text", list: "list", dict: "object", type(None): "null"}[type(value)]


def _types(want: Json, have: Json, path: str, extra: bool = False) -> list[str]:
    if want is None or want == "<any>":
        return []
    if _kind(want) != _kind(have):
        return [f"{path}: expected a {_kind(want)}, got {_short(have)}"]
    if isinstance(want, dict):
        problems = _fields(want, have, path, extra)
        for key in want:
            if key in have:
                problems += _types(want[key], have[key], f"{path}.{key}", extra)
        return problems
    if isinstance(want, list) and want:
        return [
            line for number, one in enumerate(have) for line in _types(want[0], one, f"{path}.{number}", extra=extra)
        ]
    return []


def _has(want: Json, have: Json, path: str) -> list[str]:
    return _types(want, have, path, extra=True)


def _keys(want: Json, have: Json, path: str) -> list[str]:
    both = isinstance(want, dict) and isinstance(have, dict)
    return _fields(want, have, path) if both else _exact(want, have, path)


def _unordered(want: Json, have: Json, path: str) -> list[str]:
    return _exact(_in_order(want), _in_order(have), path)


def _count(want: Json, have: Json, path: str) -> list[str]:
    if isinstance(have, list) and len(have) == len(want):
        return []
    return [f"{path}: {len(want)} items, not {len(have) if isinstance(have, list) else have}"]


def _set(want: Json, have: Json, path: str) -> list[str]:
    if isinstance(have, list) and _in_order(have) == _in_order(want):
        return []
    return [f"{path}: expected (any order) {_short(want)}, got {_short(have)}"]


_MODES: dict[str, Callable[[Json, Json, str], list[str]]] = {
    "exact": _exact,
    "likely": _exact,
    "types": _types,
    "has": _has,
    "keys": _keys,
    "unordered": _unordered,
    "count": _count,
    "set": _set,
}
