"""Ports (``core.ports``): what listens in a session, and what of it is forwarded. Any thread; blocking.

Works on the tunnel where it lives: in this process, or by asking the process of ours that holds it.
"""

from collections.abc import Mapping
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
from desktop_app.services.connection.session_tunnel import SessionTunnel
from desktop_app.services.ports.view import PortsView, PortView, forward_json, view_of
from desktop_app.services.ssh.elsewhere import no_browser
from desktop_app.services.state.store import SessionStore
from remote_bootstrap import contract

OP_PORTS = "ports"
ASK_S = 15.0


class Ports:
    """Lists a session's ports and forwards them. All block. Problems: open.not_ready, ssh.lost, port.*"""

    def __init__(self, outside: Outside, store: SessionStore, links: Connections) -> None:
        self._outside = outside
        self._store = store
        self._links = links
        self._actions = {
            "look": self._look,
            "forward": self._forward,
            "reverse": self._reverse,
            "socks": self._socks,
            "stop": self._stop,
        }
        links.questions.add(OP_PORTS, self._answer)

    # -- what faces ask for

    def look(self, session: SessionId, cancel: Cancel) -> PortsView:
        """What listens there right now."""
        return PortsView.from_json(self._do(session, "look", {}, cancel))

    def forward(self, session: SessionId, port: int, cancel: Cancel, *, local: int = 0) -> PortView:
        """Make that port reachable on this computer; ``local``: exactly there."""
        return PortView(**self._do(session, "forward", {"port": port, "local": local}, cancel))

    def stop(self, session: SessionId, port: int, cancel: Cancel) -> bool:
        """Undo ``forward``; False when there was none."""
        return bool(self._do(session, "stop", {"key": local_key(port)}, cancel).get("stopped"))

    def reverse(self, session: SessionId, port: int, local: int, cancel: Cancel) -> Forward:
        """Make 127.0.0.1:``local`` reachable at 127.0.0.1:``port`` of the session. Problems: port.remote"""
        return _forward(self._do(session, "reverse", {"port": port, "local": local}, cancel))

    def socks(self, session: SessionId, cancel: Cancel, *, local: int = 0) -> Forward:
        """A SOCKS5 proxy whose connections begin in the session; ``local``: exactly there."""
        return _forward(self._do(session, "socks", {"local": local}, cancel))

    def stop_other(self, session: SessionId, other: Forward, cancel: Cancel) -> bool:
        """Undo ``reverse`` or ``socks``; False when there was none."""
        return bool(self._do(session, "stop", {"key": other.key}, cancel).get("stopped"))

    def open(self, session: SessionId, port: int, cancel: Cancel) -> str:
        """Forward the port, wait until a page answers, open it in the browser; its address. Problems: port.silent"""
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
        rules = self._outside.forwards.always()
        self._outside.forwards.save_always(rules | {service} if on else rules - {service})

    # -- where the tunnel lives

    def _do(self, session: SessionId, action: str, args: Mapping[str, Any], cancel: Cancel) -> Mapping[str, Any]:
        tunnel = self._links.held(session)
        if tunnel is None:
            return self._links.others.ask_who_holds(OP_PORTS, session, {**args, "action": action})
        return self._actions[action](session, tunnel, args, cancel)

    def _answer(self, session: SessionId, args: Mapping[str, Any]) -> Mapping[str, Any]:
        tunnel, action = self._links.held(session), self._actions.get(str(args.get("action")))
        if tunnel is None or action is None:
            raise failure("session.not_attached", task=session.task[:8])
        return action(session, tunnel, args, Cancel(ASK_S))

    def _look(
        self, session: SessionId, tunnel: SessionTunnel, _args: Mapping[str, Any], cancel: Cancel
    ) -> Mapping[str, Any]:
        rows, more = self._listening(session, tunnel, cancel)
        return view_of(rows, tunnel.forwards.all(), self._outside.forwards.always(), more).to_json()

    def _listening(
        self, session: SessionId, tunnel: SessionTunnel, cancel: Cancel
    ) -> tuple[tuple[Listening, ...], int]:
        now = self._store.get(session)
        if now is not None and now.link is Link.BLOCKED and now.problem is not None:
            raise AppError(now.problem)  # that it is lost would be true, but it does not come back by itself
        answer = tunnel.control.request(contract.OP_LISTENING, {}, cancel)
        known = [endpoint.remote_port for endpoint in now.endpoints] if now else []
        if tunnel.address == LOOPBACK:  # a session on this computer sees our own ends of the tunnel, too
            known += [endpoint.local_port for endpoint in now.endpoints] if now else []
            known += [forward.local_port for forward in tunnel.forwards.all()]
        more = answer.get("more")
        return shown(read_listening(answer), known), more if isinstance(more, int) else 0

    def _forward(
        self, session: SessionId, tunnel: SessionTunnel, args: Mapping[str, Any], cancel: Cancel
    ) -> Mapping[str, Any]:
        port, local = int(args["port"]), int(args.get("local") or 0)
        self._refuse_own(session, tunnel, port)
        rows, _more = self._listening(session, tunnel, cancel)
        host = next((row.host for row in rows if row.port == port), LOOPBACK)
        tunnel.forwards.local(port, host, local)
        view = view_of(rows, tunnel.forwards.all(), self._outside.forwards.always(), 0)
        found = next(one for one in view.to_json()["ports"] if one["port"] == port)
        return dict(found)

    def _refuse_own(self, session: SessionId, tunnel: SessionTunnel, port: int) -> None:
        """The session's applications are here already. Problems: port.own"""
        now = self._store.get(session)
        for one in now.endpoints if now else ():
            here = f"at {local_address(one.app, one.local_port)}" if one.local_port else "not there yet"
            if port == one.remote_port:
                what = f"Port {port} of the session is {one.label}'s, which is {here} on this computer."
                raise failure("port.own", what=f"{what} There is nothing to forward.")
            if port == one.local_port and tunnel.is_here():
                raise failure("port.own", what=f"Port {port} is SessionDock's own end of the tunnel to {one.label}.")

    def _reverse(
        self, _session: SessionId, tunnel: SessionTunnel, args: Mapping[str, Any], _cancel: Cancel
    ) -> Mapping[str, Any]:
        return forward_json(tunnel.forwards.reverse(int(args["port"]), int(args["local"])))

    def _socks(
        self, _session: SessionId, tunnel: SessionTunnel, args: Mapping[str, Any], _cancel: Cancel
    ) -> Mapping[str, Any]:
        return forward_json(tunnel.forwards.socks(int(args.get("local") or 0)))

    def _stop(
        self, _session: SessionId, tunnel: SessionTunnel, args: Mapping[str, Any], _cancel: Cancel
    ) -> Mapping[str, Any]:
        return {"stopped": tunnel.forwards.stop(str(args["key"]))}


def _forward(value: Mapping[str, Any]) -> Forward:
    found = read_forward(value)
    if found is None:  # another version of ours holds the session
        raise failure("internal", cause="an unreadable forward")
    return found
