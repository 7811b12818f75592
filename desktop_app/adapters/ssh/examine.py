"""One SSH connection, made stage by stage to see which one breaks; nothing else uses it. On the caller's thread."""

import contextlib
import re
import threading
import time
from collections.abc import Callable

from paramiko import Channel

from desktop_app.adapters.ssh.control import ControlChannel
from desktop_app.adapters.ssh.dial import DIAL_SECONDS, Step, dial
from desktop_app.adapters.ssh.forwarding.ports import LOOPBACK
from desktop_app.adapters.ssh.transport.tcp import ConnectError, resolve
from desktop_app.adapters.ssh.transport.transport import SessionTransport
from desktop_app.adapters.ssh.transport.wire import WIRE_ERRORS, Deadline, describe
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Examined, Target
from desktop_app.domain.access.route import Kind
from desktop_app.domain.diagnosis import Stage, StageError
from desktop_app.domain.problems import AppError, failure
from remote_bootstrap import contract

ANSWER_SECONDS = 10.0
MAX_ANSWER = 64 * 1024
STAGES = {
    Step.REACH: Stage.REACH,
    Step.NEGOTIATE: Stage.SSH,
    Step.HOST_KEY: Stage.HOST_KEY,
    Step.SIGN_IN: Stage.SIGN_IN,
}
HOST_KEY_CODES = ("ssh.host_key", "ssh.unknown_host", "ssh.other_host")
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})\b")

Tell = Callable[[Stage, str], None]


class _Progress:
    """Which step is under way, and since when."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._begun = time.monotonic()
        self.stage = Stage.REACH

    def step(self, now: Step, found: str) -> None:
        """Begin step ``now``; the one before has found ``found``."""
        self._tell(self.stage, found or f"{(time.monotonic() - self._begun) * 1000:.0f} ms")
        self.stage = STAGES[now]
        self._begun = time.monotonic()


class Examination(Examined):
    """The connection once it stands. ``close`` it."""

    def __init__(self, transport: SessionTransport, control: ControlChannel | None, cancel: Cancel) -> None:
        self._transport = transport
        self._control = control
        self._cancel = cancel

    def report(self) -> contract.Report | None:
        """Return what the session says of its applications, None where it says nothing. Problems: ssh.lost,
        ssh.protocol"""
        if self._control is None:
            return None
        deadline = Deadline(self._cancel, threading.Event(), ANSWER_SECONDS)
        status = self._control.request(contract.OP_STATUS, {}, deadline)
        try:
            return contract.Report.from_json(status)
        except contract.ContractError as error:
            raise failure("ssh.protocol", why="The session's report can't be read.", cause=str(error)) from None

    def http_status(self, port: int) -> int:
        """Return the status of the first page at that port of the machine, 0 for another answer. Problems: app.refused,
        app.silent"""
        try:
            channel = self._transport.open_channel(
                "direct-tcpip", (LOOPBACK, port), (LOOPBACK, 0), timeout=ANSWER_SECONDS
            )
        except WIRE_ERRORS as error:
            raise failure("app.refused", port=port, cause=describe(error)) from None
        try:
            return _status(channel, port, self._cancel)
        except WIRE_ERRORS as error:
            raise failure("app.silent", port=port, cause=describe(error)) from None
        finally:
            with contextlib.suppress(*WIRE_ERRORS):
                channel.close()

    def close(self) -> None:
        if self._control is not None:
            self._control.close()
        self._transport.abandon()
        if self._control is not None:
            self._control.join(3.0)


def examine(target: Target, tell: Tell, cancel: Cancel) -> Examination:
    """Connect, and tell what each stage that works has found. Raises StageError, Cancelled."""
    deadline = Deadline(cancel, threading.Event(), DIAL_SECONDS)
    _look_up(target, tell, deadline)
    progress = _Progress(tell)
    try:
        transport = dial(target, deadline, lambda _transport: None, progress.step)
    except AppError as error:
        at = Stage.HOST_KEY if error.problem.code in HOST_KEY_CODES else progress.stage
        raise StageError(at, error) from None
    tell(Stage.SIGN_IN, f"as {target.record.user}")
    if target.is_clearml_session:
        tell(Stage.CONTROL, "clearml-session has none")
        return Examination(transport, None, cancel)
    control = ControlChannel(transport, target.record, lambda _report: None)
    try:
        control.start(deadline)
    except AppError as error:
        control.close()
        transport.abandon()
        raise StageError(Stage.CONTROL, error) from None
    tell(Stage.CONTROL, "")
    return Examination(transport, control, cancel)


def _look_up(target: Target, tell: Tell, deadline: Deadline) -> None:
    """Look the name up, only where this computer itself does. Raises StageError."""
    if target.route.kind is not Kind.DIRECT:
        tell(Stage.NAME, "left to the jump host or proxy")
        return
    host = target.record.address.strip("[]")
    try:
        addresses = resolve(host, target.record.port, deadline)
    except ConnectError as error:
        raise StageError(Stage.NAME, failure("ssh.name", address=host, cause=str(error))) from None
    tell(Stage.NAME, ", ".join(dict.fromkeys(address for _family, (address, _port) in addresses)))


def _status(channel: Channel, port: int, cancel: Cancel) -> int:
    channel.settimeout(max(0.1, cancel.remaining(ANSWER_SECONDS)))
    channel.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n" % port)
    answer = b""
    while b"\n" not in answer and len(answer) < MAX_ANSWER:
        more = channel.recv(4096)
        if not more:
            break
        answer += more
    if not answer:
        raise EOFError("it closed the connection")
    status_line = _STATUS.match(answer)
    return int(status_line[1]) if status_line else 0
