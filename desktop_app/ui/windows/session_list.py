"""The session list as a Qt model: follows the store by changing rows in place, so that selection and scroll stay.

GUI thread.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from desktop_app.domain.sessions.snapshot import SessionId, SessionSnapshot, progress_of, status_of
from desktop_app.ui.look.text import tooltip

SNAPSHOT = Qt.ItemDataRole.UserRole + 1
ACCOUNT = Qt.ItemDataRole.UserRole + 2  # its label where sessions of several accounts are listed, else ""
ROOT = QModelIndex()


class SessionListModel(QAbstractListModel):
    """One row per session; ``SNAPSHOT`` is the role that the delegate and the window read."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[SessionSnapshot] = []
        self._accounts: Mapping[str, str] = {}

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        snapshot = self._rows[index.row()]
        if role == SNAPSHOT:
            return snapshot
        if role == Qt.ItemDataRole.DisplayRole:
            return snapshot.name
        account = self._accounts.get(snapshot.id.account, "")
        if role == ACCOUNT:
            return account
        if role == Qt.ItemDataRole.AccessibleTextRole:
            parts = (snapshot.name, status_of(snapshot).value, progress_of(snapshot), account)
            return ", ".join(part for part in parts if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            on = f" ({account})" if account else ""
            return tooltip(f"{snapshot.name} — {status_of(snapshot).value}: {progress_of(snapshot)}{on}")
        return None

    def show_accounts(self, labels: Mapping[str, str]) -> None:
        """Label the rows by account id -> label, where they have to say whose they are; empty where that is clear."""
        if labels != self._accounts:
            self._accounts = dict(labels)
            if self._rows:
                self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def row_of(self, session: SessionId | None) -> int:
        """Return its row, -1 when it is not in the list."""
        return next((row for row, snapshot in enumerate(self._rows) if snapshot.id == session), -1)

    def index_of(self, session: SessionId | None) -> QModelIndex:
        row = self.row_of(session)
        return self.index(row) if row >= 0 else QModelIndex()

    def refresh(self, snapshots: Sequence[SessionSnapshot]) -> None:
        """Become ``snapshots``, with the fewest removals, moves, insertions and changes."""
        wanted = {snapshot.id for snapshot in snapshots}
        for row in reversed(range(len(self._rows))):
            if self._rows[row].id not in wanted:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self._rows[row]
                self.endRemoveRows()
        shown = {snapshot.id for snapshot in self._rows}
        for row, snapshot in enumerate(snapshots):
            self._place(row, snapshot, snapshot.id in shown)

    def _place(self, row: int, snapshot: SessionSnapshot, shown: bool) -> None:
        """Put one session into its row. Most are in place or new, and neither is searched for: lists may be long."""
        in_place = shown and self._rows[row].id == snapshot.id
        at = row if in_place else self.row_of(snapshot.id) if shown else -1
        if at < 0:
            self.beginInsertRows(QModelIndex(), row, row)
            self._rows.insert(row, snapshot)
            self.endInsertRows()
            return
        if at != row:  # rows before ``row`` are placed already, so it can only come from below
            self.beginMoveRows(QModelIndex(), at, at, QModelIndex(), row)
            self._rows.insert(row, self._rows.pop(at))
            self.endMoveRows()
        if self._rows[row] != snapshot:
            self._rows[row] = snapshot
            self.dataChanged.emit(self.index(row), self.index(row))
