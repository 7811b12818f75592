"""Which certificates a server may show: this computer's, those of a file too, or any. GUI thread."""

from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_app.domain.accounts.account import UNCHECKED
from desktop_app.domain.accounts.credentials import UNCHECKED_TEXT
from desktop_app.ui.look.theme import SPACE_S
from desktop_app.ui.widgets.basics import label
from desktop_app.ui.widgets.controls import CheckBox
from desktop_app.ui.widgets.line_field import LineField

HINT = "A file in PEM format; empty: what this computer trusts"


class CertificateFields(QWidget):
    """``trust`` is what ``Account.trust`` holds."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bundle = LineField("Certificate authority of your company", "account-ca-file", HINT)
        self._any = CheckBox("Accept any certificate")
        self._any.setAccessibleIdentifier("account-any-certificate")
        self._warning = label(UNCHECKED_TEXT, "error", wrap=True)
        self._warning.setContentsMargins(28, 0, 0, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_S)
        for widget in (self._bundle, self._any, self._warning):
            column.addWidget(widget)
        self._any.toggled.connect(self._toggled)
        self._toggled(False)

    def _toggled(self, unchecked: bool) -> None:
        self._warning.setVisible(unchecked)
        self._bundle.setEnabled(not unchecked)
        self._any.setAccessibleDescription(UNCHECKED_TEXT if unchecked else "")

    @property
    def trust(self) -> str:
        return UNCHECKED if self._any.isChecked() else self._bundle.text

    def show_trust(self, trust: str) -> None:
        self._any.setChecked(trust == UNCHECKED)
        self._bundle.line.setText("" if trust == UNCHECKED else trust)
