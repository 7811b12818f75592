"""A labelled line of text with an error below it. GUI thread."""

from PySide6.QtWidgets import QLabel, QLineEdit, QVBoxLayout, QWidget

from desktop_app.ui.look.theme import SPACE_XS
from desktop_app.ui.widgets.basics import label, repolish


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
