"""Callbacks of the core on worker threads reach the GUI thread, and nothing after close()."""

import threading

import pytest
import shiboken6
from PySide6.QtCore import QObject, QThread

from desktop_app.domain.sessions.reducer import StopRequested
from desktop_app.services.state.notices import Notice
from desktop_app.ui.bridge import Bridge
from tests.support.waiting import wait_until
from tests.ui import stage


@pytest.fixture
def bridge(qapp, core):
    made = Bridge(core)
    yield made
    made.close()


def in_thread(work):
    thread = threading.Thread(target=work, name="test-writer")
    thread.start()
    thread.join(5)


def test_a_burst_of_changes_reaches_the_views_together(qtbot, core, bridge):
    seen: list[QThread] = []
    bridge.sessions_changed.connect(lambda: seen.append(QThread.currentThread()))

    def burst() -> None:
        for _ in range(100):
            core.apply(stage.READY, StopRequested(), StopRequested(undone=True))

    with qtbot.waitSignal(bridge.sessions_changed):
        in_thread(burst)
    assert 1 <= len(seen) <= 3, "200 changes are not 200 redraws"
    assert seen[0] is QThread.currentThread()


def test_a_change_after_a_burst_is_not_lost(qtbot, core, bridge):
    for undone in (False, True, False):
        with qtbot.waitSignal(bridge.sessions_changed):
            in_thread(lambda undone=undone: core.apply(stage.READY, StopRequested(undone=undone)))


def test_an_outcome_arrives_on_the_gui_thread(qtbot, core, bridge):
    got = []
    owner = QObject()
    bridge.submit("work", lambda _cancel: 42, lambda o: got.append((o.value, QThread.currentThread())), owner)
    qtbot.waitUntil(lambda: bool(got))
    assert got == [(42, QThread.currentThread())]


def test_an_outcome_for_a_deleted_owner_is_dropped(qtbot, core, bridge):
    gate = core.gates["log"] = threading.Event()
    got, other = [], []
    owner = QObject()
    bridge.submit("slow", lambda cancel: core.sessions.log(stage.READY, 0, cancel), got.append, owner)
    wait_until(lambda: core.under_way, "the slow one")
    shiboken6.delete(owner)
    gate.set()
    wait_until(lambda: not core.under_way, "the end of the slow one")
    bridge.submit("next", lambda _cancel: 1, other.append, QObject(bridge))
    qtbot.waitUntil(lambda: bool(other))
    assert got == []


def test_a_dropped_ticket_is_cancelled_and_silent(qtbot, core, bridge):
    core.gates["log"] = threading.Event()
    got, other = [], []
    ticket = bridge.submit("slow", lambda cancel: core.sessions.log(stage.READY, 0, cancel), got.append, bridge)
    wait_until(lambda: core.under_way, "the slow one")
    ticket.drop()
    wait_until(lambda: not core.under_way, "the end of the dropped job: drop() must reach its cancel token")
    bridge.submit("next", lambda _cancel: 1, other.append, bridge)
    qtbot.waitUntil(lambda: bool(other))
    assert got == []


def test_a_notice_of_the_gui_thread_itself_finds_no_lock_held(qtbot, core, bridge):
    bridge.noticed.connect(lambda _notice: bridge.activate())
    with qtbot.waitSignal(bridge.activated):
        core.notify(Notice("Settings damaged", "set aside"))


def test_notices_and_activation_come_from_any_thread(qtbot, core, bridge):
    notice = Notice("Ready", "“x” is ready", stage.READY)
    with qtbot.waitSignal(bridge.noticed) as told:
        in_thread(lambda: core.notify(notice))
    assert told.args == [notice]
    with qtbot.waitSignal(bridge.activated):
        in_thread(bridge.activate)


def test_nothing_is_emitted_after_close(qtbot, core, bridge):
    seen = []
    bridge.sessions_changed.connect(lambda: seen.append("changed"))
    bridge.activated.connect(lambda: seen.append("activated"))
    bridge.noticed.connect(lambda _n: seen.append("noticed"))
    gate = core.gates["log"] = threading.Event()
    bridge.submit("slow", lambda cancel: core.sessions.log(stage.READY, 0, cancel), seen.append, bridge)
    wait_until(lambda: core.under_way, "the slow one")
    bridge.close()
    seen.clear()
    gate.set()
    core.apply(stage.READY, StopRequested())
    in_thread(bridge.activate)
    core.notify(Notice("a", "b"))
    wait_until(lambda: not core.under_way, "the end of the slow one")
    assert core.listeners == []
    qtbot.wait(80)  # longer than the coalescing interval: whatever was queued has come by now
    assert seen == []
