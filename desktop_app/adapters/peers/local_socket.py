"""One question and its answer between two programs of this user: a local socket, a pipe on Windows.

Both sides prove that they know the user's key before anything is said. Each connection has its own deadline from the
first byte on: a silent program holds one short-lived thread, and nobody else up. The listening thread,
one thread per connection and one per question belong to this module.
"""

import contextlib
import ipaddress
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener, answer_challenge, deliver_challenge

HEAR_S = 5.0  # from the connection to the whole question; it is one small message of a program that runs
AT_ONCE = 32  # connections; the system keeps BACKLOG more waiting
BACKLOG = 16
MAX_MESSAGE = 1 << 20
CLOSE_S = 1.0
FULL_S = 1.0  # between two tries while the process can't take a connection

_log = logging.getLogger(__name__)


class Question:
    """One message to one owner and its answer."""

    def __init__(self, address: str, key: bytes, message: bytes) -> None:
        self._address = address
        self._key = key
        self._message = message
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._connection: Connection[bytes, bytes] | None = None
        self._given_up = False
        self._answer: bytes | None = None
        self.cause = "no answer in time"

    def ask(self, seconds: float) -> bytes | None:
        """Return the answer; None when there was none (``cause`` says why).

        On a thread of its own: neither connecting nor the handshake has a time-out, and the owner may be frozen.
        """
        threading.Thread(target=self._ask, name="ownership-ask", daemon=True).start()
        if self._done.wait(seconds):
            return self._answer
        with self._lock:
            self._given_up = True
            if self._connection is not None:
                _cut(self._connection)
        return None

    def _ask(self) -> None:
        try:
            with Client(self._address) as connection:
                with self._lock:
                    if self._given_up:
                        return
                    self._connection = connection
                answer_challenge(connection, self._key)
                deliver_challenge(connection, self._key)
                connection.send_bytes(self._message)
                self._answer = connection.recv_bytes(MAX_MESSAGE)
        except (OSError, EOFError, AuthenticationError) as error:
            self.cause = f"{type(error).__name__}: {error}"
        finally:
            with self._lock:
                self._connection = None
            self._done.set()


class Answering:
    """Listens at ``address``; ``reply`` makes an answer out of a question, None for no answer. It runs on a thread of
    this module for as long as it likes: only hearing the question has a deadline, ``hear_s``."""

    def __init__(
        self, address: str, key: bytes, reply: Callable[[bytes], bytes | None], hear_s: float = HEAR_S
    ) -> None:
        self._key = key
        self._reply = reply
        self._hear_s = hear_s
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._closed = threading.Event()
        self._listener = Listener(address, backlog=BACKLOG)  # without the key: its handshake would hold up accept()
        self.address = str(self._listener.address)
        self._thread = threading.Thread(target=self._serve, name="ownership", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; an answer that is under way goes on."""
        self._closed.set()
        if sys.platform != "win32":  # a pipe's thread can't be woken; it is a daemon
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as knock:
                knock.settimeout(CLOSE_S)
                knock.connect(self.address)  # wakes the thread that waits in accept()
            self._thread.join(CLOSE_S)
        self._listener.close()

    def _serve(self) -> None:
        while not self._closed.is_set():
            connection = self._accepted()
            if connection is None:
                continue
            if self._closed.is_set() or not self._room.acquire(timeout=self._hear_s):
                connection.close()
                continue
            threading.Thread(target=self._answer, args=(connection,), name="ownership-answer", daemon=True).start()

    def _accepted(self) -> "Connection[bytes, bytes] | None":
        try:
            return self._listener.accept()
        except (EOFError, ConnectionError):
            return None
        except OSError as error:  # closed; or this process or the computer has no more files to open, for now
            if not self._closed.wait(FULL_S):
                _log.warning("no question of another process can be heard: %s", error)
            return None

    def _answer(self, connection: "Connection[bytes, bytes]") -> None:
        try:
            with connection:
                question = self._hear(connection)
                reply = None if self._closed.is_set() else self._reply(question)
                if reply is not None:
                    connection.send_bytes(reply)
        except (OSError, EOFError, AuthenticationError) as error:
            _log.debug("a question of another process was not answered: %s", error)
        finally:
            self._room.release()

    def _hear(self, connection: "Connection[bytes, bytes]") -> bytes:
        """Return the question of a process that knows the key, within the deadline."""
        deadline = threading.Timer(self._hear_s, _cut, (connection,))
        deadline.name, deadline.daemon = "ownership-deadline", True
        deadline.start()
        try:
            deliver_challenge(connection, self._key)
            answer_challenge(connection, self._key)
            return connection.recv_bytes(MAX_MESSAGE)
        finally:
            deadline.cancel()


def _cut(connection: "Connection[bytes, bytes]") -> None:
    """End a connection that another thread reads; merely closing it would not wake that thread."""
    with contextlib.suppress(OSError):  # it has ended meanwhile
        if sys.platform == "win32":
            connection.close()
        else:
            with socket.socket(fileno=os.dup(connection.fileno())) as same:
                same.shutdown(socket.SHUT_RDWR)


def is_own_address(address: str) -> bool:
    """True if an IP address (or "localhost") is this computer's own: only those can be bound. Quick, sends nothing."""
    host = "127.0.0.1" if address == "localhost" else address.strip("[]")
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except (OSError, ValueError):
        return False
    return True
