"""How work that blocks is ended: a cancel flag with a deadline. Any thread."""

import threading
import time
from collections.abc import Callable

from desktop_app.domain.problems import Cancelled


class Cancel:
    """A cancel flag with a deadline. Set from any thread; ``on_cancel`` callbacks close what is being waited on."""

    def __init__(self, timeout: float | None = None) -> None:
        self._event = threading.Event()
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Cancel, and run the callbacks once, in the caller's thread. Idempotent."""
        with self._lock:
            if self._event.is_set():
                return
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Call back when cancelled, at once if it already is."""
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return
        callback()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def remaining(self, at_most: float) -> float:
        """Return the seconds that are left, between 0 and ``at_most``."""
        if self._deadline is None:
            return at_most
        return max(0.0, min(at_most, self._deadline - time.monotonic()))

    @property
    def expired(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def check(self) -> None:
        """Raise Cancelled when cancelled."""
        if self._event.is_set():
            raise Cancelled

    def wait(self, seconds: float) -> bool:
        """Sleep up to ``seconds`` or the deadline; True when cancelled meanwhile."""
        return self._event.wait(self.remaining(seconds))


Clock = Callable[[], float]
"""Monotonic seconds."""
