"""Key slots that keep what they seal in memory: no cryptography, and nothing that leaves the process. Thread-safe."""

import secrets

from desktop_app.boundary.secrets import SlotCipher
from desktop_app.domain.accounts.key_slots import Slot, SlotKind


class FakeSlots(SlotCipher):
    """``Slot.box`` is a number that means something to this instance only."""

    def __init__(self) -> None:
        self._sealed: dict[str, tuple[str, str, str, str]] = {}

    def seal(self, kind: SlotKind, secret: str, private_key: str, task: str, public_key: str) -> Slot:
        box = secrets.token_urlsafe(12)
        self._sealed[box] = (secret, task, public_key, private_key)
        return Slot(kind, box)

    def open(self, slot: Slot, secret: str, task: str, public_key: str) -> str:
        *lock, private_key = self._sealed.get(slot.box, ("", "", "", ""))
        return private_key if lock == [secret, task, public_key] else ""
