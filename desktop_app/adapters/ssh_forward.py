"""The forwarding engine: local listeners that stay, and the connections through whatever transport is up.

One thread accepts for all listeners; each connection has one thread per direction, so that a stalled reader delays
nobody else: it leaves its channel's window (``WINDOW`` bytes) unacknowledged and the remote stops sending. A
connection that arrives while no transport is up waits up to ``PATIENCE_SECONDS``. One that loses its transport is
reset, never closed cleanly, so that nobody takes half a download for a whole one. Nothing but this file knows how
bytes are moved.
"""

import contextlib
import logging
import selectors
import socket
import struct
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from paramiko import Channel

from desktop_app.adapters.loopback_peer import is_ours
from desktop_app.adapters.ssh_ports import open_near
from desktop_app.adapters.ssh_transport import PACKET, WINDOW, SessionTransport
from desktop_app.adapters.ssh_wire import WIRE_ERRORS
from desktop_app.domain.problems import Cancelled, failure
from desktop_app.ports import BoundPort, Way

PATIENCE_SECONDS = 20.0
OPEN_SECONDS = 10.0
CLOSE_SECONDS = 3.0
CONNECTIONS = 512  # at once; more wait in the system's backlog
CHUNK = 256 * 1024
SEND_PACKET = 32 * 1024  # what OpenSSH takes at once; a longer slice would be copied in vain
_WINDOWS = sys.platform == "win32"
_RESET = struct.pack("hh" if _WINDOWS else "ii", 1, 0)  # SO_LINGER: drop what is unsent and send RST
_SEND_TIMEOUT = struct.pack("i", 500) if _WINDOWS else struct.pack("ll", 0, 500_000)  # how late an abort is noticed
_STOP_READING = socket.SHUT_RDWR if _WINDOWS else socket.SHUT_RD  # Windows does not wake a reader for SHUT_RD

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listener:
    """One application's local port."""

    bound: BoundPort
    socket: socket.socket


