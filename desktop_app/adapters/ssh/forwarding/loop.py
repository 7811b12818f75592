"""The forwarding thread: one loop for all local sockets of one session. Decision 0027.

``watch`` and the timer belong to the loop's thread; ``call_soon``, ``defer`` and ``wake`` are for every thread.
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
    """``due``: the seconds until ``timer`` has to be called, None for never; it is called after each turn anyway."""

    def __init__(
        self,
        name: str,
        due: Callable[[], float | None] = lambda: None,
        timer: Callable[[], None] = lambda: None,
    ) -> None:
        self.room = memoryview(bytearray(HEAD + BATCH + TAIL))  # for whoever reads next, on the loop's thread
        self._due = due
        self._timer = timer
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
        """Begin the thread; once."""
        self._thread.start()

    @property
    def started(self) -> bool:
        return self._thread.ident is not None

    def call_soon(self, function: Callable[[], None]) -> None:
        """Run ``function`` on the loop's thread, soon. Nothing happens once the loop has stopped."""
        self._calls.append(function)
        self.wake()

    def defer(self, function: Callable[[], None]) -> None:
        """Run ``function`` on the loop's thread at the end of its turn, or of the one that the next ``wake`` begins."""
        self._calls.append(function)

    def wake(self) -> None:
        """Wake the loop's thread, if there is something for it. Two threads that want the interpreter at once cost
        more than the work itself; so who has several things to defer, or is about to wait, does this last."""
        if self._calls and not self._woken:
            self._woken = True
            with contextlib.suppress(OSError):  # full, so it wakes anyway; or stopped
                self._waker.send(b"x")

    def call_and_wait(self, function: Callable[[], None], seconds: float) -> None:
        """Run ``function`` on the loop's thread and wait up to ``seconds`` for it; here, when the loop does not run."""
        if not self._thread.is_alive():
            function()
            return
        done = threading.Event()

        def both() -> None:
            try:
                function()
            finally:
                done.set()

        self.call_soon(both)
        done.wait(seconds)

    def stop(self, seconds: float) -> None:
        """End the thread and close what is the loop's own."""

        def end() -> None:
            self._running = False

        self.call_soon(end)
        if self.started:
            self._thread.join(seconds)
        self._poller.close()
        self._wake.close()
        self._waker.close()

    def _run(self) -> None:
        while self._running:
            try:
                # Calls that an error left over are not waited with.
                for ready, mask in self._poller.wait(0.0 if self._calls else self._due()):
                    ready(mask)
                self._timer()
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
