"""The list follows the store in place: selection and rows stay, Qt's own model tester watches."""

import random
from dataclasses import replace

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QListView

from desktop_app.domain.sessions.snapshot import SessionId, status_of
from desktop_app.ui.windows.session_list import SNAPSHOT, SessionListModel
from tests.ui import stage


class CountedId(SessionId):
    """Counts how often one is compared with another."""

    compared = 0

    def __eq__(self, other):
        CountedId.compared += 1
        return (self.account, self.task) == (other.account, other.task)

    def __hash__(self):
        return hash((self.account, self.task))


@pytest.fixture
def model(qapp):
    made = SessionListModel()
    tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)
    yield made
    tester.deleteLater()


@pytest.fixture
def snapshots():
    return list(stage.snapshots())


def rows(model):
    return [model.index(row).data(SNAPSHOT).id for row in range(model.rowCount())]


def test_random_stores_always_end_in_the_same_rows(model, snapshots):
    dice = random.Random(7)
    for _ in range(200):
        wanted = dice.sample(snapshots, dice.randint(0, len(snapshots)))
        model.refresh(wanted)
        assert rows(model) == [snapshot.id for snapshot in wanted]


def test_selection_follows_its_session(model, snapshots):
    view = QListView()
    view.setModel(model)
    model.refresh(snapshots)
    view.setCurrentIndex(model.index(3))
    chosen = snapshots[3].id
    model.refresh([snapshots[5], *reversed(snapshots[:5])])
    assert view.currentIndex().data(SNAPSHOT).id == chosen
    assert view.selectionModel().isSelected(view.currentIndex())
    view.selectionModel().clearSelection()
    view.selectionModel().setCurrentIndex(model.index(0), QItemSelectionModel.SelectionFlag.NoUpdate)


def test_an_unchanged_session_is_not_redrawn(model, snapshots, qtbot):
    model.refresh(snapshots)
    changed = []
    model.dataChanged.connect(lambda first, last: changed.append((first.row(), last.row())))
    model.refresh(snapshots)
    assert changed == []
    snapshots[2] = replace(snapshots[2], version=99)
    model.refresh(snapshots)
    assert changed == [(2, 2)]


def test_rows_of_a_long_list_are_compared_a_few_times_each(model, snapshots):
    many = [replace(snapshots[0], id=CountedId("a", f"{number:032x}")) for number in range(200)]
    model.refresh(many)
    CountedId.compared = 0
    many[100] = replace(many[100], version=99)
    model.refresh(many)
    assert 0 < CountedId.compared < 10 * len(many)


def test_what_a_row_says(model, snapshots):
    model.refresh(snapshots)
    for row, snapshot in enumerate(snapshots):
        index = model.index(row)
        spoken = index.data(Qt.ItemDataRole.AccessibleTextRole)
        assert snapshot.name in spoken and status_of(snapshot).value in spoken
        assert "<b>" not in index.data(Qt.ItemDataRole.ToolTipRole), "a server's markup must be escaped"
