"""The details of the selected session: state, actions, problems, applications, facts, log. GUI thread.

Everything shown comes from one snapshot; nothing is read back out of a widget.
"""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from desktop_app.domain.problems import Problem, Remedy
from desktop_app.domain.sessions.snapshot import (
    Action,
    Link,
    SessionId,
    SessionSnapshot,
    progress_of,
    status_of,
    takes_files,
)
from desktop_app.services.core import Core
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.commands.actions import ActionBook, Key
from desktop_app.ui.commands.commands import Commands
from desktop_app.ui.look.status import shown_endpoints
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XL, SPACE_XS
from desktop_app.ui.widgets.banner import ProblemBanner
from desktop_app.ui.widgets.basics import ActionButton, Card, ElidedLabel, Page, StatusPill, label, retire
from desktop_app.ui.widgets.drop import dropped_paths
from desktop_app.ui.widgets.flow_layout import FlowLayout
from desktop_app.ui.windows.cards.app_row import AppRow
from desktop_app.ui.windows.cards.facts_card import FactsCard
from desktop_app.ui.windows.cards.files_card import FilesCard
from desktop_app.ui.windows.cards.handover_card import HandoverCard
from desktop_app.ui.windows.cards.log_panel import LogPanel
from desktop_app.ui.windows.cards.open_in_button import OpenInButton
from desktop_app.ui.windows.cards.ports_card import PortsCard
from desktop_app.ui.windows.session_delegate import where_of

# What concerns the session as a whole; an application's own actions are in its row.
BUTTONS = (
    Action.ATTACH,
    Action.RECONNECT,
    Action.AGAIN,
    Action.DIAGNOSE,
    Action.OTHER_QUEUE,
    Action.DETACH,
    Action.CANCEL,
    Action.SHUT_DOWN,
    Action.FORGET,
)
KINDS = {
    Action.ATTACH: "primary",
    Action.RECONNECT: "primary",
    Action.AGAIN: "primary",
    Action.SHUT_DOWN: "danger",
    Action.CANCEL: "danger",
}


def progress_line(snapshot: SessionSnapshot) -> str:
    """Return the line under the name. A problem's title is in its banner already."""
    if snapshot.link is Link.RETRYING:
        return f"Attempt {snapshot.attempt} to connect again"
    return where_of(snapshot) if snapshot.problem is not None else progress_of(snapshot)


