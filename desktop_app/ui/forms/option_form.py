"""The launch form, generated from the option table: a card per page, what is advanced folded away. GUI thread.

A new option needs nothing here: its row in ``domain/launch/options.py`` says it all.
"""

from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_app.domain.launch.option import Kind, Page
from desktop_app.domain.launch.option_search import matching_options
from desktop_app.domain.launch.options import LaunchSpec, defaults, normalised, options, validate
from desktop_app.ui.forms.field import CoreEditors, Field
from desktop_app.ui.forms.queue_editor import QueueEditor
from desktop_app.ui.look.text import count, shortened
from desktop_app.ui.look.theme import SPACE_L, SPACE_M
from desktop_app.ui.widgets.basics import Card, focus_in_view, label
from desktop_app.ui.widgets.controls import Fold

QUEUE_FILTERS = ("queue_include_tag", "queue_excluded_tag")


@dataclass(slots=True)
class _Group:
    """The options of one page: their card, and the fold of the advanced ones."""

    card: Card
    names: tuple[str, ...]
    fold: Fold | None = None
    folded: tuple[str, ...] = ()


class OptionForm(QWidget):
    """All fields of a LaunchSpec. ``folded``: a fold opened or closed; ``narrowed``: some options are left out now, or
    none any more."""

    edited = Signal()
    folded = Signal()
    narrowed = Signal(bool)

    def __init__(self, editors: CoreEditors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fields: dict[str, Field] = {}
        self._narrow = False
        self._hits: tuple[str, ...] = tuple(options())  # the best first
        self._editors = editors
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_L)
        self._groups = [group for page in Page if (group := self._group(page)) is not None]
        for group in self._groups:
            column.addWidget(group.card)
        self._nothing = label(role="muted", wrap=True)
        self._nothing.setAccessibleIdentifier("no-option-found")
        self._nothing.setVisible(False)
        column.addWidget(self._nothing)
        column.addStretch()
        self._name_folds()

    # -- building

    def _group(self, page: Page) -> _Group | None:
        rows = {name: option for name, option in options().items() if option.page is page}
        if not rows:
            return None
        group = _Group(Card(page.value), tuple(rows))
        group.card.body.setSpacing(SPACE_M)
        for name, option in rows.items():
            if not option.advanced:
                group.card.body.addWidget(self._field(name))
        group.folded = tuple(name for name, option in rows.items() if option.advanced)
        if group.folded:
            self._add_fold(group, page)
        return group

    def _add_fold(self, group: _Group, page: Page) -> None:
        hidden = QWidget()
        column = QVBoxLayout(hidden)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_M)
        for name in group.folded:
            column.addWidget(self._field(name))
            self.fields[name].edited.connect(self._name_folds)
        group.fold = Fold("", hidden)
        group.fold.setObjectName(page.value)
        group.fold.setAccessibleIdentifier(f"fold-{page.name.lower()}")
        group.fold.toggled.connect(lambda _on: self.folded.emit())
        group.card.body.addWidget(group.fold)
        group.card.body.addWidget(hidden)

    def _field(self, name: str) -> Field:
        field = Field(name, options()[name], getattr(defaults(), name), self._editors)
        field.edited.connect(self.edited)
        if name in QUEUE_FILTERS:
            field.edited.connect(self._filter_queues)
        self.fields[name] = field
        return field

    # -- folds

    def _name_folds(self) -> None:
        """Let each fold say what it holds, and first what is changed inside: that must not hide."""
        start = defaults()
        for group in self._groups:
            if group.fold is None:
                continue
            inside = [self.fields[name] for name in group.folded]
            changed = [field.option.label for field in inside if field.value() != getattr(start, field.name)]
            others = [field.option.label for field in inside if field.option.label not in changed]
            more = "" if len(group.folded) == len(group.names) else "more "
            title = count(len(inside), f"{more}option") + (f", {len(changed)} changed" if changed else "")
            parts = (f"Changed: {', '.join(changed)}" if changed else "", ", ".join(others))
            group.fold.show_words(title, " · ".join(part for part in parts if part))
            group.fold.setAccessibleName(f"{title}: {group.fold.objectName()}")

    @property
    def unfolded(self) -> bool:
        """True if every fold is open."""
        return all(group.fold.isChecked() for group in self._groups if group.fold is not None)

    def unfold(self, on: bool) -> None:
        for group in self._groups:
            if group.fold is not None:
                group.fold.setChecked(on)

    def show_fold_of(self, name: str) -> None:
        for group in self._groups:
            if name in group.folded and group.fold is not None:
                group.fold.setChecked(True)

    # -- finding

    def narrow(self, text: str) -> int:
        """Show only the options that match ``text`` ("" = all), under their cards' titles; returns how many."""
        if bool(text) is not self._narrow:
            self._narrow = bool(text)
            self.narrowed.emit(self._narrow)
        hits = self._hits = matching_options(text)
        for name, field in self.fields.items():
            field.setVisible(name in hits)
        for group in self._groups:
            group.card.setVisible(any(name in hits for name in group.names))
            if group.fold is not None:
                group.fold.setVisible(not text)
                group.fold.show_content(bool(text) or group.fold.isChecked())
        self._nothing.setText("" if hits else f"No option matches “{shortened(text, 40)}”.")
        self._nothing.setVisible(not hits)
        return len(hits)

    def focus_first(self) -> None:
        """Give the keyboard to what fits best: an option of that name rather than one whose help mentions it."""
        shown = (name for name in self._hits if self.fields[name].isVisible())
        if best := next(shown, ""):
            focus_in_view(self.fields[best].target)

    def focus(self, name: str) -> None:
        """Give the keyboard to that option, and unfold what hides it."""
        self.narrow("")
        self.show_fold_of(name)
        focus_in_view(self.fields[name].target)

    # -- values

    def _filter_queues(self) -> None:
        """Let the queue's list follow the tags that are asked for."""
        include, exclude = (str(self.fields[name].value()) for name in QUEUE_FILTERS)
        for field in self.fields.values():
            if isinstance(field.editor, QueueEditor):
                field.editor.show_only(include, exclude)

    def show_notes(self, notes: dict[str, str]) -> None:
        """Show notes: field name -> what the user should know of that option here."""
        for name, field in self.fields.items():
            field.show_note(notes.get(name, ""))

    def spec(self) -> LaunchSpec:
        values: dict[str, Any] = {name: field.value() for name, field in self.fields.items()}
        return normalised(replace(defaults(), **values))

    def show_spec(self, spec: LaunchSpec) -> None:
        for name, field in self.fields.items():
            field.set_value(getattr(spec, name))
        self._filter_queues()
        self._name_folds()

    def forget_secrets(self) -> None:
        """Empty the secrets, once they are used or not wanted."""
        for field in self.fields.values():
            if field.option.kind is Kind.SECRET:
                field.set_value("")

    def problems(self) -> dict[str, str]:
        """Return field name -> what is wrong, without showing it."""
        return {name: text for name, field in self.fields.items() if (text := field.check())}

    def checked(self) -> LaunchSpec | None:
        """Return what the form says; where something is wrong, show every error, focus the first and return None."""
        spec = self.spec()
        together = validate(spec)  # knows what one field alone does not
        wrong = [name for name, field in self.fields.items() if field.check(together.get(name, ""), force=True)]
        if wrong:
            self.focus(wrong[0])
        return None if wrong else spec
