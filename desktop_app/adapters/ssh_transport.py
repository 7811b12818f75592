"""One SSH connection: dials, checks the host key, signs in. All that we adjust in paramiko is in this file.

``dial`` runs on the caller's thread and starts the transport's thread. Every exception of paramiko, of the crypto
libraries and of sockets ends here (``WIRE_ERRORS``) and becomes an AppError.
"""

import base64
import binascii
import contextlib
import io
import ipaddress
import logging
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from paramiko import Ed25519Key, SSHException, Transport
from paramiko.packet import NeedRekeyException, Packetizer
from paramiko.ssh_exception import AuthenticationException, IncompatiblePeer

from desktop_app.domain.problems import AppError, Cancelled, failure
from desktop_app.ports import Cancel, Target
from remote_bootstrap import contract

# What paramiko's transport thread stores and re-raises in its callers: protocol errors, what its parsers throw at
# malformed packets, and failed authentication tags.
WIRE_ERRORS = (SSHException, EOFError, OSError, ValueError, LookupError, TypeError, struct.error, InvalidTag)

DIAL_SECONDS = 20.0
TICK_SECONDS = 0.1  # how late a cancel may be noticed
WINDOW = 4 * 1024 * 1024  # bytes that one stalled connection can cost us; 100 MB/s at 40 ms round trip
PACKET = 256 * 1024
PACKET_LIMIT = 512 * 1024  # nothing that we agreed to is larger
BUFFER = 2 * 1024 * 1024

CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr")
DIGESTS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
KEY_TYPES = ("ssh-ed25519",)
KEX_PREFIXES = ("mlkem768x25519", "curve25519", "ecdh-sha2")

# paramiko logs each lost connection as an error with a traceback; we report those as problems instead.
WIRE_LOG = "desktop_app.adapters.ssh_wire"
logging.getLogger(WIRE_LOG).setLevel(logging.CRITICAL)


