"""SSH packets at the speed of the wire: a Packetizer for paramiko (its documented ``packetizer_class``).

paramiko's own moves 20 MB/s: two system calls and a dozen copies per packet. This one reads what there is into one
buffer, decrypts AES-GCM from buffer to buffer, hands the messages of our own channels (ssh_channels) to ``sink``
without making a Message of them, and encrypts a batch of channel data straight into what one system call sends. What
isn't AES-GCM takes paramiko's path, through the same buffers.

The transport's thread reads, any thread sends. Nothing here blocks the transport's thread but the wait for packets:
what the socket doesn't take at once stays in ``_unsent`` and is sent when it does. While keys are exchanged the gate is
shut, as RFC 4253 wants: what the transport's thread sends meanwhile is held, everybody else waits or tries again. That
is also what keeps paramiko from waiting for itself when a channel closes in that moment.

All that we use of paramiko beyond its documentation is in this file and in ssh_transport; tests/integration/
test_ssh_packets.py holds both against each version that pyproject.toml allows.
"""

import contextlib
import os
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from paramiko import Message, SSHException
from paramiko.packet import NeedRekeyException, Packetizer

PACKET = 256 * 1024  # what we let the other side put into one packet
PACKET_LIMIT = PACKET + 1024  # nothing that we agreed to is larger
BUFFER = 1024 * 1024
BATCH = 256 * 1024  # of channel data that is encrypted and sent at once
HEAD = 10  # padding length, message type, channel, data length: what comes before the data in a packet
TAIL = 32  # room for padding behind the data
BLOCK, TAG = 16, 16
REKEY_SECONDS = 30.0
TICK_SECONDS = 0.5  # how late a close or the end of the handshake's time is noticed when nothing else wakes us

KEXINIT = 20
AUTHENTICATION = 50  # this and all above must not be sent during a key exchange
CHANNEL_DATA = 94

# One that holds no file descriptor, where there is one: cheap to make, nothing to close.
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)
Sink = Callable[[int, memoryview], bool]


class Direction:
    """AES-GCM in one direction: the key and the counter that makes each packet's nonce (RFC 5647, section 7.1)."""

    def __init__(self, engine: AESGCM, nonce: bytes) -> None:
        self.encrypt_into, self.decrypt_into = engine.encrypt_into, engine.decrypt_into
        self._fixed = nonce[:4]
        self._counter = int.from_bytes(nonce[4:], "big")
        self.octets = 0
        self.packets = 0

    def nonce(self) -> bytes:
        counter = self._counter
        self._counter = (counter + 1) & 0xFFFFFFFFFFFFFFFF
        return self._fixed + counter.to_bytes(8, "big")


