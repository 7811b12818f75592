"""Text that can be selected and copied, and that wraps anywhere: no id or name is cut where a column is narrow.

A QLabel breaks lines at spaces only. GUI thread.
"""

import math

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPalette, QTextOption
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextEdit, QWidget

BASELINE = 1  # px that a label's text stands lower


class WrappedText(QTextEdit):
    """Exactly as high as its text is at the width that it gets; ``name`` is its accessible name's beginning."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self.setObjectName("plain")
        self.setReadOnly(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setTabChangesFocus(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(0)
        self.setViewportMargins(0, BASELINE, 0, 0)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # as a label that can be selected: Tab has better places to go
        self.setAccessibleName(name)
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Base, Qt.GlobalColor.transparent)
        self.setPalette(palette)

    def text(self) -> str:
        return self.toPlainText()

    def show_text(self, text: str) -> None:
        """Show the text; what is selected stays so while the text does."""
        if text != self.toPlainText():
            self.setPlainText(text)
            self.updateGeometry()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        document = self.document().clone()
        document.setDocumentMargin(0)
        document.setTextWidth(width)
        height = math.ceil(document.size().height())
        document.deleteLater()
        return height + BASELINE

    def sizeHint(self) -> QSize:
        """Return the size of one line; how high it is follows from the width that it gets."""
        return QSize(120, self.fontMetrics().lineSpacing() + BASELINE)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, self.sizeHint().height())
