"""The wizard's first page: the sandbox, or a ClearML server with its API key. GUI thread.

The secret lives in its field only until it was handed to the core, and is never shown or logged.
"""

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from desktop_app.domain.account import SANDBOX_LABEL, Account
from desktop_app.ports import Cancel
from desktop_app.services.api import Core
from desktop_app.ui.controls import RadioButton
from desktop_app.ui.theme import SPACE_L, SPACE_S, SPACE_XS
from desktop_app.ui.widgets import Card, button, label, repolish
from desktop_app.ui.wizard.snippet import check_address, parse

SANDBOX_TEXT = (
    "A small ClearML-compatible server and one real agent, on this computer only. Nothing to set up: good for trying "
    "SessionDock. For a team, connect your ClearML server."
)
SERVER_TEXT = (
    "Sessions run on your team's agents. You need an API key: in ClearML, Settings > Workspace > API credentials."
)
NO_SNIPPET = "The clipboard holds no ClearML credentials. In ClearML, create new credentials and copy the snippet."


class LineField(QWidget):
    """A labelled line with an error below it."""

    def __init__(self, caption: str, identifier: str, hint: str = "", *, secret: bool = False) -> None:
        super().__init__()
        self.line = QLineEdit()
        self.line.setAccessibleName(caption)
        self.line.setAccessibleIdentifier(identifier)
        self.line.setPlaceholderText(hint)
        if secret:
            self.line.setEchoMode(QLineEdit.EchoMode.Password)
        name = label(caption, "section")
        name.setBuddy(self.line)
        self._error: QLabel = label(role="error", wrap=True)
        self._error.setAccessibleIdentifier(f"error-{identifier}")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_XS)
        for widget in (name, self.line, self._error):
            column.addWidget(widget)
        self.show_error("")

    @property
    def text(self) -> str:
        return self.line.text().strip()

    def show_error(self, error: str) -> None:
        self._error.setText(error)
        self._error.setVisible(bool(error))
        self.line.setProperty("wrong", bool(error))
        self.line.setAccessibleDescription(error)
        repolish(self.line)


class AccountPage(QWidget):
    """``edited`` when the button below may have changed its text."""

    edited = Signal()

    def __init__(self, core: Core, account: Account | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core = core
        self._sandbox = RadioButton(SANDBOX_LABEL)
        self._sandbox.setAccessibleIdentifier("account-sandbox")
        self._server = RadioButton("A ClearML server")
        self._server.setAccessibleIdentifier("account-server")
        self._group = QButtonGroup(self)
        self.address = LineField("API address", "account-api-url", "https://api.clear.ml")
        self.access_key = LineField("Access key", "account-access-key")
        self.secret = LineField("Secret key", "account-secret", secret=True)
        self._note = label(role="note", wrap=True)
        self._form = QWidget()
        self._lay_out()
        self._start(account)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_L)
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

    def _start(self, account: Account | None) -> None:
        others = account is None and bool(self._core.accounts())
        (self._server if others else self._sandbox).setChecked(True)
        self._form.setVisible(others)
        if account is not None:
            self.fill_in(account)

    def fill_in(self, account: Account) -> None:
        """A known account that needs a new key: everything but the secret."""
        (self._sandbox if account.sandbox else self._server).setChecked(True)
        if not account.sandbox:
            self.address.line.setText(account.api_url)
            self.access_key.line.setText(account.access_key)

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
        found = parse(QGuiApplication.clipboard().text())
        self._note.setText("" if found.found else NO_SNIPPET)
        self._note.setVisible(not found.found)
        if not found.found:
            return
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
            wrong[0].line.setFocus()
        return not wrong

    def work(self) -> tuple[str, Callable[[Cancel], object]]:
        """What going on means: a sentence for the progress line, and the blocking call."""
        if self.sandbox:
            return "Starting the sandbox. The first time takes a little longer…", self._core.use_sandbox
        url, key, secret = self.address.text.rstrip("/"), self.access_key.text, self.secret.text
        return f"Signing in to {url}…", lambda cancel: self._core.add_account(url, key, secret, cancel)

    def forget_secret(self) -> None:
        self.secret.line.clear()
