"""A launch whose options hold what looks like a secret: the wizard asks before it makes a task that everybody reads."""

from PySide6.QtWidgets import QLineEdit

from tests.ui.finding import dialog
from tests.ui.test_wizard import button, launched_in, line, ready


def test_secrets_in_docker_s_arguments_are_asked_about_first(qtbot, core, open_wizard):
    wizard = ready(qtbot, open_wizard(core, "sandbox"))
    field = line(wizard, "option-docker_args")
    assert isinstance(field, QLineEdit)
    line(wizard, "option-docker").setText("python:3.12")
    field.setText("-e HF_TOKEN=verysecret")
    button(wizard, "wizard-next").click()
    asked = dialog("confirm-exposed")
    assert asked is not None and not any(call[0] == "launch" for call in core.calls)
    assert "HF_TOKEN" in asked.text and "verysecret" not in asked.text
    with qtbot.waitSignal(wizard.launched):
        asked.accept()
    assert launched_in(core)[2].docker_args == "-e HF_TOKEN=verysecret"
