"""The end of the program, in order and in time. Runs on the thread that closes the core.

First every part is told to end, then every part is waited for; a thread that does not end in time is named in the log.
All our threads are daemons, so a hung one can't keep the program alive.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """Something that has threads. ``cancel`` is quick; ``close(seconds)`` joins and returns the names of the late."""

    name: str
    cancel: Callable[[], None]
    close: Callable[[float], Sequence[str]]


def close_all(parts: Sequence[Part], timeout_s: float) -> tuple[str, ...]:
    """Cancel all, then close each within what is left of ``timeout_s`` seconds; return the late threads' names."""
    end = time.monotonic() + timeout_s
    for part in parts:
        _safely(part.name, part.cancel)
    late: list[str] = []
    for part in parts:
        left = max(0.05, end - time.monotonic())
        _safely(part.name, partial(_close, part, left, late))
    for name in late:
        _log.warning("thread %s did not end within %.1f s", name, timeout_s)
    return tuple(late)


def _close(part: Part, seconds: float, late: list[str]) -> None:
    late.extend(part.close(seconds))


def _safely(name: str, step: Callable[[], None]) -> None:
    try:
        step()
    except Exception:  # the boundary of a part: the others must still be closed
        _log.exception("closing %s failed", name)
