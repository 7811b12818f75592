"""The user's known_hosts, read as OpenSSH reads it: hashed names, patterns, other ports, revoked keys. No threads.

Certificates of host authorities are not understood; such a jump host counts as unknown.
"""

import base64
import binascii
import fnmatch
import hashlib
import hmac
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from desktop_app.adapters.files.chosen_text import read_chosen
from desktop_app.domain.launch.chosen_text import UnreadableText

MOST_BYTES = 32_000_000  # some companies' lists have a line per machine
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """What is known about one host: key blobs, and those that must never be accepted again."""

    good: frozenset[bytes]
    revoked: frozenset[bytes]

    def kinds(self) -> frozenset[str]:
        """Return the types of the good keys, such as ssh-ed25519."""
        return frozenset(_kind(blob) for blob in self.good - self.revoked)

    def accept(self, blob: bytes) -> bool:
        return blob in self.good and blob not in self.revoked


def known_keys(name: str, files: Iterable[Path]) -> KnownKeys:
    """Return what these files know of ``name``, which is ``host`` or ``[host]:port``. Files may be missing."""
    good: set[bytes] = set()
    revoked: set[bytes] = set()
    for file in files:
        try:
            text = read_chosen(file, MOST_BYTES, lenient=True)
        except UnreadableText as error:  # /dev/null, very often
            _log.debug("%s knows no hosts: %s", file, error.why)
            continue
        for line in text.split("\n"):
            marker, blob = _key_for(name, line)
            if blob and marker != "@cert-authority":
                (revoked if marker == "@revoked" else good).add(blob)
    return KnownKeys(frozenset(good), frozenset(revoked))


def _key_for(name: str, line: str) -> tuple[str, bytes]:
    """Return the line's marker and key when it speaks of that host, else nothing."""
    words = line.split()
    marker = words.pop(0) if words and words[0].startswith("@") else ""
    if len(words) < 3 or words[0].startswith("#") or not _speaks_of(words[0], name.lower()):
        return "", b""
    try:
        blob = base64.b64decode(words[2], validate=True)
    except binascii.Error:
        return "", b""
    return marker, blob


def _speaks_of(patterns: str, name: str) -> bool:
    if patterns.startswith("|1|"):
        return _is_hash_of(patterns, name)
    found = False
    for pattern in patterns.lower().split(","):
        if fnmatch.fnmatchcase(name, pattern.removeprefix("!").replace("[", "[[]")):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def _is_hash_of(text: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in text.split("|")[2:4])
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)


def _kind(blob: bytes) -> str:
    length = int.from_bytes(blob[:4], "big")
    return blob[4 : 4 + length].decode("ascii", "replace")
