"""The tray without a desktop: its menu as a model, its words, and when the icon is made."""

import itertools

import pytest
from PySide6.QtGui import QIcon, QImage

from desktop_app.domain.sessions.snapshot import SEVERITY, Action, Status, status_of
from desktop_app.ui.look import icons
from desktop_app.ui.look.status import TrayState, tray_state, worst
from desktop_app.ui.tray import MOST_SESSIONS, Tray, in_menu, summary
from tests.ui import stage


def texts(menu):
    return [action.text() for action in menu.actions() if action.isVisible() and not action.isSeparator()]


def submenu(face, session):
    snapshot_row = [s.id for s in face._core.store.all()].index(session)
    return [action.menu() for action in face.menu.actions() if action.menu()][snapshot_row]


def test_the_menu_has_a_submenu_per_session_and_the_rest_below(face, core):
    entries = texts(face.menu)
    assert entries[-4:] == ["New session…", "Show window", "Reconnect all", "Quit"]
    assert len(entries) == len(core.store.all()) + 4
    assert entries[0] == "vision-experiments — Connected"
    long_name = next(text for text in entries if "Größe" in text)
    assert len(long_name) < 70 and "&&" in long_name, "no mnemonic out of a server's name, and it stays narrow"


@pytest.mark.parametrize("session", stage.EVERY_STATE)
def test_a_submenu_carries_the_window_s_own_actions(face, session):
    entries = submenu(face, session).actions()
    (open_in,) = [action.menu() for action in entries if action.menu()]
    shown = {action for action in (*entries, *open_in.actions()) if action.objectName()}
    assert shown == set(face.book.of(session).all())


def test_a_click_in_the_tray_reaches_the_core(qtbot, face, core):
    entry = next(action for action in submenu(face, stage.READY).actions() if action.text() == Action.ATTACH.value)
    entry.trigger()
    qtbot.waitUntil(lambda: ("attach", stage.READY) in core.calls)


def test_the_menu_follows_the_store(qtbot, face, core):
    kept = submenu(face, stage.READY)
    core.store.remove(stage.CONNECTED)
    qtbot.waitUntil(lambda: texts(face.menu)[0] == "llm-finetune — Starting")
    assert submenu(face, stage.READY) is kept, "an open menu must not be rebuilt under the pointer"
    for snapshot in core.store.all():
        core.store.remove(snapshot.id)
    qtbot.waitUntil(lambda: texts(face.menu)[0] == "No sessions")


def test_many_sessions_leave_the_menu_on_the_screen(qtbot, face, core):
    for number in range(200, 240):
        ended = stage.Remote.ENDED if number % 2 else stage.Remote.QUEUED
        core.store.see(stage.session_id(number), stage.facts(ended, f"s{number}"))
    qtbot.waitUntil(lambda: "37 more sessions in the window…" in texts(face.menu))
    entries = texts(face.menu)
    assert len(entries) == MOST_SESSIONS + 1 + 4
    assert not any("Ended" in text or "Failed" in text for text in entries), "living ones first"
    face.window.hide()
    next(one for one in face.menu.actions() if "more sessions" in one.text()).trigger()
    assert face.window.isVisible()
    assert [one.id for one in in_menu(core.store.all())] == list(face.menu._submenus)


def test_the_icon_speaks_of_the_worst_session():
    every = stage.snapshots()
    assert status_of(worst(every)) is SEVERITY[-1] is Status.NEEDS_YOU
    assert tray_state(every) is TrayState.PROBLEM
    assert tray_state(()) is TrayState.IDLE


@pytest.mark.parametrize(("session", "state"), [
    (stage.CONNECTED, TrayState.UP), (stage.STARTING, TrayState.BUSY), (stage.QUEUED, TrayState.BUSY),
    (stage.RETRYING, TrayState.RETRYING), (stage.OFFLINE, TrayState.RETRYING), (stage.BLOCKED, TrayState.PROBLEM),
    (stage.FAILED, TrayState.PROBLEM), (stage.ENDED, TrayState.IDLE), (stage.READY, TrayState.IDLE),
])  # fmt: skip
def test_each_state_has_its_picture(session, state):
    assert tray_state(stage.snapshots(session)) is state


def test_the_tooltip_says_it_in_words():
    assert summary(()) == "SessionDock: no sessions"
    assert summary(stage.snapshots(stage.CONNECTED)) == "SessionDock: 1 session, 1 connected"
    text = summary(stage.snapshots())
    assert text.startswith("SessionDock: 12 sessions — Größe") and text.endswith(": Needs you")
    assert len(text) <= 127


def test_the_icon_is_made_when_a_host_appears(qapp, face):
    host = []
    tray = Tray(face.menu, available=lambda: bool(host))
    tray.look_for_host()
    assert tray._icon is None and not tray.usable
    host.append("panel")
    tray.look_for_host()
    assert tray._icon is not None and tray._icon.contextMenu() is face.menu
    made = tray._icon
    tray.look_for_host()
    assert tray._icon is made, "one icon, not one per look"
    host.clear()
    assert not tray.usable, "the window must not hide into a tray that went away"
    tray.close()


def test_every_icon_file_is_there():
    for stem in (icons.APP_ICON, *(state.value for state in TrayState), *icons.app_stems()):
        assert icons.files(stem), f"assets/icons has no {stem}"
        sizes = {size.width() for size in icons.icon(stem).availableSizes()}
        assert {16, 24, 32, 48} <= sizes, (stem, sizes)


def test_without_files_the_tray_still_has_a_picture():
    for state in TrayState:
        drawn = icons.drawn_tray_icon(state)
        assert isinstance(drawn, QIcon) and not drawn.isNull() and not drawn.pixmap(22, 22).toImage().allGray()


def test_the_tray_s_states_can_be_told_apart_without_colour():
    """What is left of each icon in grey differs from every other one in more than a few pixels."""

    def grey(state: TrayState) -> bytes:
        image = icons.tray_icon(state).pixmap(22, 22).toImage().convertToFormat(QImage.Format.Format_ARGB32)
        dots = (image.pixelColor(x, y) for y in range(image.height()) for x in range(image.width()))
        return bytes(round(dot.lightness() * dot.alphaF() + 128 * (1 - dot.alphaF())) for dot in dots)

    pictures = {state: grey(state) for state in TrayState}
    for one, other in itertools.combinations(TrayState, 2):
        differing = sum(abs(a - b) > 40 for a, b in zip(pictures[one], pictures[other], strict=True))
        assert differing > 12, (one, other, differing)
