"""SSH keys and signatures of a session: makes the client key, decides whether a connection record can be trusted.

Pure functions, any thread; the library is ``cryptography``. The signature is an armored SSHSIG as OpenSSH's
PROTOCOL.sshsig describes it and ``ssh-keygen -Y sign`` makes it.
"""

import base64
import binascii
import hashlib
from dataclasses import replace

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from desktop_app.adapters.ssh.wire_format import Damaged, Reader, string
from desktop_app.domain.problems import AppError, Retry, failure, problem
from desktop_app.domain.sessions.clearml_session import PUBLISHED_KEYS
from remote_bootstrap import contract

KEY_TYPE = b"ssh-ed25519"
_MAGIC = b"SSHSIG"
_BEGIN = "-----BEGIN SSH SIGNATURE-----"
_END = "-----END SSH SIGNATURE-----"
_HASHES = {b"sha512": hashlib.sha512, b"sha256": hashlib.sha256}


def new_key(comment: str) -> tuple[str, str]:
    """Return a fresh Ed25519 key: OpenSSH private key text, for the keyring alone, and its public line."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    ).decode("ascii")
    words = " ".join(comment.split())
    return private, f"{_public_line(key.public_key())} {words}".rstrip()


def public_line(private_key: str) -> str:
    """Return the public line, without comment, of an OpenSSH private key. Problems: ssh.no_key"""
    return _public_line(load_private(private_key).public_key())


def load_private(private_key: str) -> Ed25519PrivateKey:
    """Return the key in an OpenSSH private key's text. Problems: ssh.no_key, whose text never shows the key"""
    try:
        key = serialization.load_ssh_private_key(private_key.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise failure("ssh.no_key", cause=f"the stored key is unusable: {type(error).__name__}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise failure("ssh.no_key", cause="the stored key is not an Ed25519 key")
    return key


def public_blob(key: Ed25519PublicKey) -> bytes:
    """Return the key in SSH wire format."""
    return base64.b64decode(_public_line(key).split()[1])


def _public_line(key: Ed25519PublicKey) -> str:
    return key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode("ascii")


def published_by_clearml_session(host_key: str) -> bool:
    """True if the private half of this host key is in clearml-session's source: everybody can pretend to have it."""
    try:
        return contract.fingerprint(host_key) in PUBLISHED_KEYS
    except contract.ContractError:
        return False


def verify_record(
    record: contract.Record, task: str, first_seen_host_key: str | None, log_fingerprint: str | None
) -> None:
    """Raise unless the record is this task's, signed by its own host key, and nobody has changed that key.

    ``first_seen_host_key``: the public key line at the first sighting, None if this is it. ``log_fingerprint``: what
    the task's log announces, None while it announces nothing. Problems: ssh.record; with Retry.AUTO while only the
    log's line is missing, Retry.USER for everything else.
    """
    if record.task != task:
        raise _untrusted("The record belongs to another task.")
    if published_by_clearml_session(record.host_key):
        raise _untrusted("The record names a host key whose private half is public (clearml-session's).")
    try:
        _verify_signature(record)
    except Damaged as error:
        raise _untrusted(f"Its signature is not valid: {error}.") from None
    if first_seen_host_key is not None and _words(first_seen_host_key) != _words(record.host_key):
        raise _untrusted("The session's host key is not the one that this computer saw first.")
    if log_fingerprint is None:
        raise _log_is_late()
    if log_fingerprint != contract.fingerprint(record.host_key):
        raise _untrusted(f"The session's log announces the host key {log_fingerprint}, the record another one.")


def _untrusted(why: str) -> AppError:
    return failure("ssh.record", why=why)


def _log_is_late() -> AppError:
    waiting = replace(
        problem("ssh.record", why=""),
        title="Waiting for the session's log",
        detail="The log does not show the session's host key yet. SessionDock connects as soon as it does.",
        retry=Retry.AUTO,
        remedies=(),
    )
    return AppError(waiting)


def _words(public_key: str) -> list[str]:
    return public_key.split()[:2]


def _verify_signature(record: contract.Record) -> None:
    host_blob = _key_blob(record.host_key)
    blob = Reader(_unarmor(record.signature))
    if blob.take(len(_MAGIC)) != _MAGIC or blob.number() != 1:
        raise Damaged("it is not an SSH signature of version 1")
    if blob.string() != host_blob:
        raise Damaged("it was made with another key than the host key")
    if blob.string() != contract.SIGNATURE_NAMESPACE.encode():
        raise Damaged("it was made for another purpose")
    reserved, hash_name = blob.string(), blob.string()
    signature = Reader(blob.string())
    blob.end()
    if hash_name not in _HASHES:
        raise Damaged("it uses an unknown hash")
    if signature.string() != KEY_TYPE:
        raise Damaged("it is not an Ed25519 signature")
    raw = signature.string()
    signature.end()
    digest = _HASHES[hash_name](record.signed_text().encode("utf-8")).digest()
    fields = (contract.SIGNATURE_NAMESPACE.encode(), reserved, hash_name, digest)
    signed = _MAGIC + b"".join(string(field) for field in fields)
    try:
        _public_key(host_blob).verify(raw, signed)
    except InvalidSignature:
        raise Damaged("the record was changed after it was signed") from None


def _public_key(blob: bytes) -> Ed25519PublicKey:
    reader = Reader(blob)
    if reader.string() != KEY_TYPE:
        raise Damaged("the host key is not an Ed25519 key")
    raw = reader.string()
    reader.end()
    if len(raw) != 32:
        raise Damaged("the host key has the wrong length")
    return Ed25519PublicKey.from_public_bytes(raw)


def _key_blob(public_key: str) -> bytes:
    words = public_key.split()
    if len(words) < 2 or words[0].encode() != KEY_TYPE:
        raise Damaged("the host key is not an Ed25519 key")
    return _decode(words[1])


def _unarmor(text: str) -> bytes:
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
        raise Damaged("it is not an armored SSH signature")
    return _decode("".join(lines[1:-1]))


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Damaged("it is not base64") from None
