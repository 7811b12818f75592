"""Asking for a profile's name: what pressing the button would do is said while one types. GUI thread."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.domain.launch.profile import MAX_NAME
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XL
from desktop_app.ui.widgets.basics import button, label
from desktop_app.ui.widgets.line_field import LineField

WIDTH = 440


class AskName(QDialog):
    """``hint(name)``: what would happen, and whether the name can be used."""

    def __init__(
        self, parent: QWidget | None, title: str, name: str, yes: str, hint: Callable[[str], tuple[str, bool]]
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setAccessibleIdentifier("ask-name")
        self._hint = hint
        self.field = LineField("Name", "ask-name-text")
        self.field.line.setMaxLength(MAX_NAME)
        self.field.line.textChanged.connect(lambda _text: self._show_hint())
        self._note = label(role="muted", wrap=True)
        self._note.setAccessibleIdentifier("ask-name-note")
        self.yes = button(yes, "primary", "ask-name-yes")
        self.yes.setDefault(True)
        self.yes.clicked.connect(self.accept)
        self._lay_out(title)
        self.field.line.setText(name)
        self.field.line.selectAll()
        self.field.line.setFocus()
        self._show_hint()

    def _lay_out(self, title: str) -> None:
        cancel = button("Cancel", identifier="ask-name-no")
        cancel.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        row.addStretch()
        row.addWidget(cancel)
        row.addWidget(self.yes)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_XL, SPACE_L, SPACE_XL, SPACE_L)
        column.setSpacing(SPACE_M)
        column.addWidget(label(title, "heading"))
        column.addWidget(self.field)
        column.addWidget(self._note)
        column.addLayout(row)
        self.resize(WIDTH, self.sizeHint().height())

    def _show_hint(self) -> None:
        text, usable = self._hint(self.field.text)
        self._note.setText(text)
        self.field.line.setAccessibleDescription(text)
        self.yes.setEnabled(usable and bool(self.field.text))
