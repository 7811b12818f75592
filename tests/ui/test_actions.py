"""Buttons, context menu and tray follow domain.allowed_actions, and a click reaches the core."""

import threading
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QMenu, QPushButton

from desktop_app.domain.problems import Remedy, problem
from desktop_app.domain.sessions.reducer import LinkBlocked
from desktop_app.domain.sessions.snapshot import Action, Link, Remote, allowed_actions, openable
from desktop_app.ui.commands.actions import ALL_KEYS, BROWSER_APPS, Key, SessionActions
from desktop_app.ui.commands.clipboard import HINT
from desktop_app.ui.widgets.banner import ProblemBanner
from tests.ui import stage
from tests.ui.finding import dialog, find

OPEN = [Key(Action.OPEN, spec.key) for spec in BROWSER_APPS]


def failure_banner(face):
    return find(face.window, "failure-banner", ProblemBanner)


@pytest.mark.parametrize("session", stage.EVERY_STATE)
def test_enabled_actions_are_the_allowed_ones(qtbot, face, core, session):
    qtbot.waitUntil(lambda: not face.open_in.busy)
    snapshot = core.store.get(session)
    allowed = allowed_actions(snapshot)
    actions = face.book.of(session)
    for key in ALL_KEYS:
        there = openable(snapshot, key.app) if key.action is Action.OPEN else key.app in ("", *stage.INSTALLED)
        expected = key.action in allowed and there
        assert actions.get(key).isEnabled() is expected, key
        assert actions.get(key).isVisible() or not expected, key


def test_menu_holds_every_action_once(face):
    menu = QMenu()
    face.book.of(stage.CONNECTED).fill(menu)
    submenus = [action.menu() for action in menu.actions() if action.menu()]
    assert [submenu.title() for submenu in submenus] == ["Open in"]
    inside = [action.objectName() for action in submenus[0].actions() if action.objectName()]
    names = [action.objectName() for action in menu.actions() if action.objectName()]
    assert sorted({*names, *inside}) == sorted(key.identifier for key in ALL_KEYS)
    assert len(names) == len(set(names)) and len(inside) == len(set(inside))


@pytest.mark.parametrize(("key", "call"), [
    *((key, ("open_app", stage.CONNECTED, key.app)) for key in OPEN),
    (Key(Action.TERMINAL), ("open_terminal", stage.CONNECTED)),
    (Key(Action.COPY_SSH), ("ssh_command", stage.CONNECTED)),
    (Key(Action.DETACH), ("detach", stage.CONNECTED)),
    (Key(Action.OPEN_IN, "zed"), ("open_in.open", stage.CONNECTED, "zed")),
])  # fmt: skip
def test_a_click_reaches_the_core(qtbot, face, core, key, call):
    qtbot.waitUntil(face.book.of(stage.CONNECTED).get(key).isEnabled)
    face.book.of(stage.CONNECTED).get(key).trigger()
    qtbot.waitUntil(lambda: call in core.calls)


def test_copy_ssh_fills_the_clipboard(qtbot, face):
    QGuiApplication.clipboard().clear()
    face.book.of(stage.CONNECTED).get(Key(Action.COPY_SSH)).trigger()
    qtbot.waitUntil(lambda: QGuiApplication.clipboard().text().startswith("ssh "))


def test_a_password_goes_to_the_clipboard_as_a_secret(qtbot, face, core):
    QGuiApplication.clipboard().clear()
    face.book.of(stage.CONNECTED).get(Key(Action.COPY_PASSWORD)).trigger()
    qtbot.waitUntil(lambda: QGuiApplication.clipboard().text() == "correct horse")
    assert QGuiApplication.clipboard().mimeData().data(HINT).data() == b"secret"


def test_without_a_password_none_is_offered(face, core):
    snapshot = core.store.get(stage.CONNECTED)
    assert Action.COPY_PASSWORD in allowed_actions(snapshot)
    assert Action.COPY_PASSWORD not in allowed_actions(
        replace(snapshot, facts=replace(snapshot.facts, has_password=False))
    )


def test_attach_is_offered_again_as_detach(qtbot, face, core):
    actions = face.book.of(stage.READY)
    assert actions.get(Key(Action.ATTACH)).isEnabled()
    actions.get(Key(Action.ATTACH)).trigger()
    qtbot.waitUntil(lambda: core.store.get(stage.READY).link is Link.CONNECTING)
    qtbot.waitUntil(lambda: actions.get(Key(Action.DETACH)).isEnabled())
    assert not actions.get(Key(Action.ATTACH)).isVisible()


