"""One editor widget per type of option: a checkbox, a number, a line, some lines. GUI thread."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QAbstractSpinBox, QLineEdit, QPlainTextEdit, QSpinBox, QWidget

from desktop_app.ui.controls import CheckBox

Value = str | int | bool
MAX_PORT = 65535


class BoolEditor(CheckBox):
    edited = Signal()

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.toggled.connect(lambda _on: self.edited.emit())

    def value(self) -> Value:
        return self.isChecked()

    def set_value(self, value: Value) -> None:
        self.setChecked(bool(value))


class NumberEditor(QSpinBox):
    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setRange(0, MAX_PORT)
        self.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.setMaximumWidth(140)
        self.valueChanged.connect(lambda _value: self.edited.emit())

    def value(self) -> Value:  # type: ignore[override]  # the form asks all editors alike; Qt says int
        return super().value()

    def set_value(self, value: Value) -> None:
        self.setValue(int(value))


class LineEditor(QLineEdit):
    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.textChanged.connect(lambda _text: self.edited.emit())  # assistive tools set text, too

    def value(self) -> Value:
        return self.text()

    def set_value(self, value: Value) -> None:
        self.setText(str(value))


class LinesEditor(QPlainTextEdit):
    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTabChangesFocus(True)
        self.setFixedHeight(4 * self.fontMetrics().lineSpacing() + 18)
        self.textChanged.connect(self.edited)

    def value(self) -> Value:
        return self.toPlainText()

    def set_value(self, value: Value) -> None:
        self.setPlainText(str(value))
