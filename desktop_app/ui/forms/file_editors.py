"""Editors for what lies on this computer: a file, files and folders, a script; and for a secret. GUI thread."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop_app.boundary.computer import TextFiles
from desktop_app.domain.launch.chosen_text import UnreadableText
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.ui.bridge import Bridge
from desktop_app.ui.forms.editors import LineEditor, LinesEditor, Value
from desktop_app.ui.look.theme import SPACE_S, SPACE_XS, fixed_font
from desktop_app.ui.widgets.basics import button, label

MAX_SCRIPT = 200_000  # bytes


class _Beside(QWidget):
    """An editor with buttons that fill it in."""

    edited = Signal()

    def __init__(self, inner: LineEditor | LinesEditor, *, below: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._inner = inner
        inner.edited.connect(self.edited)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_XS)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(SPACE_S)
        if below:
            column.addWidget(inner)
        else:
            self._buttons.addWidget(inner, 1)
        column.addLayout(self._buttons)
        self.setFocusProxy(inner)

    def add_button(self, text: str, identifier: str, press: Callable[[], None]) -> None:
        made = button(text, identifier=identifier)
        made.clicked.connect(lambda: press())
        self._buttons.addWidget(made)

    @property
    def target(self) -> QWidget:
        return self._inner

    def value(self) -> Value:
        return self._inner.value()

    def set_value(self, value: Value) -> None:
        self._inner.set_value(value)


def _folder_of(path: str) -> str:
    return str(Path(path).expanduser().parent) if path else str(Path.home())


class FileEditor(_Beside):
    """The path of a file."""

    def __init__(self, identifier: str, parent: QWidget | None = None) -> None:
        super().__init__(LineEditor(), below=False, parent=parent)
        self.add_button("Browse…", f"browse-{identifier}", self._browse)

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Choose a file", _folder_of(str(self.value())))
        if path:
            self.set_value(path)


class PathsEditor(_Beside):
    """Paths of files and folders, one per line."""

    def __init__(self, identifier: str, parent: QWidget | None = None) -> None:
        super().__init__(LinesEditor(), below=True, parent=parent)
        self.add_button("Add files…", f"add-files-{identifier}", self._add_files)
        self.add_button("Add a folder…", f"add-folder-{identifier}", self._add_folder)
        self._buttons.addStretch()

    def _add_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Choose files", str(Path.home()))
        self._add(paths)

    def _add_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Choose a folder", str(Path.home()))
        self._add([path] if path else [])

    def _add(self, paths: list[str]) -> None:
        old = [line for line in str(self.value()).splitlines() if line.strip()]
        self.set_value("\n".join([*old, *(path for path in paths if path not in old)]))


class ScriptEditor(_Beside):
    """The text of a script, typed or loaded from a file."""

    def __init__(self, identifier: str, files: TextFiles, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(LinesEditor(), below=True, parent=parent)
        self._files = files
        self._bridge = bridge
        self._inner.setFont(fixed_font())
        self.add_button("Load from a file…", f"load-{identifier}", self._load)
        self._note = label(role="note", wrap=True)
        self._buttons.addWidget(self._note, 1)

    def _load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Choose a script", str(Path.home()))
        if path:
            name = Path(path).name
            self._bridge.submit(
                "read-script", lambda _cancel: self._read(path), lambda outcome: self._show(name, outcome), self
            )

    def _read(self, path: str) -> str | UnreadableText:
        """Return the script, or why there is none. On a job's thread."""
        try:
            return self._files.read(path, MAX_SCRIPT)
        except UnreadableText as error:
            return error

    def _show(self, name: str, outcome: Outcome) -> None:
        if isinstance(outcome.value, UnreadableText):
            self._note.setText(f"{name} can't be read: {outcome.value.why}.")
        elif isinstance(outcome.value, str):
            self._note.setText("")
            self.set_value(outcome.value)
        elif outcome.problem is not None:
            self._note.setText(str(outcome.problem))


class SecretEditor(_Beside):
    """A password; shown only while the button is down. It is not kept by the widget's undo history once cleared."""

    def __init__(self, identifier: str, parent: QWidget | None = None) -> None:
        line = LineEditor()
        super().__init__(line, below=False, parent=parent)
        line.setEchoMode(QLineEdit.EchoMode.Password)
        show = button("Show", identifier=f"show-{identifier}")
        show.setCheckable(True)
        show.setMinimumSize(QSize(64, 0))
        show.toggled.connect(
            lambda on: line.setEchoMode(QLineEdit.EchoMode.Normal if on else QLineEdit.EchoMode.Password)
        )
        self._buttons.addWidget(show)
