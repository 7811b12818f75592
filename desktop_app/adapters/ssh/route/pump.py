"""Carries bytes between one half of a local socket pair and something that is no socket: a channel, a program's pipes.

Two threads per pump; both end when either side ends or ``close`` is called.
"""

import contextlib
import socket
import threading
from collections.abc import Callable

from desktop_app.adapters.ssh.transport.wire import WIRE_ERRORS

CHUNK = 256 * 1024


class Pump:
    """``near`` is for the transport above. ``end`` is called once, on one of the pump's threads or ``close``'s caller:
    it must unblock ``read`` and ``write``."""

    def __init__(
        self, name: str, read: Callable[[int], bytes], write: Callable[[bytes], object], end: Callable[[], None]
    ) -> None:
        self.near, self._far = socket.socketpair()
        self._read = read
        self._write = write
        self._end = end
        self._lock = threading.Lock()
        self._ended = False
        self._running = 2
        for work, way in ((self._up, "up"), (self._down, "down")):
            threading.Thread(target=self._run, args=(work,), name=f"route-{name}-{way}", daemon=True).start()

    def close(self) -> None:
        """End it; both sides see that. Never blocks."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
            with contextlib.suppress(OSError):  # the other half is gone
                self._far.shutdown(socket.SHUT_RDWR)
        self._end()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except WIRE_ERRORS:
            pass  # either side broke: the transport above tells
        finally:
            self.close()
            with self._lock:
                self._running -= 1
                if not self._running:
                    self._far.close()

    def _up(self) -> None:
        while data := self._far.recv(CHUNK):
            self._write(data)

    def _down(self) -> None:
        while data := self._read(CHUNK):
            self._far.sendall(data)
