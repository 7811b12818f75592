"""What the window shows instead of details: an invitation while there is nothing to show. GUI thread."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from desktop_app.ui.look import icons
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_XL
from desktop_app.ui.widgets.basics import button, label

PICTURE_SIDE = 72
TEXT_WIDTH = 420  # px: about 60 characters, what is read comfortably


class EmptyState(QWidget):
    """A picture, a title, one sentence and, where it helps, one button."""

    def __init__(self, identifier: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        picture = QLabel()
        picture.setPixmap(icons.app_icon().pixmap(QSize(PICTURE_SIDE, PICTURE_SIDE)))
        picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title = label(role="heading")
        self._title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._text = label(role="muted", wrap=True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._text.setMinimumWidth(120)
        self._text.setMaximumWidth(TEXT_WIDTH)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        words = QHBoxLayout()
        words.addWidget(self._text)
        self.button: QPushButton = button("", "primary", identifier)
        row = QHBoxLayout()
        row.addStretch()
        row.addWidget(self.button)
        row.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_XL, SPACE_XL, SPACE_XL, SPACE_XL)
        column.setSpacing(SPACE_M)
        column.addStretch(2)
        column.addWidget(picture)
        column.addWidget(self._title)
        column.addLayout(words)
        column.addSpacing(SPACE_L)
        column.addLayout(row)
        column.addStretch(3)

    def show_words(self, title: str, text: str, action: str) -> None:
        """``action`` is the button's text, "" = no button."""
        self._title.setText(title)
        self._text.setText(text)
        self.button.setText(action)
        self.button.setVisible(bool(action))
