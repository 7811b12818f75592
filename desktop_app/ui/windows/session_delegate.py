"""Paints one session of the list as a card: name, status, progress, where it runs, its applications. GUI thread."""

from collections.abc import Sequence
from itertools import accumulate

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop_app.domain.sessions.snapshot import Endpoint, SessionSnapshot, progress_of, status_of
from desktop_app.ui.look.measure import MOST, elided
from desktop_app.ui.look.status import LOOK, app_look, paint_shape, shown_endpoints
from desktop_app.ui.look.theme import SPACE_L, SPACE_M, SPACE_S, SPACE_XS, Colours, colours
from desktop_app.ui.widgets.basics import paint_pill, pill_size
from desktop_app.ui.windows.session_list import ACCOUNT, SNAPSHOT

ROOM_FOR_BOTH = 38  # characters
CHIP_GAP = SPACE_XS + 2
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


def where_of(snapshot: SessionSnapshot) -> str:
    """Return “queue · worker”, as far as it is known."""
    return " · ".join(part for part in (snapshot.facts.queue, snapshot.facts.worker) if part)


def has_room(box: QRectF, font: QFont) -> bool:
    """True if a name and the status fit into one line; else the name has it for itself."""
    return box.width() >= ROOM_FOR_BOTH * QFontMetricsF(font).averageCharWidth()


def text_lines(box: QRectF, font: QFont) -> tuple[QRectF, QRectF, QRectF]:
    """Return where name, progress and place are written."""
    line = QFontMetricsF(font).height()
    first = QRectF(box.left(), box.top(), box.width(), line)
    second, third = (first.translated(0, number * (line + SPACE_XS)) for number in (1, 2))
    return first, second, third


def how_many_fit(widths: Sequence[float], room: float, gap: float, more: float) -> int:
    """Return how many fit, from the beginning; ``more`` is the width of the note that says how many were left out."""
    if sum(widths) + gap * (len(widths) - 1) <= room:
        return len(widths)
    used = list(accumulate(width + gap for width in widths))
    return sum(end + more <= room for end in used)


class SessionDelegate(QStyledItemDelegate):
    """A card per session; all heights follow the font."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        snapshot = index.data(SNAPSHOT)
        line = option.fontMetrics.height()
        lines = 3 * line + 2 * SPACE_XS + (line + SPACE_S + 6 if self._chips(snapshot) else 0)
        return QSize(200, lines + 2 * SPACE_M + SPACE_S)

    @staticmethod
    def _chips(snapshot: SessionSnapshot | None) -> tuple[Endpoint, ...]:
        return shown_endpoints(snapshot) if snapshot is not None else ()

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        snapshot: SessionSnapshot | None = index.data(SNAPSHOT)
        if snapshot is None:
            return
        table = colours()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card = QRectF(option.rect).adjusted(1, SPACE_XS, -1, -SPACE_XS)
        self._paint_card(painter, card, option.state, table)
        box = card.adjusted(SPACE_L, SPACE_M, -SPACE_L, -SPACE_M)
        self._paint_text(painter, box, option.font, snapshot, index.data(ACCOUNT) or "", table)
        painter.restore()

    @staticmethod
    def _paint_card(painter: QPainter, card: QRectF, state: QStyle.StateFlag, table: Colours) -> None:
        selected = bool(state & QStyle.StateFlag.State_Selected)
        focused = selected and bool(state & QStyle.StateFlag.State_HasFocus)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        edge = table.accent if selected else table.strong_border if hovered else table.border
        painter.setPen(QPen(QColor(edge), 2 if focused else 1))
        painter.setBrush(QColor(table.accent_wash if selected else table.surface))
        painter.drawRoundedRect(card.adjusted(1, 1, -1, -1), 10, 10)

    def _paint_text(
        self, painter: QPainter, box: QRectF, font: QFont, snapshot: SessionSnapshot, account: str, table: Colours
    ) -> None:
        bold, small = QFont(font), QFont(font)
        bold.setWeight(QFont.Weight.DemiBold)
        small.setPointSizeF(font.pointSizeF() * 0.9)
        line = QFontMetricsF(font).height()
        name, progress, where = text_lines(box, font)
        beside = name if has_room(box, font) else where
        pill = self._paint_pill(painter, beside, small, snapshot, table)
        beside.setRight(beside.right() - pill - SPACE_S)
        _line(painter, name, snapshot.name, bold, table.text)
        _line(painter, progress, progress_of(snapshot), font, table.muted)
        place = " · ".join(part for part in (account, where_of(snapshot)) if part)
        _line(painter, where, place, small, table.muted)
        below = QPointF(box.left(), box.top() + 3 * line + 2 * SPACE_XS + SPACE_S)
        self._paint_chips(painter, below, box.right(), small, snapshot, table)

    @staticmethod
    def _paint_pill(painter: QPainter, line: QRectF, font: QFont, snapshot: SessionSnapshot, table: Colours) -> float:
        """Paint the status at the line's right end; returns its width."""
        status = status_of(snapshot)
        tone, shape = LOOK[status]
        shade = table.tones[tone]
        painter.setFont(font)
        size = pill_size(painter.fontMetrics(), status.value)
        top = line.top() + (line.height() - size.height()) / 2
        at = QRectF(line.right() - size.width(), top, size.width(), size.height())
        paint_pill(painter, at, status.value, shape, QColor(shade.ink), QColor(shade.wash))
        return float(size.width())

    def _paint_chips(
        self, painter: QPainter, at: QPointF, right: float, font: QFont, snapshot: SessionSnapshot, table: Colours
    ) -> None:
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        height = metrics.height() + 4
        side = height * 0.5
        chips = self._chips(snapshot)
        widths = [side + 5 + metrics.horizontalAdvance(endpoint.label) + 2 * SPACE_S for endpoint in chips]
        fit = how_many_fit(widths, right - at.x(), CHIP_GAP, metrics.horizontalAdvance("+9"))
        for endpoint, width in zip(chips[:fit], widths, strict=False):
            tone, shape, _word = app_look(endpoint.state)
            box = QRectF(at.x(), at.y(), width, height)
            painter.setPen(QPen(QColor(table.border), 1))
            painter.setBrush(QColor(table.surface))
            painter.drawRoundedRect(box, 6, 6)
            glyph = QRectF(box.left() + SPACE_S - 2, box.center().y() - side / 2, side, side)
            paint_shape(painter, glyph, shape, QColor(table.tones[tone].ink))
            painter.setPen(QColor(table.muted))
            painter.drawText(box.adjusted(SPACE_S + side + 3, 0, 0, 0), int(LEFT), endpoint.label)
            at = QPointF(at.x() + width + CHIP_GAP, at.y())
        if fit < len(chips):
            painter.setPen(QColor(table.muted))
            painter.drawText(QRectF(at.x(), at.y(), right - at.x(), height), int(LEFT), f"+{len(chips) - fit}")


def _line(painter: QPainter, box: QRectF, text: str, font: QFont, colour: str) -> None:
    painter.setFont(font)
    painter.setPen(QColor(colour))
    line = " ".join(text[:MOST].split())
    painter.drawText(box, int(LEFT), elided(painter.fontMetrics(), line, int(box.width())))
