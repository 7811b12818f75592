"""The wizard's many options: found by a word, seen all at once, never hidden where they matter."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QPushButton

from desktop_app.domain.launch.options import options
from desktop_app.ui.widgets.controls import Fold
from desktop_app.ui.widgets.search_line import SearchLine
from tests.ui import stage
from tests.ui.finding import find
from tests.ui.test_wizard import button, ready


@pytest.fixture
def wizard(qtbot, core, open_wizard):
    made = ready(qtbot, open_wizard(core, "sandbox"))
    made.activateWindow()
    return made


@pytest.fixture
def line(wizard) -> SearchLine:
    return find(wizard, "find-option", SearchLine)


def shown(wizard) -> set[str]:
    return {name for name, field in wizard.launch_page.form.fields.items() if field.isVisible()}


def titles(wizard) -> list[str]:
    return [w.text() for w in wizard.launch_page.form.findChildren(QLabel)
            if w.property("role") == "heading" and w.isVisible()]  # fmt: skip


def test_a_word_leaves_the_options_that_match_under_their_card_s_title(wizard, line):
    plain = {name for name, option in options().items() if not option.advanced}
    assert shown(wizard) == plain
    line.setText("docker")
    assert shown(wizard) == {"docker", "docker_args", "docker_network"}, "folded ones, too"
    assert titles(wizard) == ["Its environment"]
    assert not find(wizard, "profile", QComboBox).isVisible(), "what was found is at the top"
    assert line.accessibleDescription() == f"3 options of {len(options())} found"
    line.setText("--ssh-port")
    assert shown(wizard) == {"ssh_port"} and titles(wizard) == ["How it is reached"]
    line.setText("xyzzy")
    assert shown(wizard) == set()
    assert find(wizard, "no-option-found", QLabel).text() == "No option matches “xyzzy”."
    line.clear()
    assert shown(wizard) == plain, "folds are as they were"
    assert find(wizard, "profile", QComboBox).isVisible()


def test_the_keyboard_alone_finds_fills_in_and_leaves(qtbot, core, wizard, line):
    button(wizard, "wizard-next").setFocus()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert line.hasFocus()
    qtbot.keyClicks(line, "gateway")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    gateway = find(wizard, "option-remote_gateway", QLineEdit)
    assert gateway.hasFocus() and not any(call[0] == "launch" for call in core.calls), "Return must not launch"
    line.setFocus()
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert line.text() == "" and wizard.isVisible()
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert not wizard.isVisible()


def test_the_keyboard_goes_to_the_option_of_that_name(qtbot, wizard, line):
    """“Debug a task” comes first in the form, and its help speaks of packages, too."""
    line.setText("packages")
    assert wizard.launch_page.form.fields["debug_task"].isVisible()
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert wizard.launch_page.form.fields["packages"].target.hasFocus()


def test_all_options_are_shown_and_put_away_at_once(wizard):
    every = button(wizard, "show-all-options")
    every.click()
    assert shown(wizard) == set(options()) and every.text() == "Show less"
    find(wizard, "fold-files", Fold).click()
    assert every.text() == "Show all"
    every.click()
    every.click()
    assert not any(fold.isChecked() for fold in wizard.findChildren(Fold))


def test_a_mistake_that_is_out_of_sight_is_shown_when_launching(qtbot, core, wizard, line):
    wizard.launch_page.form.fields["ssh_port"].set_value("no port")
    line.setText("docker")
    button(wizard, "wizard-next").click()
    field = wizard.launch_page.form.fields["ssh_port"]
    assert line.text() == "" and field.target.hasFocus()
    assert field.target.visibleRegion().boundingRect() == field.target.rect(), "and it is scrolled to"
    assert find(wizard, "error-ssh_port", QLabel).visibleRegion().boundingRect().height() > 5
    assert not any(call[0] == "launch" for call in core.calls)


def test_docker_s_options_say_that_the_sandbox_has_no_docker(qtbot, core, wizard):
    note = find(wizard, "note-docker", QLabel)
    assert "without Docker" in note.text() and note.isVisible()
    assert "without Docker" in find(wizard, "option-docker", QLineEdit).accessibleDescription()
    accounts = find(wizard, "launch-account", QComboBox)
    accounts.setCurrentIndex(accounts.findData(stage.TEAM.id))
    accounts.activated.emit(accounts.currentIndex())
    assert not note.isVisible() and "Docker" not in note.text()


def test_account_and_profile_line_up(qtbot, wizard):
    def box(widget):
        at = widget.mapTo(wizard, widget.rect().topLeft())
        return at.x(), widget.width()

    qtbot.waitUntil(lambda: box(find(wizard, "profile", QComboBox))[1] > 100)
    assert box(find(wizard, "launch-account", QComboBox)) == box(find(wizard, "profile", QComboBox))
    assert box(button(wizard, "launch-other-account")) == box(find(wizard, "profile-menu", QPushButton))


def test_a_name_that_nobody_chose_is_shown_as_it_will_be(qtbot, core, open_wizard):
    first = ready(qtbot, open_wizard(core, "sandbox"))
    assert find(first, "option-name", QLineEdit).text() == "Interactive session"
    core.store.see(stage.session_id(70), stage.facts(stage.Remote.QUEUED, "Interactive session"))
    second = ready(qtbot, open_wizard(core, "sandbox"))
    assert find(second, "option-name", QLineEdit).text() == "Interactive session 2"
    other = ready(qtbot, open_wizard(core, stage.TEAM.id))
    assert find(other, "option-name", QLineEdit).text() == "Interactive session"
