"""The window's own menu: what concerns no single session. GUI thread."""

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from desktop_app import APP_NAME
from desktop_app.ui.look.theme import Scheme


class MainMenu(QMenu):
    """Behind the button beside the account; its shortcuts work in the whole window.

    ``end`` is the separator before its last entries, for what others add.
    """

    new_session = Signal()
    earlier = Signal()
    reconnect_all = Signal()
    find_session = Signal()
    find_in_log = Signal()
    clean_up = Signal()
    app_log = Signal()
    scheme_chosen = Signal(object)  # Scheme
    close_asked = Signal()
    quit_asked = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._add("New session…", "Ctrl+N", self.new_session.emit)
        self._add("Earlier sessions…", "Ctrl+H", self.earlier.emit)
        self._add("Reconnect all", "Ctrl+Shift+R", self.reconnect_all.emit)
        self._add("Find a session", "Ctrl+Shift+F", self.find_session.emit)
        self._add("Find in log", "Ctrl+F", self.find_in_log.emit)
        self.addSeparator()
        self._add("Clean up finished sessions…", "", self.clean_up.emit)
        self._add(f"{APP_NAME} log…", "", self.app_log.emit)
        self.addSeparator()
        self._add_schemes()
        self.end = self.addSeparator()
        self._add("Close window", "Ctrl+W", self.close_asked.emit)
        self._add("Quit", "Ctrl+Q", self.quit_asked.emit)

    def _add(self, text: str, keys: str, act: Callable[[], object]) -> None:
        action = QAction(text, self._window)
        action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda: act())
        self.addAction(action)
        self._window.addAction(action)  # the shortcut works while the menu is closed

    def _add_schemes(self) -> None:
        self._schemes = self.addMenu("Appearance")
        group = QActionGroup(self)
        for scheme in Scheme:
            entry = QAction(scheme.value, group, checkable=True)
            entry.setData(scheme)
            entry.triggered.connect(lambda _on=False, scheme=scheme: self.scheme_chosen.emit(scheme))
            self._schemes.addAction(entry)

    def show_scheme(self, scheme: Scheme) -> None:
        """Tick the scheme that is in use."""
        for entry in self._schemes.actions():
            entry.setChecked(entry.data() is scheme)
