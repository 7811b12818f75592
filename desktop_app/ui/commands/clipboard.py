"""What goes to the clipboard, and how clipboard managers are told of a secret. GUI thread."""

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QGuiApplication

HINT = "x-kde-passwordManagerHint"  # clipboard managers that know it keep no history of a secret


def copy_text(text: str) -> None:
    """Put the text on the clipboard."""
    QGuiApplication.clipboard().setText(text)


def copy_secret(text: str) -> None:
    """Put the text on the clipboard, marked as a secret."""
    content = QMimeData()
    content.setText(text)
    content.setData(HINT, b"secret")
    QGuiApplication.clipboard().setMimeData(content)
