"""“Find out what's wrong”, over the fake core: the stages, the conclusion, and the report that is shown first."""

import threading

import pytest
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton

from desktop_app.domain.diagnosis import Stage, Verdict
from desktop_app.domain.sessions.snapshot import Action
from desktop_app.ui.dialogs.doctor import LOOKING
from tests.fakes import ui_core
from tests.fakes.ui_doctor import DEMO, UNREACHABLE
from tests.ui.finding import dialog, find


@pytest.fixture
def opened(qtbot, face):
    face.window.sidebar.select(ui_core.RETRYING)
    face.commands.run(ui_core.RETRYING, Action.DIAGNOSE)
    qtbot.waitUntil(lambda: dialog("doctor") is not None)
    return dialog("doctor")


def text(opened, identifier: str) -> str:
    return find(opened, identifier, QLabel).text()


def names(opened) -> list[str]:
    return [one.accessibleName() for one in opened.findChildren(QLabel) if ": " in one.accessibleName()]


def test_the_first_broken_stage_is_the_headline_and_the_remedy_is_said(qtbot, opened) -> None:
    qtbot.waitUntil(lambda: text(opened, "doctor-headline") == UNREACHABLE.title)
    assert "VPN" in text(opened, "doctor-advice")
    said = names(opened)
    assert len(said) == len(Stage)
    assert f"{UNREACHABLE.title}: broken" in said and not any("can be reached" in one for one in said)
    assert "An SSH server answers: not checked" in said
    assert "The session runs: works" in said
    shown = [one.text() for one in opened.findChildren(QLabel)]
    assert shown.count("not checked") == len([one for one in said if one.endswith("not checked")]), "in words, too"


def test_findings_appear_while_it_still_looks(qtbot, core, face) -> None:
    core.gates["doctor.examine"] = threading.Event()
    face.commands.run(ui_core.RETRYING, Action.DIAGNOSE)
    qtbot.waitUntil(lambda: dialog("doctor") is not None)
    opened = dialog("doctor")
    known = [one for one in DEMO if one.verdict is not Verdict.UNKNOWN]
    qtbot.waitUntil(lambda: len(names(opened)) == len(known))
    assert text(opened, "doctor-headline") == LOOKING
    core.gates["doctor.examine"].set()
    qtbot.waitUntil(lambda: len(names(opened)) == len(DEMO))


def test_the_report_is_shown_before_it_is_copied_and_can_be_edited(qtbot, qapp, opened) -> None:
    copy = find(opened, "doctor-copy", QPushButton)
    qtbot.waitUntil(copy.isEnabled)
    qapp.clipboard().setText("before")
    report = find(opened, "doctor-report", QPlainTextEdit)
    assert not report.isVisible()
    copy.click()
    assert report.isVisible()
    assert qapp.clipboard().text() == "before"
    report.setPlainText("only this")
    copy.click()
    assert qapp.clipboard().text() == "only this"


def test_closing_ends_the_examination(qtbot, core, face) -> None:
    core.gates["doctor.examine"] = threading.Event()
    face.commands.run(ui_core.RETRYING, Action.DIAGNOSE)
    qtbot.waitUntil(lambda: dialog("doctor") is not None)
    find(dialog("doctor"), "doctor-close", QPushButton).click()
    qtbot.waitUntil(lambda: dialog("doctor") is None)
    for thread in core.jobs.threads:
        if "doctor" in thread.name:
            thread.join(5)
            assert not thread.is_alive()


def test_it_is_offered_where_something_is_wrong(qtbot, face) -> None:
    for session, offered in ((ui_core.RETRYING, True), (ui_core.BLOCKED, True), (ui_core.OFFLINE, True),
                             (ui_core.CONNECTED, False), (ui_core.ENDED, False)):  # fmt: skip
        face.window.sidebar.select(session)
        button = find(face.window.details, "action-diagnose", QPushButton)
        assert button.isVisible() is offered, session
