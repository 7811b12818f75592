"""``sshsig.py make KEY`` and ``sshsig.py sign KEY NAMESPACE FILE``: what ssh-keygen does for us, without ssh-keygen.

Run as a program by the asyncssh environment's Python (it has the cryptography library); imports nothing of this
package. Format: OpenSSH PROTOCOL.sshsig.
"""

import base64
import hashlib
import os
import struct
import sys
from pathlib import Path
from typing import List

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MAGIC = b"SSHSIG"
HASH = b"sha512"
KIND = b"ssh-ed25519"
ARMOR_WIDTH = 70


def _string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def _public_blob(key: Ed25519PrivateKey) -> bytes:
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return _string(KIND) + _string(raw)


def signature(key: Ed25519PrivateKey, namespace: bytes, message: bytes) -> str:
    """Return the armored signature of ``message``."""
    digest = hashlib.sha512(message).digest()
    signed = MAGIC + _string(namespace) + _string(b"") + _string(HASH) + _string(digest)
    made = _string(KIND) + _string(key.sign(signed))
    blob = MAGIC + struct.pack(">I", 1) + _string(_public_blob(key))
    blob += _string(namespace) + _string(b"") + _string(HASH) + _string(made)
    text = base64.b64encode(blob).decode("ascii")
    lines = [text[at : at + ARMOR_WIDTH] for at in range(0, len(text), ARMOR_WIDTH)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----"]) + "\n"


def make(path: Path) -> None:
    """Write a new key pair: ``path`` (0600) and ``path``.pub."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    handle = os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(private)
    public = "%s %s\n" % (KIND.decode(), base64.b64encode(_public_blob(key)).decode("ascii"))
    path.with_name(path.name + ".pub").write_text(public)


def sign(path: Path, namespace: str, message: Path) -> None:
    """Write ``message``.sig."""
    key = serialization.load_ssh_private_key(path.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        sys.exit("%s is not an ed25519 key" % path)
    armored = signature(key, namespace.encode(), message.read_bytes())
    message.with_name(message.name + ".sig").write_text(armored)


def main(arguments: List[str]) -> None:
    if arguments[0] == "make":
        make(Path(arguments[1]))
    else:
        sign(Path(arguments[1]), arguments[2], Path(arguments[3]))


if __name__ == "__main__":
    main(sys.argv[1:])
