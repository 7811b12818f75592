"""Profiles in the wizard: chosen, changed, saved, renamed, deleted, exchanged, and what a queue saw last."""

import json
from dataclasses import replace

import pytest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QMenu, QPushButton, QWidget

from desktop_app.domain.launch.options import defaults
from tests.ui import stage
from tests.ui.finding import find

BIG = replace(defaults(), queue="a100", docker="python:3.12", name="big one")
LAST = replace(defaults(), queue="default", packages="tqdm", name="the last")


@pytest.fixture
def core():
    made = stage.staged_core()
    made.remember(stage.TEAM.id, LAST)
    made.profiles.save("Big", BIG)
    yield made
    made.end()


@pytest.fixture
def wizard(qtbot, core, open_wizard):
    wizard = open_wizard(core, stage.TEAM.id)
    qtbot.waitUntil(lambda: find(wizard, "option-queue", QComboBox).isEnabled())
    return wizard


def bar(wizard):
    return wizard.launch_page.profile_bar


def choose(wizard, identifier: str, data: str) -> None:
    combo = find(wizard, identifier, QComboBox)
    combo.setCurrentIndex(combo.findData(data))
    combo.activated.emit(combo.currentIndex())


def note(wizard) -> str:
    return find(wizard, "profile-note", QLabel).text()


def actions(wizard) -> dict[str, object]:
    menu = find(wizard, "profile-menu", QPushButton).menu()
    menu.aboutToShow.emit()
    return {action.text(): action for action in menu.actions() if action.text()}


def asked(qtbot) -> QWidget:
    return qtbot.waitUntil(lambda: QApplication.activeModalWidget() is not None) or QApplication.activeModalWidget()


def spec(wizard):
    return wizard.launch_page.form.spec()


@pytest.mark.parity("profiles")
def test_a_profile_fills_the_form_and_is_remembered_with_the_launch(qtbot, core, wizard):
    assert spec(wizard) == LAST and bar(wizard).current == ""
    choose(wizard, "profile", "Big")
    assert spec(wizard) == BIG and note(wizard) == ""
    find(wizard, "option-docker", QLineEdit).setText("python:3.13")
    assert "Differs from “Big”" in note(wizard)
    with qtbot.waitSignal(wizard.launched):
        find(wizard, "wizard-next", QPushButton).click()
    assert core.profiles.last_profile(stage.TEAM.id, "a100") == "Big"
    assert core.profiles.get("Big") == BIG, "launching does not change the profile"


def test_choosing_the_last_launch_goes_back_to_it(wizard):
    choose(wizard, "profile", "Big")
    choose(wizard, "profile", "")
    assert spec(wizard) == LAST and bar(wizard).current == ""


@pytest.mark.parity("profiles")
def test_save_as_rename_and_delete(qtbot, core, wizard):
    assert list(actions(wizard)) == ["Save as…", "Import…"]
    actions(wizard)["Save as…"].trigger()
    box = asked(qtbot)
    box.field.line.setText("Big")
    assert "Replaces" in find(box, "ask-name-note", QLabel).text()
    box.field.line.setText("Small")
    assert "not kept" in find(box, "ask-name-note", QLabel).text()
    box.yes.click()
    qtbot.waitUntil(lambda: bar(wizard).current == "Small")
    assert core.profiles.get("Small") == LAST
    assert list(actions(wizard)) == ["Save as…", "Rename…", "Delete…", "Export…", "Import…"]
    actions(wizard)["Rename…"].trigger()
    box = asked(qtbot)
    box.field.line.setText("Big")
    assert not box.yes.isEnabled()
    box.field.line.setText("Tiny")
    box.yes.click()
    qtbot.waitUntil(lambda: bar(wizard).current == "Tiny")
    actions(wizard)["Delete…"].trigger()
    asked(qtbot).yes.click()
    qtbot.waitUntil(lambda: bar(wizard).current == "")
    assert core.profiles.names() == ("Big",) and spec(wizard) == LAST


