"""The tunnel of one session over paramiko: dials, and gives each new transport to the parts that stay.

Methods run on the caller's thread; ``on_report`` callbacks on the control reader's, ``on_lost`` on the transport's.
"""

import threading
from collections.abc import Callable

from desktop_app.adapters.ssh.agent.loan import SshAgentLoan
from desktop_app.adapters.ssh.connection import CurrentConnection, DialledConnection, SshControl
from desktop_app.adapters.ssh.dial import DIAL_SECONDS
from desktop_app.adapters.ssh.forwarding.engine import WAIT_SECONDS
from desktop_app.adapters.ssh.forwarding.forwards import SshForwards
from desktop_app.adapters.ssh.login_server import START_SECONDS, LoginServer
from desktop_app.adapters.ssh.transport.transport import SessionTransport
from desktop_app.adapters.ssh.transport.wire import Deadline
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import LoginDoor, LoginKeys, Target, Tunnel
from remote_bootstrap.contract import Report


class SshTunnel(Tunnel):
    """One session's connection. ``name`` only names threads; a local connection waits ``wait_s`` seconds for it."""

    def __init__(self, name: str = "session", wait_s: float = WAIT_SECONDS) -> None:
        self._current = CurrentConnection()
        self._dialling = threading.Lock()  # one connect at a time
        self._login: LoginServer | None = None
        self._report_callbacks: list[Callable[[Report], None]] = []
        self._lost_callbacks: list[Callable[[], None]] = []
        self._unanswered_callbacks: list[Callable[[int, int], None]] = []
        control = SshControl(self._current)
        self._forwards = SshForwards(name, control.release_port, self._on_unanswered, wait_s)
        self.forwards = self._forwards
        self.control = control
        self.agent = SshAgentLoan(self._current)

    def connect(self, target: Target, cancel: Cancel) -> None:
        deadline = self._current.deadline(cancel, DIAL_SECONDS)
        deadline.check()
        while not self._dialling.acquire(timeout=deadline.tick()):
            deadline.check()
        try:
            self.disconnect()
            self._connect(target, deadline)
        finally:
            self._dialling.release()

    def _connect(self, target: Target, deadline: Deadline) -> None:
        self._current.address = target.record.address
        connection = DialledConnection.dial(target, deadline, self._on_end, self._on_report)
        try:
            with self._current.lock:
                self._current.put(connection)
                self._forwards.attach(connection.transport)
        except BaseException:
            connection.leave()
            raise

    def serve_login(self, keys: LoginKeys, cancel: Cancel) -> LoginDoor:
        connection = self._current.get()
        self._login = LoginServer(connection.transport, connection.address)  # kept: it ends with its channel
        return self._login.start(keys, self._current.deadline(cancel, START_SECONDS))

    def on_report(self, callback: Callable[[Report], None]) -> None:
        self._report_callbacks.append(callback)

    def on_lost(self, callback: Callable[[], None]) -> None:
        self._lost_callbacks.append(callback)

    def on_unanswered(self, callback: Callable[[int, int], None]) -> None:
        self._unanswered_callbacks.append(callback)

    def disconnect(self) -> None:
        with self._current.lock:
            connection = self._current.take()
            self._forwards.detach()
        if connection is not None:
            connection.leave()

    def close(self) -> None:
        self._current.stopped.set()
        self._forwards.stop()
        with self._dialling:  # a connect that is under way notices within a tick
            self.disconnect()
        self._forwards.close()

    def _on_report(self, report: Report) -> None:
        """Pass a report on. On the control reader's thread."""
        for callback in self._report_callbacks:
            callback(report)

    def _on_unanswered(self, remote: int, local: int) -> None:
        """Pass it on. On the thread of a connection that came by a reverse forward."""
        for callback in self._unanswered_callbacks:
            callback(remote, local)

    def _on_end(self, transport: SessionTransport) -> None:
        """Take note of a transport's end, on its thread. It is news only if it was in use and nobody asked for its
        end."""
        with self._current.lock:
            connection = self._current.take(transport)
            if connection is None:
                return
            self._forwards.detach()
        connection.end_control()
        for callback in self._lost_callbacks:
            callback()
