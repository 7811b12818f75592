"""Questions before something that can't be undone: asked once, never blocking the event loop. GUI thread."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.ui.look.theme import SPACE_L, SPACE_S, SPACE_XL
from desktop_app.ui.widgets.basics import button, label

WIDTH = 460


class Confirm(QDialog):
    """A title, what would happen, and two buttons; Escape and Return both mean no. ``kind``: of the button "yes"."""

    def __init__(
        self, parent: QWidget | None, title: str, text: str, yes: str, identifier: str, kind: str = "destructive"
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(yes)
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)
        self.setAccessibleIdentifier(identifier)
        self.title, self.text = title, text
        self.yes = button(yes, kind, f"{identifier}-yes")
        self.no = button("Cancel", identifier=f"{identifier}-no")
        self.yes.clicked.connect(self.accept)
        self.no.clicked.connect(self.reject)
        self.no.setDefault(True)
        self._lay_out()
        self.no.setFocus()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        row.addStretch()
        row.addWidget(self.no)
        row.addWidget(self.yes)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_XL, SPACE_XL, SPACE_XL, SPACE_L)
        column.setSpacing(SPACE_S)
        column.addWidget(label(self.title, "heading", wrap=True))
        column.addWidget(label(self.text, "muted", wrap=True))
        column.addSpacing(SPACE_L)
        column.addLayout(row)
        self.resize(WIDTH, self.heightForWidth(WIDTH))


def ask(
    parent: QWidget | None,
    title: str,
    text: str,
    yes: str,
    then: Callable[[], None],
    *,
    identifier: str,
    kind: str = "destructive",
) -> Confirm:
    """Show the question and return at once; ``then`` runs if the button ``yes`` is pressed."""
    box = Confirm(parent, title, text, yes, identifier, kind)
    box.accepted.connect(then)
    box.open()
    return box
