"""The connections of one session, and through which transport each goes. All on the loop's thread. Decision 0027."""

import socket
import time
from collections import deque
from collections.abc import Callable

from desktop_app.adapters.ssh.forwarding.flow import Arrival, Connection, Owner
from desktop_app.adapters.ssh.forwarding.loop import Loop
from desktop_app.adapters.ssh.forwarding.uplink import Uplink
from desktop_app.adapters.ssh.transport.transport import SessionTransport
from desktop_app.boundary.connection import Destination

CONNECTIONS = 400  # at once; more wait in the system's backlog. Windows can't wait for more than 512 sockets.


class Switchboard(Owner):
    """``find_destination``: where an application leads now; ``on_room`` is called when ``full`` changes."""

    def __init__(
        self,
        loop: Loop,
        wait_s: float,
        find_destination: Callable[[str], Destination | None],
        on_room: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._wait_s = wait_s
        self._find_destination = find_destination
        self._on_room = on_room
        self._uplink: Uplink | None = None
        self._connections: set[Connection] = set()
        self._pending: deque[Connection] = deque()  # by deadline: who waits for a destination or an answer

    @property
    def full(self) -> bool:
        return len(self._connections) >= CONNECTIONS

    @property
    def due(self) -> float | None:
        """Return the monotonic time of the next ``expire``, None for none."""
        return self._pending[0].arrival.deadline if self._pending else None

    def take(
        self, app: str, client: socket.socket, origin: tuple[str, int], destination: Destination | None = None
    ) -> None:
        """Carry a connection to ``destination``, or to where its application leads."""
        arrival = Arrival(app, client, origin, destination, time.monotonic() + self._wait_s)
        connection = Connection(self._loop, arrival, self)
        self._connections.add(connection)
        self._pending.append(connection)
        self.dispatch(connection)
        connection.update()
        if self.full:
            self._on_room()

    def retry(self) -> None:
        """Ask again for the channels of connections that wait: a destination may be known by now."""
        for connection in list(self._pending):
            if connection.waiting:
                self.dispatch(connection)

    def attach(self, transport: SessionTransport) -> None:
        """Send connections through this transport from now on."""
        self.detach()
        self._uplink = Uplink(self._loop, transport.channels, transport.wire)
        self.retry()

    def detach(self) -> None:
        """Let new connections wait for the next transport."""
        if self._uplink is not None:
            self._uplink.end()
            self._uplink = None

    def expire(self) -> None:
        """Reset those that have waited long enough."""
        while self._pending and (self._pending[0].is_settled or self._pending[0].arrival.deadline <= time.monotonic()):
            connection = self._pending.popleft()
            if not connection.is_settled:
                connection.abort()

    def reset(self, app: str | None = None) -> None:
        """Reset all connections, or one application's."""
        for connection in [one for one in self._connections if app in (None, one.arrival.app)]:
            connection.abort()

    def dispatch(self, connection: Connection) -> None:
        """Ask for its channel if there is a destination; else it waits for the next attach or set_app_ports."""
        uplink = self._uplink
        arrival = connection.arrival
        destination = arrival.destination or self._find_destination(arrival.app)
        if uplink is None or destination is None:
            return
        connection.uplink = uplink
        if not uplink.soon().open(connection, destination.host, destination.port, arrival.origin):
            connection.uplink = None

    def forget(self, connection: Connection) -> None:
        full = self.full
        self._connections.discard(connection)
        if full:
            self._on_room()
