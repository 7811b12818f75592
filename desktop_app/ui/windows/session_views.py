"""The list of sessions and the details of the selected one, and how they follow each other. GUI thread."""

from collections.abc import Mapping

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from desktop_app import APP_NAME
from desktop_app.domain.sessions.snapshot import SessionId, SessionSnapshot
from desktop_app.services.core import Core
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.commands.actions import ActionBook
from desktop_app.ui.commands.commands import Commands
from desktop_app.ui.windows.details import DetailsPane
from desktop_app.ui.windows.empty import EmptyState
from desktop_app.ui.windows.session_list import SessionListModel
from desktop_app.ui.windows.sidebar import Sidebar

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


class SessionViews(QObject):
    """``sidebar`` (the list) and ``stack`` (``details``, or ``empty`` while no session is selected)."""

    said = Signal(str)
    new_session = Signal()

    def __init__(self, core: Core, bridge: Bridge, commands: Commands, book: ActionBook, window: QWidget) -> None:
        super().__init__(window)
        self._book, self._window = book, window
        self._bound: SessionId | None = None
        self._following = False  # the list changes under the selection: what is shown waits until it is done
        self.model = SessionListModel(self)
        self.sidebar = Sidebar(self.model, book)
        self.details = DetailsPane(core, bridge, commands, book)
        self.empty = EmptyState("empty-new-session")
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.details)
        self.sidebar.new_session.connect(self.new_session)
        self.empty.button.clicked.connect(lambda: self.new_session.emit())
        self.sidebar.selected.connect(self._selected)
        self.details.said.connect(self.said)
        self.sidebar.view.dropped.connect(lambda s, paths: self.details.files.upload(s.id, s.name, paths))

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
        """Show the details of the selected session, as the store knows it now."""
        snapshot = self.sidebar.current
        self._bind_shortcuts(snapshot.id if snapshot else None)
        if snapshot is None:
            self.details.log.follow(None)
            self.stack.setCurrentWidget(self.empty)
            return
        self.details.show_session(snapshot)
        self.stack.setCurrentWidget(self.details)

    def _bind_shortcuts(self, session: SessionId | None) -> None:
        """Let the window's shortcuts act on the selected session only."""
        if session == self._bound:
            return
        window = self._window
        for old in [action for action in window.actions() if action.property("session")]:
            window.removeAction(old)
        self._bound = session
        if session is not None:
            for action in self._book.of(session).all():
                action.setProperty("session", True)
                window.addAction(action)
