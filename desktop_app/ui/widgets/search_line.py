"""A line to search with: Escape empties it before it closes anything, Return and Down go on to what was found.

GUI thread.
"""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

ONWARD = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down)


class SearchLine(QLineEdit):
    """``wanted`` carries the text without blanks around it; ``onward`` asks for the keyboard to move on."""

    wanted = Signal(str)
    onward = Signal()

    def __init__(self, text: str, identifier: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(text)
        self.setAccessibleName(text)
        self.setAccessibleIdentifier(identifier)
        self.setClearButtonEnabled(True)
        self.textChanged.connect(lambda text: self.wanted.emit(text.strip()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif event.key() in ONWARD:  # Return must not press a dialog's default button
            self.onward.emit()
        else:
            super().keyPressEvent(event)

    def focus(self) -> None:
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.selectAll()
