"""The API keys of an account, from its menu: which is in use, removing one, and the way to another one."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton

from desktop_app.domain.accounts.account import ApiKey
from desktop_app.domain.accounts.secrets import API_SECRET
from desktop_app.domain.problems import failure
from tests.ui import stage
from tests.ui.finding import dialog, find

KEYS = (ApiKey("SECONDKEY", "o2"), ApiKey("FIRSTKEY", "o1", "2026-11-29T12:03:04+00:00"))


@pytest.fixture
def shown(core, face):
    core.world.memory.accounts.save(replace(stage.TEAM, access_key="SECONDKEY", keys=KEYS))
    for key in KEYS:
        core.world.secrets.set(API_SECRET, key.owner, f"secret of {key.access_key}")
    core.accounts.reload()
    face.accounts.refresh()
    face.window.sidebar.account_chosen.emit("acme")
    menu = face.window.sidebar._account_menu
    next(action for action in menu.actions() if action.text() == "API keys…").trigger()
    return dialog("api-keys-dialog")


def press(qtbot, where, identifier: str) -> None:
    qtbot.mouseClick(find(where, identifier, QPushButton), Qt.MouseButton.LeftButton)


def texts(shown) -> str:
    return "\n".join(one.text() for one in shown.findChildren(QLabel))


def test_which_key_is_in_use_and_which_is_refused(shown):
    assert "SECONDKEY · in use" in texts(shown)
    assert "FIRSTKEY · refused by the server since 2026-11-29 12:03 UTC" in texts(shown)


def test_removing_one_keeps_the_account(qtbot, shown, core):
    press(qtbot, shown, "api-keys-remove-1")
    press(qtbot, dialog("confirm-remove-key"), "confirm-remove-key-yes")
    qtbot.waitUntil(lambda: ("remove_key", "acme", "FIRSTKEY") in core.calls)
    qtbot.waitUntil(lambda: "FIRSTKEY" not in texts(shown))
    assert dialog("api-keys-dialog") is shown
    press(qtbot, shown, "api-keys-remove-0")
    press(qtbot, dialog("confirm-remove-key"), "confirm-remove-key-yes")
    qtbot.waitUntil(lambda: dialog("api-keys-dialog") is None)
    assert "acme" not in [one.id for one in core.accounts.all()]


def test_what_goes_wrong_is_said_where_it_was_asked_for(qtbot, shown, core):
    core.failures["remove_key"] = failure("keyring.locked")
    press(qtbot, shown, "api-keys-remove-1")
    press(qtbot, dialog("confirm-remove-key"), "confirm-remove-key-yes")
    line = find(shown, "api-keys-problem", QLabel)
    qtbot.waitUntil(lambda: "keyring" in line.text().lower() and line.isVisible())
    assert "FIRSTKEY" in texts(shown)


def test_another_key_is_asked_for_on_the_account_page(qtbot, shown, face):
    press(qtbot, shown, "api-keys-add")
    wizard = face.accounts.wizard
    assert find(wizard, "account-access-key", QLineEdit).text() == ""
    assert find(wizard, "account-api-url", QLineEdit).text() == stage.TEAM.api_url


def test_the_sandbox_has_none_to_show(face):
    face.window.sidebar.account_chosen.emit(stage.SANDBOX.id)
    assert "API keys…" not in [action.text() for action in face.window.sidebar._account_menu.actions()]
