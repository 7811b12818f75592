"""One dialled connection, which of them is up, and what its control program is asked. Any thread.

A tunnel dials again and again; ``CurrentConnection`` is the place where the parts of a tunnel find the connection that
is up at the moment, so that none of them keeps an old one.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping

from desktop_app.adapters.ssh.control import ControlChannel
from desktop_app.adapters.ssh.dial import dial
from desktop_app.adapters.ssh.transport.transport import SessionTransport
from desktop_app.adapters.ssh.transport.wire import WIRE_ERRORS, Deadline, describe, unreachable
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Control, Target
from desktop_app.domain.problems import AppError, Cancelled, failure
from remote_bootstrap import contract
from remote_bootstrap.contract import Report

PROBE_SECONDS = 5.0
REQUEST_SECONDS = 30.0
LEAVE_SECONDS = 3.0


class DialledConnection:
    """A transport and its control channel, which a session of clearml-session has not."""

    def __init__(self, target: Target, transport: SessionTransport, control: ControlChannel | None) -> None:
        self.transport = transport
        self.address = target.record.address
        self._control = control

    @classmethod
    def dial(
        cls,
        target: Target,
        deadline: Deadline,
        on_end: Callable[[SessionTransport], None],
        on_report: Callable[[Report], None],
    ) -> "DialledConnection":
        """Return a connection whose control program has answered. Problems: as Tunnel.connect; raises Cancelled."""
        transport = dial(target, deadline, on_end)
        control = None if target.is_clearml_session else ControlChannel(transport, target.record, on_report)
        connection = cls(target, transport, control)
        try:
            if control is not None:
                _greet(control, target, deadline)
            deadline.check()
        except BaseException:
            connection.leave()
            raise
        return connection

    def request(self, op: str, args: Mapping[str, object], deadline: Deadline) -> dict[str, object]:
        """Return the result of one operation. Problems: ssh.lost, ssh.refused, session.foreign"""
        if self._control is None:
            raise failure("session.foreign")
        return self._control.request(op, args, deadline)

    def probe(self, deadline: Deadline) -> None:
        """Return once the other side has answered. Problems: ssh.lost"""
        if self._control is None:
            self._open_channel(deadline)
        else:
            self._control.request(contract.OP_HELLO, {"contract": contract.CONTRACT_VERSION}, deadline)

    def _open_channel(self, deadline: Deadline) -> None:
        """Open and close a channel: a round trip where no program of ours answers."""
        try:
            self.transport.open_channel("session", timeout=max(0.1, deadline.remaining)).close()
        except WIRE_ERRORS as error:
            deadline.check()
            raise failure("ssh.lost", address=self.address, cause=describe(error)) from None

    def end_control(self) -> None:
        """Fail the requests that wait; never blocks."""
        if self._control is not None:
            self._control.close()

    def leave(self) -> None:
        """Hang up, and wait up to ``LEAVE_SECONDS`` for each of the connection's threads."""
        self.end_control()
        self.transport.abandon(LEAVE_SECONDS)
        if self._control is not None:
            self._control.join(LEAVE_SECONDS)


class CurrentConnection:
    """The connection that is up, if one is. Under ``lock`` it does not change."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.stopped = threading.Event()  # the tunnel was closed for good
        self.address = "the session"  # that was dialled last
        self._connection: DialledConnection | None = None

    def get(self) -> DialledConnection:
        """Return it. Problems: ssh.lost (there is none); raises Cancelled once the tunnel was closed."""
        connection = self._connection
        if self.stopped.is_set():
            raise Cancelled
        if connection is None:
            raise failure("ssh.lost", address=self.address)
        return connection

    def is_up(self, connection: DialledConnection) -> bool:
        """True if that connection is still the current one."""
        return self._connection is connection

    def put(self, connection: DialledConnection) -> None:
        """Make that connection the current one; the lock is held. Problems: ssh.lost (it has ended meanwhile)"""
        if connection.transport.ended.is_set():
            raise failure("ssh.lost", address=self.address)
        self._connection = connection

    def take(self, transport: SessionTransport | None = None) -> DialledConnection | None:
        """Return the current connection, which is none from now on; the lock is held. ``transport``: only if it has
        that one."""
        connection = self._connection
        if connection is None or transport not in (None, connection.transport):
            return None
        self._connection = None
        return connection

    def deadline(self, cancel: Cancel, seconds: float) -> Deadline:
        """Return a deadline that also ends with the tunnel."""
        return Deadline(cancel, self.stopped, seconds)


class SshControl(Control):
    """Asks the control program of the connection that is up. Thread-safe."""

    def __init__(self, current: CurrentConnection) -> None:
        self._current = current

    def request(self, op: str, args: Mapping[str, object], cancel: Cancel) -> dict[str, object]:
        cancel.check()
        return self._current.get().request(op, args, self._current.deadline(cancel, REQUEST_SECONDS))

    def probe(self, cancel: Cancel) -> float:
        """Measure a round trip. A link so full that the answer is late is alive while other bytes keep coming, those of
        before set aside."""
        started = time.monotonic()
        cancel.check()
        connection = self._current.get()
        try:
            connection.probe(self._current.deadline(cancel, PROBE_SECONDS))
        except AppError:
            half_way = (started + time.monotonic()) / 2
            if not self._current.is_up(connection) or connection.transport.heard_at < half_way:
                raise
        return time.monotonic() - started

    def release_port(self, port: int) -> None:
        """Have the machine let go of a port that a connection of ours which is gone may still hold there."""
        with contextlib.suppress(AppError, Cancelled):  # the next try tells
            deadline = self._current.deadline(Cancel(), PROBE_SECONDS)
            self._current.get().request(contract.OP_RELEASE_PORT, {"port": port}, deadline)


def _greet(control: ControlChannel, target: Target, deadline: Deadline) -> None:
    try:
        control.start(deadline)
    except AppError as error:
        if error.problem.code == "ssh.lost":  # lost before it was there: for the user it never answered
            raise unreachable(target.record, error.problem.cause) from None
        raise
