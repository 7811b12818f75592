"""How large a window opens. GUI thread."""

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QWidget

DIALOG_MARGIN = QSize(40, 60)  # px: a title bar, and some of the window behind


def fit_screen(window: QWidget, width: int, height: int, around: QSize = DIALOG_MARGIN) -> None:
    """Open in that size (px), or in what the screen has (scaled ones are small); ``around`` is left free."""
    window.resize(QSize(width, height).boundedTo(window.screen().availableSize() - around))
