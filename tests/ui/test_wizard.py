"""First run and New session: what a person fills in, sees go wrong, and launches."""

import threading

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QPushButton, QRadioButton, QWidget

from desktop_app.domain.accounts.account import Queue, Worker
from desktop_app.domain.launch.options import LaunchSpec, defaults, options
from desktop_app.ui.forms.queue_editor import QueueEditor
from desktop_app.ui.widgets.banner import ProblemBanner
from tests.ui import stage
from tests.ui.finding import find

SNIPPET = """
api {
  # Ada's workspace
  web_server: https://app.clearml.acme.example
  api_server: https://api.clearml.acme.example
  files_server: https://files.clearml.acme.example
  credentials {
    "access_key" = "ACCESS123"
    "secret_key" = "SECRET456"
  }
}
"""


def button(wizard, identifier) -> QPushButton:
    return find(wizard, identifier, QPushButton)


def line(wizard, identifier) -> QLineEdit:
    return find(wizard, identifier, QLineEdit)


def error(wizard, name) -> str:
    label = find(wizard, f"error-{name}", QLabel)
    return label.text() if label.isVisibleTo(wizard) else ""


def ready(qtbot, wizard):
    qtbot.waitUntil(find(wizard, "option-queue", QComboBox).isEnabled)
    return wizard


def problem(wizard):
    banner = find(wizard, "wizard-banner", ProblemBanner)
    return banner.problem.code if banner.problem else ""


def used(core) -> list[tuple[str, str, int]]:
    """Address, access key and length of the secret of every key that was tried."""
    tried = [call[1] for call in core.calls if call[0] == "credentials.use"]
    return [(one.api_url, one.access_key, len(one.secret)) for one in tried]


def launched_in(core) -> tuple[object, ...]:
    """The last launch that was asked for."""
    return [call for call in core.calls if call[0] == "launch"][-1]


# -- the account page


def test_first_run_offers_the_sandbox_and_goes_on_to_the_options(qtbot, bare, open_wizard):
    wizard = open_wizard(bare)
    assert find(wizard, "account-sandbox", QRadioButton).isChecked()
    assert button(wizard, "wizard-next").text() == "Use the sandbox"
    with qtbot.waitSignal(wizard.account_added) as added:
        button(wizard, "wizard-next").click()
    assert added.args == ["sandbox"]
    ready(qtbot, wizard)
    assert button(wizard, "wizard-next").text() == "Launch"


def test_the_wizard_keeps_its_size_when_it_turns_the_page(qtbot, bare, open_wizard):
    wizard = open_wizard(bare)
    before = wizard.size()
    button(wizard, "wizard-next").click()
    ready(qtbot, wizard)
    find(wizard, "launch-other-account", QPushButton).click()
    button(wizard, "wizard-back").click()
    assert wizard.size() == before


def test_a_server_needs_an_address_and_a_key(bare, open_wizard):
    wizard = open_wizard(bare)
    find(wizard, "account-server", QRadioButton).click()
    line(wizard, "account-api-url").setText("http://app clearml")
    button(wizard, "wizard-next").click()
    assert "looks like" in error(wizard, "account-api-url")
    assert error(wizard, "account-access-key") and error(wizard, "account-secret")
    assert line(wizard, "account-api-url").accessibleDescription() == error(wizard, "account-api-url")
    assert used(bare) == []


def test_paste_fills_the_fields_and_the_secret_is_never_shown(qtbot, bare, open_wizard):
    wizard = open_wizard(bare)
    find(wizard, "account-server", QRadioButton).click()
    QGuiApplication.clipboard().setText(SNIPPET)
    button(wizard, "account-paste").click()
    assert line(wizard, "account-api-url").text() == "https://api.clearml.acme.example"
    assert line(wizard, "account-access-key").text() == "ACCESS123"
    secret = line(wizard, "account-secret")
    assert secret.text() == "SECRET456" and secret.displayText() != "SECRET456"
    with qtbot.waitSignal(wizard.account_added):
        button(wizard, "wizard-next").click()
    assert used(bare) == [("https://api.clearml.acme.example", "ACCESS123", 9)]
    assert secret.text() == "", "the secret stays in the window no longer than needed"
    assert not secret.isUndoAvailable()


