"""The bottom of the wizard and of other dialogs that work: progress of the job under way, Cancel or Stop, and the
button that goes on. GUI thread."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XL
from desktop_app.ui.widgets.basics import button, label


class Foot(QFrame):
    """``onward``, ``cancelled`` and ``backward`` are the buttons."""

    onward = Signal()
    cancelled = Signal()
    backward = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = label(role="muted", wrap=True)
        self._text.setAccessibleIdentifier("wizard-progress")
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Progress")
        self.back = button("Back", "quiet", "wizard-back")
        self.back.clicked.connect(lambda: self.backward.emit())
        self.cancel = button("Cancel", identifier="wizard-cancel")
        self.cancel.clicked.connect(lambda: self.cancelled.emit())
        self.next: QPushButton = button("", "primary", "wizard-next")
        self.next.setDefault(True)
        self.next.clicked.connect(lambda: self.onward.emit())
        self._lay_out()
        self.show_progress("")

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        row.addWidget(self.back)
        row.addWidget(self._text, 1)
        row.addStretch()
        row.addWidget(self.cancel)
        row.addWidget(self.next)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_XL, SPACE_M, SPACE_XL, SPACE_L)
        column.setSpacing(SPACE_M)
        column.addWidget(self._bar)
        column.addLayout(row)

    def show_progress(self, text: str) -> None:
        """Show what is being done; "" = nothing, the form can be used."""
        self._text.setText(text)
        self._bar.setVisible(bool(text))
        self.next.setEnabled(not text)
        self.back.setEnabled(not text)
        self.cancel.setText("Stop" if text else "Cancel")

    def show_stopping(self) -> None:
        self._text.setText("Stopping…")
        self.cancel.setText("Close")
