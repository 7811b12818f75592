"""SystemWatch: the one thread that waits for this computer to wake or to change its network."""

import logging
import threading
from collections.abc import Callable

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.computer import SystemEvent

_log = logging.getLogger(__name__)


class SystemWatch:
    """Runs ``wait(tell, cancel)`` until ``close``; ``tell`` is called on that thread."""

    def __init__(
        self,
        wait: Callable[[Callable[[SystemEvent], None], Cancel], None],
        tell: Callable[[SystemEvent], None],
    ) -> None:
        self._wait = wait
        self._tell = tell
        self._cancel = Cancel()
        self._thread = threading.Thread(target=self._run, name="system-watch", daemon=True)

    def start(self) -> None:
        """Begin to wait. Idempotent; not to be called from two threads at once."""
        if self._thread.ident is None:
            self._thread.start()

    def cancel(self) -> None:
        """Begin to end. Quick."""
        self._cancel.cancel()

    def close(self, seconds: float) -> tuple[str, ...]:
        """End; return the thread's name when it outlives ``seconds``."""
        self.cancel()
        if self._thread.ident is not None:
            self._thread.join(max(0.0, seconds))
        return (self._thread.name,) if self._thread.is_alive() else ()

    def _run(self) -> None:
        try:
            self._wait(self._tell, self._cancel)
        except Exception:  # thread boundary; without it lost connections show a few seconds later, that is all
            _log.exception("the watch for wake and network changes failed")
