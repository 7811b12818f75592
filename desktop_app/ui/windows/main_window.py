"""The main window: account and session list on the left, details on the right. GUI thread.

It shows and asks; what happens is decided in ``controller.py`` and done in ``commands``. Its frame is on the screen
before anything in it exists (decision 0049): this module imports what the frame needs, ``furnish`` the rest.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QPaintEvent
from PySide6.QtWidgets import QFrame, QMainWindow, QSplitter, QWidget

from desktop_app import APP_NAME
from desktop_app.ui.look.screen import fit_screen
from desktop_app.ui.look.theme import Scheme
from desktop_app.ui.state import WindowState

if TYPE_CHECKING:
    from desktop_app.domain.sessions.snapshot import SessionSnapshot
    from desktop_app.services.core import Core
    from desktop_app.ui.bridge import Bridge
    from desktop_app.ui.commands.actions import ActionBook
    from desktop_app.ui.commands.commands import Commands
    from desktop_app.ui.windows.details import DetailsPane
    from desktop_app.ui.windows.empty import EmptyState
    from desktop_app.ui.windows.main_menu import MainMenu
    from desktop_app.ui.windows.session_list import SessionListModel
    from desktop_app.ui.windows.sidebar import Sidebar

FRAME = QSize(2, 20)  # px: the least that window managers put around
SIDE = 380  # px: of the list, in a window that has the room
HANDLE = 5  # px: a pointer has to hit it


class MainWindow(QMainWindow):
    """``closing`` is emitted instead of closing; the controller decides between hiding and quitting."""

    painted = Signal()  # its first frame is being painted
    closing = Signal()
    new_session = Signal()
    quit_asked = Signal()
    reconnect_all = Signal()
    app_log = Signal()
    clean_up = Signal()
    earlier = Signal()
    scheme_chosen = Signal(object)

    menu: "MainMenu"
    model: "SessionListModel"
    sidebar: "Sidebar"
    details: "DetailsPane"
    empty: "EmptyState"

    def __init__(self, state: WindowState) -> None:
        """``state``: what an earlier window remembered of its place."""
        super().__init__()
        self._painted = False
        self.setWindowTitle(APP_NAME)
        self.setAccessibleIdentifier("main-window")
        fit_screen(self, 1160, 780, FRAME)
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.setHandleWidth(HANDLE)
        for name in ("sidebar", "page"):  # their grounds, until ``furnish`` puts the real ones there
            ground = QFrame()
            ground.setObjectName(name)
            self._splitter.addWidget(ground)
        self._splitter.setStretchFactor(1, 1)
        side = min(SIDE, self.width() // 3)
        self._splitter.setSizes([side, self.width() - side])
        self.setCentralWidget(self._splitter)
        self._restore_layout(state)

    def furnish(self, core: "Core", bridge: "Bridge", commands: "Commands", book: "ActionBook") -> None:
        """Put the list, the details and the menu into the frame. Once."""
        from desktop_app.ui.windows.main_menu import MainMenu
        from desktop_app.ui.windows.session_views import SessionViews
        from desktop_app.ui.windows.toast import Toast  # late on purpose, see the module

        self._views = views = SessionViews(core, bridge, commands, book, self)
        self.model, self.sidebar, self.details, self.empty = views.model, views.sidebar, views.details, views.empty
        self._toast = Toast(self)
        self.menu = MainMenu(self)
        self._place(views.sidebar, views.stack)
        self._connect_menu()
        views.new_session.connect(self.new_session)
        views.said.connect(self.say)

    def _place(self, sidebar: QWidget, stack: QWidget) -> None:
        sidebar.setMinimumWidth(230)
        stack.setMinimumWidth(385)
        sizes = self._splitter.sizes()
        for at, widget in enumerate((sidebar, stack)):
            ground = self._splitter.replaceWidget(at, widget)
            if ground is not None:
                ground.deleteLater()
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setSizes(sizes)

    def _connect_menu(self) -> None:
        menu = self.menu
        menu.new_session.connect(self.new_session)
        menu.earlier.connect(self.earlier)
        menu.reconnect_all.connect(self.reconnect_all)
        menu.find_session.connect(self.sidebar.ask_find)
        menu.find_in_log.connect(self.details.log.focus_find)
        menu.clean_up.connect(self.clean_up)
        menu.app_log.connect(self.app_log)
        menu.scheme_chosen.connect(self.scheme_chosen)
        menu.close_asked.connect(self.close)
        menu.quit_asked.connect(self.quit_asked)
        self.sidebar.menu_button.setMenu(menu)

    # -- what is shown

    def refresh(self, every: "tuple[SessionSnapshot, ...]", accounts: Mapping[str, str], *, several: bool) -> None:
        """As ``SessionViews.refresh``."""
        self._views.refresh(every, accounts, several=several)

    def show_current(self) -> None:
        """Show the details of the selected session, as the store knows it now."""
        self._views.show_current()

    def show_scheme(self, scheme: Scheme) -> None:
        """Tick the scheme that is in use in the menu."""
        self.menu.show_scheme(scheme)

    def say(self, sentence: str) -> None:
        """Show a short sentence at the bottom that goes by itself."""
        self._toast.say(sentence)

    def bring_up(self) -> None:
        """Show, un-minimise, raise and focus."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tell of the first frame."""
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            self.painted.emit()

    # -- closing and remembering

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask the controller instead of closing."""
        event.ignore()
        self.closing.emit()

    def remember_layout(self, state: WindowState) -> None:
        """Keep the window's place and the width of the list for the next window."""
        state.geometry, state.splitter = self.saveGeometry(), self._splitter.saveState()

    def _restore_layout(self, state: WindowState) -> None:
        if not state.geometry.isEmpty():
            self.restoreGeometry(state.geometry)
        if not state.splitter.isEmpty():
            self._splitter.restoreState(state.splitter)
            self._splitter.setHandleWidth(HANDLE)


def top_level(widget: QWidget) -> QWidget | None:
    """Return a dialog's parent: the window while it can be seen, else none: a dialog is hidden with its parent."""
    return widget if widget.isVisible() else None
