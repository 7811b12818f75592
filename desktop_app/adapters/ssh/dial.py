"""Dialling: reaches the session's machine, checks the host key, signs in. Runs on the caller's thread.

Every exception of paramiko, of the crypto libraries and of sockets ends here (``WIRE_ERRORS``) and becomes an AppError.
"""

import base64
import binascii
import io
import threading
from collections.abc import Callable
from enum import Enum

from paramiko import Ed25519Key, SSHException
from paramiko.ssh_exception import AuthenticationException, IncompatiblePeer

from desktop_app.adapters.ssh.route.connector import Connector, RoutedSocket
from desktop_app.adapters.ssh.transport.tcp import ConnectError
from desktop_app.adapters.ssh.transport.transport import CLEARML_SESSION_KEY_TYPES, KEY_TYPES, SessionTransport
from desktop_app.adapters.ssh.transport.wire import WIRE_ERRORS, Deadline, describe, unreachable
from desktop_app.boundary.connection import Target
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.clearml_session import PUBLISHED_KEYS
from remote_bootstrap import contract

DIAL_SECONDS = 20.0


class Step(Enum):
    """What ``dial`` does, in order."""

    REACH = "reach"
    NEGOTIATE = "negotiate"
    HOST_KEY = "host key"
    SIGN_IN = "sign in"


def dial(
    target: Target,
    deadline: Deadline,
    on_end: Callable[[SessionTransport], None],
    step: Callable[[Step, str], None] = lambda _step, _found: None,
) -> SessionTransport:
    """Connect, check the host key against the record's, sign in with the session's key.

    ``step`` hears which step begins, and what the one before found.

    Problems: route.*, ssh.unreachable, ssh.host_key, ssh.unknown_host, ssh.auth, ssh.password, ssh.no_key,
    ssh.protocol. Raises Cancelled.
    """
    key = None if target.is_clearml_session else client_key(target.private_key)
    routed = _reach(target, deadline)

    def ended(transport: SessionTransport) -> None:
        routed.close()
        on_end(transport)

    transport = SessionTransport(
        routed.sock, ended, CLEARML_SESSION_KEY_TYPES if target.is_clearml_session else KEY_TYPES
    )
    try:
        step(Step.NEGOTIATE, "")
        _negotiate(transport, target.record, deadline)
        step(Step.HOST_KEY, transport.remote_version)
        step(Step.SIGN_IN, _check_host_key(transport, target))
        if key is not None:
            _sign_in(
                transport, target.record, lambda done: transport.auth_publickey(target.record.user, key, done), deadline
            )
        else:
            _enter(transport, target, deadline)
    except BaseException as error:
        why = routed.why() if isinstance(error, AppError) and error.problem.code == "ssh.unreachable" else ""
        transport.abandon()
        routed.close()
        if why:
            raise failure("route.refused", hop="Your ProxyCommand", why=why) from None
        raise
    return transport


def _reach(target: Target, deadline: Deadline) -> RoutedSocket:
    record = target.record
    try:
        return Connector(target.route, target.route_password, deadline).reach(record.address.strip("[]"), record.port)
    except ConnectError as error:
        raise unreachable(record, str(error)) from None


def client_key(text: str) -> Ed25519Key:
    """Return the OpenSSH private key, from memory. Problems: ssh.no_key"""
    try:
        return Ed25519Key(file_obj=io.StringIO(text))
    except WIRE_ERRORS as error:
        raise failure("ssh.no_key", cause=f"the stored key is unusable: {type(error).__name__}") from None


def _negotiate(transport: SessionTransport, record: contract.Record, deadline: Deadline) -> None:
    transport.banner_timeout = transport.handshake_timeout = max(1.0, deadline.remaining)
    done = threading.Event()
    transport.start_client(event=done)
    in_time = deadline.wait(done, transport.is_active)
    if in_time and transport.is_active():
        return
    deadline.check()
    error = transport.get_exception()
    if isinstance(error, IncompatiblePeer) and "host key" in str(error):
        raise _wrong_host_key(record, "of another kind")
    if isinstance(error, IncompatiblePeer):
        raise failure("ssh.protocol", why="The two sides have no secure algorithms in common.", cause=describe(error))
    if not transport.remote_version and "Indecipherable" in str(error):
        why = f"{record.address} port {record.port} answers, but not as an SSH server does."
        raise failure("ssh.protocol", why=why, cause=describe(error))
    raise unreachable(record, describe(error))


def _check_host_key(transport: SessionTransport, target: Target) -> str:
    """Compare the host key with the expected one; return its fingerprint. Problems: ssh.host_key, ssh.unknown_host"""
    record = target.record
    try:
        shown = transport.get_remote_server_key()
    except SSHException as error:
        raise unreachable(record, describe(error)) from None
    fingerprint = contract.fingerprint(f"{shown.get_name()} {shown.get_base64()}")
    if target.is_clearml_session and fingerprint not in target.fingerprints:
        trusted = ", ".join(sorted(target.fingerprints - set(PUBLISHED_KEYS)))
        if trusted:
            place = {"address": record.address, "port": record.port}
            raise failure("ssh.other_host", found=fingerprint, known=trusted, cause=fingerprint, **place)
        raise failure(
            "ssh.unknown_host", address=record.address, port=record.port, found=fingerprint, cause=fingerprint
        )
    if not target.is_clearml_session and shown.asbytes() != _key_blob(record.host_key):
        raise _wrong_host_key(record, fingerprint)
    return fingerprint


def _key_blob(public_key: str) -> bytes:
    """Return the bytes of an OpenSSH public key line; b"" (which no key equals) for anything else."""
    parts = public_key.split()
    try:
        return base64.b64decode(parts[1], validate=True)
    except (IndexError, binascii.Error):
        return b""


def _wrong_host_key(record: contract.Record, found: str) -> AppError:
    try:
        expected = contract.fingerprint(record.host_key)
    except contract.ContractError:
        expected = "no usable key"
    return failure("ssh.host_key", address=record.address, port=record.port, found=found, expected=expected)


def _enter(transport: SessionTransport, target: Target, deadline: Deadline) -> None:
    """Sign in with the password; only that method is tried. Problems: ssh.password, ssh.unreachable, ssh.protocol"""
    record = target.record
    try:
        _sign_in(transport, record, lambda done: transport.auth_password(record.user, target.password, done), deadline)
    except AppError as error:
        if error.problem.code != "ssh.auth":
            raise
        raise failure("ssh.password", address=record.address, user=record.user, cause=error.problem.cause) from None


def _sign_in(
    transport: SessionTransport,
    record: contract.Record,
    begin: Callable[[threading.Event], object],
    deadline: Deadline,
) -> None:
    done = threading.Event()
    try:
        begin(done)
    except SSHException as error:
        raise unreachable(record, describe(error)) from None
    answered = deadline.wait(done, transport.is_active)
    if transport.is_authenticated():
        return
    deadline.check()
    reason = transport.get_exception()
    if (answered and transport.is_active()) or isinstance(reason, AuthenticationException):
        raise failure("ssh.auth", address=record.address, cause=describe(reason) if reason else "key refused")
    raise failure("ssh.protocol", why=f"{record.address} ended the connection during sign-in.", cause=describe(reason))
