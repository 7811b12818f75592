"""The live task log: complete, bounded, following its end, and quiet while nobody looks."""

import threading

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractSlider, QCheckBox, QLineEdit, QPlainTextEdit, QPushButton

from desktop_app.domain.accounts.account import LogLine
from desktop_app.ui.windows.cards import log_panel
from tests.ui import stage
from tests.ui.finding import find


@pytest.fixture
def panel(face):
    face.window.sidebar.select(stage.CONNECTED)
    return face.window.details.log


def shown(panel) -> QPlainTextEdit:
    return find(panel, "task-log", QPlainTextEdit)


def lines(first: int, count: int) -> list[LogLine]:
    return [LogLine(10**13 + number, f"line {number}\n") for number in range(first, first + count)]


def test_the_whole_log_is_there_once_and_clean(qtbot, panel):
    qtbot.waitUntil(lambda: "Session is ready" in panel.text)
    assert panel.text.count("Collecting clearml") == 1
    assert "\x1b" not in panel.text and "Environment setup completed" in panel.text


def test_new_lines_arrive_and_the_end_stays_in_view(qtbot, panel, core):
    qtbot.waitUntil(lambda: "Session is ready" in panel.text)
    core.log_of(stage.CONNECTED).extend(lines(0, 300))
    qtbot.waitUntil(lambda: "line 299" in panel.text)
    bar = shown(panel).verticalScrollBar()
    assert bar.maximum() > 0 and bar.value() == bar.maximum()


def test_reading_back_is_not_disturbed_by_new_lines(qtbot, panel, core):
    core.log_of(stage.CONNECTED).extend(lines(0, 300))
    qtbot.waitUntil(lambda: "line 299" in panel.text)
    find(panel, "log-follow", QCheckBox).setChecked(False)
    bar = shown(panel).verticalScrollBar()
    bar.setValue(5)
    core.log_of(stage.CONNECTED).extend(lines(300, 20))
    qtbot.waitUntil(lambda: "line 319" in panel.text)
    assert bar.value() == 5


def test_scrolling_up_stops_following_and_scrolling_down_starts_it(qtbot, panel, core):
    core.log_of(stage.CONNECTED).extend(lines(0, 300))
    qtbot.waitUntil(lambda: "line 299" in panel.text)
    follow, bar = find(panel, "log-follow", QCheckBox), shown(panel).verticalScrollBar()
    bar.triggerAction(QAbstractSlider.SliderAction.SliderPageStepSub)
    qtbot.waitUntil(lambda: not follow.isChecked())
    bar.triggerAction(QAbstractSlider.SliderAction.SliderToMaximum)
    qtbot.waitUntil(follow.isChecked)


def test_the_log_is_bounded(qtbot, panel, core):
    core.log_of(stage.CONNECTED).extend(lines(0, log_panel.MAX_LINES + 500))
    qtbot.waitUntil(lambda: f"line {log_panel.MAX_LINES + 499}" in panel.text)
    assert shown(panel).blockCount() <= log_panel.MAX_LINES
    assert "line 100\n" not in panel.text


def test_another_session_s_late_lines_do_not_mix_in(qtbot, face, core, panel):
    gate = core.gates["log"] = threading.Event()
    core.log_of(stage.STARTING)[:] = [LogLine(1, "only mine\n")]
    panel.follow(core.store.get(stage.READY))
    qtbot.waitUntil(lambda: ("log", stage.READY, 0) in core.calls)
    face.window.sidebar.select(stage.STARTING)
    gate.set()
    qtbot.waitUntil(lambda: "only mine" in panel.text)
    assert panel.text.strip() == "only mine"


def test_nobody_asks_while_the_window_is_hidden(qtbot, face, core, panel):
    qtbot.waitUntil(lambda: "Session is ready" in panel.text)
    face.window.hide()
    qtbot.waitUntil(lambda: not core.under_way)
    before = len(core.calls)
    qtbot.wait(log_panel.POLL_MS + 300)  # one interval and a bit: the point is that nothing happens in it
    assert len(core.calls) == before
    face.window.show()
    qtbot.waitUntil(lambda: len(core.calls) > before)


def test_a_server_that_is_down_is_said_in_place(qtbot, core, face):
    core.failures["log"] = stage.failing("server.unreachable", server="https://api.x")
    face.window.sidebar.select(stage.READY)
    text = shown(face.window.details.log)
    qtbot.waitUntil(lambda: "can't be read right now" in text.placeholderText())


def test_find_and_copy(qtbot, panel):
    qtbot.waitUntil(lambda: "Session is ready" in panel.text)
    field = find(panel, "log-find", QLineEdit)
    field.setText("JUPYTERLAB")
    panel.find_next()
    first = shown(panel).textCursor().position()
    assert shown(panel).textCursor().selectedText() == "JupyterLab"
    panel.find_next()
    assert shown(panel).textCursor().position() > first
    panel.find_next()
    assert shown(panel).textCursor().position() == first, "after the last hit comes the first"
    find(panel, "log-copy", QPushButton).click()
    assert QGuiApplication.clipboard().text() == "JupyterLab"
    shown(panel).moveCursor(shown(panel).textCursor().MoveOperation.Start)
    find(panel, "log-copy", QPushButton).click()
    assert QGuiApplication.clipboard().text() == panel.text
