"""Sessions that have ended, also before the window was opened: to launch one again. GUI thread; read by a job."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from desktop_app.domain.accounts.account import Account
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.snapshot import Action, SessionId
from desktop_app.services.core import Core
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.look.screen import fit_screen
from desktop_app.ui.look.text import ago, tooltip
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XL
from desktop_app.ui.widgets.banner import ProblemBanner
from desktop_app.ui.widgets.basics import ElidedLabel, button, label
from desktop_app.ui.widgets.search_line import SearchLine

TEXT = "Choose one to launch another session with its options. They are shown before anything is launched."
LOOKING, NONE, UNREAD = "Looking for earlier sessions…", "No session has ended yet.", "The list can't be read."
NO_MATCH = "No earlier session matches."


def text_of(one: FinishedSession) -> str:
    """Return one session as a row."""
    ended = f"ended {ago(one.ended)}" if one.ended else ""
    stored = f"holds {one.folder}" if one.stored and one.folder else ""
    return " — ".join(part for part in (" ".join(one.name.split()) or one.task[:8], ended, stored) if part)


class EarlierDialog(QDialog):
    """``chosen`` carries the SessionId."""

    chosen = Signal(object)

    def __init__(self, core: Core, bridge: Bridge, account: Account, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Earlier sessions")
        self.setAccessibleIdentifier("earlier-dialog")
        fit_screen(self, 560, 460)
        self._core, self._bridge, self._account = core, bridge, account
        self._found: tuple[FinishedSession, ...] = ()
        self._search = SearchLine("Find an earlier session", "earlier-find")
        self._search.wanted.connect(lambda _text: self._fill(NO_MATCH))
        self._list = QListWidget()
        self._list.setAccessibleName("Earlier sessions")
        self._list.setAccessibleIdentifier("earlier-list")
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.itemActivated.connect(lambda _item: self._launch())
        self._search.onward.connect(self._list.setFocus)
        self._empty = label(LOOKING, "muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setAccessibleIdentifier("earlier-empty")
        self._banner = ProblemBanner("earlier-banner")
        self._banner.remedy.connect(lambda _remedy: self._load())
        self._again = button(Action.AGAIN.value, "primary", "earlier-again")
        self._build()
        self._load()

    def _build(self) -> None:
        self._again.setDefault(True)
        self._again.clicked.connect(self._launch)
        close = button("Close", identifier="earlier-close")
        close.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        row.addStretch()
        row.addWidget(close)
        row.addWidget(self._again)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_XL, SPACE_L, SPACE_XL, SPACE_L)
        column.setSpacing(SPACE_M)
        of = f" of {self._account.label}" if len(self._core.accounts.all()) > 1 else ""
        column.addWidget(ElidedLabel(f"Earlier sessions{of}", "heading"))
        column.addWidget(label(TEXT, "muted", wrap=True))
        column.addWidget(self._banner)
        column.addWidget(self._search)
        column.addWidget(self._list, 1)
        column.addWidget(self._empty, 1)
        column.addLayout(row)

    def _load(self) -> None:
        account = self._account.id

        def loaded(outcome: Outcome) -> None:
            self._banner.show_problem(outcome.problem)
            self._found = outcome.value if isinstance(outcome.value, tuple) else ()
            self._fill(UNREAD if outcome.problem else NONE)
            self._list.setFocus()

        self._fill(LOOKING)
        work = lambda cancel: self._core.history.ended(account, cancel)  # noqa: E731
        self._bridge.submit("look for earlier sessions", work, loaded, self)

    def _fill(self, otherwise: str) -> None:
        """``otherwise``: what is said in the list's place where it is empty."""
        words = self._search.text().casefold().split()
        self._list.clear()
        for one in self._found:
            text = text_of(one)
            if all(word in f"{text}\n{one.task}".casefold() for word in words):
                item = QListWidgetItem(text)
                item.setToolTip(tooltip(text))
                item.setData(Qt.ItemDataRole.UserRole, one.task)
                self._list.addItem(item)
        shown = self._list.count() > 0
        self._list.setVisible(shown)
        self._list.setCurrentRow(0 if shown else -1)
        self._search.setVisible(bool(self._found))
        self._empty.setVisible(not shown)
        self._empty.setText(otherwise)
        self._again.setEnabled(shown)

    def _launch(self) -> None:
        item = self._list.currentItem()
        if item is not None:
            self.chosen.emit(SessionId(self._account.id, str(item.data(Qt.ItemDataRole.UserRole))))
            self.accept()
