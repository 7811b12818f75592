"""Finding one of the many options of the launch form, or seeing them all at once. GUI thread."""

from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop_app.domain.launch.options import options
from desktop_app.ui.forms.option_form import OptionForm
from desktop_app.ui.look.text import count
from desktop_app.ui.look.theme import SPACE_S
from desktop_app.ui.widgets.basics import button
from desktop_app.ui.widgets.search_line import SearchLine

FIND = "Find an option"
ALL, LESS = "Show all", "Show less"


class OptionFinder(QWidget):
    """Narrows ``form``. It stays in view while the form scrolls; Ctrl+F leads to it."""

    def __init__(self, form: OptionForm, parent: QWidget) -> None:
        super().__init__(parent)
        self._form = form
        self.line = SearchLine(FIND, "find-option")
        self.line.setToolTip("By name, description or command line flag (Ctrl+F)")
        self.line.setMinimumWidth(130)
        self.line.wanted.connect(self._find)
        self.line.onward.connect(form.focus_first)
        self.all = button(ALL, "", "show-all-options")
        self.all.setAutoDefault(False)
        self.all.setToolTip("Unfold every card's further options")
        self.all.clicked.connect(lambda: form.unfold(not form.unfolded))
        form.folded.connect(self._show_fold)
        form.narrowed.connect(lambda narrow: None if narrow else self.line.clear())
        self._shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), parent)
        self._shortcut.activated.connect(self._asked)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE_S)
        row.addWidget(self.line, 1)
        row.addWidget(self.all)

    def _asked(self) -> None:
        if self.isVisible():
            self.line.focus()

    def _find(self, text: str) -> None:
        number = self._form.narrow(text)
        self.line.setAccessibleDescription(f"{count(number, 'option')} of {len(options())} found" if text else "")
        self.all.setEnabled(not text)

    def _show_fold(self) -> None:
        self.all.setText(LESS if self._form.unfolded else ALL)
