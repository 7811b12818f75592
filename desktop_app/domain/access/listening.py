"""Listening sockets of a session's machine and the forwards that users made: frozen data, and reading what the
remote says. Pure; any thread.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address

from desktop_app.domain.access.port_services import Service, is_plumbing, service_of
from desktop_app.domain.launch.option_checks import clean_line

LOOPBACK = "127.0.0.1"
LOOPBACK_6 = "::1"
MAX_ROWS = 500
MAX_NAME, MAX_COMMAND = 64, 300
FIRST_FREE_PORT = 1024  # below it an ordinary user can't listen
LIFT = 8000  # port 80 over there is 8080 here


@dataclass(frozen=True, slots=True)
class Listening:
    """One port that something listens on over there. ``host`` is the address that reaches it from that machine."""

    port: int
    host: str = LOOPBACK
    process: str = ""
    pid: int = 0
    command: str = ""
    session: bool = False

    @property
    def service(self) -> Service | None:
        return service_of(self.process, self.command, self.port)

    @property
    def plumbing(self) -> bool:
        return is_plumbing(self.service, self.port)

    @property
    def label(self) -> str:
        service = self.service
        return service.label if service else self.process or "Unknown program"


class Kind(Enum):
    """Which way a forward goes."""

    LOCAL = "local"  # a port over there, on this computer
    REVERSE = "reverse"  # a port of this computer, over there
    SOCKS = "socks"  # a proxy on this computer whose connections start over there


@dataclass(frozen=True, slots=True)
class Forward:
    """What a user (or a rule) asked for. Ports are on the loopback of their side; SOCKS has no remote one."""

    kind: Kind
    local_port: int
    remote_port: int = 0
    host: str = LOOPBACK

    @property
    def text(self) -> str:
        """Return one sentence."""
        if self.kind is Kind.SOCKS:
            return f"The SOCKS5 proxy {LOOPBACK}:{self.local_port} leads into the session."
        if self.kind is Kind.REVERSE:
            return f"The session reaches port {self.local_port} of this computer at {LOOPBACK}:{self.remote_port}."
        return f"Port {self.remote_port} of the session is at {LOOPBACK}:{self.local_port}."

    @property
    def key(self) -> str:
        """Return its name in the tunnel and in what is remembered; no application has such a key."""
        if self.kind is Kind.LOCAL:
            return local_key(self.remote_port)
        return f"{self.kind.value}:{self.remote_port}"


@dataclass(frozen=True, slots=True)
class Page:
    """What answered a GET of the first page. ``scheme`` "" = nothing that speaks HTTP."""

    scheme: str = ""
    title: str = ""
    status: int = 0


def read_forward(value: object) -> Forward | None:
    """Return a forward that was written down; None for what makes no sense."""
    if not isinstance(value, Mapping):
        return None
    kinds = {kind.value: kind for kind in Kind}
    kind, local, remote = kinds.get(str(value.get("kind"))), value.get("local_port"), value.get("remote_port")
    host = _host(str(value.get("host", LOOPBACK)))
    if kind is None or type(local) is not int or type(remote) is not int or not host:
        return None
    good = 0 < local < 65536 and (0 < remote < 65536 or (kind is Kind.SOCKS and remote == 0))
    return Forward(kind, local, remote, host) if good else None


def local_key(remote_port: int) -> str:
    return f"{Kind.LOCAL.value}:{remote_port}"


def preferred_port(remote_port: int) -> int:
    """Return the local port to try first: the same."""
    return remote_port if remote_port >= FIRST_FREE_PORT else remote_port + LIFT


def read_listening(value: Mapping[str, object]) -> tuple[Listening, ...]:
    """Return what the remote answered, one row per port, the session's own first. Rows that make no sense are left
    out."""
    rows = value.get("ports")
    listed = [_row(row) for row in rows[:MAX_ROWS] if isinstance(row, Mapping)] if isinstance(rows, list) else []
    by_port: dict[int, Listening] = {}
    for row in sorted((row for row in listed if row is not None), key=lambda row: _preference(row.host)):
        by_port.setdefault(row.port, row)
    return tuple(sorted(by_port.values(), key=lambda row: (not row.session, row.port)))


def shown(rows: Iterable[Listening], known: Iterable[int]) -> tuple[Listening, ...]:
    """Return the ports to show: without plumbing, and without the ports in ``known``: the session's applications have
    rows of their own."""
    hidden = frozenset(known)
    return tuple(row for row in rows if row.port not in hidden and not row.plumbing)


def _row(row: Mapping[object, object]) -> Listening | None:
    port, pid, address = row.get("port"), row.get("pid"), row.get("address")
    host = _host(address) if isinstance(address, str) else ""
    if type(port) is not int or not 0 < port < 65536 or not host:
        return None
    return Listening(
        port,
        host,
        clean_line(str(row.get("process", ""))[:MAX_NAME]),
        pid if type(pid) is int and pid > 0 else 0,
        clean_line(str(row.get("command", ""))[:MAX_COMMAND]),
        row.get("session") is True,
    )


def _host(address: str) -> str:
    """Return where to connect to for what listens on that address; "" for what is no address."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if ip.version == 6 and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_unspecified:
        return LOOPBACK if ip.version == 4 else LOOPBACK_6
    return str(ip)


def _preference(host: str) -> tuple[int, str]:
    return (0 if host == LOOPBACK else 1 if host == LOOPBACK_6 else 2), host
