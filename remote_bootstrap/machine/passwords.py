"""The salted hash by which an SSH password reaches a session: made on the desktop, checked by the session's SSH server.

All members of the workspace can read the hash, so guessing must be slow (scrypt: 32 MB and a tenth of a second per
guess). Standard library only, no import of this package: the SSH server loads this file by its path. No state.
"""

import base64
import binascii
import hashlib
import hmac
import os

KIND = "scrypt"
COST, BLOCK, PARALLEL = 1 << 15, 8, 1
MEMORY = 64 << 20  # bytes that scrypt may take; these costs need half of it
SALT, LENGTH = 16, 32  # bytes
MAX_PASSWORD = 1024  # characters that are looked at


def hashed(password: str) -> str:
    """Return ``scrypt$<salt>$<hash>``, another one each time."""
    salt = os.urandom(SALT)
    return "$".join([KIND, _text(salt), _text(_derive(password, salt))])


def matches(password: str, text: str) -> bool:
    """True if ``text`` is a hash of ``password``; False for what is no hash of ours."""
    parts = text.split("$")
    if len(parts) != 3 or parts[0] != KIND or len(password) > MAX_PASSWORD:
        return False
    try:
        salt, wanted = (base64.b64decode(part.encode("ascii"), validate=True) for part in parts[1:])
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(_derive(password, salt), wanted)


def _derive(password: str, salt: bytes) -> bytes:
    secret = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=COST, r=BLOCK, p=PARALLEL, maxmem=MEMORY, dklen=LENGTH)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
