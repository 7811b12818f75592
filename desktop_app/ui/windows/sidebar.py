"""The left side of the window: account, New session, the session list. GUI thread."""

from collections.abc import Mapping

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QDragEnterEvent, QDragMoveEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QListView, QMenu, QToolButton, QVBoxLayout, QWidget

from desktop_app.domain.accounts.account import Account
from desktop_app.domain.problems import Problem
from desktop_app.domain.sessions.search import matching
from desktop_app.domain.sessions.snapshot import SessionId, SessionSnapshot, takes_files
from desktop_app.ui.commands.actions import ActionBook
from desktop_app.ui.look.text import menu_text
from desktop_app.ui.look.theme import SPACE_M, SPACE_S
from desktop_app.ui.widgets.banner import ProblemBanner
from desktop_app.ui.widgets.basics import button, label
from desktop_app.ui.widgets.controls import MenuButton
from desktop_app.ui.widgets.drop import dropped_paths
from desktop_app.ui.widgets.search_line import SearchLine
from desktop_app.ui.windows.session_delegate import SessionDelegate
from desktop_app.ui.windows.session_list import SNAPSHOT, SessionListModel

ALL_ACCOUNTS = ""
SEARCH_FROM = 8  # sessions: what a window shows without scrolling
SANDBOX_HINT = "The sandbox is a demo that runs on this computer; for a team, connect your ClearML server."


