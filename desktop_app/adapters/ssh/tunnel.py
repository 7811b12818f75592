"""ports.Tunnel over paramiko: puts together the listeners, the transport and the control channel of one session.

Methods run on the caller's thread; ``on_report`` callbacks on the control reader's, ``on_lost`` on the transport's.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping

from desktop_app.adapters.ssh.agent.lend import AgentForward
from desktop_app.adapters.ssh.control import ControlChannel
from desktop_app.adapters.ssh.dial import DIAL_SECONDS, dial
from desktop_app.adapters.ssh.forwarding.engine import WAIT_SECONDS, Forwarder
from desktop_app.adapters.ssh.forwarding.reverse import ReverseForwards
from desktop_app.adapters.ssh.forwarding.socks import Proxies
from desktop_app.adapters.ssh.login_server import START_SECONDS, LoginServer
from desktop_app.adapters.ssh.transport.transport import SessionTransport
from desktop_app.adapters.ssh.transport.wire import WIRE_ERRORS, Deadline, describe, unreachable
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import BoundPort, Destination, LoginDoor, LoginKeys, Target
from desktop_app.domain.problems import AppError, Cancelled, failure
from remote_bootstrap import contract
from remote_bootstrap.contract import Report

PROBE_SECONDS = 5.0
REQUEST_SECONDS = 30.0
LEAVE_SECONDS = 3.0


class SshTunnel:
    """One session's connection. ``name`` only names threads; a local connection waits ``wait_s`` seconds for it."""

    def __init__(self, name: str = "session", wait_s: float = WAIT_SECONDS) -> None:
        self._forwarder = Forwarder(name, wait_s)
        self._proxies = Proxies(self._forwarder.adopt)
        self._reverse = ReverseForwards(self._release)
        self._lock = threading.Lock()
        self._dialling = threading.Lock()  # one connect at a time
        self._stopped = threading.Event()
        self._transport: SessionTransport | None = None
        self._control: ControlChannel | None = None
        self._lent: tuple[SessionTransport, AgentForward] | None = None
        self._login: LoginServer | None = None
        self._address = "the session"
        self._is_clearml_session = False
        self._report_callbacks: list[Callable[[Report], None]] = []
        self._lost_callbacks: list[Callable[[], None]] = []

    def bind(self, wanted: Mapping[str, int]) -> tuple[BoundPort, ...]:
        return self._forwarder.bind(wanted)

    def connect(self, target: Target, cancel: Cancel) -> None:
        deadline = Deadline(cancel, self._stopped, DIAL_SECONDS)
        deadline.check()
        while not self._dialling.acquire(timeout=deadline.tick()):
            deadline.check()
        try:
            self.disconnect()
            self._connect(target, deadline)
        finally:
            self._dialling.release()

    def set_app_ports(self, ports: Mapping[str, int]) -> None:
        self._forwarder.set_app_ports(ports)

    def forward(self, key: str, wanted: int, destination: Destination) -> BoundPort:
        return self._forwarder.forward(key, wanted, destination)

    def proxy(self, key: str, wanted: int) -> BoundPort:
        return self._proxies.open(key, wanted)

    def reverse(self, key: str, remote: int, local: int) -> None:
        if self._stopped.is_set():
            raise Cancelled
        self._reverse.add(key, remote, local)

    def unbind(self, key: str) -> None:
        self._forwarder.unbind(key)
        self._proxies.close_one(key)
        self._reverse.remove(key)

    def probe(self, cancel: Cancel) -> float:
        """A link so full that the answer is late is alive while other bytes keep coming, those of before set aside."""
        started, transport = time.monotonic(), self._transport
        if self._is_clearml_session and transport is not None:
            return _knock(transport, Deadline(cancel, self._stopped, PROBE_SECONDS), self._address)
        try:
            self._ask(contract.OP_HELLO, {"contract": contract.CONTRACT_VERSION}, cancel, PROBE_SECONDS)
        except AppError:
            half_way = (started + time.monotonic()) / 2
            if transport is None or transport is not self._transport or transport.heard_at < half_way:
                raise
        return time.monotonic() - started

    def request(self, op: str, args: Mapping[str, object], cancel: Cancel) -> dict[str, object]:
        return self._ask(op, args, cancel, REQUEST_SECONDS)

    def lend_agent(self, cancel: Cancel) -> None:
        cancel.check()
        with self._lock:
            transport = self._transport
            if transport is None:
                raise failure("ssh.lost", address=self._address)
            if self._lent is not None and self._lent[0] is transport:
                return
        lent = AgentForward(transport, self._address)
        lent.start(Deadline(cancel, self._stopped, REQUEST_SECONDS))
        self._lent = (transport, lent)

    def take_agent_back(self) -> None:
        lent, self._lent = self._lent, None
        if lent is not None:
            lent[1].stop()

    def serve_login(self, keys: LoginKeys, cancel: Cancel) -> LoginDoor:
        transport = self._transport
        if transport is None:
            raise failure("ssh.lost", address=self._address)
        self._login = LoginServer(transport, self._address)  # kept: it ends with its channel
        return self._login.start(keys, Deadline(cancel, self._stopped, START_SECONDS))

    def on_report(self, callback: Callable[[Report], None]) -> None:
        self._report_callbacks.append(callback)

    def on_lost(self, callback: Callable[[], None]) -> None:
        self._lost_callbacks.append(callback)

    def disconnect(self) -> None:
        with self._lock:
            transport, self._transport = self._transport, None
            control, self._control = self._control, None
            self._detach()
        _leave(transport, control)

    def close(self) -> None:
        self._stopped.set()
        with self._dialling:  # a connect that is under way notices within a tick
            self.disconnect()
        self._proxies.close()
        self._forwarder.close()

    # --- inside

    def _connect(self, target: Target, deadline: Deadline) -> None:
        self._address, self._is_clearml_session = target.record.address, target.is_clearml_session
        transport = dial(target, deadline, self._ended)
        control = None if target.is_clearml_session else ControlChannel(transport, target.record, self._report)
        try:
            if control is not None:
                _greet(control, target, deadline)
            deadline.check()
            with self._lock:
                if transport.ended.is_set():
                    raise failure("ssh.lost", address=self._address)
                self._transport, self._control = transport, control
                self._forwarder.attach(transport)
                self._reverse.attach(transport)
        except BaseException:
            _leave(transport, control)
            raise

    def _ask(self, op: str, args: Mapping[str, object], cancel: Cancel, seconds: float) -> dict[str, object]:
        cancel.check()
        control = self._control
        if self._stopped.is_set():
            raise Cancelled
        if self._is_clearml_session and self._transport is not None:
            raise failure("session.foreign")
        if control is None:
            raise failure("ssh.lost", address=self._address)
        return control.request(op, args, Deadline(cancel, self._stopped, seconds))

    def _detach(self) -> None:
        self._forwarder.detach()
        self._reverse.detach()

    def _release(self, port: int) -> None:
        """On a thread of the reverse forwards: a connection of ours that is gone may still hold the port over there."""
        with contextlib.suppress(AppError, Cancelled):  # the next try tells
            self._ask(contract.OP_RELEASE_PORT, {"port": port}, Cancel(), PROBE_SECONDS)

    def _report(self, report: Report) -> None:
        for callback in self._report_callbacks:
            callback(report)

    def _ended(self, transport: SessionTransport) -> None:
        """The transport's thread ends. Ours to tell only if it was in use and nobody asked for its end."""
        with self._lock:
            if self._transport is not transport:
                return
            self._transport = None
            control, self._control = self._control, None
            self._detach()
        if control is not None:
            control.close()
        for callback in self._lost_callbacks:
            callback()


def _greet(control: ControlChannel, target: Target, deadline: Deadline) -> None:
    try:
        control.start(deadline)
    except AppError as error:
        if error.problem.code == "ssh.lost":  # lost before it was there: to people it never answered
            raise unreachable(target.record, error.problem.cause) from None
        raise


def _knock(transport: SessionTransport, deadline: Deadline, address: str) -> float:
    """The round trip of opening a channel, where no program of ours answers."""
    started = time.monotonic()
    try:
        transport.open_channel("session", timeout=max(0.1, deadline.remaining)).close()
    except WIRE_ERRORS as error:
        deadline.check()
        raise failure("ssh.lost", address=address, cause=describe(error)) from None
    return time.monotonic() - started


def _leave(transport: SessionTransport | None, control: ControlChannel | None) -> None:
    if control is not None:
        control.close()
    if transport is not None:
        transport.abandon(LEAVE_SECONDS)
    if control is not None:
        control.join(LEAVE_SECONDS)
