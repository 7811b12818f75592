"""The forwarding thread: one loop for all local sockets of one session.

Watch and timers belong to the loop's thread; ``call``, ``note`` and ``nudge`` are for every other thread.
"""

import contextlib
import logging
import socket
import threading
from collections import deque
from collections.abc import Callable

from desktop_app.adapters.ssh.forwarding.poller import READ, poller
from desktop_app.adapters.ssh.transport.sealing import BATCH, HEAD, TAIL

log = logging.getLogger(__name__)


class Loop:
    """``started`` on the first use; ``stop`` ends it after a last function."""

    def __init__(self, name: str) -> None:
        self.room = memoryview(bytearray(HEAD + BATCH + TAIL))  # for whoever reads next, on the loop's thread
        self.due: Callable[[], float | None] = lambda: None  # seconds until ``timer``, None for never
        self.timer: Callable[[], None] = lambda: None
        self._poller = poller()
        self.watch = self._poller.watch
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._woken = False
        self._calls: deque[Callable[[], None]] = deque()
        self._running = True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.watch(self._wake, 0, READ, self._woke)

    def start(self) -> None:
        self._thread.start()

    @property
    def started(self) -> bool:
        return self._thread.ident is not None

    def call(self, function: Callable[[], None]) -> None:
        """Run ``function`` on the loop's thread, soon. Nothing happens once the loop has stopped."""
        self._calls.append(function)
        self.nudge()

    def note(self, function: Callable[[], None]) -> None:
        """As ``call``, but the loop's thread need not hurry: at the end of its turn, or after the next ``nudge``."""
        self._calls.append(function)

    def nudge(self) -> None:
        """Wake the loop's thread, if there is something for it. Two threads that want the interpreter at once cost
        more than the work itself; so whoever has several things to note, or is about to wait, does this last."""
        if self._calls and not self._woken:
            self._woken = True
            with contextlib.suppress(OSError):  # full, so it wakes anyway; or stopped
                self._waker.send(b"x")

    def run(self, function: Callable[[], None], seconds: float) -> None:
        """Run ``function`` on the loop's thread and wait for it; here, when the loop does not run."""
        if not self._thread.is_alive():
            function()
            return
        done = threading.Event()

        def both() -> None:
            try:
                function()
            finally:
                done.set()

        self.call(both)
        done.wait(seconds)

    def stop(self, seconds: float) -> None:
        """End the thread and close what is the loop's own."""

        def end() -> None:
            self._running = False

        self.call(end)
        if self.started:
            self._thread.join(seconds)
        self._poller.close()
        self._wake.close()
        self._waker.close()

    def _run(self) -> None:
        while self._running:
            try:
                # Calls that an error left over are not waited with.
                for ready, mask in self._poller.wait(0.0 if self._calls else self.due()):
                    ready(mask)
                self.timer()
                if self._calls:
                    self._run_calls()
            except Exception:
                # This thread's boundary: a fault in one connection must not end all others. What was ready and not
                # served is ready again.
                log.exception("the forwarding loop ran into an error")

    def _woke(self, _mask: int) -> None:
        self._wake.recv(64)
        self._woken = False  # before the calls are taken: who comes later wakes us again

    def _run_calls(self) -> None:
        while self._calls and self._running:
            try:
                self._calls.popleft()()
            except Exception:
                log.exception("the forwarding loop ran into an error")
