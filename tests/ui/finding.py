"""Finding what a person would find: widgets by their accessible identifier, dialogs that are open."""

from typing import TypeVar

from PySide6.QtWidgets import QApplication, QDialog, QWidget

W = TypeVar("W", bound=QWidget)


def find(root: QWidget, identifier: str, kind: type[W]) -> W:
    """The one widget below ``root`` with that accessible identifier."""
    found = [w for w in root.findChildren(kind) if w.accessibleIdentifier() == identifier]
    assert len(found) == 1, f"{len(found)} widgets are called {identifier}"
    return found[0]


def dialog(identifier: str) -> QDialog | None:
    """The visible dialog with that identifier."""
    return next((one for one in open_dialogs() if one.accessibleIdentifier() == identifier), None)


def open_dialogs() -> list[QDialog]:
    return [w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog) and w.isVisible()]
