"""What a client says, or does, before its channel is open; and what is left of a connection after its end."""

import gc
import hashlib
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from desktop_app.adapters.ssh.forwarding import switchboard
from desktop_app.adapters.ssh.forwarding.flow import Connection
from desktop_app.adapters.ssh.forwarding.loop import Loop
from desktop_app.adapters.ssh.forwarding.streams import EARLY, Upstream
from desktop_app.adapters.ssh.transport.sealing import HEAD
from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from tests.support.ssh_peers import MEGABYTE, digest, noise, receive_all
from tests.support.ssh_server import SshServer
from tests.support.waiting import wait_until

RESET = struct.pack("ii", 1, 0)


@pytest.fixture
def offline() -> Iterator[SshTunnel]:
    """No transport yet: every connection waits for its channel."""
    made = SshTunnel("early", wait_s=30.0)
    yield made
    made.close()


def dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 60)


@pytest.mark.parametrize("size", [0, 1, EARLY - 1, EARLY, EARLY + 1, 4 * MEGABYTE])
def test_what_was_said_before_the_channel_is_open_arrives_whole(
    offline: SshTunnel, server: SshServer, application, size: int
) -> None:
    """With its end, too: these clients have nothing more to say."""
    offline.forwards.set_app_ports({"lab": application(digest).port})
    (bound,) = offline.forwards.bind({"lab": 0})
    data = noise(size, size)
    with dial(bound.port) as client:

        def speak() -> None:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)

        speaker = threading.Thread(target=speak)
        speaker.start()
        if size < EARLY:
            speaker.join(60)  # all of it is with us before there is a transport
        offline.connect(server.target(), Cancel(20))
        assert receive_all(client).decode() == hashlib.sha256(data).hexdigest()
        speaker.join(60)


def test_a_client_that_leaves_before_its_channel_is_open_gives_its_place_back(
    offline: SshTunnel, server: SshServer, application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only after the 30 s that it may wait: there is room for four."""
    monkeypatch.setattr(switchboard, "CONNECTIONS", 4)
    offline.forwards.set_app_ports({"lab": application(digest).port})
    (bound,) = offline.forwards.bind({"lab": 0})
    for _ in range(12):
        with dial(bound.port) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    offline.connect(server.target(), Cancel(20))
    with dial(bound.port) as client:
        client.settimeout(15)
        client.shutdown(socket.SHUT_WR)
        assert len(receive_all(client)) == 64


def test_nothing_of_an_ended_connection_waits_for_the_garbage_collector(
    offline: SshTunnel, server: SshServer, application
) -> None:
    offline.connect(server.target(), Cancel(20))
    offline.forwards.set_app_ports({"lab": application(digest).port})
    (bound,) = offline.forwards.bind({"lab": 0})
    gc.collect()
    gc.disable()
    try:
        for _ in range(50):
            with dial(bound.port) as client:
                client.shutdown(socket.SHUT_WR)
                assert len(receive_all(client)) == 64

        def alive() -> int:
            return sum(isinstance(one, Connection) for one in gc.get_objects())

        wait_until(lambda: alive() <= 1, "the connections to be gone", 10)  # the last one may still be looked at
    finally:
        gc.enable()


class Recorder:
    """An uplink, and its channels, that only write down what is said."""

    def __init__(self) -> None:
        self.said: list[bytes] = []
        self.ends = 0
        self.channels = self

    def send_data(self, _remote: int, data: bytes) -> None:
        self.said.append(data)

    def send_eof(self, _remote: int) -> None:
        self.ends += 1

    def flush(self) -> None: ...

    def soon(self) -> "Recorder":
        return self


@pytest.fixture
def early() -> Iterator[tuple[Upstream, socket.socket]]:
    """A direction whose client has said ten bytes and its end, which were read before the channel was open."""
    loop = Loop("early")
    ours, client = socket.socketpair()
    ours.setblocking(False)
    up = Upstream(loop, ours, lambda: None)
    client.sendall(b"0123456789")
    client.shutdown(socket.SHUT_WR)
    up.readable()
    up.readable()
    assert up.ended and not up.wanted
    yield up, client
    up.close()
    for one in (ours, client):
        one.close()
    loop.stop(0)


def test_a_small_window_gets_early_data_in_parts_and_then_its_end(early: tuple[Upstream, socket.socket]) -> None:
    up, _ = early
    recorder = Recorder()
    up.opened(recorder, 7, window=3, packet=2)  # type: ignore[arg-type]  # as far as it is used
    assert (recorder.said, recorder.ends) == ([b"01", b"2"], 0)
    assert not up.through
    up.grant(4)
    assert recorder.said[2:] == [b"34", b"56"]
    up.grant(100)
    assert recorder.said[4:] == [b"78", b"9"]
    assert up.through and recorder.ends == 1


def test_nothing_is_said_on_a_channel_that_opens_after_the_local_side_was_given_up(
    early: tuple[Upstream, socket.socket],
) -> None:
    up, _ = early
    recorder = Recorder()
    up.close()
    up.opened(recorder, 7, window=100, packet=100)  # type: ignore[arg-type]  # as far as it is used
    up.grant(100)
    assert (recorder.said, recorder.ends) == ([], 0)


class Hurried(Recorder):
    """Lets the loop's thread look while the transport's thread says something."""

    ready = True

    def __init__(self, up: Upstream) -> None:
        super().__init__()
        self.packets = self
        self.hurry = False
        self._up = up
        self._looked = threading.Event()
        self.threads: list[threading.Thread] = []

    def send_data(self, remote: int, data: bytes) -> None:
        if not self.hurry:
            return super().send_data(remote, data)
        self._looked.clear()
        self.threads.append(threading.Thread(target=self._look))
        self.threads[-1].start()
        assert self._looked.wait(10)
        return super().send_data(remote, data)

    def _look(self) -> None:
        self._up.readable()
        self._looked.set()

    def send(self, _remote: int, room: memoryview, size: int, _limit: int) -> bool:
        self.said.append(bytes(room[HEAD : HEAD + size]))
        self._looked.set()
        return True


def test_nothing_newer_overtakes_what_was_said_early() -> None:
    loop = Loop("early")
    ours, client = socket.socketpair()
    ours.setblocking(False)
    up = Upstream(loop, ours, lambda: None)
    try:
        client.sendall(b"0123456789")
        up.readable()
        recorder = Hurried(up)
        up.opened(recorder, 7, window=3, packet=2)  # type: ignore[arg-type]  # as far as it is used
        client.sendall(b"late")
        assert not up.wanted
        recorder.hurry = True
        up.grant(100)
        for thread in recorder.threads:
            thread.join(10)
        up.readable()
        assert b"".join(recorder.said) == b"0123456789late"
    finally:
        up.close()
        ours.close()
        client.close()
        loop.stop(0)
