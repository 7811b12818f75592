"""A SecretStore in memory; thread-safe. ``broken`` makes every call fail until it is cleared."""

import threading

from desktop_app.boundary.secrets import SecretStore
from desktop_app.domain.accounts.secrets import SecretKind, entry_name
from desktop_app.domain.problems import AppError


class FakeSecretStore(SecretStore):
    """Look: ``entries`` (keyring user name -> value), ``calls`` (method, entry). Script: ``broken``."""

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}
        self.calls: list[tuple[str, str]] = []
        self.broken: AppError | None = None
        self._lock = threading.Lock()

    def get(self, kind: SecretKind, owner: str) -> str | None:
        with self._lock:
            return self.entries.get(self._enter("get", kind, owner))

    def set(self, kind: SecretKind, owner: str, value: str) -> None:
        with self._lock:
            self.entries[self._enter("set", kind, owner)] = value

    def delete(self, kind: SecretKind, owner: str) -> None:
        with self._lock:
            self.entries.pop(self._enter("delete", kind, owner), None)

    def _enter(self, method: str, kind: SecretKind, owner: str) -> str:
        name = entry_name(kind, owner)
        self.calls.append((method, name))
        if self.broken is not None:
            raise self.broken
        return name
