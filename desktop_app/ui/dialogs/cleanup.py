"""Finished sessions, by name, to be deleted in ClearML or kept. GUI thread; the work is done by jobs."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from desktop_app.domain.cleanup import FinishedSession
from desktop_app.ports import Cancel
from desktop_app.services.api import Core, Outcome
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.text import ago, count
from desktop_app.ui.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XL
from desktop_app.ui.widgets import button, label
from desktop_app.ui.windows.banner import ProblemBanner

TEXT = (
    "These sessions of yours have ended. Deleting them removes their tasks and logs in ClearML. A session that holds "
    "the last snapshot of a workspace is never listed."
)


class CleanupDialog(QDialog):
    """``done`` carries a sentence."""

    done_with = Signal(str)

    def __init__(self, core: Core, bridge: Bridge, account: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Clean up finished sessions")
        self.setAccessibleIdentifier("cleanup-dialog")
        self.resize(520, 420)
        self._core, self._bridge, self._account = core, bridge, account
        self._list = QListWidget()
        self._list.setAccessibleName("Finished sessions")
        self._list.itemChanged.connect(lambda _item: self._show_delete())
        self._banner = ProblemBanner("cleanup-banner")
        self._banner.remedy.connect(lambda _remedy: self._load())
        self._note = label("Looking…", "muted")
        self._delete = button("Delete", "destructive", "cleanup-delete")
        self._delete.clicked.connect(self._delete_checked)
        self._build()
        self._show_delete()
        self._load()

    def _build(self) -> None:
        cancel = button("Cancel", identifier="cleanup-cancel")
        cancel.setDefault(True)
        cancel.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        row.addWidget(self._note, 1)
        row.addWidget(cancel)
        row.addWidget(self._delete)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_XL, SPACE_L, SPACE_XL, SPACE_L)
        column.setSpacing(SPACE_M)
        column.addWidget(label("Clean up finished sessions", "heading"))
        column.addWidget(label(TEXT, "muted", wrap=True))
        column.addWidget(self._banner)
        column.addWidget(self._list, 1)
        column.addLayout(row)

    def _load(self) -> None:
        def look(cancel: Cancel) -> object:
            return self._core.cleanup.look(self._account, cancel)

        self._bridge.submit("look for finished sessions", look, self._loaded, self)

    def _loaded(self, outcome: Outcome) -> None:
        self._banner.show_problem(outcome.problem)
        found = outcome.value if isinstance(outcome.value, tuple) else ()
        self._note.setText("" if outcome.problem or found else "There is nothing to clean up.")
        self._list.clear()
        for one in found:
            self._add(one)
        self._show_delete()

    def _add(self, one: FinishedSession) -> None:
        when = f" — ended {ago(one.ended)}" if one.ended else ""
        item = QListWidgetItem(f"{' '.join(one.name.split())}{when}")
        item.setData(Qt.ItemDataRole.UserRole, one.task)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Checked)
        self._list.addItem(item)

    def _checked(self) -> list[str]:
        items = (self._list.item(row) for row in range(self._list.count()))
        return [i.data(Qt.ItemDataRole.UserRole) for i in items if i.checkState() is Qt.CheckState.Checked]

    def _show_delete(self) -> None:
        chosen = len(self._checked())
        self._delete.setEnabled(chosen > 0)
        self._delete.setText(f"Delete {count(chosen, 'session')}" if chosen else "Delete")

    def _delete_checked(self) -> None:
        chosen = self._checked()
        self._delete.setEnabled(False)
        self._note.setText("Deleting…")

        def delete(cancel: Cancel) -> object:
            return self._core.cleanup.delete(self._account, chosen, cancel)

        self._bridge.submit("delete finished sessions", delete, self._deleted, self)

    def _deleted(self, outcome: Outcome) -> None:
        if outcome.problem is not None:
            self._banner.show_problem(outcome.problem)
            self._note.setText("")
            self._show_delete()
            return
        if not outcome.cancelled:
            self.done_with.emit(f"Deleted {count(int(str(outcome.value)), 'finished session')}.")
        self.accept()
