"""The forwarding loop's wake-ups, both ways of waiting, and messages that go out together."""

import select
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from desktop_app.adapters.ssh.forwarding.loop import Loop
from desktop_app.adapters.ssh.forwarding.poller import READ, WRITE, AnyPoller, Epoll, Poller
from desktop_app.adapters.ssh.transport.packets import StreamPacketizer
from desktop_app.adapters.ssh.transport.sealing import CHANNEL_DATA, HEAD, TAIL

KINDS: list[Callable[[], Poller]] = [AnyPoller, *([Epoll] if hasattr(select, "epoll") else [])]


@pytest.fixture(params=KINDS)
def poller(request: pytest.FixtureRequest) -> Iterator[Poller]:
    made: Poller = request.param()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    made = socket.socketpair()
    yield made
    for one in made:
        one.close()


def masks(poller: Poller) -> list[int]:
    return [mask for _, mask in poller.wait(0)]


def test_a_poller_tells_what_is_asked_and_nothing_else(
    poller: Poller, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, other = pair
    seen: list[int] = []
    watched = poller.watch(ours, 0, READ, seen.append)
    assert masks(poller) == []
    watched = poller.watch(ours, watched, READ | WRITE, seen.append)
    assert masks(poller) == [WRITE]
    other.send(b"x")
    assert masks(poller) == [READ | WRITE]
    watched = poller.watch(ours, watched, WRITE, seen.append)
    assert masks(poller) == [WRITE]
    watched = poller.watch(ours, watched, READ, seen.append)
    ((ready, mask),) = poller.wait(0)
    ready(mask)
    assert seen == [READ]
    assert poller.watch(ours, watched, 0, seen.append) == 0
    assert masks(poller) == []


def test_a_poller_tells_an_end_as_something_to_read(poller: Poller, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, other = pair
    watched = poller.watch(ours, 0, READ, lambda _: None)
    other.close()
    assert masks(poller) == [READ]
    poller.watch(ours, watched, 0, lambda _: None)


def test_a_note_waits_for_a_nudge_and_a_call_does_not() -> None:
    loop = Loop("notes")
    loop.start()
    order: list[str] = []
    called, noted = threading.Event(), threading.Event()
    loop.call_soon(called.set)
    assert called.wait(10)
    loop.call_and_wait(lambda: order.append("idle"), 10)
    loop.defer(lambda: order.append("note"))
    loop.defer(noted.set)
    loop.wake()
    assert noted.wait(10)
    assert order == ["idle", "note"]
    loop.stop(5)


def test_what_a_turn_notes_is_done_at_the_end_of_that_turn() -> None:
    """Nobody else wakes the loop here."""
    done, timed = threading.Event(), threading.Event()

    def timer() -> None:
        if done.is_set() and not timed.is_set():
            loop.defer(timed.set)

    loop = Loop("turns", timer=timer)
    loop.start()
    loop.call_soon(lambda: loop.defer(done.set))
    assert done.wait(10)
    loop.call_soon(lambda: None)
    assert timed.wait(10)
    loop.stop(5)


KEY = AESGCM(bytes(16))


def opened(wire: socket.socket) -> Iterator[bytes]:
    """The messages of what lies in the socket."""
    stream = wire.recv(1 << 20)
    counter = 0
    while stream:
        length = int.from_bytes(stream[:4], "big")
        packet, stream = stream[4 : 4 + length + 16], stream[4 + length + 16 :]
        plain = KEY.decrypt(bytes(4) + counter.to_bytes(8, "big"), packet, length.to_bytes(4, "big"))
        yield plain[1 : length - plain[0]]
        counter += 1


@pytest.fixture
def packets(pair: tuple[socket.socket, socket.socket]) -> Iterator[StreamPacketizer]:
    pair[0].setblocking(False)
    made = StreamPacketizer(pair[0])
    keys = {"mac_engine": None, "mac_size": 16, "mac_key": None, "block_size": 16, "aead": True}
    made.set_outbound_cipher(block_engine=KEY, iv_out=bytes(12), **keys)
    yield made
    made.close()


def nothing_came(wire: socket.socket) -> bool:
    wire.setblocking(False)
    try:
        return not wire.recv(1)
    except BlockingIOError:
        return True


def test_what_is_put_goes_with_the_next_message(
    packets: StreamPacketizer, pair: tuple[socket.socket, socket.socket]
) -> None:
    packets.queue(b"one", b"two")
    assert nothing_came(pair[1])
    packets.send_now(b"three")
    assert list(opened(pair[1])) == [b"one", b"two", b"three"]
    packets.send_now()
    assert nothing_came(pair[1])


def test_what_is_put_goes_before_the_next_data(
    packets: StreamPacketizer, pair: tuple[socket.socket, socket.socket]
) -> None:
    packets.queue(b"one")
    room = memoryview(bytearray(HEAD) + b"data" + bytes(TAIL))
    assert packets.send_data(7, room, 4, 1024)
    data = bytes((CHANNEL_DATA,)) + (7).to_bytes(4, "big") + (4).to_bytes(4, "big") + b"data"
    assert list(opened(pair[1])) == [b"one", data]
