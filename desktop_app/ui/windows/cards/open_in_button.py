"""The button “Open in” in the details: a menu of everything that the session can be opened in. GUI thread."""

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QKeySequence, QPaintEvent
from PySide6.QtWidgets import QMenu, QPushButton, QStyle, QStyleOptionButton, QStylePainter, QWidget

from desktop_app.domain.sessions.snapshot import Action
from desktop_app.ui.commands.actions import SessionActions
from desktop_app.ui.look.text import tooltip
from desktop_app.ui.look.theme import colours
from desktop_app.ui.widgets.controls import paint_chevron

CHEVRON_ROOM = 18
SHORTCUT = "Ctrl+O"


class OpenInButton(QPushButton):
    """Follows one session's actions; shown while the session is connected."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Action.OPEN_IN.value, parent)
        self.setAutoDefault(False)
        self.setAccessibleIdentifier("open-in")
        self.setToolTip(tooltip(f"In the browser, a terminal, an editor or the file manager ({SHORTCUT})"))
        self.setShortcut(QKeySequence(SHORTCUT))
        self._actions: SessionActions | None = None

    def follow(self, actions: SessionActions) -> None:
        if actions is not self._actions:
            self._actions = actions
            old, menu = self.menu(), QMenu(self)
            actions.fill_open_in(menu)
            self.setMenu(menu)
            if old is not None:
                old.deleteLater()
        self.setVisible(actions.opens_in)

    def sizeHint(self) -> QSize:
        return super().sizeHint() + QSize(CHEVRON_ROOM, 0)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint it here: the style would put the text where the chevron is."""
        option = QStyleOptionButton()
        self.initStyleOption(option)
        option.text = ""
        painter = QStylePainter(self)
        painter.drawControl(QStyle.ControlElement.CE_PushButton, option)
        painter.setPen(QColor(colours().text))
        room = self.rect().adjusted(0, 0, -CHEVRON_ROOM, 0)
        painter.drawText(room, int(Qt.AlignmentFlag.AlignCenter), self.text())
        paint_chevron(painter, QPointF(self.width() - CHEVRON_ROOM, self.height() / 2))
