"""One SSH connection's transport. All that we adjust in paramiko is in this file; ``ssh_dial`` makes the connection."""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable

from paramiko import SSHException, Transport
from paramiko.packet import NeedRekeyException, Packetizer

WINDOW = 4 * 1024 * 1024  # bytes that one stalled connection can cost us; 100 MB/s at 40 ms round trip
PACKET = 256 * 1024
PACKET_LIMIT = 512 * 1024  # nothing that we agreed to is larger
BUFFER = 2 * 1024 * 1024

CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr")
DIGESTS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
KEY_TYPES = ("ssh-ed25519",)
KEX_PREFIXES = ("mlkem768x25519", "curve25519", "ecdh-sha2")

# paramiko logs each lost connection as an error with a traceback; we report those as problems instead.
WIRE_LOG = "desktop_app.adapters.ssh_transport.paramiko"
logging.getLogger(WIRE_LOG).setLevel(logging.CRITICAL)


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
        self.heard_at = time.monotonic()  # when the other side's last bytes came

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
        self.heard_at = time.monotonic()
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

    @property
    def heard_at(self) -> float:
        """Monotonic time of the last bytes from the other side."""
        return self.packetizer.heard_at if isinstance(self.packetizer, BufferedPacketizer) else 0.0

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
