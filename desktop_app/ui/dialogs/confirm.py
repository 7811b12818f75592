"""Questions before something that can't be undone: asked once, never blocking the event loop. GUI thread."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget


def ask(
    parent: QWidget | None, title: str, text: str, yes: str, then: Callable[[], None], *, identifier: str
) -> QMessageBox:
    """Show the question and return at once; ``then`` runs if the button ``yes`` is pressed. Escape means no."""
    box = QMessageBox(QMessageBox.Icon.NoIcon, title, title, parent=parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setInformativeText(text)
    box.setAccessibleIdentifier(identifier)
    accept = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    accept.setProperty("kind", "danger")
    accept.setAccessibleIdentifier(f"{identifier}-yes")
    refuse = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    refuse.setAccessibleIdentifier(f"{identifier}-no")
    box.setDefaultButton(refuse)
    box.setEscapeButton(refuse)
    box.buttonClicked.connect(lambda pressed: then() if pressed is accept else None)
    box.open()
    return box
