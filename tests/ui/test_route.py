"""The route dialog: from the account's menu, with a password only where one belongs, and errors where they are made."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QPushButton

from desktop_app.domain.problems import Remedy
from desktop_app.domain.sessions.snapshot import SessionId
from tests.ui import stage
from tests.ui.finding import dialog, find


@pytest.fixture
def shown(qtbot, face):
    face.window.sidebar.account_chosen.emit("acme")
    menu = face.window.sidebar._account_menu
    entry = next(action for action in menu.actions() if action.text() == "Route…")
    entry.trigger()
    return dialog("route-dialog")


def type_in(qtbot, shown, identifier: str, text: str) -> None:
    line = find(shown, identifier, QLineEdit)
    line.clear()
    qtbot.keyClicks(line, text)


def save(qtbot, shown) -> None:
    qtbot.mouseClick(find(shown, "route-save", QPushButton), Qt.MouseButton.LeftButton)


def test_a_proxy_with_a_user_asks_for_its_password(qtbot, shown, core, face):
    assert not find(shown, "route-password", QLineEdit).isVisible()
    type_in(qtbot, shown, "route-text", "socks5://me@proxy:1080")
    assert find(shown, "route-password", QLineEdit).isVisible()
    type_in(qtbot, shown, "route-password", "hunter22")
    save(qtbot, shown)
    qtbot.waitUntil(lambda: ("routes.set", "acme", "socks5://me@proxy:1080", 8) in core.calls)
    qtbot.waitUntil(lambda: dialog("route-dialog") is None)
    assert "hunter22" not in repr(core.calls)


def test_what_is_no_route_is_said_below_the_line_and_nothing_is_lost(qtbot, shown, core):
    type_in(qtbot, shown, "route-text", "bastion")
    save(qtbot, shown)
    line = find(shown, "route-text", QLineEdit)
    qtbot.waitUntil(lambda: "ssh://me@bastion:22" in line.accessibleDescription())
    assert line.text() == "bastion"
    assert dialog("route-dialog") is shown


def test_a_problem_on_the_way_leads_to_the_route(face, core):
    face.remedies.apply(SessionId("acme", "a" * 32), Remedy.ROUTE)
    assert dialog("route-dialog") is not None


def test_the_sandbox_offers_no_route(face):
    face.window.sidebar.account_chosen.emit(stage.SANDBOX.id)
    menu = face.window.sidebar._account_menu
    assert "Route…" not in [action.text() for action in menu.actions()]
