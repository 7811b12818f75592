"""What the window remembers of itself (size, place, appearance, what was told once), in its own small file. GUI thread.

Not settings and no secrets: losing the file loses nothing that matters.
"""

from typing import Protocol

from PySide6.QtCore import QByteArray, QSettings

from desktop_app import APP_NAME
from desktop_app.ui.look.theme import Scheme


class Store(Protocol):
    """Values by name, as QSettings has them."""

    def value(self, key: str, default: object = ..., /) -> object: ...

    def setValue(self, key: str, value: object, /) -> None: ...


class Forgetful:
    """A store whose values end with the program."""

    def __init__(self) -> None:
        self._values: dict[str, object] = {}

    def value(self, key: str, default: object = None, /) -> object:
        return self._values.get(key, default)

    def setValue(self, key: str, value: object, /) -> None:
        self._values[key] = value


class WindowState:
    """A typed face of one INI file in the user's configuration folder, or of another ``store``."""

    def __init__(self, store: Store | None = None) -> None:
        self._file = store or QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, APP_NAME, "window")

    def _bytes(self, key: str) -> QByteArray:
        value = self._file.value(key)
        return value if isinstance(value, QByteArray) else QByteArray()

    @property
    def geometry(self) -> QByteArray:
        return self._bytes("geometry")

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self._file.setValue("geometry", value)

    @property
    def splitter(self) -> QByteArray:
        return self._bytes("splitter")

    @splitter.setter
    def splitter(self, value: QByteArray) -> None:
        self._file.setValue("splitter", value)

    @property
    def scheme(self) -> Scheme:
        name = str(self._file.value("scheme", Scheme.SYSTEM.name))
        return Scheme[name] if name in Scheme.__members__ else Scheme.SYSTEM

    @scheme.setter
    def scheme(self, value: Scheme) -> None:
        self._file.setValue("scheme", value.name)

    @property
    def account(self) -> str:
        return str(self._file.value("account", ""))

    @account.setter
    def account(self, value: str) -> None:
        self._file.setValue("account", value)

    def tell_once(self, what: str) -> bool:
        """True the first time that it is asked about ``what``."""
        key = f"told/{what}"
        if self._file.value(key):
            return False
        self._file.setValue(key, "yes")
        return True
