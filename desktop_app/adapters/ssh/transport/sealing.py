"""SSH packets under AES-GCM (RFC 5647), sealed from buffer to buffer. Decision 0027.

Holds no lock: whoever sends holds ``Outbox.lock``, whoever reads is the transport's thread.
"""

import struct
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BATCH = 256 * 1024  # of channel data that is encrypted and sent at once
HEAD = 10  # padding length, message type, channel, data length: what comes before the data in a packet
TAIL = 32  # room for padding behind the data
BLOCK, TAG = 16, 16
CHANNEL_DATA = 94
_ZEROS = bytes(TAIL)
_HEADER = struct.Struct(">BBII")


class Direction:
    """AES-GCM in one direction: the key and the counter that makes each packet's nonce (RFC 5647, section 7.1)."""

    def __init__(self, engine: AESGCM, nonce: bytes) -> None:
        self.encrypt_into = engine.encrypt_into
        self.decrypt_into = engine.decrypt_into
        self.octets = 0
        self.packets = 0
        self._fixed = nonce[:4]
        self._counter = int.from_bytes(nonce[4:], "big")

    def nonce(self) -> bytes:
        """Return the next packet's nonce; each is used once."""
        counter = self._counter
        self._counter = (counter + 1) & 0xFFFFFFFFFFFFFFFF
        return self._fixed + counter.to_bytes(8, "big")

    def seal_data(
        self,
        channel: int,
        room: memoryview,
        size: int,
        limit: int,
        out: memoryview,
        write: Callable[[memoryview], object],
    ) -> None:
        """Seal ``size`` bytes of ``room[HEAD:]`` as channel data in packets of ``limit`` bytes, and ``write`` them.

        In place: each packet's header overwrites data that has been sealed already, and its padding is whatever comes
        next: the following data, or zeros. ``out`` is overwritten with what is written.
        """
        end = HEAD + size
        room[end : end + TAIL] = _ZEROS
        at, start = 0, HEAD
        while start < end:
            stop = min(end, start + limit)
            padding = BLOCK - (HEAD + stop - start) % BLOCK
            if padding < 4:
                padding += BLOCK
            length = HEAD + stop - start + padding
            total = 4 + length + TAG
            if at + total > len(out):
                write(out[:at])
                at = 0
            _HEADER.pack_into(room, start - HEAD, padding, CHANNEL_DATA, channel, stop - start)
            head = length.to_bytes(4, "big")
            out[at : at + 4] = head
            self.encrypt_into(self.nonce(), room[start - HEAD : stop + padding], head, out[at + 4 : at + total])
            self.octets += total
            self.packets += 1
            at += total
            start = stop
        write(out[:at])

    def sealed(self, payload: bytes) -> memoryview:
        """Return the packet of one message."""
        padding = BLOCK - (1 + len(payload)) % BLOCK
        if padding < 4:
            padding += BLOCK
        plain = b"%c%b%b" % (padding, payload, _ZEROS[:padding])  # under AES-GCM nobody sees what the padding is
        packet = memoryview(bytearray(4 + len(plain) + TAG))
        packet[:4] = head = len(plain).to_bytes(4, "big")
        self.encrypt_into(self.nonce(), plain, head, packet[4:])
        self.octets += len(packet)
        self.packets += 1
        return packet