class DetailsPane(QWidget):
    """Follows one session; hidden by the window while none is selected."""

    said = Signal(str)
    remedy = Signal(object, object)  # SessionId, Remedy: a problem's button was pressed

    def __init__(
        self, core: Core, bridge: Bridge, commands: Commands, book: ActionBook, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("details")
        self._core, self._commands, self._book = core, commands, book
        self._shown: SessionSnapshot | None = None
        self._buttons: dict[Key, ActionButton] = {}
        self._rows: dict[str, AppRow] = {}
        self.log = LogPanel(core, bridge)
        self.ports = PortsCard(core, bridge, commands)
        self.ports.copied.connect(self._copy)
        self.handovers = HandoverCard(core, bridge)
        self.files = FilesCard(core, bridge)
        self.files.said.connect(self.said)
        self.setAcceptDrops(True)
        self._build()

    # -- building

    def _build(self) -> None:
        page = Page("Session details", SPACE_XL, 120)
        page.body.setContentsMargins(SPACE_XL, SPACE_XL, SPACE_XL, SPACE_M)
        page.body.setSpacing(SPACE_L)
        page.body.addLayout(self._head())
        page.body.addLayout(self._action_row())
        for banner in self._banners():
            page.body.addWidget(banner)
        self._apps = Card("Applications")
        self._apps.body.setSpacing(SPACE_XS)
        page.body.addWidget(self._apps)
        page.body.addWidget(self.files)
        page.body.addWidget(self.ports)
        page.body.addWidget(self.handovers)
        self._facts = FactsCard()
        page.body.addWidget(self._facts)
        page.body.addStretch()
        self._split_with_log(page)

    def _split_with_log(self, page: Page) -> None:
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(SPACE_XL, SPACE_S, SPACE_XL, SPACE_L)
        column.addWidget(self.log)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(6)
        splitter.addWidget(page)
        splitter.addWidget(below)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        splitter.setSizes([500, 230])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(splitter)

    def _head(self) -> QVBoxLayout:
        self._name = ElidedLabel(role="title")
        self._name.setAccessibleIdentifier("session-name")
        self._pill = StatusPill()
        self._progress = label(role="muted", wrap=True)
        self._progress.setAccessibleIdentifier("session-progress")
        line = QHBoxLayout()
        line.setSpacing(SPACE_M)
        line.addWidget(self._name, 1)
        line.addWidget(self._pill)
        column = QVBoxLayout()
        column.setSpacing(SPACE_XS)
        column.addLayout(line)
        column.addWidget(self._progress)
        return column

    def _action_row(self) -> FlowLayout:
        flow = FlowLayout(spacing=SPACE_S)
        self.open_in = OpenInButton()
        flow.addWidget(self.open_in)
        for action in BUTTONS:
            self._buttons[Key(action)] = ActionButton(KINDS.get(action, ""))
            flow.addWidget(self._buttons[Key(action)])
        return flow

    def _banners(self) -> tuple[ProblemBanner, ...]:
        self._failure_banner = ProblemBanner("failure-banner", dismissible=True)
        self._problem_banner = ProblemBanner("problem-banner")
        self._notice_banner = ProblemBanner("notice-banner", calm=True)
        banners = (self._failure_banner, self._problem_banner, self._notice_banner)
        for banner in banners:
            banner.remedy.connect(self._remedy)
        self._failure_banner.dismissed.connect(self._dismiss)
        return banners

    # -- following

    @property
    def session(self) -> SessionId | None:
        return self._shown.id if self._shown else None

    def show_session(self, snapshot: SessionSnapshot) -> None:
        self._shown = snapshot
        self._name.setText(snapshot.name)
        self._pill.show_status(status_of(snapshot))
        self._progress.setText(progress_line(snapshot))
        actions = self._book.of(snapshot.id)
        for key, one in self._buttons.items():
            one.bind(actions.get(key))
        self.open_in.follow(actions)
        self._show_problems(snapshot)
        self._show_apps(snapshot)
        self.ports.follow(snapshot)
        self.handovers.follow(snapshot)
        self.files.follow(snapshot)
        alias = self._core.aliases.known.of(snapshot.id)
        self._facts.follow(snapshot, alias.name if alias else "")
        self.log.follow(snapshot)

    def _show_problems(self, snapshot: SessionSnapshot) -> None:
        failure: Problem | None = self._commands.failure(snapshot.id)
        self._failure_banner.show_problem(failure)
        self._problem_banner.show_problem(snapshot.problem)
        self._notice_banner.show_problem(snapshot.notice)

    def _show_apps(self, snapshot: SessionSnapshot) -> None:
        actions = self._book.of(snapshot.id)
        endpoints = shown_endpoints(snapshot)
        shown = {endpoint.app for endpoint in endpoints}
        for app in [known for known in self._rows if known not in shown]:
            retire(self._rows.pop(app))
        for at, endpoint in enumerate(endpoints, start=1):  # the card's title is before them
            if endpoint.app not in self._rows:
                row = self._rows[endpoint.app] = AppRow(endpoint)
                row.copied.connect(self._copy)
                self._apps.body.insertWidget(at, row)
            self._rows[endpoint.app].follow(endpoint, actions)
        self._apps.setVisible(bool(endpoints))

    # -- dropping files

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._shown is not None and takes_files(self._shown) and dropped_paths(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths, shown = dropped_paths(event.mimeData()), self._shown
        if shown is not None and takes_files(shown) and paths:
            event.acceptProposedAction()
            self.files.upload(shown.id, shown.name, paths)

    def _remedy(self, remedy: Remedy) -> None:
        if self._shown is not None:
            self.remedy.emit(self._shown.id, remedy)

    def _dismiss(self) -> None:
        if self._shown is not None:
            self._commands.dismiss(self._shown.id)

    def _copy(self, address: str) -> None:
        QGuiApplication.clipboard().setText(address)
        self.said.emit(f"{address} is on the clipboard.")