class Forwarder:
    """Listeners and connections of one session. Thread-safe."""

    def __init__(self, name: str, patience: float = PATIENCE_SECONDS) -> None:
        self.patience = patience
        self._name = name
        self._changed = threading.Condition()
        self._listeners: dict[str, Listener] = {}
        self._routes: dict[str, int] = {}
        self._forwards: dict[str, Way] = {}
        self._transport: SessionTransport | None = None
        self._connections: set[Connection] = set()
        self._closed = False
        self._acceptor: threading.Thread | None = None
        self._wake, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake, selectors.EVENT_READ, None)

    def bind(self, wanted: Mapping[str, int]) -> tuple[BoundPort, ...]:
        """See ports.Tunnel.bind. Problems: port.none"""
        with self._changed:
            for app, port in wanted.items():
                if app not in self._listeners and not self._closed:
                    self._open(app, port)
            if self._acceptor is None and not self._closed:
                self._acceptor = threading.Thread(target=self._accept, name=f"fwd-{self._name}", daemon=True)
                self._acceptor.start()
            return tuple(self._listeners[app].bound for app in wanted if app in self._listeners)

    def route(self, ports: Mapping[str, int]) -> None:
        """Application -> remote port, for new connections and those that wait."""
        with self._changed:
            self._routes = dict(ports)
            self._changed.notify_all()

    def forward(self, key: str, wanted: int, way: Way) -> BoundPort:
        """See ports.Tunnel.forward. Problems: port.none; raises Cancelled once closed."""
        with self._changed:
            self._forwards[key] = way
        bound = self.bind({key: wanted})
        if not bound:
            raise Cancelled
        return bound[0]

    def unbind(self, key: str) -> None:
        """See ports.Tunnel.unbind."""
        with self._changed:
            self._forwards.pop(key, None)
            listener = self._listeners.pop(key, None)
            connections = [one for one in self._connections if one.app == key]
            if listener is None or self._closed:
                return
            self._selector.unregister(listener.socket)
            listener.socket.close()
        for connection in connections:
            connection.abort()

    def attach(self, transport: SessionTransport) -> None:
        """New connections go through this transport from now on."""
        with self._changed:
            self._transport = transport
            self._changed.notify_all()

    def detach(self) -> None:
        """No transport; connections that run on the old one end with it, new ones wait."""
        with self._changed:
            self._transport = None

    def close(self) -> None:
        """Close the listeners, reset the connections and wait for the threads."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._transport = None
            connections = list(self._connections)
            self._changed.notify_all()
        self._waker.send(b"x")
        if self._acceptor is not None:
            self._acceptor.join(CLOSE_SECONDS)
        for connection in connections:
            connection.abort()
        with self._changed:
            self._changed.wait_for(lambda: not self._connections, CLOSE_SECONDS)
        for listener in self._listeners.values():
            listener.socket.close()
        self._selector.close()
        self._wake.close()
        self._waker.close()

    # --- used by connections

    def admits(self, app: str, client_port: int) -> bool:
        """Whether that client may use the port: what has no login of its own is for this user's programs only."""
        with self._changed:
            listener = self._listeners.get(app)
            guarded = app in self._forwards
        return listener is not None and (not guarded or is_ours(client_port, listener.bound.port))

    def wait_for_way(self, app: str, seconds: float) -> tuple[SessionTransport, Way] | None:
        """The transport and where to connect to; None when there is none in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or (self._transport is not None and self._way(app)), seconds)
            way = self._way(app)
            if self._closed or self._transport is None or way is None:
                return None
            return self._transport, way

    def _way(self, app: str) -> Way | None:
        port = self._routes.get(app)
        return self._forwards.get(app) or (Way(port) if port else None)

    def forget(self, connection: "Connection") -> None:
        with self._changed:
            self._connections.discard(connection)
            self._changed.notify_all()

    # --- inside

    def _open(self, app: str, wanted: int) -> None:
        found = open_near(wanted)
        if found is None:
            raise failure("port.none")
        listener, holder = found
        bound = BoundPort(app, listener.getsockname()[1], wanted, holder)
        self._listeners[app] = Listener(bound, listener)
        self._selector.register(listener, selectors.EVENT_READ, app)
        self._waker.send(b"x")

    def _accept(self) -> None:
        """The accepting thread."""
        while not self._closed:
            for key, _ in self._selector.select():
                if key.data is None:
                    self._wake.recv(4096)
                else:
                    self._accept_one(key.data)

    def _accept_one(self, app: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._connections) < CONNECTIONS)
            listener = self._listeners.get(app)
            if self._closed or listener is None:
                return
            try:
                client, origin = listener.socket.accept()
            except BlockingIOError:
                return  # whoever knocked left again
            except OSError as error:  # out of file descriptors, mostly
                log.warning("a local connection to %s could not be accepted: %s", app, error)
                self._changed.wait(0.05)
                return
            connection = Connection(self, app, client, origin)
            self._connections.add(connection)
        connection.start()


class Connection:
    """One local connection and its channel."""

    def __init__(self, forwarder: Forwarder, app: str, client: socket.socket, origin: tuple[str, int]) -> None:
        self._forwarder = forwarder
        self.app = app
        self._client = client
        self._origin = origin
        self._aborted = False
        client.setblocking(True)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SEND_TIMEOUT)

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"fwd-{self.app}-{self._origin[1]}", daemon=True).start()

    def abort(self) -> None:
        """Reset the local side; both threads end. A FIN must not go out: it would look like a complete answer."""
        self._aborted = True
        with contextlib.suppress(OSError):
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._client.shutdown(_STOP_READING)

    def _run(self) -> None:
        """The downward thread: finds a way, starts the upward thread, moves bytes, cleans up."""
        try:
            channel = self._open()
            if channel is not None:
                self._pump(channel)
            else:
                self.abort()
        finally:
            self._client.close()
            self._forwarder.forget(self)

    def _open(self) -> Channel | None:
        """A channel to the application. None: not for this client, no way in time, or the remote refused."""
        if not self._forwarder.admits(self.app, self._origin[1]):
            log.warning("a program of another user tried to use the forwarded port of %s", self.app)
            return None
        deadline = time.monotonic() + self._forwarder.patience
        while (left := deadline - time.monotonic()) > 0:
            way = self._forwarder.wait_for_way(self.app, left)
            if way is None:
                return None
            transport, destination = way
            try:
                return transport.open_channel(
                    "direct-tcpip", (destination.host, destination.port), self._origin, WINDOW, PACKET, OPEN_SECONDS
                )
            except WIRE_ERRORS as error:
                log.debug("no channel to %s at %s: %s", self.app, destination, error)
                if transport.is_active() and "Timeout" not in str(error):
                    return None  # the remote said no: nothing listens there
            # This transport is lost or stuck: wait for the next one.
            transport.ended.wait(max(0.0, deadline - time.monotonic()))
        return None

    def _pump(self, channel: Channel) -> None:
        upward = threading.Thread(target=self._upward, args=(channel,), name="fwd-up", daemon=True)
        upward.start()
        try:
            if self._downward(channel):
                with contextlib.suppress(OSError):
                    self._client.shutdown(socket.SHUT_WR)
                channel.status_event.wait()  # set when the channel is closed; the upward half may go on until then
                with contextlib.suppress(OSError):
                    self._client.shutdown(socket.SHUT_RD)
            else:
                self.abort()
        finally:
            _close(channel)
            upward.join()

    def _downward(self, channel: Channel) -> bool:
        """Remote to local. True when the remote said that it is done, False when either side broke."""
        try:
            while data := channel.recv(CHUNK):
                if not self._deliver(data):
                    return False
        except WIRE_ERRORS:
            return False
        return bool(channel.eof_received) and not self._aborted

    def _deliver(self, data: bytes) -> bool:
        """All of it to the local side, however slow it is; False when the tunnel closes meanwhile."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._client.send(view) :]
            except (BlockingIOError, TimeoutError):
                if self._aborted:
                    return False
        return True

    def _upward(self, channel: Channel) -> None:
        """The upward thread: local to remote, until the local side is done or either side broke."""
        try:
            while data := self._client.recv(CHUNK):
                if not _send_all(channel, data):
                    return
            if self._aborted:
                _close(channel)  # else the downward thread waits for a remote that may never speak again
            else:
                channel.shutdown_write()
        except WIRE_ERRORS:
            _close(channel)  # reset by the local side: the remote must not go on


def _close(channel: Channel) -> None:
    with contextlib.suppress(*WIRE_ERRORS):  # a transport that died can't carry the news; here it is closed anyway
        channel.close()


def _send_all(channel: Channel, data: bytes) -> bool:
    """Without sendall's copy of the rest per packet; False when the channel ended."""
    at = 0
    while at < len(data):
        sent = channel.send(data[at : at + SEND_PACKET])
        if not sent:
            return False
        at += sent
    return True
