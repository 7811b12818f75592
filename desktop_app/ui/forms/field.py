"""An editor with what surrounds it: caption, help, and what is wrong with its value. GUI thread."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from desktop_app.domain.launch.option import Kind, Option
from desktop_app.domain.launch.options import problem_of
from desktop_app.ui.forms.editors import BoolEditor, ChoiceEditor, LineEditor, LinesEditor, Value
from desktop_app.ui.forms.file_editors import FileEditor, PathsEditor, ScriptEditor, SecretEditor
from desktop_app.ui.forms.queue_editor import QueueEditor
from desktop_app.ui.look.text import tooltip
from desktop_app.ui.look.theme import SPACE_XS
from desktop_app.ui.widgets.basics import label, repolish

AnyEditor = (
    BoolEditor | LineEditor | LinesEditor | ChoiceEditor | FileEditor | PathsEditor | ScriptEditor | SecretEditor
    | QueueEditor
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CoreEditors:
    """The editors that ask the core; made by what shows the form."""

    queue: Callable[[], QueueEditor]
    script: Callable[[str], ScriptEditor]  # the option's name


def make_editor(name: str, option: Option, editors: CoreEditors) -> AnyEditor:
    """Return the widget for the option's kind; this is the only place that looks at kinds."""
    makers: dict[Kind, Callable[[], AnyEditor]] = {
        Kind.SWITCH: lambda: BoolEditor(option.label),
        Kind.LINE: LineEditor,
        Kind.LIST: LinesEditor,
        Kind.CHOICE: lambda: ChoiceEditor(option.choices),
        Kind.FILE: lambda: FileEditor(name),
        Kind.PATHS: lambda: PathsEditor(name),
        Kind.SCRIPT: lambda: editors.script(name),
        Kind.SECRET: lambda: SecretEditor(name),
        Kind.QUEUE: editors.queue,
    }
    editor = makers[option.kind]()
    if option.hint and isinstance(editor.target, QLineEdit):
        editor.target.setPlaceholderText(option.hint)
    return editor


class Field(QWidget):
    """One option of the form. Errors appear once the user has touched it or asked to go on."""

    edited = Signal()

    def __init__(
        self, name: str, option: Option, default: Value, editors: CoreEditors, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.name, self.option = name, option
        self._touched = False
        self.editor = make_editor(name, option, editors)
        self._error = label(role="error", wrap=True)
        self._error.setAccessibleIdentifier(f"error-{name}")
        self._error.setVisible(False)
        self._note = label(role="note", wrap=True)
        self._note.setAccessibleIdentifier(f"note-{name}")
        self._note.setVisible(False)
        self._lay_out(default)
        self._describe()
        self.set_value(default)
        self.editor.edited.connect(self._edited)

    def _lay_out(self, default: Value) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_XS)
        if not isinstance(default, bool):
            caption = label(self.option.label, "section")
            caption.setBuddy(self.target)
            column.addWidget(caption)
        column.addWidget(self.editor)
        help_text = label(self.option.help, "muted", wrap=True)
        if isinstance(default, bool):
            help_text.setContentsMargins(28, 0, 0, 0)
        for below in (help_text, self._note, self._error):
            column.addWidget(below)

    @property
    def target(self) -> QWidget:
        """Return the widget that takes the keyboard."""
        return self.editor.target

    def _describe(self) -> None:
        self.target.setAccessibleName(self.option.label)
        self.target.setAccessibleIdentifier(f"option-{self.name}")
        self.target.setAccessibleDescription(self.option.help)
        self.target.setToolTip(tooltip(self.option.help))

    def value(self) -> Value:
        return self.editor.value()

    def show_note(self, text: str) -> None:
        """Show what the user should know of this option where it is launched; "" = nothing."""
        self._note.setText(text)
        self._note.setVisible(bool(text))
        self.check()

    def set_value(self, value: Value) -> None:
        """Fill the field in; nothing that was not typed here is called wrong before Launch."""
        self.editor.set_value(value)
        self._touched = False
        self.check()

    def _edited(self) -> None:
        self._touched = self._touched or not isinstance(self.editor, QueueEditor)
        self.check()
        self.edited.emit()

    def check(self, also: str = "", *, force: bool = False) -> str:
        """What is wrong with the value, in itself or beside others (``also``); shown if the field was touched or
        ``force``d."""
        error = problem_of(self.option, self.value()) or also
        self._touched = self._touched or force
        shown = error if self._touched else ""
        self._error.setText(shown)
        self._error.setVisible(bool(shown))
        if self.target.property("wrong") != bool(shown):
            self.target.setProperty("wrong", bool(shown))
            repolish(self.target)
        self.target.setAccessibleDescription(" ".join(filter(None, (self.option.help, self._note.text(), shown))))
        return error
