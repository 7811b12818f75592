"""Reverse forwards: ports of this computer that the session's programs reach on their own 127.0.0.1.

They belong to a connection, so each new transport is asked again, on a thread of its own (``ssh-reverse``): the machine
may hold the port for a connection that we know to be dead, and then it takes more than one try. Each connection that
comes in has two threads, so there are never more than ``AT_ONCE``; these ports carry little (a debugger, a licence), so
they take paramiko's path and not that of decision 0027.
"""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable

from paramiko import Channel

from desktop_app.adapters.ssh.forwarding.ports import LOOPBACK
from desktop_app.adapters.ssh.transport.transport import SessionTransport
from desktop_app.adapters.ssh.transport.wire import WIRE_ERRORS, describe
from desktop_app.domain.problems import failure

CONNECT_S = 5.0
TRY_AGAIN_S = 5.0
CHUNK = 64 * 1024
AT_ONCE = 64  # connections from the session; whoever runs its machine could open any number

log = logging.getLogger(__name__)


class ReverseForwards:
    """Remote port -> local port, over the transport that is up. ``release`` asks the machine to let go of a port that a
    connection of ours holds which is gone; ``unanswered(remote, local)`` is called once per forward, when nothing
    listens at its local port. Thread-safe."""

    def __init__(self, release: Callable[[int], object], unanswered: Callable[[int, int], object]) -> None:
        self._release = release
        self._unanswered = unanswered
        self._told: set[int] = set()  # remote ports
        self._lock = threading.Lock()
        self._asking = threading.Lock()  # paramiko keeps the answer to one request at a time
        self._ports: dict[str, tuple[int, int]] = {}
        self._transport: SessionTransport | None = None
        self._room = threading.BoundedSemaphore(AT_ONCE)

    def add(self, key: str, remote: int, local: int) -> None:
        """Have the machine listen at ``remote`` for our ``local``, now and after each attach. Problems: port.remote"""
        with self._lock:
            self._ports[key] = (remote, local)
            self._told.discard(remote)
            transport = self._transport
        if transport is not None:
            refused = self._ask(transport, remote)
            if refused and transport.is_active():  # else the next one is asked
                self.remove(key)
                raise failure("port.remote", port=remote, cause=refused)

    def remove(self, key: str) -> None:
        """Undo ``add``. Idempotent; does not wait for the machine."""
        with self._lock:
            remote, _local = self._ports.pop(key, (0, 0))
            transport = self._transport
        if remote and transport is not None and transport.is_active():
            with contextlib.suppress(*WIRE_ERRORS):  # it ends in this moment
                transport.global_request("cancel-tcpip-forward", (LOOPBACK, remote), wait=False)

    def attach(self, transport: SessionTransport) -> None:
        """Ask this transport for everything from now on. Never blocks."""
        with self._lock:
            self._transport = transport
            wanted = tuple(self._ports.values())
        if wanted:
            threading.Thread(target=self._again, args=(transport,), name="ssh-reverse", daemon=True).start()

    def detach(self) -> None:
        """Use no transport until the next ``attach``."""
        with self._lock:
            self._transport = None

    # -- the thread of one transport

    def _again(self, transport: SessionTransport) -> None:
        done: set[int] = set()
        while not transport.ended.is_set():
            with self._lock:
                missing = {remote for remote, _local in self._ports.values()} - done
            for remote in missing:
                refused = self._ask(transport, remote)
                if refused:
                    log.info("port %d of the session is still taken (%s)", remote, refused)
                    self._release(remote)
                    refused = self._ask(transport, remote)
                if not refused:
                    done.add(remote)
            if missing <= done or transport.ended.wait(TRY_AGAIN_S):
                return

    def _ask(self, transport: SessionTransport, remote: int) -> str:
        """Have the machine listen there for us; return why it does not, "" when it does."""
        try:
            with self._asking:
                transport.request_port_forward(LOOPBACK, remote, self._arrived)
        except WIRE_ERRORS as error:
            return describe(error)
        return ""

    def _arrived(self, channel: Channel, _origin: tuple[str, int], server: tuple[str, int]) -> None:
        """Serve one connection. On the transport's thread."""
        with self._lock:
            local = next((here for there, here in self._ports.values() if there == server[1]), 0)
        if not self._room.acquire(blocking=False):
            log.info("port %d of the session has too many connections", server[1])
            _close(channel)
            return
        threading.Thread(
            target=self._serve, args=(channel, server[1], local), name="ssh-reverse-1", daemon=True
        ).start()

    def _serve(self, channel: Channel, remote: int, local: int) -> None:
        try:
            if not _carry(channel, local) and local:
                self._tell_unanswered(remote, local)
        finally:
            self._room.release()

    def _tell_unanswered(self, remote: int, local: int) -> None:
        with self._lock:
            if remote in self._told:
                return
            self._told.add(remote)
        self._unanswered(remote, local)


def _carry(channel: Channel, port: int) -> bool:
    """Connect the channel to the local port (0 = to nothing) and move bytes until both directions ended; False when
    nothing listens there."""
    try:
        client = socket.create_connection((LOOPBACK, port), CONNECT_S)
    except OSError as error:
        log.debug("nothing to connect a reverse forward to: %s", error)
        _close(channel)
        return False
    with client:
        client.settimeout(None)
        upward = threading.Thread(target=_to_channel, args=(client, channel), name="ssh-reverse-up", daemon=True)
        upward.start()
        _to_client(channel, client)
        upward.join()
    _close(channel)
    return True


def _close(channel: Channel) -> None:
    with contextlib.suppress(*WIRE_ERRORS):  # a transport that died can't carry the news
        channel.close()


def _to_client(channel: Channel, client: socket.socket) -> None:
    try:
        while data := channel.recv(CHUNK):
            client.sendall(data)
        client.shutdown(socket.SHUT_WR if channel.eof_received else socket.SHUT_RDWR)
    except WIRE_ERRORS:
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        _close(channel)


def _to_channel(client: socket.socket, channel: Channel) -> None:
    try:
        while data := client.recv(CHUNK):
            channel.sendall(data)
        channel.shutdown_write()
    except WIRE_ERRORS:
        _close(channel)