class SessionListView(QListView):
    """Keyboard: arrows select, Return does the next thing (``chosen``), Menu or Shift+F10 opens the actions."""

    chosen = Signal(QModelIndex)
    dropped = Signal(object, object)  # SessionSnapshot, list of paths

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sessions")
        self.setAccessibleName("Sessions")
        self.setAccessibleIdentifier("session-list")
        self.setItemDelegate(SessionDelegate(self))
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setMinimumHeight(80)
        self.doubleClicked.connect(self.chosen)
        self.verticalScrollBar().rangeChanged.connect(self._even)
        self._even(0, 0)
        self.setAcceptDrops(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DropOnly)
        self.setDropIndicatorShown(False)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_paths(event.mimeData()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Let files drop only onto a session that takes them."""
        snapshot = self.indexAt(event.position().toPoint()).data(SNAPSHOT)
        event.setAccepted(snapshot is not None and takes_files(snapshot))

    def dropEvent(self, event: QDropEvent) -> None:
        snapshot = self.indexAt(event.position().toPoint()).data(SNAPSHOT)
        paths = dropped_paths(event.mimeData())
        if snapshot is not None and takes_files(snapshot) and paths:
            event.acceptProposedAction()
            self.dropped.emit(snapshot, paths)

    def _even(self, _low: int, high: int) -> None:
        """Keep the width of the cards when the scroll bar comes: it takes the room of the right margin."""
        bar = self.verticalScrollBar().sizeHint().width()
        self.setViewportMargins(0, 0, 0 if high > 0 else bar, 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(self.currentIndex())
            return
        super().keyPressEvent(event)


class Sidebar(QWidget):
    """``selected`` (SessionId or None), ``account_chosen`` (account id, "" = all), ``new_session``, ``add_account``,
    ``remove_account``, ``keys_asked`` and ``route_asked`` (account id), ``account_remedy`` (Remedy)."""

    selected = Signal(object)
    account_chosen = Signal(str)
    new_session = Signal()
    add_account = Signal()
    remove_account = Signal(str)
    keys_asked = Signal(str)
    route_asked = Signal(str)
    account_remedy = Signal(object)
    narrowed = Signal()  # what is looked for in the list has changed

    def __init__(self, model: SessionListModel, book: ActionBook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidebar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._model, self._book = model, book
        self._accounts: tuple[Account, ...] | None = None
        self._chosen = ALL_ACCOUNTS
        self._build_account()
        self._build_list()
        self._lay_out()

    def _build_account(self) -> None:
        self._account = MenuButton()
        self._account.setAccessibleIdentifier("account-switcher")
        self._account_menu = QMenu(self)
        self._account.setMenu(self._account_menu)
        self.menu_button = QToolButton()
        self.menu_button.setText("☰")
        self.menu_button.setProperty("kind", "quiet")
        self.menu_button.setAccessibleName("Menu")
        self.menu_button.setAccessibleIdentifier("main-menu")
        self.menu_button.setToolTip("Earlier sessions, appearance, log, quit")
        self.menu_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._new = button("New session", "primary", "new-session")
        self._new.setToolTip("Launch a session (Ctrl+N)")
        self._new.clicked.connect(lambda: self.new_session.emit())

    def _build_list(self) -> None:
        self.banner = ProblemBanner("account-banner")
        self.banner.remedy.connect(self.account_remedy)
        self._hint = label(SANDBOX_HINT, "muted", wrap=True)
        self._hint.setAccessibleIdentifier("sandbox-hint")
        self.view = SessionListView()
        self.search = SearchLine("Find a session", "find-session")
        self.search.setToolTip("By name, status, queue, agent, project, tag or task (Ctrl+Shift+F)")
        self.search.setVisible(False)
        self.search.wanted.connect(lambda _text: self.narrowed.emit())
        self.search.onward.connect(lambda: self.view.setFocus())
        self.view.setModel(self._model)
        self.view.selectionModel().currentChanged.connect(self._current_changed)
        self.view.chosen.connect(self._do_next)
        self.view.customContextMenuRequested.connect(self._context_menu)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(SPACE_S)
        head.setContentsMargins(0, 0, SPACE_M, 0)
        head.addWidget(self._account, 1)
        head.addWidget(self.menu_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_M, SPACE_M, 0, SPACE_M)
        column.setSpacing(SPACE_M)
        column.addLayout(head)
        rows = ((self._new, 0), (self.banner, 0), (self.search, 0), (self.view, 1), (self._hint, 0))
        for widget, stretch in rows:
            row = QHBoxLayout()
            row.setContentsMargins(0, 0, 0 if widget is self.view else SPACE_M, 0)
            row.addWidget(widget)
            column.addLayout(row, stretch)

    # -- accounts

    @property
    def account(self) -> str:
        """Return the chosen account's id; "" shows all."""
        return self._chosen

    def show_accounts(self, accounts: tuple[Account, ...], chosen: str) -> None:
        self._chosen = chosen
        current = next((account for account in accounts if account.id == chosen), None)
        self._account.show_text(current.label if current else "All accounts" if accounts else "No account yet")
        self._hint.setVisible(current is not None and current.sandbox)
        if accounts != self._accounts or self._checked() != chosen:
            self._accounts = accounts
            self._fill_account_menu(accounts, chosen)

    def _checked(self) -> str | None:
        return next((str(a.data()) for a in self._account_menu.actions() if a.isCheckable() and a.isChecked()), None)

    def _fill_account_menu(self, accounts: tuple[Account, ...], chosen: str) -> None:
        menu = self._account_menu
        menu.clear()
        group = QActionGroup(menu)
        entries = [(account.id, menu_text(account.label)) for account in accounts]
        if len(accounts) > 1:
            entries.insert(0, (ALL_ACCOUNTS, "All accounts"))
        for key, text in entries:
            entry = QAction(text, menu, checkable=True, checked=key == chosen)
            entry.setData(key)
            entry.triggered.connect(lambda _on=False, key=key: self.account_chosen.emit(key))
            group.addAction(entry)
            menu.addAction(entry)
        menu.addSeparator()
        menu.addAction("Add account…", self.add_account.emit)
        if chosen != ALL_ACCOUNTS:
            if not any(account.sandbox for account in accounts if account.id == chosen):
                menu.addAction("API keys…", lambda: self.keys_asked.emit(chosen))
                menu.addAction("Route…", lambda: self.route_asked.emit(chosen))
            menu.addAction("Remove this account…", lambda: self.remove_account.emit(chosen))

    def show_account_problem(self, problem: Problem | None) -> None:
        self.banner.show_problem(problem)

    # -- many sessions

    def narrow(self, snapshots: tuple[SessionSnapshot, ...], labels: Mapping[str, str]) -> tuple[SessionSnapshot, ...]:
        """Return those that are looked for; a list that is short is not searched."""
        wanted = bool(self.search.text()) or self.search.hasFocus()
        self.search.setVisible(wanted or len(snapshots) >= SEARCH_FROM)
        return matching(snapshots, self.search.text(), labels)

    def ask_find(self) -> None:
        """Give the keyboard to the line that searches, whether the list is long or not."""
        self.search.setVisible(True)
        self.search.focus()

    # -- selection

    def select(self, session: SessionId | None) -> bool:
        """Make this session the current one; False while it is not in the list."""
        index = self._model.index_of(session)
        if index.isValid():
            self.view.setCurrentIndex(index)
            self.view.scrollTo(index)
        return index.isValid()

    @property
    def current(self) -> SessionSnapshot | None:
        snapshot = self.view.currentIndex().data(SNAPSHOT)
        return snapshot if isinstance(snapshot, SessionSnapshot) else None

    def _current_changed(self, index: QModelIndex, _old: QModelIndex) -> None:
        snapshot = index.data(SNAPSHOT)
        self.selected.emit(snapshot.id if snapshot else None)

    def _do_next(self, index: QModelIndex) -> None:
        snapshot = index.data(SNAPSHOT)
        if snapshot is not None:
            self._book.of(snapshot.id).do_next()

    def _context_menu(self, at: QPoint) -> None:
        snapshot = self.view.indexAt(at).data(SNAPSHOT) or self.view.currentIndex().data(SNAPSHOT)
        if snapshot is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._book.of(snapshot.id).fill(menu)
        menu.popup(self.view.viewport().mapToGlobal(at))
