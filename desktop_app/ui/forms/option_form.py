"""The launch form, generated from the option table: a card per page, what is advanced folded away. GUI thread.

A new option needs nothing here: its row in ``domain/options.py`` says it all.
"""

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_app.domain.option import Kind, Page
from desktop_app.domain.options import LaunchSpec, defaults, normalised, options, validate
from desktop_app.ui.controls import Fold
from desktop_app.ui.forms.field import Field, MakeQueueEditor
from desktop_app.ui.forms.queue_editor import QueueEditor
from desktop_app.ui.text import shortened
from desktop_app.ui.theme import SPACE_L, SPACE_M
from desktop_app.ui.widgets import Card

MORE = "More options"
MOST_CHARS = 70
QUEUE_FILTERS = ("queue_include_tag", "queue_excluded_tag")


class OptionForm(QWidget):
    """All fields of a LaunchSpec."""

    edited = Signal()

    def __init__(self, queue_editor: MakeQueueEditor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fields: dict[str, Field] = {}
        self._folds: dict[str, Fold] = {}
        self._queue_editor = queue_editor
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_L)
        for page in Page:
            card = self._card(page)
            if card is not None:
                column.addWidget(card)
        column.addStretch()

    def _card(self, page: Page) -> Card | None:
        rows = {name: option for name, option in options().items() if option.page is page}
        if not rows:
            return None
        card = Card(page.value)
        card.body.setSpacing(SPACE_M)
        for name, option in rows.items():
            if not option.advanced:
                card.body.addWidget(self._field(name))
        advanced = [name for name, option in rows.items() if option.advanced]
        if advanced:
            self._add_fold(card, page, advanced)
        return card

    def _add_fold(self, card: Card, page: Page, names: list[str]) -> None:
        hidden = QWidget()
        column = QVBoxLayout(hidden)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_M)
        fold = Fold(MORE, hidden)
        fold.setAccessibleIdentifier(f"fold-{page.name.lower()}")
        fold.setAccessibleName(f"More options: {page.value}")
        for name in names:
            column.addWidget(self._field(name))
            self._folds[name] = fold
            self.fields[name].edited.connect(self._name_folds)
        card.body.addWidget(fold)
        card.body.addWidget(hidden)

    def _name_folds(self) -> None:
        """Options that are set must not hide behind a closed fold: it names them."""
        start = defaults()
        for fold in dict.fromkeys(self._folds.values()):
            inside = [self.fields[name] for name, around in self._folds.items() if around is fold]
            set_ones = [field.option.label for field in inside if field.value() != getattr(start, field.name)]
            fold.setText(shortened(f"{MORE} ({', '.join(set_ones)})", MOST_CHARS) if set_ones else MORE)

    def _filter_queues(self) -> None:
        """The queue's list follows the tags that are asked for."""
        include, exclude = (str(self.fields[name].value()) for name in QUEUE_FILTERS)
        for field in self.fields.values():
            if isinstance(field.editor, QueueEditor):
                field.editor.show_only(include, exclude)

    def _field(self, name: str) -> Field:
        field = Field(name, options()[name], getattr(defaults(), name), self._queue_editor)
        field.edited.connect(self.edited)
        if name in QUEUE_FILTERS:
            field.edited.connect(self._filter_queues)
        self.fields[name] = field
        return field

    def spec(self) -> LaunchSpec:
        values: dict[str, Any] = {name: field.value() for name, field in self.fields.items()}
        return normalised(replace(defaults(), **values))

    def show_spec(self, spec: LaunchSpec) -> None:
        for name, field in self.fields.items():
            field.set_value(getattr(spec, name))
        self._filter_queues()
        self._name_folds()

    def forget_secrets(self) -> None:
        """Once they are used, or not wanted."""
        for field in self.fields.values():
            if field.option.kind is Kind.SECRET:
                field.set_value("")

    def problems(self) -> dict[str, str]:
        """Field name -> what is wrong, without showing it."""
        return {name: text for name, field in self.fields.items() if (text := field.check())}

    def check_all(self) -> bool:
        """Show every error, unfold and focus the first; True when there is none."""
        together = validate(self.spec())  # knows what one field alone does not
        wrong = [name for name, field in self.fields.items() if field.check(together.get(name, ""), force=True)]
        if wrong:
            if wrong[0] in self._folds:
                self._folds[wrong[0]].setChecked(True)
            self.fields[wrong[0]].target.setFocus()
        return not wrong
