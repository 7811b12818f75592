"""Key slots: a session's private key as ciphertext that only its owner opens. Pure but for randomness; any thread.

A slot is sealed with AES-256-GCM under a key derived from something that only the user has: an API secret (HKDF; the
server made it, so it can't be guessed) or a passphrase (scrypt). The associated data ties a slot to its task, to the
session's public key and to its kind, so that a slot copied into another task opens nothing there.
"""

import base64
import binascii
import json
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from desktop_app.boundary.secrets import SlotCipher
from desktop_app.domain.accounts.key_slots import Slot, SlotKind

SALT_BYTES, NONCE_BYTES, KEY_BYTES = 16, 12, 32
SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 16, 8, 1  # 64 MiB and a fifth of a second for each guess
PURPOSE = b"sessiondock key slot 1"


class AesSlots(SlotCipher):
    """Seals with AES-256-GCM."""

    def seal(self, kind: SlotKind, secret: str, private_key: str, task: str, public_key: str) -> Slot:
        salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
        box = AESGCM(_key(kind, secret, salt)).encrypt(nonce, private_key.encode(), _tied_to(kind, task, public_key))
        return Slot(kind, base64.b64encode(salt + nonce + box).decode("ascii"))

    def open(self, slot: Slot, secret: str, task: str, public_key: str) -> str:
        return _open(slot, secret, task, public_key)


def _open(slot: Slot, secret: str, task: str, public_key: str) -> str:
    """Return the private key, "" for a slot that is not ours: any member of the workspace can write a task."""
    try:
        data = base64.b64decode(slot.box.encode("ascii"), validate=True)
        salt, nonce, box = (
            data[:SALT_BYTES],
            data[SALT_BYTES : SALT_BYTES + NONCE_BYTES],
            data[SALT_BYTES + NONCE_BYTES :],
        )
        key = _key(slot.kind, secret, salt)
        return AESGCM(key).decrypt(nonce, box, _tied_to(slot.kind, task, public_key)).decode("ascii")
    except (binascii.Error, ValueError, InvalidTag):
        return ""


def _key(kind: SlotKind, secret: str, salt: bytes) -> bytes:
    if kind is SlotKind.API_SECRET:
        return HKDF(SHA256(), KEY_BYTES, salt, PURPOSE).derive(secret.encode("utf-8", "surrogatepass"))
    return Scrypt(salt, KEY_BYTES, SCRYPT_N, SCRYPT_R, SCRYPT_P).derive(secret.encode("utf-8", "surrogatepass"))


def _tied_to(kind: SlotKind, task: str, public_key: str) -> bytes:
    words = public_key.split()[:2]  # without the comment
    return json.dumps([PURPOSE.decode(), kind.value, task, *words], separators=(",", ":")).encode()
