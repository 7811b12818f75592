"""Names and sums of what sessions in containers keep for later ones, as the two halves exchange them. Pure.

A session tells the desktop over the control channel, and never in the task, which archives it has put into the agent's
cache folder and their SHA-256. The desktop puts what it was told into the task of its next launch in that queue.
"""

import json
import re
from typing import Dict, Mapping, Sequence, Tuple

PARAM_KEPT = "kept"  # a hyper-parameter: JSON of name -> SHA-256 sums
MOST_NAMES = 24
MOST_SUMS = 4  # of one name: a queue may have several machines, and each has archives of its own
MAX_TEXT = 64 * 1024

_NAME = re.compile(r"[A-Za-z0-9][\w.+-]{0,119}")
_SUM = re.compile(r"[0-9a-f]{64}")


def sums_in_report(value: object) -> Dict[str, str]:
    """Return name -> sum, of what can be read."""
    rows = value.items() if isinstance(value, dict) else ()
    sums = {name: total for name, total in rows if _is(_NAME, name) and _is(_SUM, total)}
    return dict(list(sums.items())[:MOST_NAMES])


def sums_of(value: object) -> Dict[str, Tuple[str, ...]]:
    """Name -> sums, the newest first; what can't be read is left out."""
    rows = value.items() if isinstance(value, dict) else ()
    found = {}
    for name, sums in rows:
        good = [total for total in sums if _is(_SUM, total)] if isinstance(sums, (list, tuple)) else []
        if good and _is(_NAME, name):
            found[name] = tuple(good[:MOST_SUMS])
    return dict(list(found.items())[:MOST_NAMES])


def sums_in_task(text: str) -> Dict[str, Tuple[str, ...]]:
    """Read what ``text_of`` wrote; users may have edited it."""
    try:
        return sums_of(json.loads(text)) if 0 < len(text) <= MAX_TEXT else {}
    except (ValueError, RecursionError):
        return {}


def text_of(sums: Mapping[str, Sequence[str]]) -> str:
    return json.dumps({name: list(each) for name, each in sums.items()}, separators=(",", ":"))


def with_newer(known: Mapping[str, Sequence[str]], told: Mapping[str, str]) -> Dict[str, Tuple[str, ...]]:
    """Return ``known`` and, before it, what a session has told just now."""
    found: Dict[str, Sequence[str]] = {}
    for name, total in told.items():
        found[name] = (total, *(one for one in known.get(name, ()) if one != total))
    return sums_of({**found, **{name: sums for name, sums in known.items() if name not in found}})


def _is(pattern: "re.Pattern[str]", value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
