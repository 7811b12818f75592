"""The dialog that deletes finished sessions: all are named, what is unticked stays."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListWidget, QPushButton

from desktop_app.domain.cleanup import FinishedSession
from desktop_app.domain.problems import failure
from desktop_app.ui.dialogs.cleanup import CleanupDialog
from tests.fakes import ui_core

FOUND = (FinishedSession("a" * 32, "first\nrun", ui_core.NOW), FinishedSession("b" * 32, "second"))


@pytest.fixture
def dialog(qtbot, face, core) -> CleanupDialog:
    core.cleanup.found = FOUND
    face.window.show()
    face.window.clean_up.emit()
    made = next(d for d in face.window.findChildren(CleanupDialog) if d.isVisible())
    qtbot.waitUntil(lambda: rows(made).count() == 2)
    return made


def rows(dialog: CleanupDialog) -> QListWidget:
    return dialog.findChild(QListWidget)


def delete(dialog: CleanupDialog) -> QPushButton:
    return next(b for b in dialog.findChildren(QPushButton) if b.text().startswith("Delete"))


def test_they_are_listed_by_name_and_what_is_unticked_stays(qtbot, core, dialog):
    assert [rows(dialog).item(row).text().split(" — ")[0] for row in range(2)] == ["first run", "second"]
    assert delete(dialog).text() == "Delete 2 sessions"
    rows(dialog).item(0).setCheckState(Qt.CheckState.Unchecked)
    assert delete(dialog).text() == "Delete 1 session"
    delete(dialog).click()
    qtbot.waitUntil(lambda: any(call[0] == "cleanup.delete" for call in core.calls))
    assert next(call for call in core.calls if call[0] == "cleanup.delete")[-1] == ("b" * 32,)


def test_nothing_ticked_deletes_nothing(dialog):
    for row in range(2):
        rows(dialog).item(row).setCheckState(Qt.CheckState.Unchecked)
    assert not delete(dialog).isEnabled()


def test_a_server_that_refuses_is_told_and_the_dialog_stays(qtbot, core, dialog):
    core.failures["cleanup.delete"] = failure("server.refused", server="x", answer="no")
    delete(dialog).click()
    qtbot.waitUntil(lambda: delete(dialog).isEnabled())
    assert dialog.isVisible()
