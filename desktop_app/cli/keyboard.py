"""Waiting for news of a session, on a terminal for the lines that a person types as well. Main thread.

Standard input is never read when it is not a terminal.
"""

import os
import sys
import threading


class Pokes:
    """Waits for a poke only."""

    def __init__(self) -> None:
        self._poked = threading.Event()

    def poke(self) -> None:
        self._poked.set()

    def wait(self, seconds: float) -> None:
        self._poked.wait(seconds)
        self._poked.clear()

    def close(self) -> None:
        pass


def on_terminal() -> bool:
    """Whether a person sits there: input and the lines that we say are a terminal, and we are not in its background,
    where the system stops programs that read from it."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)) and _in_front()


def _in_front() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (
        AttributeError,
        OSError,
    ):  # Windows has no such thing; the terminal is not the one that we were started from
        return True
