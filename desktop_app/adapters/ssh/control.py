"""The control channel of one connection: JSON lines over the SSH subsystem ``sessiondock`` (remote_bootstrap.contract).

Two threads per connection, both end with the transport: a reader, which opens the channel, answers those who wait and
hands reports on, and a writer, so that a request behind a dead network can't hold its caller beyond the deadline.
"""

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from paramiko import Channel, SSHException

from desktop_app.adapters.ssh.transport.transport import SessionTransport
from desktop_app.adapters.ssh.transport.wire import WIRE_ERRORS, Deadline, describe
from desktop_app.domain.problems import AppError, Problem, Retry, failure, problem
from remote_bootstrap import contract

LINE_LIMIT = 4 * 1024 * 1024
NO_SUBSYSTEM = (
    "The machine's SSH server is not a SessionDock session: it has no SessionDock control channel. "
    "Another program may use that port now."
)
log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Waiting:
    """One request on its way."""

    answered: threading.Event = field(default_factory=threading.Event)
    reply: contract.Reply | None = None


class ControlChannel:
    """Requests, answers and pushed reports. Thread-safe."""

    def __init__(
        self, transport: SessionTransport, record: contract.Record, on_report: Callable[[contract.Report], None]
    ) -> None:
        self._transport = transport
        self._task = record.task
        self._address = record.address
        self._on_report = on_report
        self._lock = threading.Lock()
        self._waiting: dict[int, _Waiting] = {}
        self._last_id = 0
        self._broken: Problem | None = None
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._threads = (
            threading.Thread(target=self._read, name="ssh-control", daemon=True),
            threading.Thread(target=self._write, name="ssh-control-w", daemon=True),
        )
        self._channel: Channel | None = None
        self._opened = threading.Event()

    def open(self) -> None:
        """Begin to open the channel; quick. ``start`` goes on from there."""
        for thread in self._threads:
            thread.start()

    def start(self, deadline: Deadline) -> None:
        """Open the channel, compare contract versions, subscribe to reports. Problems: ssh.protocol, ssh.lost"""
        self.open()
        self.greet(deadline)
        status = self.request(contract.OP_SUBSCRIBE, {}, deadline)
        if "phase" in status:  # the subscription may answer with the present state at once
            self._report(status)

    def greet(self, deadline: Deadline) -> None:
        """Compare contract versions, once it is open. Problems: ssh.protocol, ssh.lost"""
        hello = self.request(contract.OP_HELLO, {"contract": contract.CONTRACT_VERSION}, deadline)
        theirs = hello.get("contract")
        if theirs != contract.CONTRACT_VERSION:
            raise _other_version(theirs)
        if hello.get("task", self._task) != self._task:
            raise failure("ssh.protocol", why="The machine runs another session at this address.")

    def request(self, op: str, args: Mapping[str, object], deadline: Deadline) -> dict[str, object]:
        """Return one operation's result. Problems: ssh.lost (no answer in time), ssh.refused (the remote says no)."""
        return self.ask(op, args)(deadline)

    def ask(self, op: str, args: Mapping[str, object]) -> Callable[[Deadline], dict[str, object]]:
        """Send one request; call what comes back, once, to wait for its result. Problems: as ``request``"""
        waiting = _Waiting()
        with self._lock:
            if self._broken is not None:
                raise AppError(self._broken)
            self._last_id += 1
            number = self._last_id
            self._waiting[number] = waiting
        self._outgoing.put(contract.Request(number, op, dict(args)).dumps().encode())
        return lambda deadline: self._wait(op, number, waiting, deadline)

    def _wait(self, op: str, number: int, waiting: _Waiting, deadline: Deadline) -> dict[str, object]:
        try:
            deadline.wait(waiting.answered)
            deadline.check()
            return self._result(op, waiting)
        finally:
            with self._lock:
                self._waiting.pop(number, None)

    def close(self) -> None:
        """Ask both threads to end; ``join`` waits for them."""
        self._fail(problem("ssh.lost", address=self._address))

    def join(self, seconds: float) -> None:
        for thread in self._threads:
            if thread.ident is not None and thread is not threading.current_thread():
                thread.join(seconds)

    def _result(self, op: str, waiting: _Waiting) -> dict[str, object]:
        reply = waiting.reply
        if reply is None:
            raise AppError(self._broken or problem("ssh.lost", address=self._address, cause=f"no answer to {op}"))
        if not reply.ok:
            raise failure("ssh.refused", why=reply.error or f"The session refused the operation “{op}”.")
        return dict(reply.result)

    def _fail(self, why: Problem) -> None:
        """End the channel; all requests that wait get the first reason."""
        with self._lock:
            self._broken = self._broken or why
            waiting = list(self._waiting.values())
        for request in waiting:
            request.answered.set()
        self._opened.set()
        self._outgoing.put(None)

    # --- the reader's thread

    def _read(self) -> None:
        try:
            self._open_channel()
            if self._channel is not None:
                self._read_lines(self._channel)
        except WIRE_ERRORS as error:
            self._fail(problem("ssh.lost", address=self._address, cause=describe(error)))
        finally:
            self._fail(problem("ssh.lost", address=self._address, cause="the control channel ended"))

    def _open_channel(self) -> None:
        channel = self._transport.open_channel("session", timeout=10.0)
        try:
            channel.invoke_subsystem(contract.SUBSYSTEM)
        except SSHException as error:
            if self._transport.is_active():
                self._fail(problem("ssh.protocol", why=NO_SUBSYSTEM, cause=describe(error)))
                return
            raise
        self._channel = channel
        self._opened.set()

    def _read_lines(self, channel: Channel) -> None:
        buffer = bytearray()
        greeted = False
        while data := channel.recv(65536):
            buffer += data
            *lines, rest = buffer.split(b"\n")
            buffer = bytearray(rest)
            for line in lines:
                greeted = self._take_line(line) or greeted
            if len(buffer) > LINE_LIMIT:
                self._fail(problem("ssh.protocol", why="The session sent a message that is too long."))
                return
            _drain_errors(channel)
        if not greeted and self._transport.is_active():
            why = "The session's control program ended before it answered. The session's log may say why."
            self._fail(problem("ssh.protocol", why=why, cause=f"exit status {channel.exit_status}"))

    def _take_line(self, line: bytes | bytearray) -> bool:
        """Take one line; True if it is a readable reply. The text of an unreadable one is not logged: it may hold a
        secret."""
        try:
            reply = contract.Reply.loads(line.decode("utf-8", "replace"))
        except contract.ContractError as error:
            log.warning("unreadable message on the control channel of %s: %s", self._address, error)
            return False
        if reply.id == 0:
            if reply.event == contract.EVENT_STATUS:
                self._report(reply.result)
            return True
        with self._lock:
            waiting = self._waiting.get(reply.id)
        if waiting is not None:
            waiting.reply = reply
            waiting.answered.set()
        return True

    def _report(self, value: Mapping[str, object]) -> None:
        try:
            report = contract.Report.from_json(value)
        except (contract.ContractError, TypeError, ValueError) as error:
            log.warning("unreadable report from %s: %s", self._address, type(error).__name__)
            return
        self._on_report(report)

    # --- the writer's thread

    def _write(self) -> None:
        self._opened.wait()
        while (line := self._outgoing.get()) is not None and self._channel is not None:
            try:
                self._channel.sendall(line)
            except WIRE_ERRORS as error:
                self._fail(problem("ssh.lost", address=self._address, cause=describe(error)))
                return


def _drain_errors(channel: Channel) -> None:
    """Discard error output, which would fill its window and stop the remote program. Not logged: it may hold
    secrets."""
    while channel.recv_stderr_ready():
        channel.recv_stderr(65536)


def _other_version(theirs: object) -> AppError:
    why = (
        f"The session speaks version {theirs} of SessionDock's protocol and this app speaks version "
        f"{contract.CONTRACT_VERSION}. Use the SessionDock version that launched the session."
    )
    return AppError(replace(problem("ssh.protocol", why=why), retry=Retry.USER))
