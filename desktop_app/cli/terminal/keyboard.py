"""Waiting for news of a session, and whether a user sits at the terminal. ``Pokes`` is poked by any thread.

The keyboard itself is an adapter (``boundary.computer.Waiting``); standard input is never read when it is no terminal.
"""

import os
import sys
import threading

from desktop_app.boundary.computer import Waiting


class Pokes(Waiting):
    """Waits for pokes only: nothing is typed."""

    def __init__(self) -> None:
        self._poked = threading.Event()

    def poke(self) -> None:
        """End a wait, or the next one; from any thread."""
        self._poked.set()

    def wait(self, seconds: float) -> None:
        """Wait for a poke, so long at most."""
        self._poked.wait(seconds)
        self._poked.clear()

    def close(self) -> None:
        """Do nothing: no terminal was changed."""


def on_terminal() -> bool:
    """True if a user can be asked: standard input and standard error are a terminal, and we are not in its background,
    where the system stops programs that read from it."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)) and _in_front()


def _in_front() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (AttributeError, OSError):  # Windows has no such thing; or it is not the terminal that we were started from
        return True
