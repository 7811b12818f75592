"""From the window's empty frame to a window that works: what is loaded and made while the frame is on the screen.

The core is made, and all that the window needs is imported, on a thread of its own: the frame moves, resizes and closes
meanwhile. The widgets are made on the GUI thread, then the core starts, again on a thread. Decision 0049.
"""

import gc
import importlib
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from desktop_app.ui.look.theme import Theme
from desktop_app.ui.state import WindowState
from desktop_app.ui.windows.main_window import MainWindow

if TYPE_CHECKING:
    from desktop_app.services.core import Core
    from desktop_app.ui.program.leaving import Leaving

FRAME_MS = 300  # for a frame that is not seen: minimised, on another workspace, behind a locked screen
FAILED = 1
NEEDED = (
    "desktop_app.ui.controller",
    "desktop_app.ui.program.leaving",
    "desktop_app.ui.windows.main_menu",
    "desktop_app.ui.windows.session_views",
    "desktop_app.ui.windows.toast",
)


class CoreSource(Protocol):
    """Where the window's core comes from."""

    def make(self) -> "Core | None":
        """Return the core, not started; None if another process has the window. Blocks; on a worker thread.

        Raises AppError.
        """

    def on_activate(self, bring_up: Callable[[], None]) -> None:
        """Call ``bring_up``, from any thread, when another start of the program asks for the window."""


class Opening(QObject):
    """Begins with ``begin``; ends with a started core and its face, or with ``error``, or by ``leave``."""

    _made = Signal(object)  # the core, None, or what its making raised

    def __init__(self, source: CoreSource, window: MainWindow, theme: Theme, state: WindowState, hidden: bool) -> None:
        """``hidden``: begin in the tray, where there is one."""
        super().__init__()
        self.error: BaseException | None = None
        self._source = source
        self._hidden = hidden
        self._window = window
        self._theme = theme
        self._state = state
        self._thread = threading.Thread(target=self._load, name="open", daemon=True)
        self._leaving: Leaving | None = None
        self._left = False  # asked to leave before there was anything to leave
        self._begun = False
        self._made.connect(self._open)
        window.closing.connect(self._closing)

    def begin(self, *, at_once: bool) -> None:
        """Show the frame if ``at_once``, and load the rest as soon as it is painted."""
        if not at_once or self._hidden:
            self._begin()
            return
        self._window.painted.connect(self._begin, Qt.ConnectionType.QueuedConnection)  # when it is on the screen
        QTimer.singleShot(FRAME_MS, self._begin)
        self._window.show()

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._thread.start()

    def _load(self) -> None:
        """Import and make what needs no GUI thread. On a thread of its own."""
        try:
            for module in NEEDED:
                importlib.import_module(module)
            made: object = self._source.make()
        except BaseException as error:  # thread boundary: raised again by ``run``
            logging.getLogger(__name__).debug("the window's parts could not be made", exc_info=True)
            made = error
        self._made.emit(made)

    def _open(self, made: "Core | BaseException | None") -> None:
        if made is None or isinstance(made, BaseException):
            self.error = made
            QApplication.exit(FAILED if made else 0)
            return
        self._open_core(made)
        gc.enable()
        gc.freeze()

    def _open_core(self, core: "Core") -> None:
        from desktop_app.ui.controller import Controller  # loaded by now, see _load
        from desktop_app.ui.program.leaving import Leaving

        controller = Controller(core, self._theme, self._state, self._window)
        self._leaving = Leaving(core, controller, lambda: QApplication.exit(0))
        controller.leaving.connect(self._leaving.begin)
        self._source.on_activate(controller.bridge.activate)
        if self._left:
            self._leaving.begin()
            return
        controller.bridge.submit("start", lambda _cancel: core.start(), controller.started, controller)
        controller.start(hidden=self._hidden)

    # -- the way out

    def _closing(self) -> None:
        """Leave when the user closes a frame that has nothing in it yet; later the controller hears of it."""
        if self._leaving is None:
            self.leave()

    def leave(self) -> None:
        """End the program, from whatever point the start has come to; at once when asked a second time."""
        if self._leaving is not None:
            self._leaving.begin()
        elif self._left:
            QApplication.exit(0)
        else:
            self._left = True
            self._window.hide()
            self._begin()

    def finish(self) -> None:
        """Close the core after the event loop, which something else may have ended (the desktop's session, say)."""
        if self._leaving is not None:
            self._leaving.finish()
