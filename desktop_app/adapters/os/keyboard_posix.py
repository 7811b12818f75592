"""Waiting for a terminal's lines and a poke together, on Linux and macOS. ``poke`` from any thread, the rest from one.

The terminal is read only during a wait here, so that a shell that runs in between has its input for itself.
"""

import contextlib
import os
import select
import threading
from collections.abc import Callable
from typing import TextIO

from desktop_app.boundary.computer import Waiting


class Keyboard(Waiting):
    """What is typed meanwhile goes line by line to ``typed``, the end of the input as None."""

    def __init__(self, stream: TextIO, typed: Callable[[str | None], None]) -> None:
        self._input = stream.fileno()
        self._typed = typed
        self._rest = b""
        self._ended = False
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        os.set_blocking(self._read, False)
        self._lock = threading.Lock()
        self._closed = False

    def poke(self) -> None:
        with self._lock:
            if not self._closed:
                with contextlib.suppress(BlockingIOError):  # poked often enough
                    os.write(self._write, b"!")

    def wait(self, seconds: float) -> None:
        sources = [self._read] if self._ended else [self._read, self._input]
        ready, _, _ = select.select(sources, [], [], min(seconds, threading.TIMEOUT_MAX))
        if self._read in ready:
            os.read(self._read, 4096)
        if self._input in ready:
            self._take(os.read(self._input, 4096))

    def _take(self, data: bytes) -> None:
        if not data:  # Ctrl-D, or the terminal is gone
            self._ended = True
            self._typed(None)
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._typed(line.decode("utf-8", "replace").strip())

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._read)
                os.close(self._write)
