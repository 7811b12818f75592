"""The forwarding engine: local listeners that stay, and the connections through whatever transport is up.

One thread (ssh_loop) accepts for all listeners, reads what goes up and serves whoever is slow; the transport's thread
hands what comes down straight to the sockets that take it (ssh_flow). A connection that arrives while no transport is
up waits up to ``PATIENCE_SECONDS``.
"""

import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from desktop_app.adapters.loopback_peer import is_ours
from desktop_app.adapters.ssh_flow import Connection
from desktop_app.adapters.ssh_loop import READ, Loop
from desktop_app.adapters.ssh_ports import open_near
from desktop_app.adapters.ssh_transport import SessionTransport
from desktop_app.adapters.ssh_uplink import Uplink
from desktop_app.domain.problems import Cancelled, failure
from desktop_app.ports import BoundPort, Way

PATIENCE_SECONDS = 20.0
CLOSE_SECONDS = 3.0
REST_SECONDS = 1.0  # without new connections, when the system has no room for one
PROXIED = "proxy"  # names what comes through a proxy
CONNECTIONS = 400  # at once; more wait in the system's backlog. Windows can't wait for more than 512 sockets.

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Listener:
    """One application's local port. ``watched`` belongs to the loop's thread."""

    bound: BoundPort
    socket: socket.socket
    watched: int = 0