class Patience:
    """A Cancel, a deadline that always exists, and the tunnel's own end, as one thing to wait with."""

    def __init__(self, cancel: Cancel, stopped: threading.Event, seconds: float) -> None:
        self._cancel = cancel
        self._stopped = stopped
        self._deadline = time.monotonic() + cancel.remaining(seconds)

    @property
    def remaining(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    @property
    def gone(self) -> bool:
        return self._cancel.cancelled or self._stopped.is_set()

    def check(self) -> None:
        """Raises Cancelled when the caller or the tunnel gave up."""
        if self.gone:
            raise Cancelled

    def tick(self) -> float:
        return min(TICK_SECONDS, self.remaining)

    def wait(self, event: threading.Event, alive: Callable[[], bool] = lambda: True) -> bool:
        """True when the event came; False after the deadline or once ``alive`` is over. Raises Cancelled."""
        while not event.wait(self.tick()):
            self.check()
            if self.remaining == 0.0 or not alive():
                return event.is_set()
        return True


class BufferedPacketizer(Packetizer):
    """paramiko's packet reader over one large buffer: a system call per megabyte instead of two per packet.

    Rekeying is left to the server, whose limits are lower than ours: when paramiko asks for new keys itself and a
    channel closes meanwhile, its transport thread waits for itself until the connection is given up.
    """

    REKEY_BYTES = 1 << 38
    REKEY_PACKETS = 1 << 32

    def __init__(self, socket: socket.socket) -> None:
        super().__init__(socket)
        self._source = socket
        self._bytes = bytearray(BUFFER)
        self._view = memoryview(self._bytes)
        self._start = 0
        self._end = 0

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        """Exactly ``n`` bytes. Raises EOFError, OSError, SSHException for a length that no packet of ours has."""
        if n > PACKET_LIMIT:
            raise SSHException("a packet is larger than agreed")
        while self._end - self._start < n:
            if self.handshake_timed_out():
                raise EOFError
            if not self._fill() and check_rekey and self._start == self._end and self.need_rekey():
                raise NeedRekeyException
        return self._take(n)

    def readline(self, timeout: float) -> str:
        """One line of the greeting. Raises TimeoutError after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while (at := self._bytes.find(b"\n", self._start, self._end)) < 0:
            if self._end - self._start > 8192:
                raise SSHException("a greeting line is too long")
            if not self._fill() and time.monotonic() >= deadline:
                raise TimeoutError
        return self._take(at + 1 - self._start).decode("utf-8", "replace").rstrip("\r\n")

    def _take(self, n: int) -> bytes:
        start, self._start = self._start, self._start + n
        return bytes(self._view[start : self._start])

    def _fill(self) -> bool:
        """One read; False when nothing came within the socket's short timeout."""
        left = self._end - self._start
        if not left or BUFFER - self._end < PACKET_LIMIT:
            self._view[:left] = self._view[self._start : self._end]
            self._start, self._end = 0, left
        try:
            got = self._source.recv_into(self._view[self._end :])
        except (TimeoutError, BlockingIOError):
            if self.closed:
                raise EOFError from None
            return False
        if got == 0:
            raise EOFError
        self._end += got
        return True


class SessionTransport(Transport):
    """A client transport that tells when it ended. ``on_end`` is called once, on the transport's own thread."""

    def __init__(self, sock: socket.socket, on_end: Callable[["SessionTransport"], None]) -> None:
        super().__init__(sock, WINDOW, PACKET, packetizer_class=BufferedPacketizer)
        self.name = "ssh-transport"
        self.ended = threading.Event()
        self._on_end = on_end
        self._wire = sock
        self.set_log_channel(WIRE_LOG)
        options = self.get_security_options()
        options.ciphers, options.digests, options.key_types = CIPHERS, DIGESTS, KEY_TYPES
        options.kex = tuple(name for name in options.kex if name.startswith(KEX_PREFIXES))

    def run(self) -> None:
        try:
            super().run()
        finally:
            self.packetizer.complete_handshake()  # else its timer thread lives on for seconds
            self._wire.close()
            self.ended.set()
            self._on_end(self)

    def hang_up(self) -> None:
        """Ask for the end without waiting: unblocks every thread that reads from or writes to this connection."""
        with contextlib.suppress(OSError):  # it ended already
            self._wire.shutdown(socket.SHUT_RDWR)
        self.close()

    def abandon(self, seconds: float = 3.0) -> None:
        """Hang up and wait for the transport's thread, unless called on it."""
        self.hang_up()
        if threading.current_thread() is not self and self.ident is not None:
            self.join(seconds)


def dial(target: Target, patience: Patience, on_end: Callable[[SessionTransport], None]) -> SessionTransport:
    """Connect, check the host key against the record's, sign in with the session's key.

    Problems: ssh.unreachable, ssh.host_key, ssh.auth, ssh.no_key, ssh.protocol. Raises Cancelled.
    """
    key = client_key(target.private_key)
    sock = _connect(target.record, patience)
    transport = SessionTransport(sock, on_end)
    try:
        _negotiate(transport, target.record, patience)
        _check_host_key(transport, target.record)
        _sign_in(transport, target.record, key, patience)
    except BaseException:
        transport.abandon()
        sock.close()
        raise
    return transport


def client_key(text: str) -> Ed25519Key:
    """The OpenSSH private key, from memory. Problems: ssh.no_key"""
    try:
        return Ed25519Key(file_obj=io.StringIO(text))
    except WIRE_ERRORS as error:
        raise failure("ssh.no_key", cause=f"the stored key is unusable: {type(error).__name__}") from None


def unreachable(record: contract.Record, cause: str) -> AppError:
    return failure("ssh.unreachable", address=record.address, port=record.port, cause=cause)


def describe(error: BaseException | None) -> str:
    """One technical line; paramiko's texts hold names of algorithms and states, no secrets."""
    return f"{type(error).__name__}: {error}".rstrip(": ") if error else "no answer in time"


def _connect(record: contract.Record, patience: Patience) -> socket.socket:
    last = "no address"
    for family, address in _resolve(record, patience):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            last = _connect_one(sock, address, patience)
        except BaseException:
            sock.close()
            raise
        if not last:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        sock.close()
    raise unreachable(record, last)


def _connect_one(sock: socket.socket, address: tuple[str, int], patience: Patience) -> str:
    """ "" when connected, else why not."""
    sock.setblocking(False)
    try:
        sock.connect(address)
    except BlockingIOError:
        pass  # on its way
    except OSError as error:
        return describe(error)
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_WRITE)
        while not selector.select(patience.tick()):
            patience.check()
            if patience.remaining == 0.0:
                return "timed out"
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return describe(OSError(number, "connect failed")) if number else ""


