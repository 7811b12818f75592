"""A short sentence at the bottom of a window that goes by itself. GUI thread."""

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from desktop_app.ui.look.measure import advance
from desktop_app.ui.look.theme import SPACE_M
from desktop_app.ui.widgets.basics import label

SHOWN_MS, SHOWN_MS_PER_CHARACTER = 4000, 60  # what is longer is read longer
WIDEST, GAP = 560, 28  # px


class Toast(QFrame):
    """One for a window, over what that shows; follows the window's size."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setProperty("card", True)
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE_M, SPACE_M, SPACE_M, SPACE_M)
        self.text: QLabel = label()
        self.text.setWordWrap(True)
        row.addWidget(self.text)
        self.hide()
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.timeout.connect(self.hide)
        self._window = window
        window.installEventFilter(self)

    def say(self, sentence: str) -> None:
        """Show the sentence for as long as it takes to read; screen readers are told."""
        self.text.setText(sentence)
        self._place()
        self.show()
        self.raise_()
        self.timer.start(max(SHOWN_MS, SHOWN_MS_PER_CHARACTER * len(sentence)))
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self._window, sentence))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the window's size."""
        if event.type() is QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        """Lay it out in one line where it fits, else wrapped, and never wider than the window."""
        window = self._window
        self.ensurePolished()
        around = 2 * (SPACE_M + 1)
        wide = min(WIDEST, window.width() - 2 * GAP, advance(self.text.fontMetrics(), self.text.text()) + around + 2)
        high = self.text.heightForWidth(wide - around) + around
        self.setGeometry((window.width() - wide) // 2, window.height() - high - GAP, wide, high)
