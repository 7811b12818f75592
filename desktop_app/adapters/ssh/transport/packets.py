"""SSH packets at the speed of the wire: a Packetizer for paramiko (its documented ``packetizer_class``).

paramiko's own moves 20 MB/s: two system calls and a dozen copies per packet. This one reads what there is into one
buffer, decrypts AES-GCM from buffer to buffer, hands the messages of our own channels to ``channels``
without making a Message of them, and encrypts a batch of channel data straight into what one system call sends. What
isn't AES-GCM takes paramiko's path, through the same buffers.

The transport's thread reads, any thread sends. Nothing here blocks the transport's thread but the wait for packets:
what the socket doesn't take at once waits in the Outbox. While keys are exchanged the gate is shut, as RFC 4253 wants:
what the transport's thread sends meanwhile is held, everybody else waits or tries again. That is also what keeps
paramiko from waiting for itself when a channel closes in that moment.

All that we use of paramiko beyond its documentation is in this file and in ``transport``; tests/integration/
test_ssh_packets.py holds both against the versions that pyproject.toml allows. Decision 0027.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from paramiko import Message, SSHException
from paramiko.packet import NeedRekeyException, Packetizer

from desktop_app.adapters.ssh.transport.buffers import Inbox, Outbox
from desktop_app.adapters.ssh.transport.sealing import BATCH, BLOCK, CHANNEL_DATA, HEAD, TAG, Direction

PACKET = 256 * 1024  # what we let the other side put into one packet
PACKET_LIMIT = PACKET + 1024  # nothing that we agreed to is larger
REKEY_SECONDS = 30.0

KEXINIT = 20
AUTHENTICATION = 50  # this and all above must not be sent during a key exchange


@dataclass(frozen=True, slots=True)
class Handlers:
    """What is called from here; plain functions, because each is called for every packet or read.

    ``take(command, payload)``: True if it took that message of the connection protocol, of which ``payload`` is all; on
    the transport's thread, before paramiko sees it. ``gate_opened``: data can be sent again after an exchange of keys;
    any thread. ``idle``: all that came was handed on; the transport's thread.
    """

    take: Callable[[int, memoryview], bool]
    gate_opened: Callable[[], None]
    idle: Callable[[], None]


class StreamPacketizer(Packetizer):
    """Packets between paramiko's Transport and one socket. paramiko makes this object itself, so the handlers
    come later."""

    # OpenSSH's own limits for AES-GCM; it mostly asks first.
    REKEY_BYTES = 1 << 36
    REKEY_PACKETS = 1 << 31

    def __init__(self, wire: socket.socket) -> None:
        super().__init__(wire)
        self.handlers = Handlers(_take_nothing, _nothing, _nothing)
        self.thread: threading.Thread | None = None  # the transport's own
        self.outbox = Outbox(wire)
        self.inbox = Inbox(wire, self.outbox)
        self._wire = wire
        self._plain = memoryview(bytearray(PACKET_LIMIT))
        self._crypt = memoryview(bytearray(BATCH + 32 * 1024))
        self._inward: Direction | None = None
        self._outward: Direction | None = None
        self._received = 0  # packets, for paramiko's "I don't know this message"
        self._gate = threading.Condition(self.outbox.lock)
        self._open = True
        self._held: list[bytes] = []  # while the gate is shut
        self._queued: list[bytes] = []  # goes with what is sent next

    # ---- keys: paramiko tells when they change

    def set_inbound_cipher(self, *args: Any, **named: Any) -> None:
        super().set_inbound_cipher(*args, **named)
        self._inward = _direction(named["block_engine"], named["iv_in"], self._inward)

    def set_outbound_cipher(self, *args: Any, **named: Any) -> None:
        with self.outbox.lock:
            super().set_outbound_cipher(*args, **named)
            self._outward = _direction(named["block_engine"], named["iv_out"], self._outward)
            self._open = True
            held, self._held = self._held, []
            if held:
                self._send(*held)
            self._gate.notify_all()
        self.handlers.gate_opened()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # it ended already
            self._wire.shutdown(socket.SHUT_RDWR)  # wakes who waits for it
        super().close()
        with self.outbox.lock:
            self._gate.notify_all()

    # ---- reading: the transport's thread

    def read_message(self) -> tuple[int, Message]:
        keys = self._inward
        while keys is not None:
            payload = self._next_payload(keys)
            command = payload[0]
            if command < AUTHENTICATION or not self.handlers.take(command, payload):
                message = Message(bytes(payload[1:]))
                message.seqno = self._received & 0xFFFFFFFF
                return command, message
            if self.need_rekey():
                raise NeedRekeyException
        while True:
            command, message = super().read_message()
            payload = memoryview(bytes((command,)) + message.asbytes())
            if command < AUTHENTICATION or not self.handlers.take(command, payload):
                return command, message
            if self.need_rekey():
                raise NeedRekeyException

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        """Return exactly ``n`` bytes. Raises EOFError, OSError; SSHException for more than any packet of ours has."""
        if n > PACKET_LIMIT:
            raise SSHException("a packet is larger than agreed")
        self._need(n, check_rekey)
        return self.inbox.take(n)

    def readline(self, timeout: float) -> str:
        """Return one line of the greeting. Raises TimeoutError after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while (line := self.inbox.line()) is None:
            if not self.inbox.fill(1) and (self.closed or time.monotonic() >= deadline):
                raise TimeoutError
        return line

    def _next_payload(self, keys: Direction) -> memoryview:
        """Return the next packet's payload, decrypted; valid until the next call."""
        inbox = self.inbox
        if inbox.end - inbox.start < 4:
            self._need(4, check_rekey=True)
        view, start = inbox.view, inbox.start
        length = int.from_bytes(view[start : start + 4], "big")
        total = length + 4 + TAG
        if total > PACKET_LIMIT or length < BLOCK:
            raise SSHException("a packet has a length that was not agreed")
        if inbox.end - start < total:
            self._need(total)
            start = inbox.start
        begin, end = start + 4, start + total
        plain = self._plain[:length]
        keys.decrypt_into(keys.nonce(), view[begin:end], view[start:begin], plain)
        inbox.start = end
        self._received += 1
        keys.octets += total
        keys.packets += 1
        padding = plain[0]
        if padding + 1 >= length:
            raise SSHException("a packet is all padding")
        return plain[1 : length - padding]

    def _need(self, n: int, check_rekey: bool = False) -> None:
        inbox = self.inbox
        self.handlers.idle()
        while inbox.end - inbox.start < n:
            if inbox.fill(n):
                self._check(self._inward)
                continue
            if self.closed or self.handshake_timed_out():
                raise EOFError
            if check_rekey and not inbox and self.need_rekey():
                raise NeedRekeyException

    # ---- sending: any thread

    def send_message(self, data: Message) -> None:
        """Send one of paramiko's own messages. Blocks (except the transport's thread) until the socket has them."""
        payload = data.asbytes()
        own = threading.current_thread() is self.thread
        with self.outbox.lock:
            if payload[0] >= AUTHENTICATION and not self._open:
                if own:
                    self._held.append(payload)
                    return
                self._wait_for_gate()
            if payload[0] == KEXINIT:
                self._open = False
            self._send(payload)
        if not own:
            self.outbox.drain(lambda: self.closed)

    def queue(self, *payloads: bytes) -> None:
        """Queue messages of our own channels for what is sent next, which ``send_now`` makes now: one system call and
        one awakening of the other side for all that happened at once."""
        with self.outbox.lock:
            self._queued.extend(payloads)

    def send_now(self, *payloads: bytes) -> None:
        """Send messages of our own channels, queued ones first. Never blocks. Raises OSError once it ended."""
        with self.outbox.lock:
            self._queued.extend(payloads)
            self._send_queued()

    @property
    def ready(self) -> bool:
        """True if ``send_data`` would find an open gate, and nothing that waits for the socket."""
        return self._open and not self.outbox.waiting

    def send_data(self, channel: int, room: memoryview, size: int, limit: int) -> bool:
        """Send ``size`` bytes for a channel, from ``room[HEAD:]``, in packets of ``limit`` bytes; never blocks.

        ``room`` is overwritten, and has TAIL bytes behind the data. False: keys are being exchanged, nothing was sent;
        ``gate_opened`` tells when to try again. Raises OSError when the connection ended.
        """
        with self.outbox.lock:
            if not self._open:
                return False
            if self._queued:
                self._send_queued()
            if self._outward is None:
                self._send_slowly(channel, room, size, limit)
            else:
                self._outward.seal_data(channel, room, size, limit, self._crypt, self.outbox.write)
                self._check(self._outward)
            return True

    def write_all(self, out: Any) -> None:
        """Write what comes by paramiko's own path: greeting, first key exchange, other ciphers."""
        with self.outbox.lock:
            self.outbox.write(memoryview(out))

    def _send_queued(self) -> None:
        """Send what is queued; the lock is held."""
        queued, self._queued = self._queued, []
        if not self._open:
            self._held.extend(queued)
        elif queued:
            self._send(*queued)

    def _send_slowly(self, channel: int, room: memoryview, size: int, limit: int) -> None:
        for start in range(HEAD, HEAD + size, limit):
            part = room[start : min(HEAD + size, start + limit)]
            super().send_message(Message(struct.pack(">BII", CHANNEL_DATA, channel, len(part)) + part))

    def _send(self, *payloads: bytes) -> None:
        """Seal and write; the lock is held and the gate doesn't matter."""
        keys = self._outward
        if keys is None:
            for payload in payloads:
                super().send_message(Message(payload))
            return
        sealed = [keys.sealed(payload) for payload in payloads]
        self.outbox.write(sealed[0] if len(sealed) == 1 else memoryview(b"".join(sealed)))
        self._check(keys)

    def _wait_for_gate(self) -> None:
        if not self._gate.wait_for(lambda: self._open or self.closed, REKEY_SECONDS):
            raise SSHException("the exchange of new keys does not end")
        if self.closed:
            raise EOFError

    def _check(self, keys: Direction | None) -> None:
        if keys is not None and (keys.octets > self.REKEY_BYTES or keys.packets > self.REKEY_PACKETS):
            self._trigger_rekey()  # type: ignore[attr-defined]  # undocumented; read_message sees it


def _direction(engine: object, nonce: bytes | None, before: Direction | None) -> Direction | None:
    """Return None for a cipher that is left to paramiko. Raises SSHException when it changes between both kinds."""
    if isinstance(engine, AESGCM) and nonce is not None:
        return Direction(engine, nonce)
    if before is not None:
        raise SSHException("the cipher changed to another kind")
    return None


def _take_nothing(_command: int, _payload: memoryview) -> bool:
    return False


def _nothing() -> None:
    pass
