"""A row of words with buttons: beside them where there is room for both, else below. GUI thread."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.ui.look.theme import SPACE_M, SPACE_S
from desktop_app.ui.widgets.flow_layout import FlowLayout

BESIDE, BELOW = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom


class SplitRow(QWidget):
    """``words`` and ``tail`` are filled by the row that inherits; ``front`` is a picture before the words.

    ``characters``: of width that the words keep for themselves before the tail moves below them.
    """

    def __init__(self, characters: int, front: QWidget | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._characters = characters
        self._front = front
        self.words = QVBoxLayout()
        self.words.setSpacing(2)
        self.tail = FlowLayout(spacing=SPACE_S, align_right=True)
        head = QHBoxLayout()
        head.setSpacing(SPACE_M)
        if front is not None:
            head.addWidget(front)
        head.addLayout(self.words, 1)
        self._box = QBoxLayout(BESIDE, self)
        self._box.setContentsMargins(0, SPACE_S, 0, SPACE_S)
        self._box.setSpacing(SPACE_M)
        self._box.addLayout(head, 1)
        self._box.addLayout(self.tail)

    @property
    def below(self) -> bool:
        """True if the tail is below the words."""
        return self._box.direction() is BELOW

    def arrange(self) -> None:
        """Look again whether both fit beside each other: after what the tail shows has changed."""
        front = self._front.width() + SPACE_M if self._front is not None else 0
        words = self._characters * self.fontMetrics().averageCharWidth()
        tail = self.tail.sizeHint().width()
        below = tail > 0 and front + words + SPACE_M + tail > self.width()
        if below is not self.below:
            self._box.setDirection(BELOW if below else BESIDE)
            self._box.setSpacing(SPACE_S if below else SPACE_M)
            self.tail.align_right(not below)
            self.updateGeometry()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.arrange()

    def minimumSizeHint(self) -> QSize:
        """As if the tail were below: the row can become that narrow."""
        front = self._front.width() + SPACE_M if self._front is not None else 0
        wide = max(self.words.minimumSize().width(), self.tail.minimumSize().width())
        return QSize(front + wide, super().minimumSizeHint().height())
