"""The forwarding engine: listeners that stay, and their connections through the transport that is up. Decision 0027.

One thread (``loop``) accepts for all listeners, reads what goes up and serves who is slow; the transport's thread
hands what comes down straight to the sockets that take it (``flow``). A connection that arrives while no transport is
up waits up to ``WAIT_SECONDS``.
"""

import logging
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from desktop_app.adapters.loopback_peer import Peer
from desktop_app.adapters.ssh.forwarding.doorman import Doorman
from desktop_app.adapters.ssh.forwarding.flow import reset
from desktop_app.adapters.ssh.forwarding.loop import Loop
from desktop_app.adapters.ssh.forwarding.poller import READ
from desktop_app.adapters.ssh.forwarding.ports import open_near
from desktop_app.adapters.ssh.forwarding.switchboard import Switchboard
from desktop_app.adapters.ssh.transport.transport import SessionTransport
from desktop_app.boundary.connection import BoundPort, Destination
from desktop_app.domain.problems import Cancelled, failure

WAIT_SECONDS = 20.0
CLOSE_SECONDS = 3.0
REST_SECONDS = 1.0  # without new connections, when the system has no room for one
PROXIED = "proxy"  # names what comes through a proxy

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Listener:
    """One application's local port. ``watched`` belongs to the loop's thread."""

    bound: BoundPort
    socket: socket.socket
    watched: int = 0


class Forwarder:
    """Listeners and connections of one session. Thread-safe; what begins with ``_on`` runs on the loop's thread."""

    def __init__(self, name: str, wait_s: float = WAIT_SECONDS, doorman: Doorman | None = None) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, Listener] = {}
        self._app_ports: dict[str, int] = {}
        self._forwards: dict[str, Destination] = {}
        self._closed = False
        self._loop = Loop(f"fwd-{name}", self._on_due, self._on_time)
        self._doorman = doorman or Doorman(name)
        # the loop's thread only
        self._switchboard = Switchboard(self._loop, wait_s, self._destination_of, self._on_listen)
        self._rest_until = 0.0  # monotonic; 0: no rest

    def bind(self, wanted: Mapping[str, int]) -> tuple[BoundPort, ...]:
        """Open a listener per application, as ``Forwards.bind``. Problems: port.none"""
        with self._lock:
            for app, port in wanted.items():
                if app not in self._listeners and not self._closed:
                    self._open(app, port)
            if not self._loop.started and not self._closed:
                self._loop.start()
            return tuple(self._listeners[app].bound for app in wanted if app in self._listeners)

    def set_app_ports(self, ports: Mapping[str, int]) -> None:
        """Set where applications listen (key -> remote port), for new connections and those that wait."""
        with self._lock:
            self._app_ports = dict(ports)
        self._loop.call_soon(self._switchboard.retry)

    def forward(self, key: str, wanted: int, destination: Destination) -> BoundPort:
        """Open a listener that leads to ``destination``, as ``Forwards.forward``. Problems: port.none; raises Cancelled
        once closed."""
        with self._lock:
            self._forwards[key] = destination
        bound = self.bind({key: wanted})
        if not bound:
            raise Cancelled
        return bound[0]

    def unbind(self, key: str) -> None:
        """Close that listener and reset its connections. Idempotent."""
        with self._lock:
            self._forwards.pop(key, None)
            listener = self._listeners.pop(key, None)
        if listener is not None:
            self._loop.call_and_wait(partial(self._on_unbind, key, listener), CLOSE_SECONDS)

    def adopt(self, client: socket.socket, origin: tuple[str, int], destination: Destination) -> None:
        """Carry a local connection that another listener accepted; takes the socket over."""
        with self._lock:
            if not self._loop.started and not self._closed:
                self._loop.start()
        if self._closed:
            reset(client)
        else:
            self._loop.call_soon(partial(self._on_adopt, client, origin, destination))

    def attach(self, transport: SessionTransport) -> None:
        """Send new connections through this transport from now on."""
        self._loop.call_soon(partial(self._switchboard.attach, transport))

    def detach(self) -> None:
        """Use no transport; connections that run on the old one end with it, new ones wait."""
        self._loop.call_soon(self._switchboard.detach)

    def close(self) -> None:
        """Close the listeners, reset the connections and wait for the thread."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._loop.call_and_wait(self._on_close, CLOSE_SECONDS)
        self._doorman.close(CLOSE_SECONDS)
        self._loop.stop(CLOSE_SECONDS)

    # ---- inside

    def _open(self, app: str, wanted: int) -> None:
        """Open one listener; the lock is held. Problems: port.none"""
        opened = open_near(wanted)
        if opened is None:
            raise failure("port.none")
        listener, holder = opened
        bound = BoundPort(app, listener.getsockname()[1], wanted, holder)
        self._listeners[app] = Listener(bound, listener)
        self._loop.call_soon(self._on_listen)

    def _destination_of(self, app: str) -> Destination | None:
        with self._lock:
            port = self._app_ports.get(app)
            return self._forwards.get(app) or (Destination(port) if port else None)

    # ---- the loop's thread

    def _on_listen(self) -> None:
        """Watch all listeners, or none while there is no room for another connection."""
        room = not self._switchboard.full and time.monotonic() >= self._rest_until
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
        # An application's login is not enough: cookies know no port, and any page on 127.0.0.1 is shown its cookies.
        self._doorman.ask(client, partial(self._on_known, app, listener, client, origin), self._loop.call_soon)

    def _on_known(
        self, app: str, listener: Listener, client: socket.socket, origin: tuple[str, int], peer: Peer
    ) -> None:
        """Carry or reset a connection, once it is known whose it is."""
        if peer is Peer.STRANGER:
            log.warning("a program of another user tried to use the forwarded port of %s", app)
        elif peer is Peer.GONE:
            log.info("a program left the forwarded port of %s before it was known whose it is; refused", app)
        with self._lock:
            listens = self._listeners.get(app) is listener
        if peer is Peer.OURS and listens:
            self._switchboard.take(app, client, origin)
        else:
            reset(client)

    def _on_adopt(self, client: socket.socket, origin: tuple[str, int], destination: Destination) -> None:
        if self._closed:
            reset(client)
        else:
            self._switchboard.take(PROXIED, client, origin, destination)

    def _on_due(self) -> float | None:
        due = self._switchboard.due
        if due is None and not self._rest_until:
            return None
        ends = [one for one in (self._rest_until, due) if one]
        return max(0.0, min(ends) - time.monotonic())

    def _on_time(self) -> None:
        """Do what is due, after everything else of the turn."""
        self._switchboard.expire()
        if self._rest_until and time.monotonic() >= self._rest_until:
            self._rest_until = 0.0
            self._on_listen()

    def _on_unbind(self, key: str, listener: Listener) -> None:
        listener.watched = self._loop.watch(listener.socket, listener.watched, 0, _ignore)
        listener.socket.close()
        self._switchboard.reset(key)

    def _on_close(self) -> None:
        self._switchboard.detach()
        with self._lock:
            listeners, self._listeners = dict(self._listeners), {}
        for key, listener in listeners.items():
            self._on_unbind(key, listener)
        self._switchboard.reset()


def _ignore(_mask: int) -> None:
    pass
