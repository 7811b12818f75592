"""The wizard's first page: the sandbox, or a ClearML server with its API key. GUI thread.

The secret lives in its field only until it was handed to the core, and is never shown or logged.
"""

import os
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.accounts.account import SANDBOX_LABEL, Account
from desktop_app.domain.accounts.addresses import check_address
from desktop_app.domain.accounts.credentials import Credentials, from_text
from desktop_app.services.core import Core
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.look.theme import SPACE_L, SPACE_S
from desktop_app.ui.widgets.basics import Card, button, focus_in_view, label
from desktop_app.ui.widgets.controls import Fold, RadioButton
from desktop_app.ui.widgets.line_field import LineField
from desktop_app.ui.wizard.certificates import CertificateFields
from desktop_app.ui.wizard.found_card import FoundCard

SANDBOX_TEXT = (
    "A small ClearML-compatible server and one real agent, on this computer only. Nothing to set up: good for trying "
    "SessionDock. For a team, connect your ClearML server."
)
SERVER_TEXT = (
    "Sessions run on your team's agents. You need an API key: in ClearML, Settings > Workspace > API credentials."
)
NO_SNIPPET = "The clipboard holds no ClearML credentials. In ClearML, create new credentials and copy the snippet."


class AccountPage(QWidget):
    """``edited`` when the button below may have changed its text; ``chosen`` carries Credentials to sign in with."""

    edited = Signal()
    chosen = Signal(object)

    def __init__(self, core: Core, bridge: Bridge, account: Account | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core = core
        self.found = FoundCard(core, bridge)
        self.found.chosen.connect(self.chosen)
        self._web_url = ""
        self._sandbox = RadioButton(SANDBOX_LABEL)
        self._sandbox.setAccessibleIdentifier("account-sandbox")
        self._server = RadioButton("A ClearML server")
        self._server.setAccessibleIdentifier("account-server")
        self._group = QButtonGroup(self)
        self.address = LineField(
            "Server address", "account-api-url", "https://api.clear.ml, or your ClearML page's address"
        )
        self.access_key = LineField("Access key", "account-access-key")
        self.secret = LineField("Secret key", "account-secret", secret=True)
        self.certificates = CertificateFields()
        self._note = label(role="note", wrap=True)
        self._form = QWidget()
        self._lay_out()
        self._start(account)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_L)
        column.addWidget(self.found)
        for choice, text in ((self._sandbox, SANDBOX_TEXT), (self._server, SERVER_TEXT)):
            self._group.addButton(choice)
            choice.toggled.connect(self._chosen)
            words = label(text, "muted", wrap=True)
            words.setContentsMargins(28, 0, 0, 0)
            card = Card()
            card.body.addWidget(choice)
            card.body.addWidget(words)
            column.addWidget(card)
        card.body.addWidget(self._form)
        self._lay_out_form()
        column.addStretch()

    def _lay_out_form(self) -> None:
        form = QVBoxLayout(self._form)
        form.setContentsMargins(28, SPACE_S, 0, 0)
        form.setSpacing(SPACE_S)
        row = QHBoxLayout()
        paste = button("Paste credentials from the clipboard", identifier="account-paste")
        paste.setToolTip("Fills the fields from the snippet that ClearML's page copies")
        paste.clicked.connect(self._paste)
        row.addWidget(paste)
        row.addStretch()
        form.addLayout(row)
        form.addWidget(self._note)
        self._note.setVisible(False)
        for field in (self.address, self.access_key, self.secret):
            form.addWidget(field)
            field.line.textChanged.connect(lambda _text, field=field: field.show_error(""))
        fold = Fold("Certificates", self.certificates)
        fold.setAccessibleIdentifier("account-more")
        form.addWidget(fold)
        form.addWidget(self.certificates)

    def _start(self, account: Account | None) -> None:
        others = account is None and bool(self._core.accounts.all())
        (self._server if others else self._sandbox).setChecked(True)
        self._form.setVisible(others)
        if account is not None:
            self.fill_in(account)

    def fill_in(self, account: Account) -> None:
        """Fill in a known account that needs a new key: everything but the secret."""
        (self._sandbox if account.sandbox else self._server).setChecked(True)
        if not account.sandbox:
            self.address.line.setText(account.api_url)
            self.access_key.line.setText(account.access_key)
            self.certificates.show_trust(account.trust)
            self._web_url = account.web_url

    def ask_new_key(self) -> None:
        """Ask for another key of the account that is filled in."""
        self.access_key.line.clear()

    def focus_first(self) -> None:
        """Put the keyboard where the answer is wanted."""
        empty = [f.line for f in (self.address, self.access_key, self.secret) if not f.text]
        (self._sandbox if self.sandbox else empty[0] if empty else self.address.line).setFocus()

    @property
    def sandbox(self) -> bool:
        return self._sandbox.isChecked()

    def _chosen(self) -> None:
        self._form.setVisible(not self.sandbox)
        self.edited.emit()

    def _paste(self) -> None:
        found = from_text(QGuiApplication.clipboard().text(), os.environ)
        self._note.setText("" if found.found else NO_SNIPPET)
        self._note.setVisible(not found.found)
        if not found.found:
            return
        if not found.access_key:  # a token has no field: there is nothing to look at or to complete
            self.chosen.emit(replace(found, source="the clipboard").at_home())
            return
        self._web_url = found.web_url
        self.certificates.show_trust(found.trust)
        for field, value in ((self.address, found.api_url), (self.access_key, found.access_key),
                             (self.secret, found.secret)):  # fmt: skip
            if value:
                field.line.setText(value)
                field.show_error("")

    def check(self) -> bool:
        """Show what is missing, focus the first wrong field; True when the page can be left."""
        if self.sandbox:
            return True
        self.address.show_error(check_address(self.address.text))
        self.access_key.show_error("" if self.access_key.text else "Enter the access key.")
        self.secret.show_error("" if self.secret.text else "Enter the secret key.")
        wrong = [f for f in (self.address, self.access_key, self.secret) if f.line.property("wrong")]
        if wrong:
            focus_in_view(wrong[0].line)
        return not wrong

    def work(self) -> tuple[str, Callable[[Cancel], object]]:
        """Return what going on means: a sentence for the progress line, and the blocking call."""
        if self.sandbox:
            return "Starting the sandbox. The first time takes a little longer…", self._core.sign_in.to_sandbox
        return self.work_with(
            Credentials(
                self.address.text.rstrip("/"),
                self.access_key.text,
                self.secret.text,
                web_url=self._web_url,
                trust=self.certificates.trust,
            )
        )

    def work_with(self, found: Credentials) -> tuple[str, Callable[[Cancel], object]]:
        """As ``work``, with credentials that were found."""
        return f"Signing in to {found.api_url}…", lambda cancel: self._core.credentials.use(found, cancel)

    def forget_secret(self) -> None:
        self.secret.line.clear()
