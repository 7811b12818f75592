"""Every window, small and large, with a small and a large font: no caption, button or sentence is cut."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

from desktop_app.ui.widgets.basics import ElidedLabel
from desktop_app.ui.widgets.controls import Fold, MenuButton
from tests.ui.conftest import faces
from tests.ui.test_accessibility import shown_windows, visible

GIVES_WAY = (ElidedLabel, MenuButton, Fold)  # they paint an ellipsis, and tell the whole in their tooltip


@pytest.fixture
def face_with_font(qapp, core, theme, request) -> Iterator[object]:
    before = qapp.font()
    font = QFont(before)
    font.setPointSizeF(before.pointSizeF() * request.param)
    qapp.setFont(font)
    yield from faces(core, theme)
    qapp.setFont(before)


def cut(widget: QWidget) -> bool:
    if not isinstance(widget, QLabel):
        return widget.width() < widget.sizeHint().width() - 1
    if not widget.wordWrap():
        return bool(widget.text()) and widget.width() < widget.sizeHint().width() - 1
    longest = max(map(widget.fontMetrics().horizontalAdvance, widget.text().split()), default=0)
    return widget.height() < widget.heightForWidth(widget.width()) - 1 or longest > widget.width()


@pytest.mark.parametrize(
    ("face_with_font", "size"),
    [(1.5, QSize(640, 400)), (1.5, QSize(1160, 780)), (1.0, QSize(640, 400)), (1.0, QSize(800, 600))],
    indirect=["face_with_font"],
)
def test_no_text_is_cut(qtbot, core, face_with_font, size):
    found = set()
    for root in shown_windows(face_with_font):
        qtbot.waitUntil(lambda: not core.under_way)  # what comes meanwhile is laid out anew
        root.resize(size)
        for _ in range(40):  # rows choose their direction when they are resized, and are laid out again
            QApplication.processEvents()
        for widget in (w for w in visible(root, (QLabel, QAbstractButton)) if not isinstance(w, GIVES_WAY)):
            if cut(widget):
                found.add((type(root).__name__, widget.accessibleIdentifier(), widget.text()[:60], widget.width()))
    assert not found
