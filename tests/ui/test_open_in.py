"""“Open in” in the window: what is offered, the question about ssh that is asked once, and the settings in the menu."""

import pytest
from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QPushButton

from desktop_app.domain.access.ssh_config_text import Place
from desktop_app.domain.sessions.reducer import Detached, ReportArrived
from desktop_app.ui.widgets.banner import ProblemBanner
from tests.ui import stage
from tests.ui.finding import dialog, find


@pytest.fixture(autouse=True)
def looked(qtbot, face):
    """Programs have been looked for."""
    qtbot.waitUntil(lambda: not face.open_in.busy)


def offered(menu: QObject) -> list[str]:
    return [action.text() for action in menu.actions() if action.isVisible() and not action.isSeparator()]


ALL = [
    "JupyterLab in the browser",
    "VS Code in the browser",
    "Terminal",
    "VS Code on this computer",
    "Cursor",
    "Zed",
    "PyCharm (JetBrains Toolbox)",
    "File manager",
]


def test_the_button_lists_what_is_installed_while_connected(qtbot, face, core):
    face.window.sidebar.select(stage.CONNECTED)
    button = face.window.details.open_in
    assert button.isVisible() and button.accessibleIdentifier() == "open-in"
    assert offered(button.menu()) == ALL
    core.world.programs.installed.pop("zed")
    face.open_in.look()
    qtbot.waitUntil(lambda: "Zed" not in offered(button.menu()))
    face.window.sidebar.select(stage.READY)
    assert not button.isVisible()


def test_the_tray_has_it_as_a_submenu_while_connected(face):
    menu = QMenu()
    face.book.of(stage.CONNECTED).fill(menu)
    (entry,) = [action for action in menu.actions() if action.menu()]
    assert entry.isVisible() and offered(entry.menu()) == ALL
    other = QMenu()
    face.book.of(stage.READY).fill(other)
    assert not [action for action in other.actions() if action.menu() and action.isVisible()]


def test_entries_of_the_browser_and_the_terminal_do_what_their_buttons_do(qtbot, face, core):
    face.window.sidebar.select(stage.CONNECTED)
    menu = face.window.details.open_in.menu()
    for text, call in (
        (ALL[0], ("open_app", stage.CONNECTED, "jupyterlab")),
        ("Terminal", ("open_terminal", stage.CONNECTED)),
    ):
        next(action for action in menu.actions() if action.text() == text).trigger()
        qtbot.waitUntil(lambda call=call: call in core.calls)


def test_what_is_not_ready_can_not_be_opened(face, core):
    """An application that failed is no entry that works; one that comes up later is."""
    menu = QMenu()
    face.book.of(stage.CONNECTED).fill_open_in(menu)
    entry = menu.actions()[0]
    assert entry.isEnabled()
    broken = stage.report("ready", "failed", "ready", "ready", sequence=9)
    core.apply(stage.CONNECTED, ReportArrived(broken))
    face.refresh()
    assert not entry.isEnabled()


def test_a_menu_that_is_gone_is_no_trouble_when_actions_change(qtbot, face, core):
    menu = QMenu()
    face.book.of(stage.CONNECTED).fill(menu)
    with qtbot.waitSignal(menu.destroyed):
        menu.deleteLater()
    core.apply(stage.CONNECTED, Detached())
    face.refresh()
    assert not face.book.of(stage.CONNECTED).opens_in


def _open_zed(face) -> None:
    menu = face.window.details.open_in.menu()
    next(action for action in menu.actions() if action.text() == "Zed").trigger()


def test_ssh_is_asked_about_once_and_the_answer_opens_the_program(qtbot, face, core):
    core.world.ssh_config.included = Place.ABSENT
    face.window.sidebar.select(stage.CONNECTED)
    _open_zed(face)
    qtbot.waitUntil(lambda: dialog("confirm-ssh-config") is not None)
    box = dialog("confirm-ssh-config")
    assert "/home/ada/.ssh/config" in box.text and box.no.isDefault()
    assert ("aliases.install",) not in core.calls
    find(box, "confirm-ssh-config-yes", QPushButton).click()
    qtbot.waitUntil(lambda: core.calls.count(("open_in.open", stage.CONNECTED, "zed")) == 2)
    assert core.calls.count(("aliases.install",)) == 1
    banner = find(face.window, "failure-banner", ProblemBanner)
    qtbot.waitUntil(lambda: not banner.isVisible())


def test_after_a_no_only_the_banner_offers_it(qtbot, face, core):
    core.world.ssh_config.included = Place.ABSENT
    face.window.sidebar.select(stage.CONNECTED)
    _open_zed(face)
    qtbot.waitUntil(lambda: dialog("confirm-ssh-config") is not None)
    dialog("confirm-ssh-config").no.click()
    banner = find(face.window, "failure-banner", ProblemBanner)
    qtbot.waitUntil(banner.isVisible)
    qtbot.waitUntil(lambda: dialog("confirm-ssh-config") is None)
    _open_zed(face)
    qtbot.waitUntil(lambda: core.calls.count(("open_in.open", stage.CONNECTED, "zed")) == 2)
    qtbot.waitUntil(banner.isVisible)
    assert dialog("confirm-ssh-config") is None and ("aliases.install",) not in core.calls


def _switch(face) -> QAction:
    return next(action for action in face.window.menu.actions() if action.objectName() == "ssh-switch")


def test_the_menu_has_a_switch_for_ssh(qtbot, face, core):
    switch = _switch(face)
    assert switch.isChecked()
    switch.trigger()
    qtbot.waitUntil(lambda: ("aliases.remove",) in core.calls)
    qtbot.waitUntil(lambda: not face.open_in.busy and not switch.isChecked())
    switch.trigger()
    qtbot.waitUntil(lambda: ("aliases.install",) in core.calls)


def test_a_switch_that_cannot_be_made_goes_back(qtbot, face, core):
    core.failures["aliases.remove"] = stage.failing(
        "ssh.config_unwritable", path="x", why="it is read-only", by_hand="Remove this line", line="Include y"
    )
    switch = _switch(face)
    switch.trigger()
    qtbot.waitUntil(lambda: ("aliases.remove",) in core.calls)
    qtbot.waitUntil(lambda: not face.open_in.busy and switch.isChecked())


def test_the_menu_lets_choose_the_terminal(qtbot, face, core):
    (menu,) = [action.menu() for action in face.window.menu.actions() if action.text() == "Terminal program"]
    assert [entry.text() for entry in menu.actions()] == ["The desktop's own", "kgx", "kitty", "xterm"]
    assert menu.actions()[0].isChecked()
    menu.actions()[2].trigger()
    qtbot.waitUntil(lambda: ("open_in.choose_terminal", "kitty") in core.calls)
    qtbot.waitUntil(lambda: not face.open_in.busy and menu.actions()[2].isChecked())
