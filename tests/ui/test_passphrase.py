"""The dialog for a session of another computer: what is typed reaches the core once, and is hidden meanwhile."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QPushButton

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import Remedy, failure
from desktop_app.ui.dialogs.passphrase import PassphraseDialog
from tests.ui import stage


@pytest.fixture
def dialog(qtbot, core, face) -> PassphraseDialog:
    core.keys.set_passphrase(stage.READY, "correct horse battery", Cancel(5))
    face.window.show()
    face.remedies.apply(stage.READY, Remedy.ENTER_PASSPHRASE)
    return next(d for d in face.window.findChildren(PassphraseDialog) if d.isVisible())


def test_the_passphrase_unlocks_and_attaches(qtbot, core, dialog):
    line = dialog.findChild(QLineEdit)
    attach = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Attach")
    assert line.echoMode() is QLineEdit.EchoMode.Password
    assert not attach.isEnabled()
    qtbot.keyClicks(line, "correct horse battery")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: ("attach", stage.READY) in core.calls)
    assert ("keys.unlock", stage.READY, "correct horse battery") in core.calls


def test_a_wrong_passphrase_is_told_and_can_be_typed_again(qtbot, face, core, dialog):
    core.failures["keys.unlock"] = failure("ssh.wrong_passphrase")
    line = dialog.findChild(QLineEdit)
    qtbot.keyClicks(line, "wrong horse battery")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: face.commands.failure(stage.READY) is not None)
    assert Remedy.ENTER_PASSPHRASE in face.commands.failure(stage.READY).remedies
    assert ("attach", stage.READY) not in core.calls
