"""Finished sessions, by name, to be deleted in ClearML or kept. GUI thread; the work is done by jobs."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import Problem
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.services.core import Core
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.look.screen import fit_screen
from desktop_app.ui.look.text import ago, count, tooltip
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XL
from desktop_app.ui.widgets.banner import ProblemBanner
from desktop_app.ui.widgets.basics import button, label
from desktop_app.ui.widgets.controls import TickDelegate

TEXT = (
    "These sessions of yours have ended. Deleting them removes their tasks and logs in ClearML. A session that holds "
    "the last snapshot of a workspace is never listed."
)
LOOKING = "Looking for finished sessions…"


class CleanupDialog(QDialog):
    """``done_with`` carries a sentence. It stays open while something that was ticked could not be deleted."""

    done_with = Signal(str)

    def __init__(self, core: Core, bridge: Bridge, account: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Clean up finished sessions")
        self.setAccessibleIdentifier("cleanup-dialog")
        fit_screen(self, 520, 420)
        self._core, self._bridge, self._account = core, bridge, account
        self._kept: frozenset[str] = frozenset()  # what was unticked, for when the list is read again
        self._list = QListWidget()
        self._list.setAccessibleName("Finished sessions")
        self._list.setAccessibleIdentifier("cleanup-list")
        self._list.setItemDelegate(TickDelegate(self._list))
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.itemChanged.connect(lambda _item: self._show_buttons())
        self._banner = ProblemBanner("cleanup-banner")
        self._banner.remedy.connect(lambda _remedy: self._load())
        self._empty = label(LOOKING, "muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setAccessibleIdentifier("cleanup-empty")
        self._note = label("", "muted", wrap=True)
        self._note.setAccessibleIdentifier("cleanup-note")
        self._all = button("Untick all", "quiet", "cleanup-all")
        self._all.clicked.connect(self._tick_all_or_none)
        self._delete = button("Delete", "destructive", "cleanup-delete")
        self._delete.clicked.connect(self._delete_checked)
        self._close = button("Close", identifier="cleanup-cancel")
        self._build()
        self._fill(())
        self._load()

    def _build(self) -> None:
        self._close.setDefault(True)
        self._close.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        row.addWidget(self._all)
        row.addWidget(self._note, 1)
        row.addWidget(self._close)
        row.addWidget(self._delete)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_XL, SPACE_L, SPACE_XL, SPACE_L)
        column.setSpacing(SPACE_M)
        column.addWidget(label("Clean up finished sessions", "heading"))
        column.addWidget(label(TEXT, "muted", wrap=True))
        column.addWidget(self._banner)
        column.addWidget(self._list, 1)
        column.addWidget(self._empty, 1)
        column.addLayout(row)

    # -- the list

    def _load(self, after: Problem | None = None) -> None:
        """Read what there is now. ``after``: the problem that stays in view if this works."""

        def look(cancel: Cancel) -> object:
            return self._core.cleanup.look(self._account, cancel)

        def loaded(outcome: Outcome) -> None:
            self._banner.show_problem(outcome.problem or after)
            self._fill(outcome.value if isinstance(outcome.value, tuple) else ())
            self._empty.setText("The list can't be read." if outcome.problem else "There is nothing to clean up.")

        self._empty.setText(LOOKING)
        self._bridge.submit("look for finished sessions", look, loaded, self)

    def _fill(self, found: tuple[FinishedSession, ...]) -> None:
        self._list.clear()
        for one in found:
            self._add(one)
        self._list.setVisible(bool(found))
        self._empty.setVisible(not found)
        self._show_buttons()

    def _add(self, one: FinishedSession) -> None:
        when = f" — ended {ago(one.ended)}" if one.ended else ""
        text = f"{' '.join(one.name.split())}{when}"
        item = QListWidgetItem(text)
        item.setToolTip(tooltip(text))
        item.setData(Qt.ItemDataRole.UserRole, one.task)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Unchecked if one.task in self._kept else Qt.CheckState.Checked)
        self._list.addItem(item)

    def _tasks(self, state: Qt.CheckState) -> list[str]:
        items = (self._list.item(row) for row in range(self._list.count()))
        return [item.data(Qt.ItemDataRole.UserRole) for item in items if item.checkState() is state]

    def _tick_all_or_none(self) -> None:
        ticked = bool(self._tasks(Qt.CheckState.Checked))
        for row in range(self._list.count()):
            self._list.item(row).setCheckState(Qt.CheckState.Unchecked if ticked else Qt.CheckState.Checked)

    def _show_buttons(self) -> None:
        chosen = len(self._tasks(Qt.CheckState.Checked))
        self._delete.setEnabled(chosen > 0)
        self._delete.setText(f"Delete {count(chosen, 'session')}" if chosen else "Delete")
        self._all.setVisible(self._list.count() > 1)
        self._all.setText("Untick all" if chosen else "Tick all")

    # -- deleting

    def _delete_checked(self) -> None:
        chosen = self._tasks(Qt.CheckState.Checked)
        self._kept = frozenset(self._tasks(Qt.CheckState.Unchecked))
        self._delete.setEnabled(False)
        self._list.setEnabled(False)
        self._note.setText("Deleting…")

        def delete(cancel: Cancel) -> object:
            return self._core.cleanup.delete(self._account, chosen, cancel)

        def deleted(outcome: Outcome) -> None:
            self._list.setEnabled(True)
            self._deleted(outcome, len(chosen))

        self._bridge.submit("delete finished sessions", delete, deleted, self)

    def _deleted(self, outcome: Outcome, chosen: int) -> None:
        """Read what is left again: the rows of deleted sessions must not stay."""
        gone = outcome.value if isinstance(outcome.value, int) else 0
        if gone == chosen:
            self.done_with.emit(f"Deleted {count(gone, 'finished session')}.")
            self.accept()
            return
        left = f"{count(chosen - gone, 'session')} could not be deleted"
        self._note.setText("" if outcome.problem else f"{gone} of {chosen} deleted; {left}.")
        self._load(outcome.problem)