def test_a_clipboard_without_credentials_says_so(bare, open_wizard):
    wizard = open_wizard(bare)
    find(wizard, "account-server", QRadioButton).click()
    QGuiApplication.clipboard().setText("just some words")
    button(wizard, "account-paste").click()
    note = next(w for w in wizard.findChildren(QLabel) if "clipboard holds no" in w.text())
    assert note.isVisibleTo(wizard)


def test_a_refused_key_is_told_and_can_be_corrected(qtbot, bare, open_wizard):
    bare.failures["credentials.use"] = stage.failing("server.unauthorised", server="https://api.x.example")
    wizard = open_wizard(bare)
    find(wizard, "account-server", QRadioButton).click()
    for name, text in (("api-url", "https://api.x.example/"), ("access-key", "K"), ("secret", "S")):
        line(wizard, f"account-{name}").setText(text)
    button(wizard, "wizard-next").click()
    qtbot.waitUntil(lambda: problem(wizard) == "server.unauthorised")
    assert button(wizard, "wizard-next").isEnabled()
    assert line(wizard, "account-secret").text() == "S", "a typing mistake elsewhere must not cost the secret"
    del bare.failures["credentials.use"]
    with qtbot.waitSignal(wizard.account_added):
        button(wizard, "wizard-next").click()
    assert problem(wizard) == ""


def test_signing_in_can_be_stopped(qtbot, bare, open_wizard):
    bare.gates["to_sandbox"] = threading.Event()
    wizard = open_wizard(bare)
    button(wizard, "wizard-next").click()
    progress = find(wizard, "wizard-progress", QLabel)
    assert "sandbox" in progress.text() and button(wizard, "wizard-cancel").text() == "Stop"
    assert not button(wizard, "wizard-next").isEnabled()
    button(wizard, "wizard-cancel").click()
    qtbot.waitUntil(button(wizard, "wizard-next").isEnabled)
    assert wizard.isVisible() and problem(wizard) == ""
    button(wizard, "wizard-cancel").click()
    assert not wizard.isVisible()


def test_a_new_key_for_a_known_account(qtbot, core, open_wizard):
    wizard = open_wizard(core, stage.TEAM.id, account_only=True)
    assert line(wizard, "account-api-url").text() == stage.TEAM.api_url
    line(wizard, "account-secret").setText("NEW")
    button(wizard, "wizard-next").click()
    qtbot.waitUntil(lambda: not wizard.isVisible())
    assert used(core) == [(stage.TEAM.api_url, stage.TEAM.access_key, 3)]


def test_a_job_that_does_not_listen_can_be_left(bare, open_wizard):
    release = threading.Event()
    bare.sign_in.to_sandbox = lambda cancel: release.wait(10)  # ignores its cancel token
    wizard = open_wizard(bare)
    button(wizard, "wizard-next").click()
    wizard.reject()
    assert wizard.isVisible() and find(wizard, "wizard-progress", QLabel).text() == "Stopping…"
    wizard.reject()
    assert not wizard.isVisible()
    release.set()


def test_back_leads_to_the_form_as_it_was_left(qtbot, core, open_wizard):
    wizard = ready(qtbot, open_wizard(core, "sandbox"))
    assert not button(wizard, "wizard-back").isVisible()
    line(wizard, "option-name").setText("half typed")
    button(wizard, "launch-other-account").click()
    assert wizard.on_account_page
    button(wizard, "wizard-back").click()
    assert not wizard.on_account_page and line(wizard, "option-name").text() == "half typed"


