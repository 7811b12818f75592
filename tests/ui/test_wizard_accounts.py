"""First run: keys that the computer holds already, tokens, certificates."""

from dataclasses import replace

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QLabel, QLineEdit, QPushButton, QRadioButton, QWidget

from desktop_app.domain.accounts.account import UNCHECKED
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.problems import problem as problem_of
from tests.ui.finding import find


def button(wizard, identifier) -> QPushButton:
    return find(wizard, identifier, QPushButton)


def line(wizard, identifier) -> QLineEdit:
    return find(wizard, identifier, QLineEdit)


def used(core) -> list[Credentials]:
    """The keys that were tried."""
    return [call[1] for call in core.calls if call[0] == "credentials.use"]


FOUND = Credentials("https://api.clearml.acme.example", "FOUNDKEY123", "s3cret", source="~/clearml.conf")


@pytest.mark.parity("accounts-first-run")
def test_what_this_computer_holds_is_one_click(qtbot, bare, open_wizard):
    unchecked = replace(FOUND, access_key="OTHER", source="environment variables", trust=UNCHECKED)
    broken = problem_of("credentials.unreadable", path="~/trains.conf", why="permission denied")
    bare.world.credentials.files = {"~/clearml.conf": FOUND, "the environment": unchecked}
    bare.world.credentials.problems = (broken,)
    wizard = open_wizard(bare)
    card = find(wizard, "found-credentials", QWidget)
    qtbot.waitUntil(lambda: card.isVisibleTo(wizard))
    words = " ".join(one.text() for one in card.findChildren(QLabel))
    assert "key FOUND… · from ~/clearml.conf" in words and "permission denied" in words
    assert "certificate will not be checked" in words and "s3cret" not in words
    assert used(bare) == [], "nothing is used before somebody agrees"
    use = button(wizard, "found-use-0")
    assert "api.clearml.acme.example" in use.accessibleName()
    with qtbot.waitSignal(wizard.account_added):
        use.click()
    assert used(bare) == [FOUND]
    qtbot.waitUntil(lambda: not wizard.on_account_page)
    facts = find(wizard, "launch-account-facts", QLabel).text()
    assert facts == "Ada Lovelace · workspace Acme Research · ClearML server 2.3.0"


def test_without_anything_found_there_is_no_card(qtbot, bare, open_wizard):
    wizard = open_wizard(bare)
    qtbot.waitUntil(lambda: ("credentials.found",) in bare.calls and not bare.under_way)
    qtbot.wait(20)
    assert not find(wizard, "found-credentials", QWidget).isVisibleTo(wizard)


@pytest.mark.parity("accounts-token")
def test_a_pasted_token_signs_in(qtbot, bare, open_wizard):
    wizard = open_wizard(bare)
    find(wizard, "account-server", QRadioButton).click()
    QGuiApplication.clipboard().setText("CLEARML_API_HOST=https://api.x.example\nCLEARML_AUTH_TOKEN=a.b.c")
    with qtbot.waitSignal(wizard.account_added):
        button(wizard, "account-paste").click()
    assert [(one.api_url, one.token) for one in used(bare)] == [("https://api.x.example", "a.b.c")]


@pytest.mark.parity("accounts-certificates")
def test_certificates_are_an_option_with_a_warning(qtbot, bare, open_wizard):
    wizard = open_wizard(bare)
    find(wizard, "account-server", QRadioButton).click()
    find(wizard, "account-more", QPushButton).click()
    for name, text in (("api-url", "https://api.x.example/"), ("access-key", "K"), ("secret", "S")):
        line(wizard, f"account-{name}").setText(text)
    line(wizard, "account-ca-file").setText("/etc/acme.pem")
    assert wizard.account_page.certificates.trust == "/etc/acme.pem"
    anything = find(wizard, "account-any-certificate", QCheckBox)
    anything.setChecked(True)
    assert "can read your key" in anything.accessibleDescription()
    assert not line(wizard, "account-ca-file").isEnabled()
    with qtbot.waitSignal(wizard.account_added):
        button(wizard, "wizard-next").click()
    assert [one.trust for one in used(bare)] == [UNCHECKED]


def test_another_account_is_told_when_its_page_has_closed(qtbot, face, core):
    core.world.credentials.files = {"~/clearml.conf": FOUND}
    face.accounts.open_account("")
    wizard = face.accounts.wizard
    qtbot.waitUntil(lambda: find(wizard, "found-credentials", QWidget).isVisibleTo(wizard))
    button(wizard, "found-use-0").click()
    qtbot.waitUntil(lambda: face.accounts.wizard is None)
    said = face.window._toast.text.text()
    assert said == "Signed in: Ada Lovelace · workspace Acme Research · ClearML server 2.3.0"