def test_changes_are_saved_into_the_chosen_profile(qtbot, core, wizard):
    choose(wizard, "profile", "Big")
    find(wizard, "option-docker", QLineEdit).setText("python:3.13")
    actions(wizard)["Save “Big”"].trigger()
    qtbot.waitUntil(lambda: core.profiles.get("Big").docker == "python:3.13")
    qtbot.waitUntil(lambda: note(wizard) == "")


@pytest.mark.parity("profiles")
def test_export_and_import(qtbot, core, wizard, tmp_path):
    choose(wizard, "profile", "Big")
    bar(wizard).work.export("Big", tmp_path / "big.json")
    qtbot.waitUntil(lambda: "Exported to" in note(wizard))
    bar(wizard).work.import_file(tmp_path / "big.json")
    qtbot.waitUntil(lambda: bar(wizard).current == "Big 2")
    assert note(wizard) == "Imported as “Big 2”." and spec(wizard) == BIG
    bar(wizard).work.import_file(tmp_path / "none.json")
    qtbot.waitUntil(lambda: wizard.banner.problem is not None)
    assert wizard.banner.problem.code == "profile.unreadable"


@pytest.mark.parity("profiles", "--config-file")
def test_clearml_sessions_options_are_offered_where_they_are(qtbot, core, wizard, private_home):
    assert "Import clearml-session's options" not in actions(wizard)
    state = {"queue": "a100", "docker": "nvidia/cuda:12", "password": "cl34rml"}
    (private_home / ".clearml_session.json").write_text(json.dumps(state))
    actions(wizard)
    menu = find(wizard, "profile-menu", QPushButton).menu()
    qtbot.waitUntil(lambda: menu.actions()[-1].text() == "Import clearml-session's options")
    menu.actions()[-1].trigger()
    qtbot.waitUntil(lambda: bar(wizard).current == "clearml-session")
    assert "Left out: --password." in note(wizard) and spec(wizard).docker == "nvidia/cuda:12"


@pytest.mark.parity("profiles")
def test_a_queue_brings_what_it_saw_last_unless_the_form_was_changed(core, wizard):
    core.profiles.note_launch(stage.TEAM.id, replace(BIG, docker="python:3.11"), "Big")
    choose(wizard, "option-queue", "a100")
    assert spec(wizard).docker == "python:3.11" and bar(wizard).current == "Big"
    choose(wizard, "profile", "")
    find(wizard, "option-name", QLineEdit).setText("my own words")
    choose(wizard, "option-queue", "a100")
    assert spec(wizard).name == "my own words" and spec(wizard).packages == "tqdm"


def test_a_profile_without_a_queue_leaves_the_queue_alone(core, wizard):
    core.profiles.save("Anywhere", replace(BIG, queue=""))
    bar(wizard).show_account(stage.TEAM.id)
    choose(wizard, "profile", "Anywhere")
    assert spec(wizard) == replace(BIG, queue="default") and note(wizard) == ""


def test_names_are_shown_as_they_are(core, wizard):
    core.profiles.save("<b>A & B</b>", BIG)
    bar(wizard).show_account(stage.TEAM.id)
    combo = find(wizard, "profile", QComboBox)
    assert "<b>A & B</b>" in [combo.itemText(index) for index in range(combo.count())]
    assert isinstance(find(wizard, "profile-menu", QPushButton).menu(), QMenu)


def test_a_profile_s_queue_that_this_server_lacks_is_shown_and_warned_of(qtbot, core, open_wizard):
    """Nothing else would tell that the launch goes elsewhere than the form showed before."""
    core.profiles.save("Elsewhere", replace(BIG, queue="their queue"))
    wizard = open_wizard(core, stage.TEAM.id)
    combo = find(wizard, "option-queue", QComboBox)
    qtbot.waitUntil(combo.isEnabled)
    choose(wizard, "profile", "Elsewhere")
    assert combo.currentData() == spec(wizard).queue == "their queue"
    assert combo.currentText() == "their queue — not on this server"
    warning = find(wizard, "queue-warning", QLabel)
    assert "There is no queue “their queue” on this server" in warning.text() and warning.isVisibleTo(wizard)
    choose(wizard, "profile", "Big")
    assert combo.currentData() == "a100" and "There is no queue" not in warning.text()