def test_a_key_that_was_revoked_is_replaced_on_the_way_to_the_launch(qtbot, core, open_wizard):
    core.failures["queues"] = stage.failing("server.unauthorised", server=stage.TEAM.api_url)
    wizard = open_wizard(core, stage.TEAM.id)
    qtbot.waitUntil(lambda: problem(wizard) == "server.unauthorised")
    find(wizard, "remedy-sign_in", QPushButton).click()
    assert wizard.on_account_page and line(wizard, "account-api-url").text() == stage.TEAM.api_url
    assert line(wizard, "account-secret").hasFocus()
    line(wizard, "account-secret").setText("NEW")
    del core.failures["queues"]
    button(wizard, "wizard-next").click()
    qtbot.waitUntil(lambda: not wizard.on_account_page)
    ready(qtbot, wizard)


# -- the options page


def test_every_option_has_a_labelled_field(qtbot, core, open_wizard):
    wizard = ready(qtbot, open_wizard(core, "sandbox"))
    for name, option in options().items():
        field = find(wizard, f"option-{name}", QWidget)
        assert field.accessibleName() == option.label
        assert option.help in field.accessibleDescription() and field.toolTip()
        captions = [w for w in wizard.findChildren(QLabel) if w.buddy() is field]
        assert [w.text() for w in captions] == [option.label] or isinstance(field, QCheckBox)


def test_queues_tell_their_live_agents(qtbot, core, open_wizard):
    wizard = ready(qtbot, open_wizard(core, "sandbox"))
    combo = find(wizard, "option-queue", QComboBox)
    assert [combo.itemText(i) for i in range(combo.count())] == [
        "default — 1 of 2 agents free", "a100 — 1 agent busy, 3 waiting", "services — no agent, 1 waiting",
    ]  # fmt: skip
    combo.setCurrentIndex(2)
    assert "No agent serves" in find(wizard, "queue-warning", QLabel).text()
    combo.setCurrentIndex(0)
    assert not find(wizard, "queue-warning", QLabel).isVisibleTo(wizard)


def test_an_agent_that_comes_is_seen_while_the_form_is_open(qtbot, core, open_wizard):
    core.world.server("sandbox").put_queues([Queue("q1", "default")])
    wizard = ready(qtbot, open_wizard(core, "sandbox"))
    combo = find(wizard, "option-queue", QComboBox)
    assert combo.currentText() == "default — no agent"
    wizard.findChild(QueueEditor).live.setInterval(50)
    core.world.server("sandbox").put_queues(
        [Queue("q0", "aaa", (Worker("w"),)), Queue("q1", "default", (Worker("vm:sandbox"),))]
    )
    qtbot.waitUntil(lambda: combo.currentText() == "default — 1 agent free")
    assert not find(wizard, "queue-warning", QLabel).isVisibleTo(wizard), "and what was chosen stays chosen"


def test_the_second_launch_is_the_first_one_again(qtbot, core, open_wizard):
    spec = LaunchSpec(queue="a100", name="my work", packages="torch==2.5\ntqdm", vscode=False, ssh_port="10100")
    core.remember("sandbox", spec)
    wizard = ready(qtbot, open_wizard(core, "sandbox"))
    assert button(wizard, "wizard-next").hasFocus()
    with qtbot.waitSignal(wizard.launched) as launched:
        qtbot.keyClick(button(wizard, "wizard-next"), Qt.Key.Key_Return)
    assert launched_in(core) == ("launch", "sandbox", spec)
    assert core.store.get(launched.args[0]) is not None
    assert not wizard.isVisible()


def test_a_remembered_queue_that_is_gone_is_said_not_replaced(qtbot, core, open_wizard):
    core.remember("sandbox", LaunchSpec(queue="old queue"))
    wizard = ready(qtbot, open_wizard(core, "sandbox"))
    assert find(wizard, "option-queue", QComboBox).currentText() == "old queue — not on this server"
    assert "no queue “old queue”" in find(wizard, "queue-warning", QLabel).text()


