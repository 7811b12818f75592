"""The door of the ssh-agent on Windows: a named pipe, as Windows' OpenSSH expects for ``IdentityAgent``.

``multiprocessing.connection`` opens pipes there without an extra library: in message mode, with the default access
(this user, administrators and the system may write to it). Raw bytes go both ways; a message may hold any part of the
agent protocol, ``Framer`` puts it together. Not exercised on Windows itself so far; the tests run this file over
connections of the same interface.
"""

import contextlib
import threading
from multiprocessing import connection

LARGEST = 1 << 20
LOOK_UP_S = 0.2


class PipeDoor:
    """A named pipe ``\\\\.\\pipe\\…``. OSError when it can't be opened."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._listener = connection.Listener(address)
        self._closed = False

    def accept(self) -> "PipeClient | None":
        try:
            accepted = self._listener.accept()
        except EOFError:  # it left while it was let in
            return None
        if self._closed:
            accepted.close()
            raise OSError("closed")
        return PipeClient(accepted)

    def close(self) -> None:
        self._closed = True
        with contextlib.suppress(OSError, EOFError):
            connection.Client(self._address).close()  # wakes the thread that waits in accept()
        self._listener.close()


class PipeClient:
    """A program on the other end of a pipe. Closing a handle wakes nobody, so whoever waits looks up now and then."""

    def __init__(self, end: "connection.Connection[bytes, bytes]") -> None:
        self._end = end
        self._lock = threading.Lock()
        self._over = False
        self._waiting = False

    def receive(self) -> bytes:
        with self._lock:
            self._waiting = not self._over
        try:
            while not self._over:
                if self._end.poll(LOOK_UP_S):
                    return self._end.recv_bytes(LARGEST)
        except EOFError:
            return b""
        finally:
            with self._lock:
                self._waiting = False
                if self._over:
                    self._end.close()
        return b""

    def send(self, data: bytes) -> None:
        self._end.send_bytes(data)

    def hang_up(self) -> None:
        with self._lock:
            self._over = True
            if not self._waiting:
                self._end.close()
