"""Small widgets that every window uses: labels that never read markup, pills, cards, buttons. GUI thread."""

from PySide6.QtCore import QCoreApplication, QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop_app.domain.sessions.snapshot import Status
from desktop_app.ui.look.measure import MOST, advance, elided
from desktop_app.ui.look.status import LOOK, Shape, paint_shape
from desktop_app.ui.look.text import tooltip
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XL, Tone, colours


def label(text: str = "", role: str = "", *, wrap: bool = False, selectable: bool = False) -> QLabel:
    """Return a label that shows exactly ``text``; ``role`` picks its look from the stylesheet."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setProperty("role", role)
    made.setWordWrap(wrap)
    if wrap:  # a long word from a server must not widen the window
        made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    if selectable:
        made.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
    return made


class ElidedLabel(QLabel):
    """One line that gives way: painted with an ellipsis, whole in the tooltip and for screen readers."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def setText(self, text: str) -> None:
        super().setText(" ".join(text[:MOST].split()))
        self.setToolTip(tooltip(text))

    def minimumSizeHint(self) -> QSize:
        return QSize(40, super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        line = elided(QFontMetrics(self.font()), self.text(), self.width())
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), line)


def paint_pill(painter: QPainter, box: QRectF, text: str, shape: Shape, ink: QColor, wash: QColor) -> None:
    """Paint a rounded badge: glyph and word."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(wash)
    painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
    side = box.height() * 0.5
    paint_shape(painter, QRectF(box.left() + SPACE_S, box.center().y() - side / 2, side, side), shape, ink)
    painter.setPen(ink)
    words = box.adjusted(SPACE_S + side + 5, 0, -SPACE_S, 0)
    painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)
    painter.restore()


def pill_size(metrics: QFontMetrics, text: str) -> QSize:
    height = metrics.height() + 6
    return QSize(advance(metrics, text) + int(height * 0.5) + 2 * SPACE_S + 7, height)


class StatusPill(QLabel):
    """A session's status. The text stays the label's own, so that screen readers and tests can read it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._status = Status.QUEUED
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleIdentifier("session-status")

    def show_status(self, status: Status) -> None:
        self._status = status
        self.setText(status.value)
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        return pill_size(self.fontMetrics(), self.text())

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        tone, shape = LOOK[self._status]
        shade = colours().tones[tone]
        paint_pill(QPainter(self), QRectF(self.rect()), self.text(), shape, QColor(shade.ink), QColor(shade.wash))


class Glyph(QWidget):
    """A shape in a tone, beside a text that says the same."""

    def __init__(self, shape: Shape, tone: Tone, side: int = 16, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shape, self._tone = shape, tone
        self.setFixedSize(side, side)

    def show_shape(self, shape: Shape, tone: Tone) -> None:
        if (shape, tone) != (self._shape, self._tone):
            self._shape, self._tone = shape, tone
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        ink = QColor(colours().tones[self._tone].ink)
        paint_shape(QPainter(self), QRectF(self.rect()).adjusted(1, 1, -1, -1), self._shape, ink)


class Card(QFrame):
    """A raised surface with a vertical layout, ``body``."""

    def __init__(self, title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(SPACE_L, SPACE_M, SPACE_L, SPACE_M)
        self.body.setSpacing(SPACE_S)
        if title:
            self.body.addWidget(label(title, "heading"))


def button(text: str, kind: str = "", identifier: str = "") -> QPushButton:
    """Return a button; ``kind``: "", "primary", "danger" or "quiet"."""
    made = QPushButton(text)
    made.setProperty("kind", kind)
    made.setAutoDefault(True)  # in a dialog, Return presses the button that has the focus, not the default one
    if identifier:
        made.setAccessibleIdentifier(identifier)
    return made


class ActionButton(QPushButton):
    """A button that is a QAction: text, tooltip, enabled and visible follow it."""

    def __init__(self, kind: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", kind)
        self.setAutoDefault(False)
        self._action: QAction | None = None
        self.clicked.connect(self._trigger)

    def bind(self, action: QAction) -> None:
        """Follow another action from now on."""
        if action is self._action:
            return
        if self._action is not None:
            self._action.changed.disconnect(self._follow)
            self._action.destroyed.disconnect(self._lost)
        self._action = action
        self.setAccessibleIdentifier(action.objectName())
        action.changed.connect(self._follow)
        action.destroyed.connect(self._lost)
        self._follow()

    def _follow(self) -> None:
        action = self._action
        if action is None:
            return
        self.setText(action.text())
        keys = action.shortcut().toString()
        self.setToolTip(action.toolTip().replace("</qt>", f" ({keys})</qt>") if keys else action.toolTip())
        self.setEnabled(action.isEnabled())
        self.setVisible(action.isVisible())

    def _lost(self) -> None:
        self._action = None
        self.setVisible(False)

    def _trigger(self) -> None:
        if self._action is not None:
            self._action.trigger()


class Page(QScrollArea):
    """A page that scrolls up and down only; its margins stay even when the scroll bar comes and goes."""

    def __init__(self, name: str, margin: int, minimum_height: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        inner = QWidget()
        inner.setObjectName("page")
        self.body = QVBoxLayout(inner)
        self._margin = margin
        self.body.setContentsMargins(margin, SPACE_S, margin, SPACE_L)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(name)
        self.setMinimumHeight(minimum_height)
        self.setWidget(inner)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.verticalScrollBar().rangeChanged.connect(self._even)

    def _even(self, _low: int, high: int) -> None:
        margins = self.body.contentsMargins()
        bar = self.verticalScrollBar().sizeHint().width() if high > 0 else 0
        margins.setRight(max(0, self._margin - bar))
        self.body.setContentsMargins(margins)


def focus_in_view(widget: QWidget) -> None:
    """Give the keyboard to a widget and scroll to it: ``setFocus`` alone leaves it where it is not seen."""
    widget.setFocus()
    area = widget.parentWidget()
    while area is not None and not isinstance(area, QScrollArea):
        area = area.parentWidget()
    if area is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)  # what was unfolded has its place by then
        area.ensureWidgetVisible(widget, 0, 4 * SPACE_XL)  # with its caption, and its error below


def retire(widget: QWidget) -> None:
    """Take a widget away at once and for good, even while one of its own signals is being handled."""
    widget.hide()
    widget.setAccessibleIdentifier("")
    widget.deleteLater()


def repolish(widget: QWidget) -> None:
    """Make the stylesheet look at changed properties."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    widget.update()
