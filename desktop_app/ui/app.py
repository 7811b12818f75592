"""The face's entry point: one QApplication around one core. Main thread; returns when the program is over."""

import logging
import sys
import threading
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication

from desktop_app import APP_ID, APP_NAME, __version__
from desktop_app.services.core import Core
from desktop_app.ui.controller import Controller
from desktop_app.ui.look import icons
from desktop_app.ui.look.theme import Theme
from desktop_app.ui.qt_hooks import EndSignals, install_hooks
from desktop_app.ui.state import WindowState

log = logging.getLogger(__name__)
CLOSE_DEADLINE_S = 3.0
CLOSE_POLL_MS = 20
GRACE_MS = 1000  # for a core that overruns its deadline

Activate = Callable[[], None]


class DockApplication(QApplication):
    """Turns a quit that comes from outside (the dock, the end of the desktop's session) into the ordinary way out.

    Qt would first ask every window to close, and one that has a question would refuse.
    """

    asked_to_quit = Signal()

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Quit:
            event.ignore()
            self.asked_to_quit.emit()
            return True
        return super().event(event)


def make_application(argv: Sequence[str]) -> DockApplication:
    """The QApplication with the names that desktops, accessibility and single-instance tools know it by."""
    QApplication.setApplicationName(APP_NAME)
    QApplication.setApplicationDisplayName(APP_NAME)
    QApplication.setApplicationVersion(__version__)
    QApplication.setDesktopFileName(APP_ID)
    app = DockApplication([sys.argv[0] if not argv else argv[0], *argv[1:]])
    app.setQuitOnLastWindowClosed(False)  # the tray keeps it alive; the controller decides
    app.setWindowIcon(icons.app_icon())
    return app


class Leaving(QObject):
    """Ends the program without a frozen window: everything is hidden first, the core closes on a thread of its own."""

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
        """Idempotent: a second Quit while leaving changes nothing."""
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
        """After the event loop: whoever ended it (the desktop's session, say), the core is closed."""
        self.begin()
        if self._thread is not None:
            self._thread.join(max(0.0, self._left_ms / 1000))
            if self._thread.is_alive():
                log.warning("the core did not close in time")


def run(
    core: Core,
    argv: Sequence[str],
    *,
    hidden: bool = False,
    on_activate: Callable[[Activate], None] | None = None,
) -> int:
    """Show the window (or only the tray, if ``hidden`` and there is one) until the user quits; returns the exit code.

    ``on_activate`` is given a function that brings the window up and may be called from any thread: a second start of
    the program uses it. The core is started here and closed here.
    """
    install_hooks()
    app = make_application(argv)
    state = WindowState()
    controller = Controller(core, Theme(app, state.scheme), state)
    leaving = Leaving(core, controller, lambda: app.exit(0))
    controller.leaving.connect(leaving.begin)
    app.asked_to_quit.connect(leaving.begin)
    signals = EndSignals(leaving.begin)
    if on_activate is not None:
        on_activate(controller.bridge.activate)
    core.start()
    controller.start(hidden=hidden)
    code = app.exec()
    leaving.finish()
    signals.restore()
    return code