class StreamPacketizer(Packetizer):
    """See the module. ``sink`` gets each message of the connection protocol first, on the transport's thread."""

    # OpenSSH's own limits for AES-GCM; it mostly asks first.
    REKEY_BYTES = 1 << 36
    REKEY_PACKETS = 1 << 31

    def __init__(self, wire: socket.socket) -> None:
        super().__init__(wire)
        self.sink: Sink | None = None
        self.on_open: Callable[[], None] = _nothing
        self.heard_at = 0.0
        self.thread: threading.Thread | None = None  # the transport's own
        self._wire = wire
        self._bytes = bytearray(BUFFER)
        self._view = memoryview(self._bytes)
        self._start = self._end = 0
        self._plain = memoryview(bytearray(PACKET_LIMIT))
        self._inward: Direction | None = None
        self._received = 0  # packets, for paramiko's "I don't know this message"
        self._lock = threading.Condition(threading.RLock())  # what is sent, and in which order
        self._outward: Direction | None = None
        self._unsent = bytearray()
        self._crypt = memoryview(bytearray(BATCH + 32 * 1024))
        self._open = True
        self._held: list[bytes] = []

    # ---- keys: paramiko tells when they change

    def set_inbound_cipher(self, *args: Any, **named: Any) -> None:
        super().set_inbound_cipher(*args, **named)
        self._inward = _direction(named["block_engine"], named["iv_in"], self._inward)

    def set_outbound_cipher(self, *args: Any, **named: Any) -> None:
        with self._lock:
            super().set_outbound_cipher(*args, **named)
            self._outward = _direction(named["block_engine"], named["iv_out"], self._outward)
            self._open = True
            held, self._held = self._held, []
            for payload in held:
                self._send(payload)
            self._lock.notify_all()
        self.on_open()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # it ended already
            self._wire.shutdown(socket.SHUT_RDWR)  # wakes who waits for it
        super().close()
        with self._lock:
            self._lock.notify_all()

    # ---- reading: the transport's thread

    def read_message(self) -> tuple[int, Message]:
        while True:
            if self._inward is None:
                command, message = super().read_message()
                body = memoryview(message.asbytes())
            else:
                payload = self._next_payload(self._inward)
                command, body = payload[0], payload[1:]
            if command < AUTHENTICATION or self.sink is None or not self.sink(command, body):
                break
            if self.need_rekey():
                raise NeedRekeyException
        if self._inward is not None:
            message = Message(bytes(body))
            message.seqno = self._received & 0xFFFFFFFF
        return command, message

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        """Exactly ``n`` bytes. Raises EOFError, OSError, SSHException for a length that no packet of ours has."""
        if n > PACKET_LIMIT:
            raise SSHException("a packet is larger than agreed")
        self._need(n, check_rekey)
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

    def _next_payload(self, keys: Direction) -> memoryview:
        """The next packet, decrypted; valid until the next call."""
        self._need(4, check_rekey=True)
        start = self._start
        length = int.from_bytes(self._view[start : start + 4], "big")
        total = 4 + length + TAG
        if total > PACKET_LIMIT or length < BLOCK:
            raise SSHException("a packet has a length that was not agreed")
        if self._end - start < total:
            self._need(total)
            start = self._start
        plain = self._plain[:length]
        sealed = self._view[start + 4 : start + total]
        keys.decrypt_into(keys.nonce(), sealed, self._view[start : start + 4], plain)
        self._start = start + total
        self._received += 1
        self._count(keys, total)
        if plain[0] + 1 >= length:
            raise SSHException("a packet is all padding")
        return plain[1 : length - plain[0]]

    def _need(self, n: int, check_rekey: bool = False) -> None:
        while self._end - self._start < n:
            if self.handshake_timed_out():
                raise EOFError
            if not self._fill() and check_rekey and self._start == self._end and self.need_rekey():
                raise NeedRekeyException

    def _take(self, n: int) -> bytes:
        start, self._start = self._start, self._start + n
        return bytes(self._view[start : self._start])

    def _fill(self) -> bool:
        """One read; False when nothing came for a while."""
        left = self._end - self._start
        if not left or BUFFER - self._end < PACKET_LIMIT:
            self._view[:left] = self._view[self._start : self._end]
            self._start, self._end = 0, left
        try:
            got = self._wire.recv_into(self._view[self._end :])
        except BlockingIOError:
            self._wait()
            return False
        if got == 0:
            raise EOFError
        self._end += got
        self.heard_at = time.monotonic()
        return True

    def _wait(self) -> None:
        """Until there is something to read; sends meanwhile what could not be sent before."""
        with self._lock:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
        ready = _wait_for(self._wire, events)
        if ready & selectors.EVENT_WRITE:
            self.flush()
        if self.closed:
            raise EOFError

    # ---- sending: any thread

    def send_message(self, data: Message) -> None:
        """paramiko's own messages. Blocks (except the transport's thread) until the socket has them."""
        payload = data.asbytes()
        own = threading.current_thread() is self.thread
        with self._lock:
            if payload[0] >= AUTHENTICATION and not self._open:
                if own:
                    self._held.append(payload)
                    return
                self._wait_for_gate()
            if payload[0] == KEXINIT:
                self._open = False
            self._send(payload)
        if not own:
            self._drain()

    def post(self, payload: bytes) -> None:
        """A message of our own channels. Never blocks. Raises EOFError, OSError when the connection ended."""
        with self._lock:
            if self._open:
                self._send(payload)
            else:
                self._held.append(payload)

    @property
    def ready(self) -> bool:
        """Whether ``send_data`` would find an open gate, and nothing that waits for the socket."""
        return self._open and not self._unsent

    @property
    def congested(self) -> bool:
        """Whether something waits for the socket: see ``flush``."""
        return bool(self._unsent)

    def send_data(self, channel: int, room: memoryview, size: int, limit: int) -> bool:
        """``size`` bytes for a channel, from ``room[HEAD:]``, in packets of ``limit`` bytes; never blocks.

        ``room`` is overwritten, and has TAIL bytes behind the data. False: keys are being exchanged, nothing was sent;
        ``on_open`` tells when to try again.
        """
        with self._lock:
            if not self._open:
                return False
            if self._outward is None:
                self._send_slowly(channel, room, size, limit)
            else:
                self._seal(self._outward, channel, room, size, limit)
            return True

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it. Raises EOFError, OSError when the connection ended."""
        with self._lock:
            if self._unsent:
                with memoryview(self._unsent) as view:
                    sent = self._push(view[:BATCH])
                del self._unsent[:sent]

    def write_all(self, out: Any) -> None:
        """The end of paramiko's own path: greeting, first key exchange, other ciphers."""
        with self._lock:
            self._write(memoryview(out))

    def _seal(self, keys: Direction, channel: int, room: memoryview, size: int, limit: int) -> None:
        """In place: each packet's header overwrites data that has been sealed already, and its padding is whatever
        comes next: the following data, or zeros."""
        end = HEAD + size
        room[end : end + TAIL] = bytes(TAIL)
        out, at, start = self._crypt, 0, HEAD
        while start < end:
            stop = min(end, start + limit)
            padding = BLOCK - (HEAD + stop - start) % BLOCK
            if padding < 4:
                padding += BLOCK
            length = HEAD + stop - start + padding
            if at + 4 + length + TAG > len(out):
                self._write(out[:at])
                at = 0
            room[start - HEAD : start] = struct.pack(">BBII", padding, CHANNEL_DATA, channel, stop - start)
            out[at : at + 4] = head = length.to_bytes(4, "big")
            sealed = out[at + 4 : at + 4 + length + TAG]
            keys.encrypt_into(keys.nonce(), room[start - HEAD : stop + padding], head, sealed)
            self._count(keys, 4 + length + TAG)
            at += 4 + length + TAG
            start = stop
        self._write(out[:at])

    def _send_slowly(self, channel: int, room: memoryview, size: int, limit: int) -> None:
        for start in range(HEAD, HEAD + size, limit):
            part = room[start : min(HEAD + size, start + limit)]
            super().send_message(Message(struct.pack(">BII", CHANNEL_DATA, channel, len(part)) + part))

    def _send(self, payload: bytes) -> None:
        """The lock is held and the gate doesn't matter."""
        keys = self._outward
        if keys is None:
            super().send_message(Message(payload))
            return
        padding = BLOCK - (1 + len(payload)) % BLOCK
        if padding < 4:
            padding += BLOCK
        plain = b"".join((padding.to_bytes(1, "big"), payload, os.urandom(padding)))
        sealed = memoryview(bytearray(4 + len(plain) + TAG))
        sealed[:4] = head = len(plain).to_bytes(4, "big")
        keys.encrypt_into(keys.nonce(), plain, head, sealed[4:])
        self._count(keys, len(sealed))
        self._write(sealed)

    def _write(self, out: memoryview) -> None:
        sent = 0 if self._unsent else self._push(out)
        if sent < len(out):
            self._unsent += out[sent:]

    def _push(self, out: memoryview) -> int:
        try:
            return self._wire.send(out)
        except BlockingIOError:
            return 0

    def _wait_for_gate(self) -> None:
        if not self._lock.wait_for(lambda: self._open or self.closed, REKEY_SECONDS):
            raise SSHException("the exchange of new keys does not end")
        if self.closed:
            raise EOFError

    def _drain(self) -> None:
        while self._unsent:
            _wait_for(self._wire, selectors.EVENT_WRITE)
            if self.closed:
                raise EOFError
            self.flush()

    def _count(self, keys: Direction, octets: int) -> None:
        keys.octets += octets
        keys.packets += 1
        if (keys.octets > self.REKEY_BYTES or keys.packets > self.REKEY_PACKETS) and not self.need_rekey():
            self._trigger_rekey()  # type: ignore[attr-defined]  # undocumented; read_message sees it


def _direction(engine: object, nonce: bytes | None, before: Direction | None) -> Direction | None:
    """None for a cipher that is left to paramiko. Raises SSHException when the other side changes between both."""
    if isinstance(engine, AESGCM) and nonce is not None:
        return Direction(engine, nonce)
    if before is not None:
        raise SSHException("the cipher changed to another kind")
    return None


def _wait_for(wire: socket.socket, events: int) -> int:
    with _Selector() as selector:
        try:
            selector.register(wire, events)
        except (ValueError, OSError):
            raise EOFError from None  # closed by us
        return sum(mask for _, mask in selector.select(TICK_SECONDS))


def _nothing() -> None:
    pass
