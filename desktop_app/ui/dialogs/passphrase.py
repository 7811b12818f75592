"""The attach passphrase of a session that was launched from another computer. GUI thread."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.ui.forms.file_editors import SecretEditor
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XL
from desktop_app.ui.widgets.basics import ElidedLabel, button, label

WIDTH = 460


class PassphraseDialog(QDialog):
    """``given`` carries what was typed, once."""

    given = Signal(str)

    def __init__(self, session: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Attach passphrase")
        self.setAccessibleIdentifier("passphrase-dialog")
        self._editor = SecretEditor("Attach passphrase")
        self._go = button("Attach", "primary", "passphrase-dialog-attach")
        self._go.setDefault(True)
        self._go.setEnabled(False)
        self._go.clicked.connect(self._done)
        self._editor.edited.connect(lambda: self._go.setEnabled(bool(self._editor.value())))
        self._build(session)

    def _build(self, session: str) -> None:
        cancel = button("Cancel", identifier="passphrase-dialog-cancel")
        cancel.clicked.connect(self.reject)
        text = "The session was launched from another computer. Enter the passphrase that it was given there."
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        row.addStretch()
        row.addWidget(cancel)
        row.addWidget(self._go)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_XL, SPACE_L, SPACE_XL, SPACE_L)
        column.setSpacing(SPACE_M)
        column.addWidget(ElidedLabel(f"Attach “{session}”", "heading"))
        column.addWidget(label(text, "muted", wrap=True))
        column.addWidget(self._editor)
        column.addStretch()
        column.addLayout(row)
        self.resize(WIDTH, self.heightForWidth(WIDTH))

    def _done(self) -> None:
        self.given.emit(str(self._editor.value()))
        self.accept()
