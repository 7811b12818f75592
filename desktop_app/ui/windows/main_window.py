"""The main window: account and session list on the left, details on the right. GUI thread.

It shows and asks; what happens is decided in ``controller.py`` and done in ``commands.py``.
"""

from collections.abc import Callable, Mapping

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QAction,
    QActionGroup,
    QCloseEvent,
    QKeySequence,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMainWindow, QMenu, QSplitter, QStackedWidget, QWidget

from desktop_app import APP_NAME
from desktop_app.domain.sessions.snapshot import SessionId, SessionSnapshot
from desktop_app.services.core import Core
from desktop_app.ui.actions import ActionBook
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.commands import Commands
from desktop_app.ui.look import icons
from desktop_app.ui.look.measure import advance
from desktop_app.ui.look.theme import SPACE_M, Scheme
from desktop_app.ui.widgets.basics import fit_screen, label
from desktop_app.ui.windows.details import DetailsPane
from desktop_app.ui.windows.empty import EmptyState
from desktop_app.ui.windows.session_list import SessionListModel
from desktop_app.ui.windows.sidebar import Sidebar

TOAST_MS, TOAST_MS_PER_CHARACTER = 4000, 60  # what is longer is read longer
TOAST_WIDTH, TOAST_GAP = 560, 28  # px
FRAME = QSize(2, 20)  # px: the least that window managers put around
SIDE = 380  # px: of the list, in a window that has the room
HANDLE = 5  # px: a pointer has to hit it
WELCOME = (
    "No sessions yet",
    "A session is JupyterLab, VS Code and a terminal on a machine of your ClearML server, "
    "opened from here with one click.",
    "New session",
)
NO_ACCOUNT = (
    f"Welcome to {APP_NAME}",
    "Connect your ClearML server, or try everything in a sandbox that runs on this computer.",
    "Get started",
)
NOTHING_FOUND = ("No session matches", "Change what you look for in the list, or empty the line with Escape.", "")
NOTHING_SELECTED = ("Choose a session", "Select a session on the left to see its details.", "")


