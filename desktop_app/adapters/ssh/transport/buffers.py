"""What lies between one SSH socket and its packets: bytes that came, bytes that could not be sent yet.

The socket doesn't block. The transport's thread reads; any thread writes, under ``Outbox.lock``. Waiting is done here,
and only here: for something to read (the transport's thread) or for room to send (who asks for it). Decision 0027.
"""

import select
import selectors
import socket
import threading
import time
from collections.abc import Callable
from functools import partial

BUFFER = 1024 * 1024
PIECE = 256 * 1024  # of what waits, at once
BUSY = 16 * 1024  # after a read of so much, more has probably come meanwhile
TICK_SECONDS = 5.0  # nothing depends on it: a close wakes whoever waits
GREETING = 8192

# One that holds no file descriptor, where there is one: cheap to make, nothing to close.
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


class Outbox:
    """Sends at once what the socket takes, keeps the rest in order."""

    def __init__(self, wire: socket.socket) -> None:
        self.lock = threading.RLock()  # what is sent, and in which order
        self.waiting = bytearray()
        self._wire = wire

    def write(self, data: memoryview) -> None:
        """Send what the socket takes, queue the rest; never blocks. Raises OSError. The lock is held."""
        sent = 0 if self.waiting else self._push(data)
        if sent < len(data):
            self.waiting += data[sent:]

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it; never blocks. Raises OSError when the connection ended."""
        with self.lock:
            if self.waiting:
                with memoryview(self.waiting) as view:
                    sent = self._push(view[:PIECE])
                del self.waiting[:sent]

    def drain(self, closed: Callable[[], bool]) -> None:
        """Block until nothing waits. Raises EOFError once ``closed``, OSError when the connection ended."""
        while self.waiting:
            wait_for(self._wire, selectors.EVENT_WRITE)
            if closed():
                raise EOFError
            self.flush()

    def _push(self, data: memoryview) -> int:
        try:
            return self._wire.send(data)
        except BlockingIOError:
            return 0


class Inbox:
    """``view[start:end]`` came and was not taken yet. The transport's thread only, but for ``heard_at``."""

    def __init__(self, wire: socket.socket, outbox: Outbox) -> None:
        self.bytes = bytearray(BUFFER)
        self.view = memoryview(self.bytes)
        self.start = self.end = 0
        self.heard_at = 0.0  # monotonic, of the last bytes
        self._wire = wire
        self._outbox = outbox
        self._busy = False
        self._await = _waiter(wire)

    def __len__(self) -> int:
        return self.end - self.start

    def fill(self, room: int) -> bool:
        """Read once, into at least ``room`` bytes; False when nothing came for a while. Raises EOFError, OSError."""
        left = self.end - self.start
        if not left or BUFFER - self.end < room:
            self.view[:left] = self.view[self.start : self.end]
            self.start, self.end = 0, left
        if not self._busy and not self._wait():
            return False
        try:
            got = self._wire.recv_into(self.view[self.end :])
        except BlockingIOError:
            self._busy = False
            return self._wait()
        if not got:
            raise EOFError
        self._busy = got > BUSY
        self.end += got
        self.heard_at = time.monotonic()
        return True

    def take(self, size: int) -> bytes:
        start, self.start = self.start, self.start + size
        return bytes(self.view[start : self.start])

    def line(self) -> str | None:
        """Return the next line of the greeting; None while it isn't whole. Raises ValueError when it gets too long."""
        at = self.bytes.find(b"\n", self.start, self.end)
        if at >= 0:
            return self.take(at + 1 - self.start).decode("utf-8", "replace").rstrip("\r\n")
        if len(self) > GREETING:
            raise ValueError("a greeting line is too long")
        return None

    def _wait(self) -> bool:
        """Wait for something to read; True if it came. Sends meanwhile what could not be sent before."""
        if not self._outbox.waiting:
            return bool(self._await())
        ready = wait_for(self._wire, selectors.EVENT_READ | selectors.EVENT_WRITE)
        if ready & selectors.EVENT_WRITE:
            self._outbox.flush()
        return bool(ready & selectors.EVENT_READ)


def _waiter(wire: socket.socket) -> Callable[[], object]:
    """Return what waits for something to read, for a tick at most: the transport's thread does little else."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(wire, select.POLLIN)
        return partial(poll.poll, TICK_SECONDS * 1000)
    selector = selectors.SelectSelector()
    selector.register(wire, selectors.EVENT_READ)
    return partial(selector.select, TICK_SECONDS)


def wait_for(wire: socket.socket, events: int) -> int:
    """Return the events that came within a tick. Raises EOFError when we closed the socket."""
    with _Selector() as selector:
        try:
            selector.register(wire, events)
        except (ValueError, OSError):
            raise EOFError from None
        return sum(mask for _, mask in selector.select(TICK_SECONDS))
