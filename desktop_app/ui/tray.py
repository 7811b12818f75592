"""The tray icon: its picture is the worst session's, its menu carries the same actions as the window. GUI thread.

A QSystemTrayIcon made before a tray host exists is never shown later, so a new one is made when a host appears.
"""

import sys
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSystemTrayIcon, QWidget

from desktop_app import APP_NAME
from desktop_app.domain.sessions.snapshot import SessionId, SessionSnapshot, Status, status_of
from desktop_app.services.state.notices import Notice
from desktop_app.ui.commands.actions import ActionBook
from desktop_app.ui.look import icons
from desktop_app.ui.look.status import tray_state, worst
from desktop_app.ui.look.text import count, notification_body, shortened, tray_text

LOOK_FOR_HOST_MS = 2000
MAX_TOOLTIP = 120  # Windows cuts at 127
NOTICE_MS = 8000
MOST_SESSIONS = 15


def summary(snapshots: tuple[SessionSnapshot, ...]) -> str:
    """Return the tooltip: how many sessions, and the worst one in words."""
    speaker = worst(snapshots)
    if speaker is None:
        return f"{APP_NAME}: no sessions"
    text = f"{APP_NAME}: {count(len(snapshots), 'session')}"
    status = status_of(speaker)
    if status in (Status.ENDED, Status.READY, Status.CONNECTED):
        connected = sum(status_of(snapshot) is Status.CONNECTED for snapshot in snapshots)
        return f"{text}, {connected} connected"
    name = shortened(" ".join(speaker.name.split()), MAX_TOOLTIP - len(text) - len(status.value) - 6)
    return f"{text} — {name}: {status.value}"


def in_menu(snapshots: tuple[SessionSnapshot, ...]) -> tuple[SessionSnapshot, ...]:
    """Return the sessions that the menu names, in the list's order; of many, those that ended are left out first."""
    living_first = sorted(snapshots, key=lambda one: status_of(one) in (Status.ENDED, Status.FAILED))
    chosen = {one.id for one in living_first[:MOST_SESSIONS]}
    return tuple(one for one in snapshots if one.id in chosen)


class TrayMenu(QMenu):
    """A submenu per session, then New session, Show window, Reconnect all and Quit."""

    def __init__(self, book: ActionBook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTitle(APP_NAME)
        self._book = book
        self._submenus: dict[SessionId, QMenu] = {}
        self._none = QAction("No sessions", self, enabled=False)
        self.new_session = QAction("New session…", self)
        self.show_window = QAction("Show window", self)
        self.reconnect_all = QAction("Reconnect all", self)
        self.quit = QAction("Quit", self)
        self.addAction(self._none)
        self._more = QAction("", self)  # for sessions that would make the menu higher than the screen
        self._more.triggered.connect(self.show_window.trigger)
        self.addAction(self._more)
        self._first = self.addSeparator()
        self.addActions([self.new_session, self.show_window, self.reconnect_all])
        self.addSeparator()
        self.addAction(self.quit)

    def refresh(self, snapshots: tuple[SessionSnapshot, ...]) -> None:
        """Keep the menus of known sessions: rebuilding one would close it under the user's pointer."""
        every, snapshots = len(snapshots), in_menu(snapshots)
        order = [snapshot.id for snapshot in snapshots]
        if list(self._submenus) != order:
            self._arrange(snapshots)
        for snapshot in snapshots:
            submenu = self._submenus[snapshot.id]
            title = f"{tray_text(snapshot.name, 40)} — {status_of(snapshot).value}"
            if title != submenu.title():  # each change goes over the bus to the panel
                submenu.setTitle(title)
                submenu.setIcon(icons.status_icon(status_of(snapshot)))
        self._none.setVisible(not snapshots)
        left = every - len(snapshots)
        self._more.setVisible(left > 0)
        self._more.setText(f"{count(left, 'more session')} in the window…")

    def _arrange(self, snapshots: tuple[SessionSnapshot, ...]) -> None:
        kept: dict[SessionId, QMenu] = {}
        for snapshot in snapshots:
            submenu = self._submenus.pop(snapshot.id, None) or self._submenu(snapshot.id)
            self.removeAction(submenu.menuAction())
            self.insertMenu(self._more, submenu)
            kept[snapshot.id] = submenu
        for gone in self._submenus.values():
            self.removeAction(gone.menuAction())
            gone.deleteLater()
        self._submenus = kept

    def _submenu(self, session: SessionId) -> QMenu:
        made = QMenu(self)
        self._book.of(session).fill(made)
        return made


class Tray(QObject):
    """The icon, where the desktop has a place for it. ``clicked`` asks for the window, ``notice_clicked``
    (SessionId or None) for a session."""

    clicked = Signal()
    notice_clicked = Signal(object)

    def __init__(
        self,
        menu: TrayMenu,
        parent: QObject | None = None,
        available: Callable[[], bool] = QSystemTrayIcon.isSystemTrayAvailable,
    ) -> None:
        super().__init__(parent)
        self._menu = menu
        self._available = available
        self._icon: QSystemTrayIcon | None = None
        self._snapshots: tuple[SessionSnapshot, ...] = ()
        self._noticed: SessionId | None = None
        self._look = QTimer(self)
        self._look.setInterval(LOOK_FOR_HOST_MS)
        self._look.timeout.connect(self.look_for_host)
        self._look.start()
        self.look_for_host()

    def look_for_host(self) -> None:
        """Make the icon as soon as there is a host; a host that restarts finds the icon again by itself."""
        if self._icon is None and self._available():
            self._icon = QSystemTrayIcon(icons.tray_icon(tray_state(self._snapshots)), self)
            self._icon.setContextMenu(self._menu)
            self._icon.activated.connect(self._activated)
            self._icon.messageClicked.connect(lambda: self.notice_clicked.emit(self._noticed))
            self._icon.setToolTip(summary(self._snapshots))
            self._icon.show()

    @property
    def usable(self) -> bool:
        """True if a window that hides can be brought back from here, at this moment."""
        return self._icon is not None and self._icon.isVisible() and self._available()

    def refresh(self, snapshots: tuple[SessionSnapshot, ...]) -> None:
        old, self._snapshots = self._snapshots, snapshots
        if self._icon is None:
            return
        if tray_state(old) is not tray_state(snapshots):
            self._icon.setIcon(icons.tray_icon(tray_state(snapshots)))
        text = summary(snapshots)
        if text != self._icon.toolTip():
            self._icon.setToolTip(text)

    def notify(self, notice: Notice) -> bool:
        """Show a notification; False where there is no tray to show it from."""
        if self._icon is None:
            return False
        self._noticed = notice.session
        kind = QSystemTrayIcon.MessageIcon.Warning if notice.urgent else QSystemTrayIcon.MessageIcon.Information
        body = notification_body(notice.body) if sys.platform.startswith("linux") else notice.body
        self._icon.showMessage(notice.title, body, kind, NOTICE_MS)
        return True

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason is QSystemTrayIcon.ActivationReason.Trigger:
            self.clicked.emit()

    def close(self) -> None:
        self._look.stop()
        if self._icon is not None:
            self._icon.hide()
