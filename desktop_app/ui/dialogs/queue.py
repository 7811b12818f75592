"""Putting a waiting session into a queue: into another one, or from none into one. GUI thread."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.services.core import Core
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.forms.queue_editor import QueueEditor
from desktop_app.ui.look.screen import fit_screen
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XL
from desktop_app.ui.widgets.banner import ProblemBanner
from desktop_app.ui.widgets.basics import ElidedLabel, button, label


class QueueDialog(QDialog):
    """``chosen`` carries the queue's name. ``verb``: "Move", or "Put" for a session that is in none."""

    chosen = Signal(str)

    def __init__(
        self,
        core: Core,
        bridge: Bridge,
        account: str,
        session: str,
        parent: QWidget | None = None,
        verb: str = "Move",
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Move to another queue" if verb == "Move" else "Put into a queue")
        self.setAccessibleIdentifier("queue-dialog")
        fit_screen(self, 480, 240)
        self._account = account
        self._editor = QueueEditor(core, bridge)
        self._editor.combo.setAccessibleName("Queue")
        self._banner = ProblemBanner("queue-dialog-banner")
        self._banner.remedy.connect(lambda _remedy: self._editor.load(account))
        self._editor.failed.connect(self._banner.show_problem)
        self._editor.failed.connect(lambda _problem: self._editor.combo.setFocus())
        self._editor.edited.connect(self._show_move)
        self._build(session, verb)
        self._editor.load(account)

    def _build(self, session: str, verb: str) -> None:
        self._move = button(verb, "primary", "queue-dialog-move")
        self._move.setDefault(True)
        self._move.clicked.connect(self._moved)
        cancel = button("Cancel", identifier="queue-dialog-cancel")
        cancel.clicked.connect(self.reject)
        caption = label("Queue", "section")
        caption.setBuddy(self._editor.combo)
        row = QHBoxLayout()
        row.setSpacing(SPACE_S)
        row.addStretch()
        row.addWidget(cancel)
        row.addWidget(self._move)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_XL, SPACE_L, SPACE_XL, SPACE_L)
        column.setSpacing(SPACE_M)
        column.addWidget(ElidedLabel(f"{verb} “{session}”{' into a queue' * (verb != 'Move')}", "heading"))
        for widget in (self._banner, caption, self._editor):
            column.addWidget(widget)
        column.addStretch()
        column.addLayout(row)

    def _show_move(self) -> None:
        self._move.setEnabled(bool(self._editor.value()) and self._editor.combo.isEnabled())

    def _moved(self) -> None:
        self.chosen.emit(str(self._editor.value()))
        self.accept()
