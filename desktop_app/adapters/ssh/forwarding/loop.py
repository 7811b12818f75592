"""The forwarding thread: one selector loop for all local sockets of one session.

Watch and timers belong to the loop's thread; ``call`` is for every other thread.
"""

import contextlib
import logging
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable

from desktop_app.adapters.ssh.packets import BATCH, HEAD, TAIL

log = logging.getLogger(__name__)
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
Ready = Callable[[int], None]


class Loop:
    """``started`` on the first use; ``stop`` ends it after a last function."""

    def __init__(self, name: str) -> None:
        self.room = memoryview(bytearray(HEAD + BATCH + TAIL))  # for whoever reads next, on the loop's thread
        self.due: Callable[[], float | None] = lambda: None  # seconds until ``timer``, None for never
        self.timer: Callable[[], None] = lambda: None
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._woken = False
        self._calls: deque[Callable[[], None]] = deque()
        self._running = True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._selector.register(self._wake, READ, self._woke)

    def start(self) -> None:
        self._thread.start()

    @property
    def started(self) -> bool:
        return self._thread.ident is not None

    def call(self, function: Callable[[], None]) -> None:
        """Run ``function`` on the loop's thread, soon. Nothing happens once the loop has stopped."""
        self._calls.append(function)
        if not self._woken:
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

    def watch(self, sock: socket.socket, before: int, now: int, ready: Ready) -> int:
        """Change what ``sock`` is watched for; returns ``now`` for the next ``before``."""
        if now == before:
            pass
        elif not before:
            self._selector.register(sock, now, ready)
        elif now:
            self._selector.modify(sock, now, ready)
        else:
            self._selector.unregister(sock)
        return now

    def stop(self, seconds: float) -> None:
        """End the thread and close what is the loop's own."""

        def end() -> None:
            self._running = False

        self.call(end)
        if self.started:
            self._thread.join(seconds)
        self._selector.close()
        self._wake.close()
        self._waker.close()

    def _run(self) -> None:
        while self._running:
            try:
                for key, mask in self._selector.select(self.due()):
                    key.data(mask)
                self.timer()
            except Exception:
                # This thread's boundary: a fault in one connection must not end all others. What was ready and not
                # served is ready again.
                log.exception("the forwarding loop ran into an error")

    def _woke(self, _mask: int) -> None:
        self._wake.recv(64)
        self._woken = False  # before the calls are taken: who comes later wakes us again
        while self._calls and self._running:
            try:
                self._calls.popleft()()
            except Exception:
                log.exception("the forwarding loop ran into an error")
