"""Start and end of the program around a core."""

import logging
import sys
import threading
import time

import pytest
from PySide6.QtCore import qInstallMessageHandler, qWarning

from desktop_app.ui.controller import Controller
from desktop_app.ui.program.leaving import Leaving
from desktop_app.ui.program.qt_hooks import install_hooks
from desktop_app.ui.state import WindowState
from tests.ui import stage


@pytest.fixture
def controller(qapp, core, theme):
    made = Controller(core, theme, WindowState())
    made.start(hidden=False)
    yield made
    made.close()
    made.window.deleteLater()
    made.deleteLater()


def test_leaving_hides_at_once_and_quits_when_the_core_is_closed(qtbot, controller, core):
    gate = core.gates["close"] = threading.Event()
    quits = []
    leaving = Leaving(core, controller, lambda: quits.append(True))
    began = time.monotonic()
    leaving.begin()
    assert time.monotonic() - began < 2.5, "the GUI thread does not wait for the core"
    assert not controller.window.isVisible()
    qtbot.waitUntil(lambda: ("close", 3.0) in core.calls)
    assert not quits
    gate.set()
    qtbot.waitUntil(lambda: bool(quits))


def test_a_core_that_hangs_does_not_keep_the_program(qtbot, controller, core, expected_log):
    expected_log("did not close in time")
    gate = threading.Event()
    core.close = lambda deadline: gate.wait(20)  # a core that ignores its deadline
    quits = []
    leaving = Leaving(core, controller, lambda: quits.append(True), deadline_s=0.1)
    leaving.begin()
    leaving.begin()
    qtbot.waitUntil(lambda: bool(quits), timeout=3000)
    gate.set()
    leaving.finish()
    assert quits == [True]


def test_a_core_that_fails_to_close_does_not_keep_the_program(qtbot, controller, core, expected_log):
    expected_log("closing the core failed")
    core.failures["close"] = stage.failing("internal")
    quits = []
    Leaving(core, controller, lambda: quits.append(True)).begin()
    qtbot.waitUntil(lambda: bool(quits))


def test_nothing_of_the_store_reaches_a_face_that_left(qtbot, controller, core):
    assert core.listeners
    controller.close()
    assert core.listeners == []


@pytest.fixture
def hooks():
    """Put back what pytest had installed."""
    old = sys.excepthook, threading.excepthook
    install_hooks()
    yield
    sys.excepthook, threading.excepthook = old
    qInstallMessageHandler(None)


def test_uncaught_errors_are_logged_with_their_traceback(qapp, hooks, expected_log):
    expected_log(r"thread doomed\n(.|\n)*ZeroDivisionError")
    expected_log(r"unexpected error\n(.|\n)*LookupError: in a slot")
    thread = threading.Thread(target=lambda: 1 / 0, name="doomed")
    thread.start()
    thread.join(5)
    try:
        raise LookupError("in a slot")
    except LookupError as error:
        sys.excepthook(type(error), error, error.__traceback__)


def test_what_qt_says_is_in_the_log(qapp, hooks, caplog):
    qWarning("a message of Qt")
    assert ("qt", logging.WARNING, "a message of Qt") in caplog.record_tuples
