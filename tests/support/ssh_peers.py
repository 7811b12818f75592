"""Programs behind and in front of a tunnel: a small application server for tests, and clients with known bytes.

One thread accepts, one thread serves each connection; ``close`` ends them all.
"""

import contextlib
import hashlib
import random
import socket
import threading
from collections.abc import Callable

MEGABYTE = 1024 * 1024


def noise(seed: int, size: int) -> bytes:
    """The same random bytes for the same seed."""
    return random.Random(seed).randbytes(size)


def receive_all(client: socket.socket) -> bytes:
    """Everything until the other side says that it is done. Raises ConnectionResetError if it never says so."""
    return b"".join(iter(lambda: client.recv(256 * 1024), b""))


class Application:
    """The remote application: ``serve`` talks on each connection. ``port`` is what a route points to."""

    def __init__(self, serve: Callable[[socket.socket], object]) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._listener.getsockname()[1])
        self._clients: list[socket.socket] = []
        self._lock = threading.Lock()
        self._accepting = threading.Thread(target=self._accept, name="test-application", daemon=True)
        self._accepting.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # closed before
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for client in self._clients:
                with contextlib.suppress(OSError):  # it ended already
                    client.shutdown(socket.SHUT_RDWR)
        self._accepting.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._clients.append(client)
            threading.Thread(target=self._one, args=(client,), name="test-application-1", daemon=True).start()

    def _one(self, client: socket.socket) -> None:
        try:
            self._serve(client)
        except OSError:
            return  # the test closed it
        finally:
            client.close()
            with self._lock:
                self._clients.remove(client)


def echo(client: socket.socket) -> None:
    while data := client.recv(256 * 1024):
        client.sendall(data)


def download(client: socket.socket) -> None:
    """A line "seed size", answered with that noise."""
    seed, size = map(int, client.makefile("rb").readline().split())
    client.sendall(noise(seed, size))


def digest(client: socket.socket) -> None:
    """Takes everything until the half-close, then answers with its SHA-256: half-close must work both ways."""
    seen = hashlib.sha256()
    while data := client.recv(256 * 1024):
        seen.update(data)
    client.sendall(seen.hexdigest().encode())
