"""A layout that wraps: a row of buttons becomes two where the window is narrow. GUI thread."""

from PySide6.QtCore import QMargins, QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget


class FlowLayout(QLayout):
    """Left to right, then the next line; hidden items take no room."""

    def __init__(self, parent: QWidget | None = None, spacing: int = 8, *, align_right: bool = False) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._align_right = align_right
        self.setSpacing(spacing)
        self.setContentsMargins(QMargins())

    def align_right(self, on: bool) -> None:
        self._align_right = on
        self.invalidate()

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        margins = self.contentsMargins()
        inner = QRect(0, 0, width - margins.left() - margins.right(), 0)
        return self._arrange(inner, move=False) + margins.top() + margins.bottom()

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._arrange(rect.marginsRemoved(self.contentsMargins()), move=True)

    def sizeHint(self) -> QSize:
        """Return the size of all in one line."""
        sizes = [item.sizeHint() for item in self._items if not item.isEmpty()]
        wide = sum(size.width() for size in sizes) + self.spacing() * max(0, len(sizes) - 1)
        return QSize(wide, max((size.height() for size in sizes), default=0)).grownBy(self.contentsMargins())

    def minimumSize(self) -> QSize:
        size = QSize()
        for item in self._items:
            if not item.isEmpty():
                size = size.expandedTo(item.minimumSize())
        return size.grownBy(self.contentsMargins())

    def _lines(self, width: int) -> list[list[QLayoutItem]]:
        """Return the items that are shown, broken into lines of at most ``width``."""
        lines: list[list[QLayoutItem]] = []
        room = -1
        for item in self._items:
            if item.isEmpty():
                continue
            wide = item.sizeHint().width()
            if wide > room:
                lines.append([])
                room = width
            lines[-1].append(item)
            room -= wide + self.spacing()
        return lines

    def _arrange(self, rect: QRect, *, move: bool) -> int:
        """Place the items (or only measure) and return the height that they take."""
        lines = self._lines(rect.width())
        heights = [max(item.sizeHint().height() for item in line) for line in lines]
        total = sum(heights) + self.spacing() * max(0, len(lines) - 1)
        if move:
            y = rect.y() + max(0, (rect.height() - total) // 2)
            for line, height in zip(lines, heights, strict=True):
                self._place(line, rect, y, height)
                y += height + self.spacing()
        return total

    def _place(self, line: list[QLayoutItem], rect: QRect, y: int, height: int) -> None:
        sizes = [item.sizeHint().boundedTo(QSize(max(1, rect.width()), height)) for item in line]
        used = sum(size.width() for size in sizes) + self.spacing() * (len(sizes) - 1)
        x = rect.x() + (max(0, rect.width() - used) if self._align_right else 0)
        for item, size in zip(line, sizes, strict=True):
            item.setGeometry(QRect(QPoint(x, y + (height - size.height()) // 2), size))
            x += size.width() + self.spacing()
