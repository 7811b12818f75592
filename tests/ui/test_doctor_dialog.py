"""“Find out what's wrong”, over a staged core: the stages, the conclusion, and the report that is shown first."""

import threading

import pytest
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton

from desktop_app.demo.examined import FakeMachineToExamine
from desktop_app.domain.diagnosis import Stage
from desktop_app.domain.problems import AppError, problem
from desktop_app.domain.sessions.snapshot import Action
from desktop_app.ui.dialogs.doctor import LOOKING
from tests.ui import stage
from tests.ui.finding import dialog, find

UNREACHABLE = problem("ssh.unreachable", address="10.0.4.17", port=10022, cause="TimeoutError: timed out")


@pytest.fixture(autouse=True)
def machine(core) -> FakeMachineToExamine:
    """The session's machine, which can't be reached."""
    core.world.patient.breaks, core.world.patient.error = Stage.REACH, AppError(UNREACHABLE)
    return core.world.patient


@pytest.fixture
def opened(qtbot, face):
    face.window.sidebar.select(stage.RETRYING)
    face.commands.run(stage.RETRYING, Action.DIAGNOSE)
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


def test_findings_appear_while_it_still_looks(qtbot, machine, face) -> None:
    machine.gate = threading.Event()
    face.commands.run(stage.RETRYING, Action.DIAGNOSE)
    qtbot.waitUntil(lambda: dialog("doctor") is not None)
    opened = dialog("doctor")
    qtbot.waitUntil(lambda: len(names(opened)) == list(Stage).index(Stage.REACH))
    assert text(opened, "doctor-headline") == LOOKING
    machine.gate.set()
    qtbot.waitUntil(lambda: len(names(opened)) == len(Stage))


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


def test_closing_ends_the_examination(qtbot, core, machine, face) -> None:
    machine.gate = threading.Event()
    face.commands.run(stage.RETRYING, Action.DIAGNOSE)
    qtbot.waitUntil(lambda: dialog("doctor") is not None)
    find(dialog("doctor"), "doctor-close", QPushButton).click()
    qtbot.waitUntil(lambda: dialog("doctor") is None)
    qtbot.waitUntil(lambda: "doctor.examine" not in core.under_way)


def test_it_is_offered_where_something_is_wrong(qtbot, face) -> None:
    for session, offered in ((stage.RETRYING, True), (stage.BLOCKED, True), (stage.OFFLINE, True),
                             (stage.CONNECTED, False), (stage.ENDED, False)):  # fmt: skip
        face.window.sidebar.select(session)
        button = find(face.window.details, "action-diagnose", QPushButton)
        assert button.isVisible() is offered, session