def test_a_second_click_does_nothing_while_the_first_is_under_way(qtbot, face, core):
    gate = core.gates["open_terminal"] = threading.Event()
    action = face.book.of(stage.CONNECTED).get(Key(Action.TERMINAL))
    action.trigger()
    assert not action.isEnabled()
    face.commands.run(stage.CONNECTED, Action.TERMINAL)
    gate.set()
    qtbot.waitUntil(action.isEnabled)
    assert core.calls.count(("open_terminal", stage.CONNECTED)) == 1


def test_shut_down_asks_once_and_does_not_block(qtbot, face, core):
    face.book.of(stage.CONNECTED).get(Key(Action.SHUT_DOWN)).trigger()
    box = dialog("confirm-shut-down")
    assert box is not None and "vision-experiments" in box.title
    assert ("stop", stage.CONNECTED) not in core.calls
    assert box.no.isDefault(), "Return must not shut down"
    box.no.click()
    qtbot.waitUntil(lambda: dialog("confirm-shut-down") is None)
    assert ("stop", stage.CONNECTED) not in core.calls
    face.book.of(stage.CONNECTED).get(Key(Action.SHUT_DOWN)).trigger()
    yes = find(dialog("confirm-shut-down"), "confirm-shut-down-yes", QPushButton)
    yes.click()
    qtbot.waitUntil(lambda: ("stop", stage.CONNECTED) in core.calls)


def test_cancel_of_a_waiting_session_needs_no_question(qtbot, face, core):
    face.book.of(stage.QUEUED).get(Key(Action.CANCEL)).trigger()
    qtbot.waitUntil(lambda: ("stop", stage.QUEUED) in core.calls)
    assert dialog("confirm-shut-down") is None


def test_forget_takes_the_session_off_the_list(qtbot, face, core):
    face.book.of(stage.ENDED).get(Key(Action.FORGET)).trigger()
    qtbot.waitUntil(lambda: face.window.model.row_of(stage.ENDED) < 0)
    assert not face.book.knows(stage.ENDED)


def test_a_failed_command_shows_its_problem_and_try_again_repeats_it(qtbot, face, core):
    face.window.sidebar.select(stage.CONNECTED)
    core.failures["open_terminal"] = stage.failing("keyring.locked")
    face.book.of(stage.CONNECTED).get(Key(Action.TERMINAL)).trigger()
    banner = failure_banner(face)
    qtbot.waitUntil(banner.isVisible)
    assert banner.problem.code == "keyring.locked"
    del core.failures["open_terminal"]
    face.remedies.apply(stage.CONNECTED, Remedy.UNLOCK_KEYRING)
    qtbot.waitUntil(lambda: not banner.isVisible())
    qtbot.waitUntil(lambda: core.calls.count(("open_terminal", stage.CONNECTED)) == 2)


def test_a_failure_belongs_to_its_session(qtbot, face, core):
    core.failures["attach"] = stage.failing("ssh.no_key")
    face.window.sidebar.select(stage.READY)
    face.book.of(stage.READY).get(Key(Action.ATTACH)).trigger()
    banner = failure_banner(face)
    qtbot.waitUntil(banner.isVisible)
    face.window.sidebar.select(stage.CONNECTED)
    assert not banner.isVisible()
    face.window.sidebar.select(stage.READY)
    assert banner.isVisible()
    face.commands.dismiss(stage.READY)
    assert not banner.isVisible()


@pytest.mark.parametrize(("remedy", "session", "call"), [
    (Remedy.RETRY, stage.BLOCKED, ("reconnect", stage.BLOCKED)),
    (Remedy.RETRY, stage.READY, ("attach", stage.READY)),
    (Remedy.ATTACH, stage.READY, ("attach", stage.READY)),
    (Remedy.CANCEL_LAUNCH, stage.NO_AGENT, ("stop", stage.NO_AGENT)),
    (Remedy.REMOVE, stage.NO_AGENT, ("stop", stage.NO_AGENT)),
])  # fmt: skip
def test_remedies_reach_the_core(qtbot, face, core, remedy, session, call):
    face.remedies.apply(session, remedy)
    qtbot.waitUntil(lambda: call in core.calls)


