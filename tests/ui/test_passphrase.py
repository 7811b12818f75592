"""The dialog for a session of another computer: what is typed reaches the core once, and is hidden meanwhile."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QPushButton

from desktop_app.domain.problems import Remedy, failure
from desktop_app.ui.dialogs.passphrase import PassphraseDialog
from tests.fakes import ui_core


@pytest.fixture
def dialog(qtbot, face) -> PassphraseDialog:
    face.window.show()
    face.remedies.apply(ui_core.READY, Remedy.ENTER_PASSPHRASE)
    return next(d for d in face.window.findChildren(PassphraseDialog) if d.isVisible())


def test_the_passphrase_unlocks_and_attaches(qtbot, core, dialog):
    line = dialog.findChild(QLineEdit)
    attach = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Attach")
    assert line.echoMode() is QLineEdit.EchoMode.Password
    assert not attach.isEnabled()
    qtbot.keyClicks(line, "correct horse battery")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: ("attach", ui_core.READY) in core.calls)
    assert ("keys.unlock", ui_core.READY, "correct horse battery") in core.calls


def test_a_wrong_passphrase_is_told_and_can_be_typed_again(qtbot, face, core, dialog):
    core.failures["keys.unlock"] = failure("ssh.wrong_passphrase")
    line = dialog.findChild(QLineEdit)
    qtbot.keyClicks(line, "wrong horse battery")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: face.commands.failure(ui_core.READY) is not None)
    assert Remedy.ENTER_PASSPHRASE in face.commands.failure(ui_core.READY).remedies
    assert ("attach", ui_core.READY) not in core.calls
