"""The dialog that deletes finished sessions: all are named, what is unticked stays."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QListWidget, QPushButton

from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.ui.dialogs.cleanup import CleanupDialog
from desktop_app.ui.widgets.banner import ProblemBanner
from tests.ui import stage
from tests.ui.finding import find

FOUND = (FinishedSession("a" * 32, "first\nrun", stage.NOW), FinishedSession("b" * 32, "second"))


@pytest.fixture
def dialog(qtbot, face, core) -> CleanupDialog:
    core.finish(*FOUND)
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


def names(dialog: CleanupDialog) -> list[str]:
    return [rows(dialog).item(row).text().split(" — ")[0] for row in range(rows(dialog).count())]


def test_after_a_half_failure_the_deleted_rows_are_gone(qtbot, core, dialog, expected_log):
    core.world.server("sandbox").undeletable = {"a" * 32}
    expected_log("is kept")
    delete(dialog).click()
    qtbot.waitUntil(lambda: names(dialog) == ["first run"])
    assert dialog.isVisible() and delete(dialog).text() == "Delete 1 session"
    assert find(dialog, "cleanup-note", QLabel).text() == "1 of 2 deleted; 1 session could not be deleted."


def test_a_problem_stays_in_view_beside_the_list_as_it_is_now(qtbot, core, dialog):
    """The connection broke half way: what was unticked stays unticked."""
    rows(dialog).item(0).setCheckState(Qt.CheckState.Unchecked)
    core.failures["cleanup.delete"] = failure("server.refused", server="x", answer="no")
    core.finish(*FOUND, FinishedSession("c" * 32, "third"))
    delete(dialog).click()
    qtbot.waitUntil(lambda: names(dialog) == ["first run", "second", "third"])
    assert find(dialog, "cleanup-banner", ProblemBanner).problem == core.failures["cleanup.delete"].problem
    assert rows(dialog).item(0).checkState() is Qt.CheckState.Unchecked


def test_all_are_unticked_and_ticked_at_once(dialog):
    press = find(dialog, "cleanup-all", QPushButton)
    press.click()
    assert not delete(dialog).isEnabled() and press.text() == "Tick all"
    press.click()
    assert delete(dialog).text() == "Delete 2 sessions"


def test_nothing_to_clean_up_is_said_in_the_list_s_place(qtbot, face, core):
    core.finish()
    face.window.clean_up.emit()
    made = next(d for d in face.window.findChildren(CleanupDialog) if d.isVisible())
    text = find(made, "cleanup-empty", QLabel)
    qtbot.waitUntil(lambda: text.text() == "There is nothing to clean up.")
    assert text.isVisible() and not rows(made).isVisible() and not delete(made).isEnabled()


def test_a_list_that_can_not_be_read_is_not_called_empty(qtbot, face, core):
    core.failures["cleanup.look"] = failure("server.refused", server="x", answer="no")
    face.window.clean_up.emit()
    made = next(d for d in face.window.findChildren(CleanupDialog) if d.isVisible())
    qtbot.waitUntil(lambda: find(made, "cleanup-empty", QLabel).text() == "The list can't be read.")
