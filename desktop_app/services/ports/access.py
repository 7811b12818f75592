"""Ports (``core.ports``): what listens in a session, and what of it is forwarded. Any thread; blocking.

Each is an operation of ``Connections.call``: done by the process that holds the session's connection.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.domain.access.listening import (
    LOOPBACK,
    Forward,
    Listening,
    local_key,
    read_forward,
    read_listening,
    shown,
)
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import Link, SessionId, local_address
from desktop_app.services.connection.connections import Connections
from desktop_app.services.connection.peer_requests import Args, Operation
from desktop_app.services.connection.session.session_tunnel import SessionTunnel
from desktop_app.services.ports.view import PortsView, PortView, forward_json, view_of
from desktop_app.services.ssh.elsewhere import no_browser
from desktop_app.services.state.store import SessionStore
from remote_bootstrap import contract


class Ports:
    """Looks at and forwards the ports of sessions. Problems: session.not_attached, tunnel.owned, ssh.lost, port.*"""

    def __init__(self, outside: Outside, store: SessionStore, connections: Connections) -> None:
        self._outside = outside
        self._store = store
        self._connections = connections
        add = connections.requests.add
        self._look = add(Operation("ports-look", self._look_here, PortsView.to_json, PortsView.from_json))
        self._forward = add(Operation("ports-forward", self._forward_here, asdict, lambda row: PortView(**row)))
        self._reverse = add(Operation("ports-reverse", self._reverse_here, forward_json, _read_forward))
        self._socks = add(Operation("ports-socks", self._socks_here, forward_json, _read_forward))
        self._stop = add(
            Operation(
                "ports-stop", self._stop_here, lambda stopped: {"stopped": stopped}, lambda row: bool(row["stopped"])
            )
        )

    # -- what faces ask for

    def look(self, session: SessionId, cancel: Cancel) -> PortsView:
        """Return what listens there right now, and what is forwarded."""
        return self._connections.call(session, self._look, {}, cancel)

    def forward(self, session: SessionId, port: int, cancel: Cancel, *, local: int = 0) -> PortView:
        """Make that port reachable on this computer; ``local``: exactly there. Problems: port.own, port.busy, port.*"""
        return self._connections.call(session, self._forward, {"port": port, "local": local}, cancel)

    def stop(self, session: SessionId, port: int, cancel: Cancel) -> bool:
        """Undo ``forward``; False when there was none."""
        return self._connections.call(session, self._stop, {"key": local_key(port)}, cancel)

    def reverse(self, session: SessionId, port: int, local: int, cancel: Cancel) -> Forward:
        """Make 127.0.0.1:``local`` reachable at 127.0.0.1:``port`` of the session. Problems: port.remote, port.loop"""
        return self._connections.call(session, self._reverse, {"port": port, "local": local}, cancel)

    def socks(self, session: SessionId, cancel: Cancel, *, local: int = 0) -> Forward:
        """Open a SOCKS5 proxy whose connections begin in the session; ``local``: exactly there. Problems: port.busy"""
        return self._connections.call(session, self._socks, {"local": local}, cancel)

    def stop_other(self, session: SessionId, other: Forward, cancel: Cancel) -> bool:
        """Undo ``reverse`` or ``socks``; False when there was none."""
        return self._connections.call(session, self._stop, {"key": other.key}, cancel)

    def open(self, session: SessionId, port: int, cancel: Cancel) -> str:
        """Forward the port, wait until a page answers and open it in the browser; return its address.

        Problems: port.silent, open.no_browser, as ``forward``
        """
        view = self.forward(session, port, cancel)
        page = self._outside.look_at_page(view.local_port, cancel)
        if not page.scheme:
            raise failure("port.silent", port=port, local=view.local_port)
        url = f"{page.scheme}://{LOOPBACK}:{view.local_port}{view.path}"
        if not self._outside.open_url(url):
            raise no_browser(url)
        return url

    def always(self, service: str, on: bool) -> None:
        """Forward that service by itself wherever it listens, from now on."""
        rules = self._outside.memory.forwards.always()
        self._outside.memory.forwards.save_always(rules | {service} if on else rules - {service})

    # -- where the connection is held

    def _tunnel(self, session: SessionId) -> SessionTunnel:
        tunnel = self._connections.tunnel(session)
        if tunnel is None:  # it was detached just now
            raise failure("session.not_attached", task=session.task[:8])
        return tunnel

    def _look_here(self, session: SessionId, _args: Args, cancel: Cancel) -> PortsView:
        tunnel = self._tunnel(session)
        rows, more = self._listening(session, tunnel, cancel)
        return view_of(rows, tunnel.forwards.all(), self._outside.memory.forwards.always(), more)

    def _listening(
        self, session: SessionId, tunnel: SessionTunnel, cancel: Cancel
    ) -> tuple[tuple[Listening, ...], int]:
        snapshot = self._store.get(session)
        if snapshot is not None and snapshot.link is Link.BLOCKED and snapshot.problem is not None:
            raise AppError(snapshot.problem)  # that it is lost would be true, but it does not come back by itself
        answer = tunnel.control.request(contract.OP_LISTENING, {}, cancel)
        endpoints = snapshot.endpoints if snapshot else ()
        known = [endpoint.remote_port for endpoint in endpoints]
        if tunnel.is_here():  # a session on this computer sees our own ends of the tunnel, too
            known += [endpoint.local_port for endpoint in endpoints]
            known += [forward.local_port for forward in tunnel.forwards.all()]
        more = answer.get("more")
        return shown(read_listening(answer), known), more if isinstance(more, int) else 0

    def _forward_here(self, session: SessionId, args: Args, cancel: Cancel) -> PortView:
        tunnel, port, local = self._tunnel(session), int(args["port"]), int(args.get("local") or 0)
        self._refuse_own(session, tunnel, port)
        rows, _more = self._listening(session, tunnel, cancel)
        host = next((row.host for row in rows if row.port == port), LOOPBACK)
        forward, bound = tunnel.forwards.local(port, host, local)
        view = view_of(rows, tunnel.forwards.all(), self._outside.memory.forwards.always(), 0)
        why_elsewhere = "" if local else tunnel.forwards.why_elsewhere(forward, bound)
        return replace(next(row for row in view.ports if row.port == port), why_elsewhere=why_elsewhere)

    def _refuse_own(self, session: SessionId, tunnel: SessionTunnel, port: int) -> None:
        """Refuse a port that this computer has already, as one of the session's applications. Problems: port.own"""
        snapshot = self._store.get(session)
        for app in snapshot.endpoints if snapshot else ():
            here = f"at {local_address(app.app, app.local_port)}" if app.local_port else "not there yet"
            if port == app.remote_port:
                what = f"Port {port} of the session is {app.label}'s, which is {here} on this computer."
                raise failure("port.own", what=f"{what} There is nothing to forward.")
            if port == app.local_port and tunnel.is_here():
                raise failure("port.own", what=f"Port {port} is SessionDock's own end of the tunnel to {app.label}.")

    def _reverse_here(self, session: SessionId, args: Args, _cancel: Cancel) -> Forward:
        return self._tunnel(session).forwards.reverse(int(args["port"]), int(args["local"]))

    def _socks_here(self, session: SessionId, args: Args, _cancel: Cancel) -> Forward:
        return self._tunnel(session).forwards.socks(int(args.get("local") or 0))

    def _stop_here(self, session: SessionId, args: Args, _cancel: Cancel) -> bool:
        return self._tunnel(session).forwards.stop(str(args["key"]))


def _read_forward(row: Mapping[str, Any]) -> Forward:
    forward = read_forward(row)
    if forward is None:
        raise ValueError("no forward")
    return forward
