"""The ports of every session, for the window's tests: stands for core.ports."""

from collections.abc import Callable
from dataclasses import replace

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.access.listening import Forward, Kind
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.ports.view import PortsView, PortView

DEMO = (
    PortView(6006, "TensorBoard", "tensorboard", "tensorboard", 4711, "python bin/tensorboard --logdir …", True),
    PortView(7860, "Gradio", "gradio", "python", 4712, "python app.py", True, local_port=7861),
    PortView(5678, "Python debugger", "debugpy", "python", 4713, "python -m debugpy --listen … train.py", True),
    PortView(9100, "node_exporter", "", "node_exporter", 812, "node_exporter", False),
)


class FakePorts:
    """``call`` notes what was asked for, waits and fails as the test says (``FakeCore``)."""

    def __init__(self, call: Callable[..., None], ports: tuple[PortView, ...] = DEMO) -> None:
        self._call = call
        self.view = PortsView(ports)

    def look(self, session: SessionId, cancel: Cancel) -> PortsView:
        self._call("ports.look", cancel, session)
        return self.view

    def forward(self, session: SessionId, port: int, cancel: Cancel, *, local: int = 0) -> PortView:
        self._call("ports.forward", cancel, session, port)
        return self._change(port, local or port)

    def stop(self, session: SessionId, port: int, cancel: Cancel) -> bool:
        self._call("ports.stop", cancel, session, port)
        self._change(port, 0)
        return True

    def reverse(self, session: SessionId, port: int, local: int, cancel: Cancel) -> Forward:
        self._call("ports.reverse", cancel, session, port, local)
        return self._add(Forward(Kind.REVERSE, local, port))

    def socks(self, session: SessionId, cancel: Cancel, *, local: int = 0) -> Forward:
        self._call("ports.socks", cancel, session)
        return self._add(Forward(Kind.SOCKS, local or 1080))

    def stop_other(self, session: SessionId, other: Forward, cancel: Cancel) -> bool:
        self._call("ports.stop_other", cancel, session, other)
        self.view = replace(self.view, others=tuple(one for one in self.view.others if one != other))
        return True

    def _add(self, forward: Forward) -> Forward:
        self.view = replace(self.view, others=(*self.view.others, forward))
        return forward

    def open(self, session: SessionId, port: int, cancel: Cancel) -> str:
        self._call("ports.open", cancel, session, port)
        return f"http://127.0.0.1:{self._change(port, port).local_port}/"

    def always(self, service: str, on: bool) -> None:
        self._call("ports.always", None, service, on)
        ports = tuple(replace(one, always=on) if one.service == service else one for one in self.view.ports)
        self.view = replace(self.view, ports=ports)

    def _change(self, port: int, local: int) -> PortView:
        ports = tuple(replace(one, local_port=local) if one.port == port else one for one in self.view.ports)
        self.view = replace(self.view, ports=ports)
        found = self.view.of(port)
        assert found is not None
        return found
