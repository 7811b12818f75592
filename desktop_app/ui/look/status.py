"""How a status looks: a tone and a shape, so that it can be told without colour. GUI thread (it paints)."""

from collections.abc import Callable
from enum import Enum

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from desktop_app.domain.sessions.snapshot import SEVERITY, Endpoint, Remote, SessionSnapshot, Status, status_of
from desktop_app.ui.look.theme import Tone
from remote_bootstrap import contract
from remote_bootstrap.contract.apps import APPS


class Shape(Enum):
    """The glyph beside the word."""

    DOT = "dot"
    RING = "ring"
    ARC = "arc"
    CLOCK = "clock"
    LOOP = "loop"
    WARNING = "warning"
    CROSS = "cross"
    SQUARE = "square"
    BARRED = "barred"
    TICK = "tick"


LOOK: dict[Status, tuple[Tone, Shape]] = {
    Status.QUEUED: (Tone.NEUTRAL, Shape.CLOCK),
    Status.UNPLACED: (Tone.BAD, Shape.BARRED),
    Status.STARTING: (Tone.BUSY, Shape.ARC),
    Status.READY: (Tone.BUSY, Shape.RING),
    Status.CONNECTING: (Tone.BUSY, Shape.ARC),
    Status.CONNECTED: (Tone.GOOD, Shape.DOT),
    Status.RECONNECTING: (Tone.WARN, Shape.LOOP),
    Status.NEEDS_YOU: (Tone.BAD, Shape.WARNING),
    Status.SHUTTING_DOWN: (Tone.NEUTRAL, Shape.ARC),
    Status.ENDED: (Tone.NEUTRAL, Shape.SQUARE),
    Status.FAILED: (Tone.BAD, Shape.CROSS),
    Status.OFFLINE: (Tone.WARN, Shape.BARRED),
}

APP_LOOK: dict[str, tuple[Tone, Shape, str]] = {
    contract.APP_WAITING: (Tone.NEUTRAL, Shape.CLOCK, "Waiting"),
    contract.APP_INSTALLING: (Tone.BUSY, Shape.ARC, "Installing"),
    contract.APP_STARTING: (Tone.BUSY, Shape.ARC, "Starting"),
    contract.APP_READY: (Tone.GOOD, Shape.TICK, "Ready"),
    contract.APP_RESTARTING: (Tone.WARN, Shape.LOOP, "Restarting"),
    contract.APP_FAILED: (Tone.BAD, Shape.CROSS, "Failed"),
}


def app_look(state: str) -> tuple[Tone, Shape, str]:
    """Return how a state looks; one of a newer bootstrap, which we don't know, as it says it."""
    return APP_LOOK.get(state, (Tone.NEUTRAL, Shape.RING, state.capitalize()))


_ORDER = tuple(spec.key for spec in APPS)


def shown_endpoints(snapshot: SessionSnapshot) -> tuple[Endpoint, ...]:
    """Return the applications as views list them: in the table's order, unknown ones last, none of an ended session."""
    if snapshot.remote is Remote.ENDED:
        return ()
    place = {key: at for at, key in enumerate(_ORDER)}
    return tuple(sorted(snapshot.endpoints, key=lambda e: (place.get(e.app, len(place)), e.app)))


class TrayState(Enum):
    """The five tray icons; the value is the file stem in assets/icons."""

    IDLE = "tray-idle"
    UP = "tray-up"
    BUSY = "tray-busy"
    RETRYING = "tray-retrying"
    PROBLEM = "tray-problem"


_TRAY: dict[Status, TrayState] = {
    Status.ENDED: TrayState.IDLE,
    Status.READY: TrayState.IDLE,
    Status.CONNECTED: TrayState.UP,
    Status.QUEUED: TrayState.BUSY,
    Status.STARTING: TrayState.BUSY,
    Status.CONNECTING: TrayState.BUSY,
    Status.SHUTTING_DOWN: TrayState.BUSY,
    Status.OFFLINE: TrayState.RETRYING,
    Status.RECONNECTING: TrayState.RETRYING,
    Status.UNPLACED: TrayState.PROBLEM,
    Status.FAILED: TrayState.PROBLEM,
    Status.NEEDS_YOU: TrayState.PROBLEM,
}


def worst(snapshots: tuple[SessionSnapshot, ...]) -> SessionSnapshot | None:
    """Return the session that the tray icon speaks of."""
    return max(snapshots, key=lambda s: SEVERITY.index(status_of(s)), default=None)


