"""RegisteredSecrets: a SecretStore that tells the log's redactor every secret that passes through. Thread-safe."""

from desktop_app.boundary.secrets import SecretStore
from desktop_app.domain.accounts.secrets import SecretKind
from desktop_app.services.secrets.redaction import Redactor


class RegisteredSecrets(SecretStore):
    """Registers each secret that goes into or comes out of another store."""

    def __init__(self, store: SecretStore, redactor: Redactor) -> None:
        self._store = store
        self._redactor = redactor

    def get(self, kind: SecretKind, owner: str) -> str | None:
        value = self._store.get(kind, owner)
        if value:
            self._redactor.register(value)
        return value

    def set(self, kind: SecretKind, owner: str, value: str) -> None:
        self._redactor.register(value)
        self._store.set(kind, owner, value)

    def delete(self, kind: SecretKind, owner: str) -> None:
        self._store.delete(kind, owner)
