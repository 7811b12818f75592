"""All ports of one session: the forwarding engine, the SOCKS proxies and the reverse forwards as one part of a tunnel.

Any thread; each of the three has its own (see the picture in ``__init__``). Decision 0027.
"""

import threading
from collections.abc import Callable, Mapping

from desktop_app.adapters.ssh.forwarding.engine import WAIT_SECONDS, Forwarder
from desktop_app.adapters.ssh.forwarding.reverse import ReverseForwards
from desktop_app.adapters.ssh.forwarding.socks import Proxies
from desktop_app.adapters.ssh.transport.transport import SessionTransport
from desktop_app.boundary.connection import BoundPort, Destination, Forwards
from desktop_app.domain.problems import Cancelled


class SshForwards(Forwards):
    """Thread-safe. ``release(port)`` has the machine let go of a port that a dead connection of ours holds;
    ``unanswered(remote, local)`` hears of a connection for a local port where nothing listens."""

    def __init__(
        self,
        name: str,
        release: Callable[[int], None],
        unanswered: Callable[[int, int], None],
        wait_s: float = WAIT_SECONDS,
    ) -> None:
        self._forwarder = Forwarder(name, wait_s)
        self._proxies = Proxies(self._forwarder.adopt)
        self._reverse = ReverseForwards(release, unanswered)
        self._closed = threading.Event()

    def bind(self, wanted: Mapping[str, int]) -> tuple[BoundPort, ...]:
        return self._forwarder.bind(wanted)

    def set_app_ports(self, ports: Mapping[str, int]) -> None:
        self._forwarder.set_app_ports(ports)

    def forward(self, key: str, wanted: int, destination: Destination) -> BoundPort:
        return self._forwarder.forward(key, wanted, destination)

    def proxy(self, key: str, wanted: int) -> BoundPort:
        return self._proxies.open(key, wanted)

    def reverse(self, key: str, remote: int, local: int) -> None:
        if self._closed.is_set():
            raise Cancelled
        self._reverse.add(key, remote, local)

    def unbind(self, key: str) -> None:
        self._forwarder.unbind(key)
        self._proxies.close_one(key)
        self._reverse.remove(key)

    def attach(self, transport: SessionTransport) -> None:
        """Use this transport from now on."""
        self._forwarder.attach(transport)
        self._reverse.attach(transport)

    def detach(self) -> None:
        """Use no transport; new connections wait for the next one."""
        self._forwarder.detach()
        self._reverse.detach()

    def stop(self) -> None:
        """Accept no more reverse forwards: the tunnel is being closed."""
        self._closed.set()

    def close(self) -> None:
        """Close all listeners, reset their connections, and wait for the threads."""
        self.stop()
        self._proxies.close()
        self._forwarder.close()