def tray_state(snapshots: tuple[SessionSnapshot, ...]) -> TrayState:
    snapshot = worst(snapshots)
    return TrayState.IDLE if snapshot is None else _TRAY[status_of(snapshot)]


def paint_shape(painter: QPainter, box: QRectF, shape: Shape, colour: QColor) -> None:
    """Draw the glyph into the square ``box``."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(_pen(colour, max(1.4, box.width() / 7)))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    _PAINT[shape](painter, box, colour)
    painter.restore()


def _pen(colour: QColor, width: float) -> QPen:
    return QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)


def _inset(box: QRectF, share: float) -> QRectF:
    gap = box.width() * share
    return box.adjusted(gap, gap, -gap, -gap)


def _dot(painter: QPainter, box: QRectF, colour: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawEllipse(_inset(box, 0.14))


def _ring(painter: QPainter, box: QRectF, _colour: QColor) -> None:
    painter.drawEllipse(_inset(box, 0.16))


def _arc(painter: QPainter, box: QRectF, _colour: QColor) -> None:
    painter.drawArc(_inset(box, 0.14), 60 * 16, 240 * 16)


def _clock(painter: QPainter, box: QRectF, _colour: QColor) -> None:
    inner, middle = _inset(box, 0.1), box.center()
    painter.drawEllipse(inner)
    painter.drawPolyline(
        [QPointF(middle.x(), inner.top() + inner.height() * 0.25), middle, QPointF(inner.right() - 2.5, middle.y())]
    )


def _loop(painter: QPainter, box: QRectF, colour: QColor) -> None:
    inner = _inset(box, 0.14)
    painter.drawArc(inner, 40 * 16, 130 * 16)
    painter.drawArc(inner, 220 * 16, 130 * 16)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    size = box.width() * 0.2
    for x, y, way in ((inner.right(), inner.center().y(), 1), (inner.left(), inner.center().y(), -1)):
        tip = [QPointF(x - size, y - way * size), QPointF(x + size, y - way * size), QPointF(x, y + way * size * 0.4)]
        painter.drawPolygon(QPolygonF(tip))


def _warning(painter: QPainter, box: QRectF, colour: QColor) -> None:
    inner, middle = _inset(box, 0.06), box.center()
    painter.setPen(_pen(colour, max(1.2, box.width() / 9)))
    painter.drawPolygon(QPolygonF([QPointF(middle.x(), inner.top()), inner.bottomRight(), inner.bottomLeft()]))
    top = inner.top() + inner.height() * 0.4
    painter.drawLine(QPointF(middle.x(), top), QPointF(middle.x(), top + inner.height() * 0.22))
    painter.drawPoint(QPointF(middle.x(), inner.bottom() - inner.height() * 0.17))


def _cross(painter: QPainter, box: QRectF, _colour: QColor) -> None:
    inner = _inset(box, 0.22)
    painter.drawLine(inner.topLeft(), inner.bottomRight())
    painter.drawLine(inner.topRight(), inner.bottomLeft())


def _square(painter: QPainter, box: QRectF, colour: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawRoundedRect(_inset(box, 0.2), 1.5, 1.5)


def _barred(painter: QPainter, box: QRectF, _colour: QColor) -> None:
    inner = _inset(box, 0.1)
    painter.drawEllipse(inner)
    edge = inner.width() * 0.15
    painter.drawLine(inner.topLeft() + QPointF(edge, edge), inner.bottomRight() - QPointF(edge, edge))


def _tick(painter: QPainter, box: QRectF, _colour: QColor) -> None:
    inner = _inset(box, 0.18)
    corner = QPointF(inner.left() + inner.width() * 0.36, inner.bottom() - inner.height() * 0.12)
    start = QPointF(inner.left(), inner.center().y() + inner.height() * 0.06)
    painter.drawPolyline([start, corner, QPointF(inner.right(), inner.top() + inner.height() * 0.12)])


_PAINT: dict[Shape, Callable[[QPainter, QRectF, QColor], None]] = {
    Shape.DOT: _dot,
    Shape.RING: _ring,
    Shape.ARC: _arc,
    Shape.CLOCK: _clock,
    Shape.LOOP: _loop,
    Shape.WARNING: _warning,
    Shape.CROSS: _cross,
    Shape.SQUARE: _square,
    Shape.BARRED: _barred,
    Shape.TICK: _tick,
}
