"""The program's own log, redacted, for a report to someone who can help. GUI thread."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop_app import APP_NAME, __version__
from desktop_app.services.core import Core
from desktop_app.ui.look.screen import fit_screen
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, fixed_font
from desktop_app.ui.widgets.basics import button, label


class AppLogDialog(QDialog):
    """Shows ``core.log_tail()`` as it is when the dialog opens."""

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"{APP_NAME} log")
        self.setAccessibleIdentifier("app-log")
        fit_screen(self, 720, 460)
        self._text = QPlainTextEdit()
        self._text.setObjectName("log")
        self._text.setReadOnly(True)
        self._text.setTabChangesFocus(True)
        self._text.setAccessibleName(f"{APP_NAME} log")
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._text.setFont(fixed_font())
        self._text.setPlainText("\n".join((f"{APP_NAME} {__version__}", *core.log_tail.lines())))
        copy = button("Copy", identifier="app-log-copy")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._text.toPlainText()))
        close = button("Close", "primary", "app-log-close")
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addWidget(label("Secrets are left out. Copy this into a report.", "muted", wrap=True), 1)
        row.addWidget(copy)
        row.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_L, SPACE_L, SPACE_L, SPACE_L)
        column.setSpacing(SPACE_M)
        column.addWidget(self._text, 1)
        column.addLayout(row)

    def showEvent(self, event: QShowEvent) -> None:
        """Scroll to what happened last: it is what users look for."""
        super().showEvent(event)
        self._text.verticalScrollBar().setValue(self._text.verticalScrollBar().maximum())
