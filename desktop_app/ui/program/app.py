"""The face's entry point: one QApplication around one core. Main thread; returns when the program is over.

Imports what the window's first frame needs and no more (decision 0049).
"""

import sys
from collections.abc import Sequence

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QApplication

from desktop_app import APP_ID, APP_NAME, __version__
from desktop_app.ui.look.theme import Theme
from desktop_app.ui.program.opening import CoreSource, Opening
from desktop_app.ui.program.qt_hooks import EndSignals, install_hooks
from desktop_app.ui.state import Forgetful, WindowState
from desktop_app.ui.windows.main_window import MainWindow


class DockApplication(QApplication):
    """Turns a quit that comes from outside (the dock, the end of the desktop's session) into the ordinary way out.

    Qt would first ask every window to close, and one that has a question would refuse.
    """

    asked_to_quit = Signal()

    def event(self, event: QEvent) -> bool:
        """Turn Qt's quit into ours."""
        if event.type() is QEvent.Type.Quit:
            event.ignore()
            self.asked_to_quit.emit()
            return True
        return super().event(event)


def make_application(argv: Sequence[str]) -> DockApplication:
    """Return the QApplication with the names that desktops, accessibility and single-instance tools know it by."""
    QApplication.setApplicationName(APP_NAME)
    QApplication.setApplicationDisplayName(APP_NAME)
    QApplication.setApplicationVersion(__version__)
    QApplication.setDesktopFileName(APP_ID)
    app = DockApplication([sys.argv[0] if not argv else argv[0], *argv[1:]])
    app.setQuitOnLastWindowClosed(False)  # the tray keeps it alive; the controller decides
    return app


def run(
    source: CoreSource, argv: Sequence[str], *, hidden: bool = False, at_once: bool = True, demo: bool = False
) -> int:
    """Show the window (or only the tray, if ``hidden`` and there is one) until the user quits; return the exit code.

    ``source.make`` is called once, on a worker thread; the core that it returns is started and closed here. None ends
    the program, what it raises is raised here. ``at_once``: show the window's frame before there is a core.
    ``demo``: the title says so, and nothing of the window is remembered.
    """
    install_hooks()
    app = make_application(argv)
    state = WindowState(Forgetful() if demo else None)
    theme = Theme(app, state.scheme)
    window = MainWindow(state)
    if demo:
        window.setWindowTitle(f"{APP_NAME} (demo)")
    opening = Opening(source, window, theme, state, hidden)
    app.asked_to_quit.connect(opening.leave)
    signals = EndSignals(opening.leave)
    opening.begin(at_once=at_once)
    code = app.exec()
    opening.finish()
    signals.restore()
    if opening.error is not None:
        raise opening.error
    return code
