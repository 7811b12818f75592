"""What the faces show of a session's ports, and the same as JSON between processes of ours. Frozen; any thread."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from desktop_app.domain.access.listening import Forward, Kind, Listening, read_forward
from desktop_app.domain.access.port_services import BY_KEY


@dataclass(frozen=True, slots=True)
class PortView:
    """One port of the session. ``local_port`` 0 = not forwarded; ``listening`` False = forwarded, nobody there now."""

    port: int
    label: str
    service: str = ""  # key in domain/access/port_services.py, "" = unknown
    process: str = ""
    pid: int = 0
    command: str = ""
    session: bool = False  # started in this session; else it is the machine's
    listening: bool = True
    local_port: int = 0
    always: bool = False  # a rule forwards this service
    why_elsewhere: str = ""  # just forwarded, and not to the local port of first choice: a sentence

    @property
    def web(self) -> bool:
        """True if a browser may be of use; of an unknown program that is not known before asking it."""
        service = BY_KEY.get(self.service)
        return service is None or service.web

    @property
    def path(self) -> str:
        service = BY_KEY.get(self.service)
        return service.path if service else "/"


@dataclass(frozen=True, slots=True)
class PortsView:
    """``more``: listening sockets beyond those that the remote told."""

    ports: tuple[PortView, ...] = ()
    others: tuple[Forward, ...] = ()  # reverse forwards and the proxy
    more: int = 0

    def of(self, port: int) -> PortView | None:
        return next((row for row in self.ports if row.port == port), None)

    def to_json(self) -> dict[str, Any]:
        return {
            "ports": [asdict(row) for row in self.ports],
            "others": [forward_json(row) for row in self.others],
            "more": self.more,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "PortsView":
        others = (read_forward(row) for row in value.get("others") or ())
        ports = tuple(PortView(**row) for row in value.get("ports") or ())
        return cls(ports, tuple(row for row in others if row is not None), int(value.get("more") or 0))


def forward_json(forward: Forward) -> dict[str, Any]:
    return {**asdict(forward), "kind": forward.kind.value}


def view_of(rows: Iterable[Listening], forwards: Iterable[Forward], always: frozenset[str], more: int) -> PortsView:
    """Return the listening ports with what is forwarded of them; then forwards where nothing listens at the moment."""
    active = tuple(forwards)
    local = {forward.remote_port: forward for forward in active if forward.kind is Kind.LOCAL}
    shown = [_view(row, local.pop(row.port, None), always) for row in rows]
    silent = [
        PortView(port, "Nothing listens", session=True, listening=False, local_port=forward.local_port)
        for port, forward in sorted(local.items())
    ]
    return PortsView((*shown, *silent), tuple(one for one in active if one.kind is not Kind.LOCAL), more)


def _view(row: Listening, forward: Forward | None, always: frozenset[str]) -> PortView:
    service = row.service
    return PortView(
        port=row.port,
        label=row.label,
        service=service.key if service else "",
        process=row.process,
        pid=row.pid,
        command=row.command,
        session=row.session,
        local_port=forward.local_port if forward else 0,
        always=service is not None and service.key in always,
    )