class MainWindow(QMainWindow):
    """``closing`` is emitted instead of closing; the controller decides between hiding and quitting."""

    closing = Signal()
    new_session = Signal()
    quit_asked = Signal()
    reconnect_all = Signal()
    app_log = Signal()
    clean_up = Signal()
    earlier = Signal()
    scheme_chosen = Signal(object)

    def __init__(self, core: Core, bridge: Bridge, commands: Commands, book: ActionBook) -> None:
        super().__init__()
        self.setWindowTitle(APP_NAME)
        self.setWindowIcon(icons.app_icon())
        self.setAccessibleIdentifier("main-window")
        fit_screen(self, 1160, 780, FRAME)
        self._book = book
        self._bound: SessionId | None = None
        self._following = False  # the list changes under the selection: what is shown waits until it is done
        self.model = SessionListModel(self)
        self.sidebar = Sidebar(self.model, book)
        self.details = DetailsPane(core, bridge, commands, book)
        self.empty = EmptyState("empty-new-session")
        self._build()
        self._connect()

    def _build(self) -> None:
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.details)
        self._stack.setMinimumWidth(385)
        self.sidebar.setMinimumWidth(230)
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.setHandleWidth(HANDLE)
        self._splitter.addWidget(self.sidebar)
        self._splitter.addWidget(self._stack)
        self._splitter.setStretchFactor(1, 1)
        side = min(SIDE, self.width() // 3)
        self._splitter.setSizes([side, self.width() - side])
        self.setCentralWidget(self._splitter)
        self._build_toast()
        self._build_menu()

    def _build_toast(self) -> None:
        self._toast = QFrame(self)
        self._toast.setProperty("card", True)
        row = QHBoxLayout(self._toast)
        row.setContentsMargins(SPACE_M, SPACE_M, SPACE_M, SPACE_M)
        self._toast_text: QLabel = label()
        self._toast_text.setWordWrap(True)
        row.addWidget(self._toast_text)
        self._toast.hide()
        self._toast_timer = QTimer(self)
        self._toast_timer.setSingleShot(True)
        self._toast_timer.timeout.connect(self._toast.hide)

    def _build_menu(self) -> None:
        menu = QMenu(self)
        self._action(menu, "New session…", "Ctrl+N", self.new_session.emit)
        self._action(menu, "Earlier sessions…", "Ctrl+H", self.earlier.emit)
        self._action(menu, "Reconnect all", "Ctrl+Shift+R", self.reconnect_all.emit)
        self._action(menu, "Find a session", "Ctrl+Shift+F", self.sidebar.ask_find)
        self._action(menu, "Find in log", "Ctrl+F", self.details.log.focus_find)
        menu.addSeparator()
        self._action(menu, "Clean up finished sessions…", "", self.clean_up.emit)
        self._action(menu, f"{APP_NAME} log…", "", self.app_log.emit)
        menu.addSeparator()
        self._scheme_menu = menu.addMenu("Appearance")
        group = QActionGroup(menu)
        for scheme in Scheme:
            entry = QAction(scheme.value, group, checkable=True)
            entry.setData(scheme)
            entry.triggered.connect(lambda _on=False, scheme=scheme: self.scheme_chosen.emit(scheme))
            self._scheme_menu.addAction(entry)
        self.menu, self.menu_end = menu, menu.addSeparator()
        self._action(menu, "Close window", "Ctrl+W", self.close)
        self._action(menu, "Quit", "Ctrl+Q", self.quit_asked.emit)
        self.sidebar.menu_button.setMenu(menu)

    def _action(self, menu: QMenu, text: str, keys: str, act: Callable[[], object]) -> None:
        made = QAction(text, self)
        made.setShortcut(QKeySequence(keys))
        made.triggered.connect(lambda: act())
        menu.addAction(made)
        self.addAction(made)  # the shortcut works while the menu is closed

    def _connect(self) -> None:
        self.sidebar.new_session.connect(self.new_session)
        self.empty.button.clicked.connect(lambda: self.new_session.emit())
        self.sidebar.selected.connect(self._selected)
        self.details.said.connect(self.say)
        self.sidebar.view.dropped.connect(lambda s, paths: self.details.files.upload(s.id, s.name, paths))

    # -- what is shown

    def refresh(self, every: tuple[SessionSnapshot, ...], accounts: Mapping[str, str], *, several: bool) -> None:
        """Show these sessions, or those of them that are looked for; one stays selected while there is any.

        ``accounts``: id -> label of all that there are; ``several``: the sessions may be of any of them.
        """
        before = self.sidebar.current
        snapshots = self.sidebar.narrow(every, accounts)
        self._following = True
        self.model.show_accounts(accounts if several and len(accounts) > 1 else {})
        self.model.refresh(snapshots)
        self._following = False
        if self.sidebar.current is None and snapshots:
            self.sidebar.select(snapshots[0].id)
        elif before is None or not snapshots or self.sidebar.current is not None:
            self.show_current()
        if every:
            self.empty.show_words(*(NOTHING_SELECTED if snapshots else NOTHING_FOUND))
        else:
            self.empty.show_words(*(WELCOME if accounts else NO_ACCOUNT))

    def _selected(self, _session: SessionId | None) -> None:
        if not self._following:
            self.show_current()

    def show_current(self) -> None:
        snapshot = self.sidebar.current
        self._bind_shortcuts(snapshot.id if snapshot else None)
        if snapshot is None:
            self.details.log.follow(None)
            self._stack.setCurrentWidget(self.empty)
            return
        self.details.show_session(snapshot)
        self._stack.setCurrentWidget(self.details)

    def _bind_shortcuts(self, session: SessionId | None) -> None:
        """The window's shortcuts act on the selected session only."""
        if session == self._bound:
            return
        for old in [action for action in self.actions() if action.property("session")]:
            self.removeAction(old)
        self._bound = session
        if session is not None:
            for action in self._book.of(session).all():
                action.setProperty("session", True)
                self.addAction(action)

    def show_scheme(self, scheme: Scheme) -> None:
        for entry in self._scheme_menu.actions():
            entry.setChecked(entry.data() is scheme)

    def say(self, sentence: str) -> None:
        """A short sentence at the bottom that goes by itself; screen readers are told."""
        self._toast_text.setText(sentence)
        self._place_toast()
        self._toast.show()
        self._toast.raise_()
        self._toast_timer.start(max(TOAST_MS, TOAST_MS_PER_CHARACTER * len(sentence)))
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, sentence))

    def _place_toast(self) -> None:
        """In one line where it fits, else wrapped, and never wider than the window."""
        most = min(TOAST_WIDTH, self.width() - 2 * TOAST_GAP)
        self._toast.ensurePolished()
        around = 2 * (SPACE_M + 1)
        wide = min(most, advance(self._toast_text.fontMetrics(), self._toast_text.text()) + around + 2)
        high = self._toast_text.heightForWidth(wide - around) + around
        left = (self.width() - wide) // 2
        self._toast.setGeometry(left, self.height() - high - TOAST_GAP, wide, high)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._toast.isVisible():
            self._place_toast()

    def bring_up(self) -> None:
        """Show, un-minimise, raise and focus."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    # -- closing and remembering

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()
        self.closing.emit()

    def layout_state(self) -> tuple[QByteArray, QByteArray]:
        return self.saveGeometry(), self._splitter.saveState()

    def restore_layout(self, geometry: QByteArray, splitter: QByteArray) -> None:
        if not geometry.isEmpty():
            self.restoreGeometry(geometry)
        if not splitter.isEmpty():
            self._splitter.restoreState(splitter)
            self._splitter.setHandleWidth(HANDLE)


def top_level(widget: QWidget) -> QWidget | None:
    """A dialog's parent: the window while it can be seen, else none, so that the dialog is not hidden with it."""
    return widget if widget.isVisible() else None