class Forwarder:
    """Listeners and connections of one session. Thread-safe; what begins with ``_on`` runs on the loop's thread."""

    def __init__(self, name: str, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._listeners: dict[str, Listener] = {}
        self._routes: dict[str, int] = {}
        self._forwards: dict[str, Way] = {}
        self._closed = False
        self._loop = Loop(f"fwd-{name}")
        self._loop.due, self._loop.timer = self._on_due, self._on_time
        # the loop's thread only
        self._uplink: Uplink | None = None
        self._connections: set[Connection] = set()
        self._pending: deque[Connection] = deque()  # by deadline: who waits for a way or an answer
        self._rest_until = 0.0

    def bind(self, wanted: Mapping[str, int]) -> tuple[BoundPort, ...]:
        """See ports.Tunnel.bind. Problems: port.none"""
        with self._lock:
            for app, port in wanted.items():
                if app not in self._listeners and not self._closed:
                    self._open(app, port)
            if not self._loop.started and not self._closed:
                self._loop.start()
            return tuple(self._listeners[app].bound for app in wanted if app in self._listeners)

    def route(self, ports: Mapping[str, int]) -> None:
        """Application -> remote port, for new connections and those that wait."""
        with self._lock:
            self._routes = dict(ports)
        self._loop.call(self._on_retry)

    def forward(self, key: str, wanted: int, way: Way) -> BoundPort:
        """See ports.Tunnel.forward. Problems: port.none; raises Cancelled once closed."""
        with self._lock:
            self._forwards[key] = way
        bound = self.bind({key: wanted})
        if not bound:
            raise Cancelled
        return bound[0]

    def unbind(self, key: str) -> None:
        """See ports.Tunnel.unbind."""
        with self._lock:
            self._forwards.pop(key, None)
            listener = self._listeners.pop(key, None)
        if listener is not None:
            self._loop.run(partial(self._on_unbind, key, listener), CLOSE_SECONDS)

    def adopt(self, client: socket.socket, origin: tuple[str, int], way: Way) -> None:
        """Carry a local connection that another listener accepted; takes the socket over."""
        with self._lock:
            if not self._loop.started and not self._closed:
                self._loop.start()
        if self._closed:
            client.close()
        else:
            self._loop.call(partial(self._on_adopt, client, origin, way))

    def attach(self, transport: SessionTransport) -> None:
        """New connections go through this transport from now on."""
        self._loop.call(partial(self._on_attach, transport))

    def detach(self) -> None:
        """No transport; connections that run on the old one end with it, new ones wait."""
        self._loop.call(self._on_detach)

    def close(self) -> None:
        """Close the listeners, reset the connections and wait for the thread."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._loop.run(self._on_close, CLOSE_SECONDS)
        self._loop.stop(CLOSE_SECONDS)

    # ---- inside; the lock is held

    def _open(self, app: str, wanted: int) -> None:
        found = open_near(wanted)
        if found is None:
            raise failure("port.none")
        listener, holder = found
        bound = BoundPort(app, listener.getsockname()[1], wanted, holder)
        self._listeners[app] = Listener(bound, listener)
        self._loop.call(self._on_listen)

    def _way(self, app: str) -> Way | None:
        port = self._routes.get(app)
        return self._forwards.get(app) or (Way(port) if port else None)

    # ---- the loop's thread

    def _on_listen(self) -> None:
        """Watch all listeners, or none while there is no room for another connection."""
        room = len(self._connections) < CONNECTIONS and time.monotonic() >= self._rest_until
        with self._lock:
            listeners = [] if self._closed else list(self._listeners.items())
        for app, listener in listeners:
            ready = partial(self._on_knock, app, listener)
            listener.watched = self._loop.watch(listener.socket, listener.watched, READ if room else 0, ready)

    def _on_knock(self, app: str, listener: Listener, _mask: int) -> None:
        try:
            client, origin = listener.socket.accept()
        except BlockingIOError:
            return  # whoever knocked left again
        except OSError as error:  # out of file descriptors, mostly
            log.warning("a local connection to %s could not be accepted: %s", app, error)
            self._rest_until = time.monotonic() + REST_SECONDS
            self._on_listen()
            return
        connection = self._on_new(app, client, origin)
        if not self._admits(app, origin[1], listener.bound.port):
            log.warning("a program of another user tried to use the forwarded port of %s", app)
            connection.abort()
            return
        self._pending.append(connection)
        self._on_dispatch(connection)

    def _on_new(self, app: str, client: socket.socket, origin: tuple[str, int]) -> Connection:
        connection = Connection(self._loop, app, client, origin)
        connection.on_done, connection.on_lost = self._on_done, self._on_dispatch
        connection.deadline = time.monotonic() + self._patience
        self._connections.add(connection)
        if len(self._connections) >= CONNECTIONS:
            self._on_listen()
        return connection

    def _on_adopt(self, client: socket.socket, origin: tuple[str, int], way: Way) -> None:
        if self._closed:
            client.close()
            return
        connection = self._on_new(PROXIED, client, origin)
        connection.way = way
        self._pending.append(connection)
        self._on_dispatch(connection)

    def _admits(self, app: str, client_port: int, port: int) -> bool:
        """What has no login of its own is for this user's programs only."""
        with self._lock:
            guarded = app in self._forwards
        return not guarded or is_ours(client_port, port)

    def _on_dispatch(self, connection: Connection) -> None:
        """Ask for its channel, if there is a way; else it waits for the next attach or route."""
        uplink = self._uplink
        with self._lock:
            way = connection.way or self._way(connection.app)
        if uplink is None or way is None:
            return
        connection.uplink = uplink
        if not uplink.channels.open(connection, way.host, way.port, connection.origin):
            connection.uplink = None

    def _on_retry(self) -> None:
        for connection in list(self._pending):
            if connection.waiting:
                self._on_dispatch(connection)

    def _on_attach(self, transport: SessionTransport) -> None:
        self._on_detach()
        self._uplink = Uplink(self._loop, transport.channels, transport.wire)
        self._on_retry()

    def _on_detach(self) -> None:
        if self._uplink is not None:
            self._uplink.end()
            self._uplink = None

    def _on_done(self, connection: Connection) -> None:
        full = len(self._connections) >= CONNECTIONS
        self._connections.discard(connection)
        if full:
            self._on_listen()

    def _on_due(self) -> float | None:
        if not self._pending and not self._rest_until:
            return None
        ends = [one for one in (self._rest_until, *(first.deadline for first in list(self._pending)[:1])) if one]
        return max(0.0, min(ends) - time.monotonic())

    def _on_time(self) -> None:
        """After everything that happened: who has waited long enough?"""
        while self._pending and (self._pending[0].settled or self._pending[0].deadline <= time.monotonic()):
            connection = self._pending.popleft()
            if not connection.settled:
                connection.abort()
        if self._rest_until and time.monotonic() >= self._rest_until:
            self._rest_until = 0.0
            self._on_listen()

    def _on_unbind(self, key: str, listener: Listener) -> None:
        listener.watched = self._loop.watch(listener.socket, listener.watched, 0, _ignore)
        listener.socket.close()
        for connection in [one for one in self._connections if one.app == key]:
            connection.abort()

    def _on_close(self) -> None:
        self._on_detach()
        with self._lock:
            listeners, self._listeners = dict(self._listeners), {}
        for key, listener in listeners.items():
            self._on_unbind(key, listener)


def _ignore(_mask: int) -> None:
    pass