def _resolve(record: contract.Record, patience: Patience) -> list[tuple[int, tuple[str, int]]]:
    """Addresses to try. A name is looked up on a thread of its own, since nothing can interrupt getaddrinfo."""
    host = record.address.strip("[]")
    try:
        version = ipaddress.ip_address(host).version
        return [(socket.AF_INET if version == 4 else socket.AF_INET6, (host, record.port))]
    except ValueError:
        pass  # a name
    found: list[tuple[int, tuple[str, int]]] = []
    errors: list[str] = []
    done = threading.Event()

    def look_up() -> None:
        try:
            for family, _, _, _, address in socket.getaddrinfo(host, record.port, type=socket.SOCK_STREAM):
                found.append((int(family), (str(address[0]), int(address[1]))))
        except (OSError, UnicodeError) as error:
            errors.append(describe(error))
        done.set()

    threading.Thread(target=look_up, name="ssh-resolve", daemon=True).start()
    if not patience.wait(done) or errors:
        raise unreachable(record, errors[0] if errors else "the name could not be resolved in time")
    return found


def _negotiate(transport: SessionTransport, record: contract.Record, patience: Patience) -> None:
    transport.banner_timeout = transport.handshake_timeout = max(1.0, patience.remaining)
    done = threading.Event()
    transport.start_client(event=done)
    in_time = patience.wait(done, transport.is_active)
    if in_time and transport.is_active():
        return
    patience.check()
    error = transport.get_exception()
    if isinstance(error, IncompatiblePeer) and "host key" in str(error):
        raise _wrong_host_key(record, "of another kind")
    if isinstance(error, IncompatiblePeer):
        raise failure("ssh.protocol", why="The two sides have no secure algorithms in common.", cause=describe(error))
    if not transport.remote_version and "Indecipherable" in str(error):
        why = f"{record.address} port {record.port} answers, but not as an SSH server does."
        raise failure("ssh.protocol", why=why, cause=describe(error))
    raise unreachable(record, describe(error))


def _check_host_key(transport: SessionTransport, record: contract.Record) -> None:
    try:
        shown = transport.get_remote_server_key()
    except SSHException as error:
        raise unreachable(record, describe(error)) from None
    if shown.asbytes() != _key_blob(record.host_key):
        raise _wrong_host_key(record, contract.fingerprint(f"{shown.get_name()} {shown.get_base64()}"))


def _key_blob(public_key: str) -> bytes:
    """The bytes of an OpenSSH public key line; b"" (which no key equals) for anything else."""
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


def _sign_in(transport: SessionTransport, record: contract.Record, key: Ed25519Key, patience: Patience) -> None:
    done = threading.Event()
    try:
        transport.auth_publickey(record.user, key, event=done)
    except SSHException as error:
        raise unreachable(record, describe(error)) from None
    answered = patience.wait(done, transport.is_active)
    if transport.is_authenticated():
        return
    patience.check()
    reason = transport.get_exception()
    if (answered and transport.is_active()) or isinstance(reason, AuthenticationException):
        raise failure("ssh.auth", address=record.address, cause=describe(reason) if reason else "key refused")
    raise failure("ssh.protocol", why=f"{record.address} ended the connection during sign-in.", cause=describe(reason))
