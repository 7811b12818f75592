"""The same as keyboard_posix on a Windows console, which can't be waited for: it is looked at ten times a second."""

import msvcrt
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

from desktop_app.boundary.computer import Waiting

GLANCE_S = 0.1  # between two looks


class Keyboard(Waiting):
    """What is typed meanwhile goes line by line to ``typed``, the end of the input as None."""

    def __init__(self, stream: TextIO, typed: Callable[[str | None], None]) -> None:
        self._poked = threading.Event()
        self._stream = stream
        self._typed = typed

    def poke(self) -> None:
        self._poked.set()

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not _pressed():
            if self._poked.wait(min(GLANCE_S, max(0.0, end - time.monotonic()))) or time.monotonic() >= end:
                self._poked.clear()
                return
        line = self._stream.readline()  # the console edits the line; the session's news wait for its end
        self._typed(line.strip() if line else None)

    def close(self) -> None:
        """End the waiting. Idempotent."""


def _pressed() -> bool:
    """True if a key was; False on other systems, which never come here."""
    return sys.platform == "win32" and msvcrt.kbhit()