def test_a_host_key_that_cannot_be_kept_is_told_and_not_dialled(qtbot, face, core):
    core.failures["keys.trust_host"] = stage.failing("file.unwritable", path="state.json", why="disk full")
    face.window.sidebar.select(stage.BLOCKED)
    face.remedies.apply(stage.BLOCKED, Remedy.TRUST_HOST)
    banner = failure_banner(face)
    qtbot.waitUntil(banner.isVisible)
    assert banner.problem.code == "file.unwritable"
    assert ("reconnect", stage.BLOCKED) not in core.calls


def test_a_new_run_is_accepted_in_the_banner_and_dialled(qtbot, face, core):
    keys = {"known": "SHA256:old", "found": "SHA256:new", "cause": "SHA256:new"}
    why = problem("ssh.new_run", how="It was reset.", task="1234", **keys)
    core.apply(stage.BLOCKED, LinkBlocked(why))
    face.window.sidebar.select(stage.BLOCKED)
    banner = find(face.window, "problem-banner", ProblemBanner)
    qtbot.waitUntil(lambda: banner.problem == why)
    find(banner, "remedy-accept_run", QPushButton).click()
    qtbot.waitUntil(lambda: ("reconnect", stage.BLOCKED) in core.calls)
    assert ("keys.trust_host", stage.BLOCKED, "SHA256:new") in core.calls


@pytest.mark.parametrize("remedy", Remedy)
def test_no_remedy_is_without_an_answer(qtbot, face, core, remedy):
    """Every label that a banner can show does something."""
    asked = []
    for signal in (face.commands.ask_shut_down, face.commands.ask_queue, face.commands.ask_log, face.commands.ask_route,
                   face.commands.ask_sign_in, face.commands.ask_passphrase):  # fmt: skip
        signal.connect(asked.append)
    before = len(core.calls)
    face.remedies.apply(stage.READY, remedy)
    qtbot.waitUntil(lambda: bool(asked) or len(core.calls) > before)


def test_reconnect_all_redials_what_is_broken_and_has_the_others_prove_themselves(face, core):
    face.commands.reconnect_all()
    redialled = {call[1] for call in core.calls if call[0] == "reconnect"}
    assert redialled == {stage.RETRYING, stage.BLOCKED, stage.CONNECTED}


def test_moving_to_another_queue(qtbot, face, core):
    face.book.of(stage.NO_AGENT).get(Key(Action.OTHER_QUEUE)).trigger()
    move = dialog("queue-dialog")
    combo = find(move, "option-queue", QComboBox)
    qtbot.waitUntil(combo.isEnabled)
    assert combo.currentText().startswith("default"), "queues with a free agent come first"
    combo.setCurrentIndex(combo.findData("a100"))
    find(move, "queue-dialog-move", QPushButton).click()
    qtbot.waitUntil(lambda: ("move_to_queue", stage.NO_AGENT, "a100") in core.calls)


LOOKS = ("log", "ports.look", "queues")  # what a view asks for by itself


@pytest.mark.parametrize(("session", "call"), [
    (stage.READY, ("attach", stage.READY)),
    (stage.BLOCKED, ("reconnect", stage.BLOCKED)),
    (stage.CONNECTED, ("open_app", stage.CONNECTED, BROWSER_APPS[0].key)),
    (stage.ENDED, ("history.again", stage.ENDED)),
    (stage.STOPPING, None),
])  # fmt: skip
def test_return_does_the_next_thing(qtbot, face, core, session, call):
    face.window.sidebar.select(session)
    before = [c for c in core.calls if c[0] not in LOOKS]
    qtbot.keyClick(face.window.sidebar.view, Qt.Key.Key_Return)
    if call is not None:
        qtbot.waitUntil(lambda: call in core.calls)
    after = [c for c in core.calls if c[0] not in LOOKS]
    assert len(after) - len(before) == (call is not None), "nothing is shut down or removed by Return"


def test_thousands_of_sessions_make_no_thousands_of_actions(qtbot, face, core):
    """A hostile workspace can list any number; the window stood still for a minute."""
    many = [(stage.session_id(1000 + n), stage.facts(Remote.QUEUED, f"s{n}")) for n in range(500)]
    before = len(face.book.findChildren(SessionActions))
    for session, facts in many:
        core.store.see(session, facts)
    qtbot.waitUntil(lambda: face.book.knows(many[-1][0]), timeout=20_000)
    assert len(face.book.findChildren(SessionActions)) <= before + 60, "those of the tray's menu"
    first = many[0][0]
    assert face.book.of(first).session == first, "made when it is asked for"
