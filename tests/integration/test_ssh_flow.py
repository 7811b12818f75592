"""What one forwarded connection must not do to another, to memory, or to its other end: over a real sshd."""

import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from desktop_app.adapters.ssh.forwarding import switchboard as ssh_switchboard
from desktop_app.adapters.ssh.forwarding.engine import Forwarder
from desktop_app.adapters.ssh.transport.channels import WINDOW
from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Destination
from tests.support.ssh_peers import MEGABYTE, Application, digest, download, echo, noise, receive_all
from tests.support.ssh_server import SshServer
from tests.support.waiting import wait_until

RESET = struct.pack("ii", 1, 0)
IN_FLIGHT = 32 * MEGABYTE  # the window, sshd's own, and all the sockets' buffers, generously


@pytest.fixture
def tunnel(server: SshServer) -> Iterator[SshTunnel]:
    made = SshTunnel("flow", wait_s=2.0)
    made.connect(server.target(), Cancel(20))
    yield made
    made.close()


def local(tunnel: SshTunnel, **applications: Application) -> list[int]:
    tunnel.forwards.set_app_ports({name: one.port for name, one in applications.items()})
    return [bound.port for bound in tunnel.forwards.bind(dict.fromkeys(applications, 0))]


def dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 60)


def ask(port: int, seed: int, size: int) -> bool:
    with dial(port) as client:
        client.sendall(b"%d %d\n" % (seed, size))
        return receive_all(client) == noise(seed, size)


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()


class Flood:
    """An application that sends for ever, and tells how much, until its connection ends."""

    def __init__(self) -> None:
        self.sent = 0
        self.ended = threading.Event()

    def __call__(self, client: socket.socket) -> None:
        block = bytes(MEGABYTE)
        try:
            while True:
                self.sent += client.send(block)
        finally:
            self.ended.set()


def test_ten_stalled_readers_cost_their_windows_and_slow_nobody(tunnel: SshTunnel, application) -> None:
    floods = [Flood() for _ in range(10)]
    stalled = local(tunnel, **{f"stalled{n}": application(flood) for n, flood in enumerate(floods)})
    before = psutil.Process().memory_info().rss
    sleepers = [dial(port) for port in stalled]
    wait_until(lambda: all(flood.sent > WINDOW for flood in floods), "the floods to fill their windows", 60)
    apps = {f"stalled{n}": application(flood) for n, flood in enumerate(floods)}
    *_, lab = local(tunnel, **apps, lab=application(download))
    assert ask(lab, 3, 32 * MEGABYTE)
    assert all(flood.sent < IN_FLIGHT for flood in floods), "a sender was not stopped"
    assert psutil.Process().memory_info().rss - before < 10 * 2 * WINDOW + 100 * MEGABYTE
    for sleeper, flood in zip(sleepers, floods, strict=True):
        reset(sleeper)
        assert flood.ended.wait(20)


def test_an_application_that_does_not_read_stops_its_uploader_and_nobody_else(tunnel: SshTunnel, application) -> None:
    over = threading.Event()

    def sleep(client: socket.socket) -> None:
        over.wait(60)

    stuck, lab = local(tunnel, stuck=application(sleep), lab=application(digest))
    with dial(stuck) as uploader:
        uploader.settimeout(1.0)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 4 * IN_FLIGHT:
                sent += uploader.send(bytes(MEGABYTE))
        assert sent < IN_FLIGHT
        with dial(lab) as client:
            client.sendall(noise(1, 16 * MEGABYTE))
            client.shutdown(socket.SHUT_WR)
            assert len(receive_all(client)) == 64
    over.set()


def test_a_local_reset_ends_the_application_s_side(tunnel: SshTunnel, application) -> None:
    """In the middle of a download, of an upload, and while nothing moves."""
    flood, heard, idle = Flood(), threading.Event(), threading.Event()

    def take(client: socket.socket) -> None:
        receive_all(client)
        heard.set()

    def wait(client: socket.socket) -> None:
        client.sendall(b"!")
        client.recv(1)
        idle.set()

    down, up, still = local(tunnel, down=application(flood), up=application(take), still=application(wait))
    clients = [dial(port) for port in (down, up, still)]
    assert len(clients[0].recv(MEGABYTE)) > 0
    clients[1].sendall(bytes(4 * MEGABYTE))
    assert clients[2].recv(1) == b"!"
    for client in clients:
        reset(client)
    for event in (flood.ended, heard, idle):
        assert event.wait(20)


def test_a_remote_reset_ends_the_local_side(tunnel: SshTunnel, application) -> None:
    def leave(client: socket.socket) -> None:
        client.recv(1)
        reset(client)

    (port,) = local(tunnel, lab=application(leave))
    with dial(port) as client:
        client.sendall(b"x")
        try:
            assert receive_all(client) == b""
        except ConnectionError:
            return  # sshd doesn't always tell a reset from an end; either way it is over


def test_a_transport_that_ends_resets_uploads_and_downloads(tunnel: SshTunnel, server: SshServer, application) -> None:
    down, up, still = local(tunnel, down=application(Flood()), up=application(digest), still=application(echo))
    clients = [dial(port) for port in (down, up, still)]
    assert len(clients[0].recv(MEGABYTE)) > 0
    clients[1].sendall(bytes(4 * MEGABYTE))
    clients[2].sendall(b"x")
    assert clients[2].recv(1) == b"x"
    server.kill()
    for client in clients:
        with pytest.raises(ConnectionError):
            receive_all(client)
        client.close()


def test_more_connections_than_we_serve_at_once_wait_their_turn(
    tunnel: SshTunnel, application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_switchboard, "CONNECTIONS", 4)
    (port,) = local(tunnel, lab=application(download))
    with ThreadPoolExecutor(24) as pool:
        assert all(pool.map(lambda seed: ask(port, seed, 100_000), range(60)))


def test_a_machine_that_does_not_answer_is_not_waited_for_longer_than_promised(
    tunnel: SshTunnel, server: SshServer, application
) -> None:
    """Its late answer finds nobody, and its application is told."""
    ended = threading.Event()

    def wait(client: socket.socket) -> None:
        receive_all(client)
        ended.set()

    (port,) = local(tunnel, lab=application(wait))
    family = psutil.Process(server.process.pid).children(recursive=True)
    for member in family:
        member.suspend()
    try:
        with dial(port) as client, pytest.raises(ConnectionError):
            receive_all(client)
        assert not ended.is_set()
    finally:
        for member in family:
            member.resume()
    assert ended.wait(20)


def test_closing_resets_what_a_proxy_handed_over_too() -> None:
    forwarder = Forwarder("proxy")
    with socket.create_server(("127.0.0.1", 0)) as listener, dial(listener.getsockname()[1]) as client:
        accepted, origin = listener.accept()
        forwarder.adopt(accepted, origin, Destination(80))
        forwarder.close()
        with pytest.raises(ConnectionError):
            receive_all(client)
