"""A Tunnel in memory whose remote side the test plays, without sockets, threads or paramiko.

Callbacks run in the thread that calls the scripting methods (``drop``, ``push``), as the real ones run in a thread
that is not the caller's. Thread-safe.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import (
    AgentLoan,
    BoundPort,
    Control,
    Destination,
    Forwards,
    LoginDoor,
    LoginKeys,
    Target,
    Tunnel,
)
from desktop_app.domain.problems import AppError, Cancelled, failure
from remote_bootstrap.contract import Report


class FakeTunnel(Tunnel):
    """Works at once and for ever unless scripted otherwise.

    Script: ``connect_errors`` (each connect takes one; None = works), ``connect_blocks`` (connect waits until its
    Cancel fires), ``probe_error``, ``answers`` (operation -> result or error), ``taken`` (port -> program),
    ``login_error``, ``refused_ports``, ``drop``, ``push``.
    Look: ``connected``, ``closed``, ``targets``, ``requests``, ``routes``, ``destinations``, ``reversed``, ``bound``,
    ``probes``.
    """

    def __init__(self, taken: Mapping[int, str] | None = None) -> None:
        self.taken = dict(taken or {})
        self.connect_errors: deque[AppError | None] = deque()
        self.connect_blocks = False
        self.on_connect: Callable[[Target, Cancel], None] = lambda _target, _cancel: None  # may raise what it raises
        self.probe_error: AppError | None = None
        self.probe_seconds = 0.001
        self.answers: dict[str, dict[str, object] | AppError] = {}
        self.first_report: Report | None = None  # pushed by each connect, as the remote answers a subscription
        self.agent_error: AppError | None = None
        self.has_agent = False
        self.lent = 0  # connections to which the SSH agent was lent
        self.login_error: AppError | None = None
        self.logins: list[LoginKeys] = []
        self.connected = False
        self.closed = False
        self.targets: list[Target] = []
        self.requests: list[tuple[str, dict[str, object]]] = []
        self.routes: dict[str, int] = {}
        self.destinations: dict[str, Destination] = {}
        self.reversed: dict[str, tuple[int, int]] = {}
        self.refused_ports: set[int] = set()
        self.bound: dict[str, BoundPort] = {}
        self.probes = 0
        self.changed = threading.Condition()
        self._on_report: list[Callable[[Report], None]] = []
        self._on_lost: list[Callable[[], None]] = []
        self._on_unanswered: list[Callable[[int, int], None]] = []
        self.forwards = _FakeForwards(self)
        self.control = _FakeControl(self)
        self.agent = _FakeAgentLoan(self)

    # --- the tunnel

    def connect(self, target: Target, cancel: Cancel) -> None:
        if self.closed:
            raise Cancelled
        with self.changed:
            self.targets.append(target)
            self.changed.notify_all()
        self.on_connect(target, cancel)
        if self.connect_blocks:
            self._block(target, cancel)
        cancel.check()
        error = self.connect_errors.popleft() if self.connect_errors else None
        if error is not None:
            raise error
        with self.changed:
            self.connected = True
            self.changed.notify_all()
        if self.first_report is not None:
            self.push(self.first_report)

    def serve_login(self, keys: LoginKeys, cancel: Cancel) -> LoginDoor:
        cancel.check()
        self.need_connection()
        if self.login_error is not None:
            raise self.login_error
        with self.changed:
            self.logins.append(keys)
            self.changed.notify_all()
        return LoginDoor(40_022 + len(self.logins), "/home/theirs")

    def on_report(self, callback: Callable[[Report], None]) -> None:
        self._on_report.append(callback)

    def on_lost(self, callback: Callable[[], None]) -> None:
        self._on_lost.append(callback)

    def on_unanswered(self, callback: Callable[[int, int], None]) -> None:
        self._on_unanswered.append(callback)

    def disconnect(self) -> None:
        with self.changed:
            self.connected = False
            self.changed.notify_all()

    def close(self) -> None:
        self.disconnect()
        with self.changed:
            self.closed = True
            self.bound.clear()
            self.changed.notify_all()

    # --- the test's side

    def drop(self) -> None:
        """The transport ends by itself."""
        with self.changed:
            was_connected, self.connected = self.connected, False
            self.changed.notify_all()
        for callback in self._on_lost if was_connected else ():
            callback()

    def knock_in_vain(self, remote: int, local: int) -> None:
        """A program of the session comes by a reverse forward, and nothing listens here."""
        for callback in self._on_unanswered:
            callback(remote, local)

    def push(self, report: Report) -> None:
        """The remote pushes a report."""
        for callback in self._on_report:
            callback(report)

    def wait_for(self, condition: Callable[["FakeTunnel"], bool], seconds: float = 5.0) -> None:
        """Until the condition holds; raises TimeoutError."""
        with self.changed:
            if not self.changed.wait_for(lambda: condition(self), seconds):
                raise TimeoutError(f"the tunnel did not get there within {seconds} s")

    # --- inside

    def choose(self, app: str, wanted: int) -> BoundPort:
        used = {bound.port for bound in self.bound.values()}
        port = wanted or 40_000
        while port in used or port in self.taken:
            port += 1
        taken_by = self.taken.get(wanted, "another session of SessionDock" if wanted in used else "")
        return BoundPort(app, port, wanted, taken_by)

    def _block(self, target: Target, cancel: Cancel) -> None:
        while not cancel.wait(1.0):
            if cancel.expired:
                raise failure("ssh.unreachable", address=target.record.address, port=target.record.port)
        cancel.check()

    def need_connection(self) -> None:
        if self.closed:
            raise Cancelled
        if not self.connected:
            address = self.targets[-1].record.address if self.targets else "the session"
            raise failure("ssh.lost", address=address)


class _FakeForwards(Forwards):
    """That part of the tunnel."""

    def __init__(self, tunnel: FakeTunnel) -> None:
        self._tunnel = tunnel

    def bind(self, wanted: Mapping[str, int]) -> tuple[BoundPort, ...]:
        with self._tunnel.changed:
            for app, port in wanted.items():
                if app not in self._tunnel.bound:
                    self._tunnel.bound[app] = self._tunnel.choose(app, port)
            return tuple(self._tunnel.bound[app] for app in wanted)

    def set_app_ports(self, ports: Mapping[str, int]) -> None:
        with self._tunnel.changed:
            self._tunnel.routes = dict(ports)
            self._tunnel.changed.notify_all()

    def forward(self, key: str, wanted: int, destination: Destination) -> BoundPort:
        if self._tunnel.closed:
            raise Cancelled
        self._tunnel.destinations[key] = destination
        return self.bind({key: wanted})[0]

    def proxy(self, key: str, wanted: int) -> BoundPort:
        if self._tunnel.closed:
            raise Cancelled
        return self.bind({key: wanted})[0]

    def reverse(self, key: str, remote: int, local: int) -> None:
        if self._tunnel.closed:
            raise Cancelled
        if remote in self._tunnel.refused_ports:
            raise failure("port.remote", port=remote)
        with self._tunnel.changed:
            self._tunnel.reversed[key] = (remote, local)
            self._tunnel.changed.notify_all()

    def unbind(self, key: str) -> None:
        with self._tunnel.changed:
            self._tunnel.destinations.pop(key, None)
            self._tunnel.reversed.pop(key, None)
            self._tunnel.bound.pop(key, None)
            self._tunnel.changed.notify_all()


class _FakeControl(Control):
    """That part of the tunnel."""

    def __init__(self, tunnel: FakeTunnel) -> None:
        self._tunnel = tunnel

    def request(self, op: str, args: Mapping[str, object], cancel: Cancel) -> dict[str, object]:
        self._tunnel.need_connection()
        with self._tunnel.changed:
            self._tunnel.requests.append((op, dict(args)))
            self._tunnel.changed.notify_all()
        answer = self._tunnel.answers.get(op, {})
        if isinstance(answer, AppError):
            raise answer
        return dict(answer)

    def probe(self, cancel: Cancel) -> float:
        with self._tunnel.changed:
            self._tunnel.probes += 1
            self._tunnel.changed.notify_all()
        self._tunnel.need_connection()
        if self._tunnel.probe_error is not None:
            raise self._tunnel.probe_error
        return self._tunnel.probe_seconds


class _FakeAgentLoan(AgentLoan):
    """That part of the tunnel."""

    def __init__(self, tunnel: FakeTunnel) -> None:
        self._tunnel = tunnel

    def lend(self, cancel: Cancel) -> None:
        cancel.check()
        self._tunnel.need_connection()
        if self._tunnel.agent_error is not None:
            raise self._tunnel.agent_error
        with self._tunnel.changed:
            self._tunnel.lent += 1
            self._tunnel.has_agent = True
            self._tunnel.changed.notify_all()

    def take_back(self) -> None:
        self._tunnel.has_agent = False
