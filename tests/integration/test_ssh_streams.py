"""One connection's flow control and the parser of channel messages, without a server: bounds, and any bytes at all."""

import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from paramiko import SSHException

from desktop_app.adapters.ssh.forwarding.streams import Downstream
from desktop_app.adapters.ssh.transport.channels import CREDIT, FIRST, WINDOW, Channels
from desktop_app.adapters.ssh.transport.packets import StreamPacketizer
from desktop_app.adapters.ssh.transport.wire import WIRE_ERRORS
from tests.support.fuzzing import thorough


class Stalled:
    """A downstream whose local side reads only when told to."""

    def __init__(self) -> None:
        ours, self.reader = socket.socketpair()
        ours.setblocking(False)
        self.looks = 0
        self.credits: list[int] = []
        self.down = Downstream(ours, self._look)
        self.down.opened(self.credits.append)

    def _look(self) -> None:
        self.looks += 1

    def fill(self) -> int:
        """Until the socket takes no more; how many bytes that were."""
        total = 0
        while not self.down.queue:
            self.down.feed(memoryview(bytes(65536)))
            total += 65536
        return total

    def close(self) -> None:
        with self.down.lock:
            self.down.close()
        self.reader.close()


@pytest.fixture
def stalled() -> Iterator[Stalled]:
    made = Stalled()
    yield made
    made.close()


def test_a_stalled_reader_costs_its_bytes_however_small_they_come(stalled: Stalled) -> None:
    """Each byte in a message of its own: kept as objects they would cost fifty times their size."""
    before = stalled.fill() - len(stalled.down.queue)
    assert stalled.looks == 1, "the loop is told once"
    for _ in range(200_000):
        stalled.down.feed(memoryview(b"x"))
    assert stalled.down.queue.__sizeof__() < 2 * len(stalled.down.queue)
    assert before < WINDOW


def test_more_than_the_window_is_refused(stalled: Stalled) -> None:
    left = WINDOW - stalled.fill() + sum(stalled.credits)
    stalled.down.feed(memoryview(bytes(left)))
    with pytest.raises(SSHException, match="window"):
        stalled.down.feed(memoryview(b"x"))


def test_only_what_the_local_side_takes_is_credited_and_nothing_after_the_end(stalled: Stalled) -> None:
    left = WINDOW - stalled.fill() + sum(stalled.credits)
    credited = sum(stalled.credits)
    stalled.down.feed(memoryview(bytes(left)))
    assert sum(stalled.credits) == credited
    read = 0
    done = False
    while not done:
        read += len(stalled.reader.recv(1 << 20))
        done = stalled.down.flush()
    assert WINDOW - CREDIT < sum(stalled.credits) <= WINDOW
    with stalled.down.lock:
        stalled.down.close()
    credited = sum(stalled.credits)
    stalled.down.feed(memoryview(bytes(CREDIT)))
    assert sum(stalled.credits) == credited
    assert stalled.down.queue == b""


class Deaf:
    """A flow that takes everything."""

    remote = 7

    def feed(self, data: memoryview) -> None:
        assert len(data) <= 64

    def opened(self, remote: int, window: int, packet: int) -> None: ...

    def refused(self) -> None: ...

    def grant(self, size: int) -> None: ...

    def finished(self) -> None: ...

    def closed(self) -> None: ...

    def lost(self) -> None: ...


def packetizer() -> tuple[StreamPacketizer, socket.socket]:
    ours, other = socket.socketpair()
    ours.setblocking(False)
    made = StreamPacketizer(ours)
    keys = {"mac_engine": None, "mac_size": 16, "mac_key": None, "block_size": 16, "aead": True}
    made.set_inbound_cipher(block_engine=AESGCM(bytes(16)), iv_in=bytes(12), **keys)
    return made, other


@thorough
@given(
    st.integers(80, 110),
    st.one_of(st.binary(max_size=64), st.binary(max_size=60).map(lambda rest: struct.pack(">I", FIRST) + rest)),
)
def test_any_channel_message_is_taken_or_ends_the_connection_in_words(command: int, body: bytes) -> None:
    packets, other = packetizer()
    channels = Channels(packets)
    deaf: Any = Deaf()
    channels.open(deaf, "127.0.0.1", 1, ("127.0.0.1", 2))
    try:
        taken = channels.take(command, memoryview(bytes((command,)) + body))
    except WIRE_ERRORS:
        taken = True
    assert taken == (91 <= command <= 100 and int.from_bytes(body[:4], "big") >= FIRST) or len(body) < 4
    other.close()
    packets.close()


@thorough
@given(st.binary(max_size=300))
def test_any_bytes_on_the_wire_end_the_connection_in_words(garbage: bytes) -> None:
    packets, other = packetizer()
    other.sendall(garbage)
    other.close()
    with pytest.raises(WIRE_ERRORS):
        packets.read_message()
    packets.close()
