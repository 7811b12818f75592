"""What a person has running while the connection breaks: downloads, a kernel's socket, idle connections.

Each worker has a thread of its own and judges every answer: whole and right, or visibly broken. An answer that looks
complete and is not goes to ``wrong``.
"""

import contextlib
import selectors
import socket
import threading

from tests.support.ssh_peers import noise, receive_all

SECONDS = 60.0  # nobody waits longer for anything
BLOCK = 1_000_000
_BYTES = noise(1, 2 * BLOCK)


def block(number: int) -> bytes:
    """A megabyte that no other number has."""
    return _BYTES[number : number + BLOCK]


def serve_block(client: socket.socket) -> None:
    """The remote application of ``Downloads``: a line with a number, answered with its block."""
    with client.makefile("rb") as lines:
        line = lines.readline()
    if line.endswith(b"\n"):  # else the connection broke while it was asked
        client.sendall(block(int(line)))


def dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), SECONDS)


class Worker:
    """Repeats ``once`` until ``close``. ``good`` and ``broken`` count answers, ``wrong`` describes lies."""

    name = "worker"

    def __init__(self, port: int) -> None:
        self.port = port
        self.good = 0
        self.broken = 0
        self.wrong: list[str] = []
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"work-{self.name}", daemon=True)
        self._thread.start()

    def is_beyond(self, good: int) -> bool:
        """True if there were more good answers than these."""
        return self.good > good

    def close(self) -> None:
        self.stopping.set()
        self._thread.join(SECONDS)
        assert not self._thread.is_alive(), f"{self.name} hangs"

    def _run(self) -> None:
        while not self.stopping.is_set():
            try:
                self.once()
            except (OSError, TimeoutError):
                self.broken += 1
                self.stopping.wait(0.05)

    def once(self) -> None:
        raise NotImplementedError


class Downloads(Worker):
    """One download after the other; each must be exact or end in an error."""

    name = "download"

    def once(self) -> None:
        number = (self.good + self.broken) % BLOCK
        with dial(self.port) as client:
            client.sendall(b"%d\n" % number)
            got = receive_all(client)
        if got == block(number):
            self.good += 1
        else:
            self.wrong.append(f"download {number}: {len(got)} of {BLOCK} bytes and a clean end")


class Kernel(Worker):
    """Numbered messages over one long connection, as a notebook talks to its kernel: each echo must be the next one."""

    name = "kernel"

    def once(self) -> None:
        with dial(self.port) as client, client.makefile("rb") as lines:
            number = 0
            while not self.stopping.is_set():
                number += 1
                message = b"%d " % number + b"x" * (number * 37 % 900) + b"\n"
                client.sendall(message)
                echo = lines.readline()
                if echo != message:
                    if echo.endswith(b"\n"):
                        self.wrong.append(f"message {number} was answered with {echo[:40]!r}")
                    raise ConnectionError
                self.good += 1
                self.stopping.wait(0.02)


class Idle(Worker):
    """Connections that only exist: after a fault each is either alive or ended, never silent for ever."""

    name = "idle"
    number = 50

    def __init__(self, port: int) -> None:
        self._open: list[socket.socket] = []
        super().__init__(port)

    def once(self) -> None:
        with selectors.DefaultSelector() as selector:
            while len(self._open) < self.number and not self.stopping.is_set():
                self._open.append(self._greeted())
            for client in self._open:
                selector.register(client, selectors.EVENT_READ)
            ready = selector.select(0.15)
        for key, _ in ready:
            self._ended(key.fileobj)  # type: ignore[arg-type]  # it is what was registered
        self.good += not ready

    def _greeted(self) -> socket.socket:
        client = dial(self.port)
        try:
            client.sendall(b"hello\n")
            if client.recv(100) != b"hello\n":
                raise ConnectionError
        except BaseException:
            client.close()
            raise
        return client

    def _ended(self, client: socket.socket) -> None:
        self._open.remove(client)
        self.broken += 1
        with client, contextlib.suppress(ConnectionError):
            if client.recv(100) == b"":
                self.wrong.append("an idle connection was ended as if its server had closed it")

    def close(self) -> None:
        super().close()
        for client in self._open:
            client.close()
