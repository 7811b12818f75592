"""Where secrets are kept, and how a session's key is wrapped for another computer."""

from typing import Protocol

from desktop_app.domain.accounts.key_slots import Slot, SlotKind
from desktop_app.domain.accounts.secrets import SecretKind


class SecretStore(Protocol):
    """The OS keyring behind a deadline. Thread-safe. Problems: keyring.*"""

    def get(self, kind: SecretKind, owner: str) -> str | None:
        """Return the secret, None where there is none."""

    def set(self, kind: SecretKind, owner: str, value: str) -> None:
        """Keep the secret, in place of an earlier one."""

    def delete(self, kind: SecretKind, owner: str) -> None:
        """Forget the secret. Idempotent."""


class SlotCipher(Protocol):
    """See adapters/ssh/key_slots.py."""

    def seal(self, kind: SlotKind, secret: str, private_key: str, task: str, public_key: str) -> Slot:
        """Return a slot that ``secret`` opens, for this task and this key pair only. Slow on purpose."""

    def open(self, slot: Slot, secret: str, task: str, public_key: str) -> str:
        """Return the private key, "" when the secret does not open the slot. Slow on purpose."""
