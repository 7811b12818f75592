"""One editor widget per kind of option: a checkbox, a line, some lines, a choice. GUI thread.

Every editor has ``value``, ``set_value``, ``edited`` and ``target``, the widget in it that takes the keyboard.
"""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from desktop_app.ui.widgets.controls import CheckBox, ComboBox

Value = str | bool
FEWEST_LINES, MOST_LINES = 2, 8


class BoolEditor(CheckBox):
    edited = Signal()

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.toggled.connect(lambda _on: self.edited.emit())

    @property
    def target(self) -> QWidget:
        return self

    def value(self) -> Value:
        return self.isChecked()

    def set_value(self, value: Value) -> None:
        self.setChecked(bool(value))


class LineEditor(QLineEdit):
    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.textChanged.connect(lambda _text: self.edited.emit())  # assistive tools set text, too

    @property
    def target(self) -> QWidget:
        return self

    def value(self) -> Value:
        return self.text()

    def set_value(self, value: Value) -> None:
        self.setText(str(value))


class LinesEditor(QPlainTextEdit):
    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTabChangesFocus(True)
        self._fit()
        self.textChanged.connect(self._fit)
        self.textChanged.connect(self.edited)

    def _fit(self) -> None:
        """As high as its lines, within bounds."""
        lines = min(max(self.blockCount() + 1, FEWEST_LINES), MOST_LINES)
        self.setFixedHeight(lines * self.fontMetrics().lineSpacing() + 18)

    @property
    def target(self) -> QWidget:
        return self

    def value(self) -> Value:
        return self.toPlainText()

    def set_value(self, value: Value) -> None:
        self.setPlainText(str(value))


class ChoiceEditor(QWidget):
    """One of some values, shown by their labels."""

    edited = Signal()

    def __init__(self, choices: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.combo = ComboBox()
        for value, label in choices:
            self.combo.addItem(label, value)
        self.combo.currentIndexChanged.connect(lambda _index: self.edited.emit())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.combo)
        self.setFocusProxy(self.combo)

    @property
    def target(self) -> QWidget:
        return self.combo

    def value(self) -> Value:
        return str(self.combo.currentData())

    def set_value(self, value: Value) -> None:
        self.combo.setCurrentIndex(max(0, self.combo.findData(value)))
