"""The ssh-agent protocol (draft-miller-ssh-agent) without any transport: bytes in, bytes out. Thread-safe.

Only "list keys" and "sign" are answered, everything else is refused. What arrives here may come from any program of
this user, so nothing that it sends can raise more than ``Damaged``.
"""

import struct
import threading
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from desktop_app.adapters.ssh.keys import KEY_TYPE, load_private, public_blob
from desktop_app.adapters.ssh.wire_format import Damaged, Reader, string

MESSAGE_LIMIT = 256 * 1024  # OpenSSH's own limit

_FAILURE = b"\x05"
_REQUEST_IDENTITIES, _IDENTITIES = 11, b"\x0c"
_SIGN_REQUEST, _SIGNATURE = 13, b"\x0e"


class Framer:
    """Cuts a stream into messages, however the stream was cut before. Not thread-safe: one per client."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete now. Raises Damaged for a message of impossible length."""
        self._rest += data
        messages = []
        while len(self._rest) >= 4:
            size = int.from_bytes(self._rest[:4], "big")
            if not 0 < size <= MESSAGE_LIMIT:
                raise Damaged("a message has an impossible length")
            if len(self._rest) < 4 + size:
                break
            messages.append(self._rest[4 : 4 + size])
            self._rest = self._rest[4 + size :]
        return messages


@dataclass(frozen=True, slots=True)
class _Key:
    key: Ed25519PrivateKey
    blob: bytes
    comment: str


class AgentKeys:
    """The keys that an agent offers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[str, _Key] = {}

    def add(self, name: str, private_key: str) -> None:
        """Offer this OpenSSH private key; ``name`` is its comment. Problems: ssh.no_key"""
        key = load_private(private_key)
        with self._lock:
            self._keys[name] = _Key(key, public_blob(key.public_key()), name)

    def remove(self, name: str) -> None:
        """Offer that key no more. Idempotent."""
        with self._lock:
            self._keys.pop(name, None)

    def clear(self) -> None:
        """Offer no key."""
        with self._lock:
            self._keys.clear()

    def answer(self, message: bytes) -> bytes:
        """Return the reply to one message, both without their length."""
        try:
            if message == bytes([_REQUEST_IDENTITIES]):
                return self._identities()
            if message[:1] == bytes([_SIGN_REQUEST]):
                return self._signature(Reader(message[1:]))
        except Damaged:
            return _FAILURE
        return _FAILURE

    def _identities(self) -> bytes:
        with self._lock:
            keys = list(self._keys.values())
        entries = [string(key.blob) + string(key.comment.encode()) for key in keys]
        return _IDENTITIES + struct.pack(">I", len(entries)) + b"".join(entries)

    def _signature(self, request: Reader) -> bytes:
        blob, data = request.string(), request.string()
        request.number()  # flags: they choose an RSA hash, which says nothing about our kind of key
        request.end()
        with self._lock:
            key = next((key for key in self._keys.values() if key.blob == blob), None)
        if key is None:
            return _FAILURE
        return _SIGNATURE + string(string(KEY_TYPE) + string(key.key.sign(data)))