def test_mistakes_are_told_beside_the_field_and_stop_the_launch(qtbot, core, open_wizard):
    wizard = ready(qtbot, open_wizard(core, "sandbox"))
    name = line(wizard, "option-name")
    name.clear()
    qtbot.keyClicks(name, "ab")
    assert "three characters" in error(wizard, "name")
    version = line(wizard, "option-jupyterlab_version")
    assert not version.isVisible(), "advanced options are folded away"
    version.setText("not a version")
    button(wizard, "wizard-next").click()
    assert not any(call[0] == "launch" for call in core.calls)
    assert name.hasFocus()
    qtbot.keyClicks(name, "c")
    assert error(wizard, "name") == ""
    button(wizard, "wizard-next").click()
    assert version.isVisible() and version.hasFocus(), "a folded field with a mistake opens"
    version.clear()
    with qtbot.waitSignal(wizard.launched):
        button(wizard, "wizard-next").click()
    assert launched_in(core)[2].name == "abc"


def test_hostile_text_reaches_the_spec_cleaned(qtbot, core, open_wizard):
    wizard = ready(qtbot, open_wizard(core, "sandbox"))
    line(wizard, "option-name").setText("  Größe “x” & 'y' <b>\t日本語  ")
    with qtbot.waitSignal(wizard.launched):
        button(wizard, "wizard-next").click()
    assert launched_in(core)[2].name == "Größe “x” & 'y' <b> 日本語"


def test_a_server_that_is_down_is_told_and_asked_again(qtbot, core, open_wizard):
    core.failures["queues"] = stage.failing("server.unreachable", server="https://api.x.example")
    wizard = open_wizard(core, "sandbox")
    qtbot.waitUntil(lambda: problem(wizard) == "server.unreachable")
    assert not find(wizard, "option-queue", QComboBox).isEnabled()
    del core.failures["queues"]
    find(wizard, "remedy-retry", QPushButton).click()
    ready(qtbot, wizard)
    assert problem(wizard) == ""


def test_a_launch_can_be_stopped_and_tried_again(qtbot, core, open_wizard):
    gate = core.gates["launch"] = threading.Event()
    wizard = ready(qtbot, open_wizard(core, "sandbox"))
    before = len(core.store.all())
    button(wizard, "wizard-next").click()
    assert button(wizard, "wizard-cancel").text() == "Stop"
    button(wizard, "wizard-cancel").click()
    qtbot.waitUntil(button(wizard, "wizard-next").isEnabled)
    assert len(core.store.all()) == before and wizard.isVisible()
    gate.set()
    with qtbot.waitSignal(wizard.launched):
        button(wizard, "wizard-next").click()


def test_a_failed_launch_keeps_what_was_typed(qtbot, core, open_wizard):
    core.failures["launch"] = stage.failing("queue.unknown", queue="default", server="https://api.x.example")
    wizard = ready(qtbot, open_wizard(core, "sandbox"))
    line(wizard, "option-name").setText("kept name")
    button(wizard, "wizard-next").click()
    qtbot.waitUntil(lambda: problem(wizard) == "queue.unknown")
    assert line(wizard, "option-name").text() == "kept name"
    find(wizard, "remedy-other_queue", QPushButton).click()
    assert find(wizard, "option-queue", QComboBox).hasFocus()


def test_defaults_are_the_domain_s(qtbot, core, open_wizard):
    core.world.server("sandbox").put_queues(stage.QUEUES[:1])
    wizard = ready(qtbot, open_wizard(core, "sandbox"))
    with qtbot.waitSignal(wizard.launched):
        button(wizard, "wizard-next").click()
    launched = launched_in(core)[2]
    assert launched == LaunchSpec(**{**vars_of(defaults()), "queue": "default"})


def vars_of(spec):
    return {name: getattr(spec, name) for name in options()}


def test_return_presses_the_button_that_has_the_focus(qtbot, bare, open_wizard):
    wizard = open_wizard(bare)
    qtbot.waitUntil(wizard.isVisible)
    cancel = button(wizard, "wizard-cancel")
    cancel.setFocus()
    qtbot.waitUntil(cancel.hasFocus)
    qtbot.keyClick(cancel, Qt.Key.Key_Return)
    assert not wizard.isVisible() and used(bare) == []
