"""The bootstrap's end of the control channel: JSON lines over a unix socket that only this user can reach.

One accepting thread, and per channel one thread that reads requests and one that pushes reports to a subscriber. What
may take time (the operations of ``operations.table``) runs on a thread per request, so that probes are always answered.
"""

import contextlib
import os
import socket
import threading
import time
import traceback
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional

from remote_bootstrap import contract
from remote_bootstrap.channel.operations.operation import Host, Operation, OperationError
from remote_bootstrap.channel.operations.table import OPERATIONS
from remote_bootstrap.contract import ContractError, Reply, Request
from remote_bootstrap.task.progress import Progress

MAX_LINE = 1 << 20
RUNNING = 16  # operations of one channel at once; more wait, and with them what comes after
ANSWER_TRAVELS = 0.2  # seconds, by way of the relay and sshd, which a session that ends kills
PUSH_WAIT = 30.0  # seconds between two events at most: a push that fails tells that the other side has gone


class ControlServer:
    """Answers requests of the desktop; see contract.OP_*."""

    def __init__(
        self,
        path: Path,
        host: Host,
        attached: Callable[[int], None] = lambda _desktops: None,
        operations: Mapping[str, Operation] = OPERATIONS,
    ) -> None:
        """Call ``attached(desktops)`` with how many desktops listen, whenever that changes."""
        self._path = path
        self._host = host
        self._attached = attached
        self._desktops = 0
        self._counting = threading.Lock()
        self._operations = operations
        self._socket: Optional[socket.socket] = None

    def start(self) -> None:
        """Listen. Raises OSError if the socket can't be made."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        folder = os.open(str(self._path.parent), os.O_RDONLY)
        try:  # by way of the folder's descriptor: a socket address holds 108 bytes only
            listener.bind("/proc/self/fd/%d/%s" % (folder, self._path.name))
        finally:
            os.close(folder)
        self._path.chmod(0o600)
        listener.listen(64)
        self._socket = listener
        threading.Thread(target=self._accept, args=(listener,), name="control", daemon=True).start()

    def close(self) -> None:
        if self._socket is not None:
            # A thread that still waits in accept would be started over by the next signal, and then accept from
            # whatever has the socket's number by that time.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _peer = listener.accept()
            except OSError:
                return  # closed
            channel = Channel(connection, self._answer, self._answered, self._slow, self._host.progress, self._count)
            threading.Thread(target=channel.run, name="control-channel", daemon=True).start()

    def _count(self, more: int) -> None:
        with self._counting:
            self._desktops += more
            self._attached(self._desktops)

    def _answer(self, request: Request) -> Reply:
        if request.op == contract.OP_HELLO:
            return Reply(request.id, result={"contract": contract.CONTRACT_VERSION, "task": self._host.context.task})
        if request.op in (contract.OP_STATUS, contract.OP_SUBSCRIBE):
            return Reply(request.id, result=status_of(self._host.progress))
        if request.op == contract.OP_SHUTDOWN:
            return Reply(request.id)
        return self._operate(request)

    def _answered(self, request: Request) -> None:
        """Do what would cut the request's own answer off, after a moment in which the answer arrives."""
        if request.op == contract.OP_SHUTDOWN:
            time.sleep(ANSWER_TRAVELS)
            self._host.end("the user shut the session down")

    def _slow(self, request: Request) -> bool:
        return request.op in self._operations

    def _operate(self, request: Request) -> Reply:
        operation = self._operations.get(request.op)
        if operation is None:
            return Reply(request.id, ok=False, error="unknown operation %r" % request.op)
        try:
            return Reply(request.id, result=operation(self._host, request.args))
        except OperationError as error:
            return Reply(request.id, ok=False, error=str(error))
        except Exception as error:  # thread boundary; the text of a foreign error may hold a secret, its type does not
            traceback.print_tb(error.__traceback__)
            return Reply(request.id, ok=False, error="%s failed: %s" % (request.op, type(error).__name__))


def status_of(progress: Progress) -> Dict[str, Any]:
    return progress.current().to_json()


class Channel:
    """One connected desktop."""

    def __init__(
        self,
        connection: socket.socket,
        answer: Callable[[Request], Reply],
        answered: Callable[[Request], None],
        slow: Callable[[Request], bool],
        progress: Progress,
        count: Callable[[int], None],
    ) -> None:
        """Call ``count(1)`` when the other side begins to listen to reports, ``count(-1)`` when it has gone."""
        self._connection = connection
        self._count = count
        self._answer = answer
        self._answered = answered
        self._slow = slow
        self._running = threading.BoundedSemaphore(RUNNING)
        self._progress = progress
        self._write = threading.Lock()
        self._closed = threading.Event()
        self._subscribed = False

    def run(self) -> None:
        """Read requests until the other side closes."""
        try:
            with self._connection, self._connection.makefile("rb") as lines:
                for line in iter(lambda: lines.readline(MAX_LINE), b""):
                    if not self._handle(line):
                        return
        except OSError:
            return  # the channel broke; the desktop dials again
        finally:
            self._closed.set()
            if self._subscribed:
                self._count(-1)

    def _handle(self, line: bytes) -> bool:
        """Answer one request; True if the channel can go on."""
        if not line.endswith(b"\n"):
            self._send(Reply(0, ok=False, error="a request is one line of at most %d bytes" % MAX_LINE))
            return False
        try:
            request = Request.loads(line.decode("utf-8", "replace"))
        except ContractError as error:
            return self._send(Reply(0, ok=False, error=str(error)))
        if self._slow(request):
            self._running.acquire()
            threading.Thread(target=self._operate, args=(request,), name="control-operation", daemon=True).start()
            return True
        reply = self._answer(request)
        sent = self._send(reply)
        self._answered(request)
        if sent and request.op == contract.OP_SUBSCRIBE and not self._subscribed:
            self._subscribed = True
            self._count(1)
            known = int(reply.result.get("sequence", 0))
            threading.Thread(target=self._push, args=(known,), name="control-push", daemon=True).start()
        return sent

    def _operate(self, request: Request) -> None:
        try:
            self._send(self._answer(request))
        finally:
            self._running.release()

    def _push(self, known: int) -> None:
        while not self._closed.is_set():
            report = self._progress.newer_than(known, PUSH_WAIT)
            known = report.sequence
            if not self._send(Reply(0, event=contract.EVENT_STATUS, result=report.to_json())):
                return

    def _send(self, reply: Reply) -> bool:
        """True if it was sent; False once the other side has gone."""
        try:
            with self._write:
                self._connection.sendall(reply.dumps().encode("utf-8"))
        except OSError:
            self._closed.set()
            return False
        return True
