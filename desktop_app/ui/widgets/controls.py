"""Controls that the stylesheet alone can't draw: combo box, checkbox, rows to tick, menu button, fold. GUI thread."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QComboBox,
    QPushButton,
    QRadioButton,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionButton,
    QStyleOptionComboBox,
    QStyleOptionViewItem,
    QStylePainter,
    QWidget,
)

from desktop_app.ui.look.measure import advance, elided
from desktop_app.ui.look.status import Shape, paint_shape
from desktop_app.ui.look.text import tooltip
from desktop_app.ui.look.theme import SPACE_S, colours

BOX = 17.0  # side of a checkbox's box and a radio button's circle
TEXT_AT = 28


def _paint_choice(button: QAbstractButton, radius: float, mark: Shape) -> None:
    """Paint a checkbox or radio button in the window's own colours; focus is a ring around the box."""
    table = colours()
    painter = QPainter(button)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    box = QRectF(2, (button.height() - BOX) / 2, BOX, BOX)
    on, enabled = button.isChecked(), button.isEnabled()
    edge = table.accent if (on or button.hasFocus()) and enabled else table.strong_border
    painter.setPen(QPen(QColor(edge), 1.2))
    painter.setBrush(QColor((table.accent if enabled else table.strong_border) if on else table.surface))
    painter.drawRoundedRect(box, radius, radius)
    if button.hasFocus():
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(table.text), 1.4))
        painter.drawRoundedRect(box.adjusted(-1.6, -1.6, 1.6, 1.6), radius + 1.6, radius + 1.6)
    if on:
        paint_shape(painter, box.adjusted(3, 3, -3, -3), mark, QColor(table.on_accent))
    painter.setPen(QColor(table.text if enabled else table.muted))
    painter.setFont(button.font())
    painter.drawText(button.rect().adjusted(TEXT_AT, 0, 0, 0), int(Qt.AlignmentFlag.AlignVCenter), button.text())


def _choice_size(button: QAbstractButton) -> QSize:
    metrics = button.fontMetrics()
    return QSize(TEXT_AT + advance(metrics, button.text()) + SPACE_S, max(metrics.height(), 18) + 8)


class CheckBox(QCheckBox):
    """A checkbox whose focus can be seen."""

    def sizeHint(self) -> QSize:
        return _choice_size(self)

    def minimumSizeHint(self) -> QSize:
        return _choice_size(self)

    def hitButton(self, at: QPoint) -> bool:
        return self.rect().contains(at)

    def paintEvent(self, _event: QPaintEvent) -> None:
        _paint_choice(self, 4.5, Shape.TICK)


class RadioButton(QRadioButton):
    """A radio button whose focus can be seen."""

    def sizeHint(self) -> QSize:
        return _choice_size(self)

    def minimumSizeHint(self) -> QSize:
        return _choice_size(self)

    def hitButton(self, at: QPoint) -> bool:
        return self.rect().contains(at)

    def paintEvent(self, _event: QPaintEvent) -> None:
        _paint_choice(self, BOX / 2, Shape.DOT)


class TickDelegate(QStyledItemDelegate):
    """Rows that can be ticked, with the window's own boxes: the style's can hardly be seen on dark."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        full = QStyleOptionViewItem(option)
        self.initStyleOption(full, index)
        style = full.widget.style()
        room = style.subElementRect(QStyle.SubElement.SE_ItemViewItemCheckIndicator, full, full.widget)
        table, on = colours(), full.checkState == Qt.CheckState.Checked
        box = QRectF(room).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(table.accent if on else table.strong_border), 1.2))
        painter.setBrush(QColor(table.accent if on else table.surface))
        painter.drawRoundedRect(box, 3.5, 3.5)
        if on:
            paint_shape(painter, box.adjusted(2, 2, -2, -2), Shape.TICK, QColor(table.on_accent))
        painter.restore()


class ComboBox(QComboBox):
    """A combo box with a drawn arrow (a stylesheet alone loses it), which long texts can't widen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        room = self.width() - 50
        option.currentText = elided(option.fontMetrics, option.currentText, room)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        paint_chevron(painter, QPointF(self.width() - 18, self.height() / 2))


def paint_chevron(painter: QPainter, at: QPointF, *, down: bool = True) -> None:
    """Paint a small open arrow around the point ``at``."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ink = QColor(colours().muted)
    painter.setPen(QPen(ink, 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    ends = ((-4.0, -2.0), (0.0, 2.0), (4.0, -2.0)) if down else ((-2.0, -4.0), (2.0, 0.0), (-2.0, 4.0))
    painter.drawPolyline([at + QPointF(x, y) for x, y in ends])
    painter.restore()


class MenuButton(QPushButton):
    """A button with a menu and a chevron; its text gives way with an ellipsis and is whole in the tooltip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAutoDefault(False)
        self._shown = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_text(self, text: str) -> None:
        self._shown = text
        self.setAccessibleName(text)
        self.setToolTip(tooltip(text))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(advance(self.fontMetrics(), self._shown) + 50, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(90, super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        option = QStyleOptionButton()
        self.initStyleOption(option)
        painter = QStylePainter(self)
        painter.drawControl(QStyle.ControlElement.CE_PushButton, option)
        room = self.rect().adjusted(14, 0, -32, 0)
        text = elided(self.fontMetrics(), self._shown, room.width())
        painter.setPen(QColor(colours().text))
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)
        paint_chevron(painter, QPointF(self.width() - 18, self.height() / 2))


class Fold(QPushButton):
    """A heading that shows or hides ``content``; closed at first. A second line may say what is inside."""

    def __init__(self, text: str, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setAutoDefault(False)
        self.setCheckable(True)
        self._content = content
        self._detail = ""
        self.setProperty("kind", "fold")
        content.setVisible(False)
        self.toggled.connect(self.show_content)

    def show_words(self, title: str, detail: str) -> None:
        self._detail = detail
        self.setText(title)
        self.setToolTip(tooltip(detail))
        self.setAccessibleDescription(detail)
        self.updateGeometry()
        self.update()

    def show_content(self, on: bool) -> None:
        """Show the content; some of it may be shown without opening the fold."""
        self._content.setVisible(on)
        self.updateGeometry()

    @property
    def _second_line(self) -> bool:
        return bool(self._detail) and not self.isChecked()

    def sizeHint(self) -> QSize:
        size = super().sizeHint()
        return size + QSize(0, self.fontMetrics().lineSpacing()) if self._second_line else size

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, line = QStylePainter(self), self.fontMetrics().lineSpacing()
        option = QStyleOptionButton()
        self.initStyleOption(option)
        option.text = ""
        painter.drawControl(QStyle.ControlElement.CE_PushButton, option)
        room = self.rect().adjusted(27, 0, -SPACE_S, 0)
        top = (self.height() - line * (2 if self._second_line else 1)) // 2
        for at, (text, colour) in enumerate(((self.text(), colours().text), (self._detail, colours().muted))):
            if at == 0 or self._second_line:
                painter.setPen(QColor(colour))
                where = QRect(room.x(), top + at * line, room.width(), line)
                shown = elided(self.fontMetrics(), text, room.width())
                painter.drawText(where, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), shown)
        paint_chevron(painter, QPointF(14, top + line / 2), down=self.isChecked())
