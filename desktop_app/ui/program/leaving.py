"""The program's end: everything is hidden first, the core closes on a thread of its own. GUI thread."""

import logging
import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

from desktop_app.services.core import Core
from desktop_app.ui.controller import Controller

log = logging.getLogger(__name__)
CLOSE_DEADLINE_S = 3.0
CLOSE_POLL_MS = 20
GRACE_MS = 1000  # for a core that overruns its deadline


class Leaving(QObject):
    """Ends the program without a frozen window."""

    def __init__(
        self, core: Core, controller: Controller, quit_now: Callable[[], None], deadline_s: float = CLOSE_DEADLINE_S
    ) -> None:
        super().__init__()
        self._core, self._controller, self._quit, self._deadline_s = core, controller, quit_now, deadline_s
        self._thread: threading.Thread | None = None
        self._left_ms = int(deadline_s * 1000) + GRACE_MS
        self._timer = QTimer(self)
        self._timer.setInterval(CLOSE_POLL_MS)
        self._timer.timeout.connect(self._look)

    def begin(self) -> None:
        """Hide everything and begin to close. Idempotent: a second Quit while leaving changes nothing."""
        if self._thread is not None:
            return
        self._controller.close()
        self._thread = threading.Thread(target=self._close, name="close-core", daemon=True)
        self._thread.start()
        self._timer.start()

    def _close(self) -> None:
        try:
            self._core.close(self._deadline_s)
        except Exception:  # thread boundary: leaving must end, whatever the core says
            log.exception("closing the core failed")

    def _look(self) -> None:
        self._left_ms -= CLOSE_POLL_MS
        if self._thread is None or not self._thread.is_alive() or self._left_ms <= 0:
            self._timer.stop()
            self._quit()

    def finish(self) -> None:
        """Close the core after the event loop, which something else may have ended (the desktop's session, say)."""
        self.begin()
        if self._thread is not None:
            self._thread.join(max(0.0, self._left_ms / 1000))
            if self._thread.is_alive():
                log.warning("the core did not close in time")
