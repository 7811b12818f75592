"""Key slots as a task holds them (contract.PARAM_KEY_SLOTS): text in, data out. Pure, any thread."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

MOST = 8  # slots of one task; each passphrase slot costs a guess of a fifth of a second
LONGEST = 4096  # characters of one slot
GENERATED = 30  # characters; a secret that a ClearML server makes is longer, one that a user thinks up is guessable


class SlotKind(Enum):
    """What opens a slot."""

    API_SECRET = "api-secret"  # noqa: S105  the name of a kind
    PASSPHRASE = "passphrase"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Slot:
    """``box``: salt, nonce and ciphertext in base64."""

    kind: SlotKind
    box: str


def generated(secret: str) -> bool:
    """True if a server made this secret, so that nobody can find it by trying."""
    return len(secret) >= GENERATED and secret.isascii() and not secret.isalpha()


def dumps(slots: Sequence[Slot]) -> str:
    return json.dumps([[slot.kind.value, slot.box] for slot in slots], separators=(",", ":"))


def loads(text: str) -> tuple[Slot, ...]:
    """Read what is readable of it: any member of the workspace can write a task, and a newer version may add kinds."""
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    kinds = {kind.value: kind for kind in SlotKind}
    found = [
        Slot(kinds[row[0]], row[1])
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, list) and len(row) == 2 and all(isinstance(part, str) for part in row)
        if row[0] in kinds and len(row[1]) <= LONGEST
    ]
    return tuple(found[:MOST])
