"""Waiting for a condition with a deadline, for tests that watch another thread or process. Any thread."""

from __future__ import annotations  # Python 3.8, for some of the bootstrap's tests

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_SECONDS = 0.03


def wait_until(condition: Callable[[], T | None], what: str, seconds: float = 10.0, poll: float = POLL_SECONDS) -> T:
    """The first truthy answer of ``condition``. Raises TimeoutError that names ``what`` after ``seconds``.

    For what can only be polled (another process, a file); a thread of our own is waited for by its event or join.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(poll)
