"""Launching an ended session again: the wizard shows its options before anything is launched, and no secret."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QListWidget, QMenu, QPushButton, QWidget

from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.sessions.again import Again
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.snapshot import Action, SessionId
from desktop_app.ui.commands.actions import Key
from desktop_app.ui.dialogs.earlier import EarlierDialog
from desktop_app.ui.widgets.banner import ProblemBanner
from desktop_app.ui.widgets.controls import Fold
from desktop_app.ui.wizard.dialog import Wizard
from tests.ui import stage
from tests.ui.finding import find
from tests.ui.test_wizard import button, error, line, problem, ready


@pytest.fixture
def again(qtbot, face, core):
    """Presses the button of the ended session and waits for its options."""

    def press() -> Wizard:
        face.window.sidebar.select(stage.ENDED)
        find(face.window.details, "action-again", QPushButton).click()
        return ready(qtbot, face.accounts.wizard)

    return press


def title(wizard) -> str:
    return wizard.pages._title.text()


def test_the_options_are_shown_and_launched_as_they_are(qtbot, face, core, again):
    wizard = again()
    qtbot.waitUntil(lambda: title(wizard) == "Launch again")
    assert line(wizard, "option-name").text() == "yesterday"
    assert find(wizard, "option-queue", QComboBox).currentData() == "a100"
    assert "Changed: Init script" in find(wizard, "fold-environment", Fold).accessibleDescription()
    assert not any(call[0] == "launch" for call in core.calls), "a person looks first"
    assert button(wizard, "wizard-next").hasFocus()
    button(wizard, "wizard-next").click()
    qtbot.waitUntil(lambda: any(call[0] == "launch" for call in core.calls))
    launched = next(call for call in core.calls if call[0] == "launch")
    assert launched[1:] == (stage.ENDED.account, stage.SPEC)
    qtbot.waitUntil(lambda: face.window.sidebar.current.name == "yesterday" and face.accounts.wizard is None)
    qtbot.waitUntil(face.window.sidebar.view.hasFocus)


def test_secrets_are_asked_for_and_not_filled_in(qtbot, core, again):
    core.answers["history.again"] = Again(stage.SPEC, ("password", "attach_passphrase"), partial=True)
    wizard = again()
    note = find(wizard, "again-note", QLabel)
    qtbot.waitUntil(note.isVisible)
    assert note.text().startswith("SSH password and Attach passphrase: not taken over.")
    assert "another computer" in note.text()
    for name in ("password", "attach_passphrase"):
        assert line(wizard, f"option-{name}").text() == "" and line(wizard, f"option-{name}").isVisible()
        assert "not taken over" in find(wizard, f"note-{name}", QLabel).text()
        assert "not taken over" in line(wizard, f"option-{name}").accessibleDescription()
        assert not error(wizard, name)


def test_what_the_task_says_and_is_not_taken_over_is_named(qtbot, core, again):
    core.answers["history.again"] = Again(stage.SPEC, partial=True, left=("cli_compatible",))
    wizard = again()
    note = find(wizard, "again-note", QLabel)
    qtbot.waitUntil(note.isVisible)
    assert "all members of the ClearML workspace can edit" in note.text()
    assert "Not taken over from a task: Compatible with clearml-session." in note.text()
    assert find(wizard, "option-init_script", QWidget).isVisible(), "what others may have written is not folded away"


def test_what_the_task_says_otherwise_is_named(qtbot, core, again):
    core.answers["history.again"] = Again(stage.SPEC, differs=(("queue", "evil"), ("name", "x")))
    wizard = again()
    note = find(wizard, "again-note", QLabel)
    qtbot.waitUntil(note.isVisible)
    assert "says something else by now: Queue, Session name." in note.text()
    assert find(wizard, "option-queue", QComboBox).currentData() == "a100"


def test_another_queue_changes_the_queue_and_nothing_else(qtbot, core, again):
    core.profiles.note_launch("sandbox", LaunchSpec(queue="default", name="something else"), "")
    wizard = again()
    qtbot.waitUntil(lambda: title(wizard) == "Launch again")
    queue = find(wizard, "option-queue", QComboBox)
    queue.setCurrentIndex(queue.findData("default"))
    queue.activated.emit(queue.currentIndex())
    assert line(wizard, "option-name").text() == "yesterday"


def test_another_account_is_an_ordinary_launch(qtbot, core, again):
    core.answers["history.again"] = Again(stage.SPEC, ("password",))
    wizard = again()
    qtbot.waitUntil(lambda: title(wizard) == "Launch again")
    accounts = find(wizard, "launch-account", QComboBox)
    accounts.setCurrentIndex(accounts.findData(stage.TEAM.id))
    accounts.activated.emit(accounts.currentIndex())
    assert title(wizard) == "New session" and not find(wizard, "again-note", QLabel).isVisible()
    assert line(wizard, "option-name").text() != "yesterday"
    assert not find(wizard, "note-password", QLabel).text()


def test_what_can_not_be_read_is_told_and_read_once_more(qtbot, core, again):
    core.failures["history.again"] = stage.failing("server.unreachable", server="https://api.x")
    wizard = again()
    qtbot.waitUntil(lambda: problem(wizard) == "server.unreachable")
    assert title(wizard) == "New session", "what is shown is not the earlier session's"
    del core.failures["history.again"]
    find(find(wizard, "wizard-banner", ProblemBanner), "remedy-retry", QPushButton).click()
    qtbot.waitUntil(lambda: title(wizard) == "Launch again")
    assert not any(call[0] == "launch" for call in core.calls)


def test_list_menu_and_shortcut_lead_there_too(qtbot, face, core):
    face.window.sidebar.select(stage.ENDED)
    menu = QMenu()
    face.book.of(stage.ENDED).fill(menu)
    assert [a.text() for a in menu.actions() if a.isVisible() and a.text()] == ["Launch again…", "Remove from list"]
    assert face.book.of(stage.ENDED).get(Key(Action.AGAIN)).shortcut().toString() == "Ctrl+Shift+N"
    face.window.activateWindow()
    face.window.sidebar.view.setFocus()
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_N, modifiers)
    qtbot.waitUntil(lambda: ("history.again", stage.ENDED) in core.calls)


def test_the_name_is_free_for_a_person_to_change(qtbot, core, again):
    wizard = again()
    qtbot.waitUntil(lambda: title(wizard) == "Launch again")
    find(wizard, "option-name", QLineEdit).setText("today")
    button(wizard, "wizard-next").click()
    qtbot.waitUntil(lambda: any(call[0] == "launch" and call[2].name == "today" for call in core.calls))


# -- sessions that ended before the window was opened

EARLIER = (FinishedSession("a" * 32, "last\nweek", stage.NOW, "~/work", 1.0), FinishedSession("b" * 32, "older"))


@pytest.fixture
def earlier(qtbot, face, core):
    def show(*found: FinishedSession) -> EarlierDialog:
        core.finish(*found, account="acme")
        face.window.sidebar.account_chosen.emit("acme")
        face.window.earlier.emit()
        return next(d for d in face.window.findChildren(EarlierDialog) if d.isVisible())

    return show


def rows(dialog) -> list[str]:
    listed = find(dialog, "earlier-list", QListWidget)
    return [listed.item(row).text() for row in range(listed.count())]


def test_a_session_of_another_day_is_launched_again(qtbot, face, core, earlier):
    dialog = earlier(*EARLIER)
    qtbot.waitUntil(lambda: len(rows(dialog)) == 2)
    assert rows(dialog)[0].startswith("last week — ended ") and rows(dialog)[0].endswith(" — holds ~/work")
    qtbot.waitUntil(find(dialog, "earlier-list", QListWidget).hasFocus)
    qtbot.keyClick(find(dialog, "earlier-list", QListWidget), Qt.Key.Key_Down)
    qtbot.keyClick(find(dialog, "earlier-list", QListWidget), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: ("history.again", SessionId("acme", "b" * 32)) in core.calls)
    qtbot.waitUntil(lambda: title(face.accounts.wizard) == "Launch again")
    assert face.accounts.wizard.launch_page.account == "acme"


def test_earlier_sessions_are_found_by_a_word(qtbot, earlier):
    dialog = earlier(*EARLIER)
    qtbot.waitUntil(lambda: len(rows(dialog)) == 2)
    search = find(dialog, "earlier-find", QLineEdit)
    search.setText("OLDER")
    assert rows(dialog) == ["older"]
    search.setText("xyzzy")
    assert find(dialog, "earlier-empty", QLabel).text() == "No earlier session matches."
    assert not button(dialog, "earlier-again").isEnabled()


def test_no_earlier_session_and_a_list_that_can_not_be_read(qtbot, core, earlier):
    empty = earlier()
    qtbot.waitUntil(lambda: find(empty, "earlier-empty", QLabel).text() == "No session has ended yet.")
    empty.done(0)
    core.failures["history.ended"] = stage.failing("server.unreachable", server="x")
    dialog = earlier()
    qtbot.waitUntil(lambda: find(dialog, "earlier-empty", QLabel).text() == "The list can't be read.")
    del core.failures["history.ended"]
    core.finish(*EARLIER, account="acme")
    find(dialog, "remedy-retry", QPushButton).click()
    qtbot.waitUntil(lambda: len(rows(dialog)) == 2)
