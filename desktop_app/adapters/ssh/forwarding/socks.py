"""A SOCKS5 proxy (RFC 1928) on 127.0.0.1 whose connections begin on the session's machine.

One thread accepts; each client has a thread for its greeting only, then the forwarding engine carries it. Only CONNECT,
without a password: instead, only programs of this user are let in (where the system tells). Decision 0037.
"""

import contextlib
import ipaddress
import logging
import socket
import struct
import threading
from collections.abc import Callable

from desktop_app.adapters.loopback_peer import Peer, whose
from desktop_app.adapters.ssh.forwarding.ports import open_near
from desktop_app.boundary.connection import BoundPort, Destination
from desktop_app.domain.problems import Cancelled, failure

VERSION, NO_PASSWORD, NO_METHOD, CONNECT = 5, 0, 0xFF, 1
IPV4, NAME, IPV6 = 1, 3, 4
DONE, NO_COMMAND, NO_ADDRESS = 0, 7, 8
GREETING_S = 10.0
AT_ONCE = 128  # greetings; more wait in the system's backlog

log = logging.getLogger(__name__)

# client, origin, destination: takes the socket over
Carry = Callable[[socket.socket, tuple[str, int], Destination], None]


class SocksError(Exception):
    """Not SOCKS5, or more than we offer; ``answer`` is what the client is told."""

    def __init__(self, why: str, answer: bytes = b"") -> None:
        super().__init__(why)
        self.answer = answer


class Proxies:
    """The proxies of one session, by key. Thread-safe."""

    def __init__(self, carry: Carry) -> None:
        self._carry = carry
        self._lock = threading.Lock()
        self._open: dict[str, tuple[BoundPort, SocksProxy]] = {}
        self._closed = False

    def open(self, key: str, wanted: int) -> BoundPort:
        """Open a proxy, as Forwards.proxy. Problems: port.none; raises Cancelled once closed."""
        with self._lock:
            if self._closed:
                raise Cancelled
            if key not in self._open:
                found = open_near(wanted)
                if found is None:
                    raise failure("port.none")
                listener, holder = found
                bound = BoundPort(key, int(listener.getsockname()[1]), wanted, holder)
                self._open[key] = (bound, SocksProxy(listener, self._carry))
            return self._open[key][0]

    def close_one(self, key: str) -> None:
        with self._lock:
            found = self._open.pop(key, None)
        if found is not None:
            found[1].close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            keys = tuple(self._open)
        for key in keys:
            self.close_one(key)


class SocksProxy:
    """Serves one listener until ``close``."""

    def __init__(self, listener: socket.socket, carry: Carry) -> None:
        self._listener = listener
        self._carry = carry
        self._port = int(listener.getsockname()[1])
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._clients: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False
        listener.setblocking(True)
        self._thread = threading.Thread(target=self._accept, name="socks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; connections that are carried already go on."""
        with self._lock:
            self._closed = True
            clients = list(self._clients)
        for one in (self._listener, *clients):
            with contextlib.suppress(OSError):  # it left already
                one.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(2.0)

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, origin = self._listener.accept()
            except OSError:
                return  # closed
            self._room.acquire()
            threading.Thread(target=self._greet, args=(client, origin), name="socks-greeting", daemon=True).start()

    def _greet(self, client: socket.socket, origin: tuple[str, int]) -> None:
        with self._lock:
            wanted = not self._closed  # else nobody is left to end this greeting
            if wanted:
                self._clients.add(client)
        kept = False
        try:
            kept = wanted and self._serve(client, origin)
        except (OSError, EOFError) as error:
            log.debug("a proxy client left during its greeting: %s", error)
        finally:
            with self._lock:
                self._clients.discard(client)
            if not kept:
                client.close()
            self._room.release()

    def _serve(self, client: socket.socket, origin: tuple[str, int]) -> bool:
        """Serve one client; True if its connection is carried by the engine now."""
        peer = whose(client)
        if peer is Peer.STRANGER:
            log.warning("a program of another user tried to use the proxy on port %d", self._port)
        if peer is not Peer.OURS:
            return False
        client.settimeout(GREETING_S)
        try:
            destination = negotiate(lambda size: _exactly(client, size), client.sendall)
        except SocksError as error:
            log.debug("no proxy connection: %s", error)
            client.sendall(error.answer)
            return False
        # Before there is a connection: what fails then is reset, as a server that is down would do.
        client.sendall(_reply(DONE))
        self._carry(client, origin, destination)
        return True


def negotiate(read: Callable[[int], bytes], write: Callable[[bytes], object]) -> Destination:
    """Greet up to the request; return where the client wants to go. Raises SocksError, and what ``read`` raises."""
    version, methods = read(2)
    if version != VERSION:
        raise SocksError("not SOCKS5")
    if NO_PASSWORD not in read(methods):
        raise SocksError("no common way to sign in", bytes((VERSION, NO_METHOD)))
    write(bytes((VERSION, NO_PASSWORD)))
    version, command, _reserved, kind = read(4)
    if version != VERSION:
        raise SocksError("not SOCKS5")
    host = _host(kind, read)
    (port,) = struct.unpack(">H", read(2))
    if not host:
        raise SocksError("not a host name", _reply(NO_ADDRESS))
    if command != CONNECT or port == 0:
        raise SocksError("only CONNECT is offered", _reply(NO_COMMAND))
    return Destination(port, host)


def _host(kind: int, read: Callable[[int], bytes]) -> str:
    """Return the host, "" for what is no host name; a refusal before all is read would be lost in a reset."""
    if kind == IPV4:
        return str(ipaddress.IPv4Address(read(4)))
    if kind == IPV6:
        return str(ipaddress.IPv6Address(read(16)))
    if kind != NAME:
        raise SocksError("an unknown kind of address", _reply(NO_ADDRESS))
    name = read(read(1)[0])
    return name.decode("ascii") if all(0x20 < one < 0x7F for one in name) else ""


def _reply(code: int) -> bytes:
    return bytes((VERSION, code, 0, IPV4, 0, 0, 0, 0, 0, 0))


def _exactly(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = client.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data
