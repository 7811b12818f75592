"""A session's connection, as the services need it: the tunnel, its target, and what lets the user's ssh in.

Every blocking method takes a ``Cancel`` with a deadline and raises only ``AppError`` or ``Cancelled``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.access.route import DIRECT, Route
from remote_bootstrap.contract import Record, Report


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect, and which way. ``private_key`` is an OpenSSH private key; it never leaves memory.

    ``is_clearml_session``: it is entered with a password, has no control channel, and shows one of the host keys in
    ``fingerprints`` instead of the record's.
    """

    record: Record
    private_key: str = field(default="", repr=False)
    route: Route = DIRECT
    route_password: str = field(default="", repr=False)  # of the route's proxy
    is_clearml_session: bool = False
    password: str = field(default="", repr=False)
    fingerprints: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LoginKeys:
    """For an SSH server of ours beside one that clearml-session started.

    ``client_public`` is an OpenSSH public key line, ``host_private`` an OpenSSH private key.
    """

    client_public: str
    host_private: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LoginDoor:
    """Where that server listens on the session's machine, and its user's home folder there."""

    port: int
    home: str


@dataclass(frozen=True, slots=True)
class BoundPort:
    """A listener of ours on 127.0.0.1. ``taken_by`` names the program that holds the wanted port, "" = we have it."""

    app: str
    port: int
    wanted: int
    taken_by: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a forward leads, as the remote machine sees it."""

    port: int
    host: str = "127.0.0.1"


class Forwards(Protocol):
    """The ports of one session: listeners here that stay while connections come and go, and reverse forwards.
    Thread-safe; never waits for the network but in ``reverse``."""

    def bind(self, wanted: Mapping[str, int]) -> tuple[BoundPort, ...]:
        """Open a listener per application (key -> preferred port); another port is chosen where one is taken.

        Idempotent per application; ports never move afterwards. Problems: port.none
        """

    def set_app_ports(self, ports: Mapping[str, int]) -> None:
        """Set where applications listen (key -> port on the remote machine's loopback), for new local connections."""

    def forward(self, key: str, wanted: int, destination: Destination) -> BoundPort:
        """Open a listener that leads to ``destination``, for this user's programs only (where the system tells).

        Idempotent per key, which no application has; leads elsewhere when called again. Problems: port.none
        """

    def proxy(self, key: str, wanted: int) -> BoundPort:
        """Open a SOCKS5 proxy, whose connections say themselves where they lead. Problems: port.none"""

    def reverse(self, key: str, remote: int, local: int) -> None:
        """Make our 127.0.0.1:``local`` reachable at ``remote`` of the machine's loopback, now and after every connect.

        Problems: port.remote (the machine refuses; nothing is kept)
        """

    def unbind(self, key: str) -> None:
        """Undo ``forward``, ``proxy`` or ``reverse`` and reset the connections of a forward. Idempotent."""


class Control(Protocol):
    """The control program at the other end of the connection that is up. Thread-safe."""

    def request(self, op: str, args: Mapping[str, object], cancel: Cancel) -> dict[str, object]:
        """Return the result of one operation. Problems: ssh.lost, ssh.protocol, ssh.refused, session.foreign"""

    def probe(self, cancel: Cancel) -> float:
        """Return the seconds of a round trip. Problems: ssh.lost"""


class AgentLoan(Protocol):
    """The use of the user's own SSH agent by the session. Thread-safe."""

    def lend(self, cancel: Cancel) -> None:
        """Let the session use the agent until this connection ends. Idempotent per connection.

        Problems: agent.none, ssh.lost, ssh.protocol
        """

    def take_back(self) -> None:
        """End the use of the agent. Idempotent; never blocks."""


class Tunnel(Protocol):
    """The connection of one session: its parts stay, transports come and go. Thread-safe."""

    forwards: Forwards
    control: Control
    agent: AgentLoan

    def connect(self, target: Target, cancel: Cancel) -> None:
        """Dial, check the host key strictly, authenticate, start the control channel.

        Problems: ssh.unreachable, ssh.host_key, ssh.unknown_host, ssh.auth, ssh.password, ssh.protocol
        """

    def serve_login(self, keys: LoginKeys, cancel: Cancel) -> LoginDoor:
        """Start an SSH server of ours in a session that clearml-session started; it ends with this connection.

        Problems: session.no_login, ssh.lost
        """

    def on_report(self, callback: Callable[[Report], None]) -> None:
        """Call back with each report that the remote pushes, secrets included, on the control channel's thread."""

    def on_lost(self, callback: Callable[[], None]) -> None:
        """Call back when the transport ended by itself: once per connect, on the transport's thread."""

    def on_unanswered(self, callback: Callable[[int, int], None]) -> None:
        """Call back with remote and local port when a connection came by a reverse forward and nothing listens here:
        once per forward, on a thread of that connection."""

    def disconnect(self) -> None:
        """Close the transport, keep the listeners."""

    def close(self) -> None:
        """Close everything, for good."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A session's client key: OpenSSH private key text, and its public line without comment."""

    private: str = field(repr=False)
    public: str


class Examined(Protocol):
    """An SSH connection that was made to look at it. ``close`` it."""

    def report(self) -> Report | None:
        """Return what the control program says, None where there is none. Problems: ssh.lost, ssh.protocol"""

    def http_status(self, port: int) -> int:
        """Return the status of the first page there, 0 for what is no HTTP. Problems: app.refused, app.silent"""

    def close(self) -> None: ...


class SshAccess(Protocol):
    """Lets the user's own ``ssh`` in while a session is attached, without a key file in clear. Thread-safe."""

    def lend(self, session: str, target: Target) -> None:
        """Serve the session's key at an address that is always its own. Problems: ssh.agent, ssh.no_key"""

    def command(self, session: str, target: Target, local_port: int) -> Sequence[str]:
        """Return the argv of an ssh that asks nothing and trusts this session's host key only. Problems: ssh.agent"""

    def revoke(self, session: str) -> None:
        """Take the key back; the command stops working. Idempotent."""
