"""Reverse forwards and the SOCKS5 proxy over a real sshd, with clients that people use where there are any."""

import contextlib
import socket
import struct
import subprocess
import sys
from contextlib import closing
from functools import partial

import pytest

from desktop_app.adapters.ssh.forwarding.reverse import AT_ONCE
from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import AppError
from tests.integration.test_ssh_forwards import KNOCK
from tests.support.namespaces import as_another_user
from tests.support.ssh_peers import MEGABYTE, Application, digest, download, echo, noise, receive_all
from tests.support.ssh_server import SshServer, free_port
from tests.support.waiting import wait_until

SOCKS = "socks:0"
REVERSE = "reverse:1"


def dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 20)


def through(proxy: int, host: str, port: int) -> socket.socket:
    """A connection through the proxy, as a client by RFC 1928 makes it."""
    client = dial(proxy)
    client.sendall(b"\x05\x02\x02\x00")
    assert client.recv(2) == b"\x05\x00"
    client.sendall(b"\x05\x01\x00\x03" + bytes([len(host)]) + host.encode() + struct.pack(">H", port))
    assert client.recv(10)[:2] == b"\x05\x00"
    return client


def test_the_proxy_reaches_names_and_addresses_from_over_there(tunnel: SshTunnel) -> None:
    with closing(Application(echo)) as application:
        bound = tunnel.forwards.proxy(SOCKS, 0)
        for host in ("localhost", "127.0.0.1"):
            with closing(through(bound.port, host, application.port)) as client:
                client.sendall(b"hi")
                assert client.recv(9) == b"hi"


def test_curl_goes_through_the_proxy(tunnel: SshTunnel) -> None:
    with closing(Application(lambda client: client.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello") or client.recv(1))) as web:
        bound = tunnel.forwards.proxy(SOCKS, 0)
        proxy = f"socks5h://127.0.0.1:{bound.port}"
        command = ["curl", "-sS", "--max-time", "30", "--proxy", proxy, f"http://localhost:{web.port}/"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "hello", done.stderr


def test_a_download_through_the_proxy_is_exact(tunnel: SshTunnel) -> None:
    with closing(Application(download)) as application:
        bound = tunnel.forwards.proxy(SOCKS, 0)
        with closing(through(bound.port, "localhost", application.port)) as client:
            client.sendall(b"7 %d\n" % (3 * MEGABYTE))
            assert receive_all(client) == noise(7, 3 * MEGABYTE)


def test_a_server_that_is_down_over_there_resets_the_client(tunnel: SshTunnel) -> None:
    bound = tunnel.forwards.proxy(SOCKS, 0)
    with closing(through(bound.port, "127.0.0.1", free_port())) as client, pytest.raises(ConnectionResetError):
        client.recv(1)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00", b""),
        (b"GET / HTTP/1.1\r\n\r\n", b""),
        (b"\x05\x01\x02", b"\x05\xff"),
        (b"\x05\x01\x00\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x50", b"\x05\x00\x05\x07"),
        (b"\x05\x01\x00\x05\x01\x00\x09", b"\x05\x00\x05\x08"),
        (b"\x05\x01\x00\x05\x01\x00\x03\x02\xff\xfe\x00\x50", b"\x05\x00\x05\x08"),
    ],
)
def test_what_is_no_socks5_connect_is_refused(tunnel: SshTunnel, said: bytes, answer: bytes) -> None:
    bound = tunnel.forwards.proxy(SOCKS, 0)
    with closing(dial(bound.port)) as client:
        client.sendall(said)
        try:
            heard = receive_all(client)
        except ConnectionResetError:  # it said more than anybody wanted to hear
            heard = b""
        assert heard[: len(answer)] == answer


def test_only_loopback_listens_and_closing_frees_the_port(tunnel: SshTunnel) -> None:
    bound = tunnel.forwards.proxy(SOCKS, 0)
    silent = dial(bound.port)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", bound.port), 2)
    tunnel.forwards.unbind(SOCKS)
    with closing(silent):
        silent.settimeout(20)
        with contextlib.suppress(ConnectionResetError):  # nobody had accepted it yet
            assert silent.recv(1) == b""
    with closing(socket.create_server(("127.0.0.1", bound.port))):
        pass


def test_who_leaves_at_once_is_not_called_another_user(tunnel: SshTunnel) -> None:
    """A look whether the port is open, say: the log's guard fails this test when it is told as an attack."""
    bound = tunnel.forwards.proxy(SOCKS, 0)
    for _ in range(50):
        client = dial(bound.port)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # gone without a trace
        client.close()
    with closing(dial(bound.port)) as client:  # whoever came before is through by now
        client.sendall(b"\x05\x01\x00")
        assert client.recv(2) == b"\x05\x00"


def test_another_user_cannot_use_the_proxy(tunnel: SshTunnel, expected_log) -> None:
    expected_log("another user")
    bound = tunnel.forwards.proxy(SOCKS, 0)
    knock = KNOCK.format(port=bound.port).replace("b'hi'", "b'\\x05\\x01\\x00'")
    command = [*as_another_user(), "/usr/bin/python3", "-c", knock]
    theirs = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/", check=False)
    assert "x05" not in theirs.stdout
    ours = subprocess.run([sys.executable, "-c", knock], capture_output=True, text=True, timeout=60, check=False)
    assert "x05" in ours.stdout


def test_a_local_port_is_reached_from_over_there(tunnel: SshTunnel) -> None:
    remote = free_port()
    with closing(Application(digest)) as application:
        tunnel.forwards.reverse(REVERSE, remote, application.port)
        data = noise(3, 2 * MEGABYTE)
        with closing(dial(remote)) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            assert len(receive_all(client)) == 64
        tunnel.forwards.unbind(REVERSE)
        wait_until(lambda: refuses(remote), "the machine to stop listening")


def test_the_session_can_open_only_so_many_connections_at_once(tunnel: SshTunnel, echoing: Application) -> None:
    remote = free_port()
    tunnel.forwards.reverse(REVERSE, remote, echoing.port)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(closing(dial(remote))) for _ in range(AT_ONCE)]
        for client in clients:
            client.sendall(b"hi")
            assert client.recv(9) == b"hi"
        assert not serves(remote)
        clients[0].close()
        wait_until(lambda: serves(remote), "room for another one")


def serves(port: int) -> bool:
    with closing(dial(port)) as client, contextlib.suppress(ConnectionError):
        client.sendall(b"hi")
        return client.recv(9) == b"hi"
    return False


def is_accepted(port: int) -> bool:
    return not refuses(port)


def refuses(port: int) -> bool:
    try:
        dial(port).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_local_port_where_nobody_listens_ends_the_connection_and_is_told_once(tunnel: SshTunnel) -> None:
    told: list[tuple[int, int]] = []
    tunnel.on_unanswered(lambda remote, local: told.append((remote, local)))
    remote, local = free_port(), free_port()
    tunnel.forwards.reverse(REVERSE, remote, local)
    for _ in range(2):
        with closing(dial(remote)) as client, contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""
    wait_until(lambda: told == [(remote, local)], "the user to be told")
    tunnel.forwards.unbind(REVERSE)
    wait_until(lambda: refuses(remote), "the machine to let go of the port")
    tunnel.forwards.reverse(REVERSE, remote, local)  # asked for again: told again
    with closing(dial(remote)) as client, contextlib.suppress(ConnectionResetError):
        assert client.recv(1) == b""
    wait_until(lambda: told == [(remote, local)] * 2, "the user to be told again")


def test_reverse_forwards_survive_the_redial(server: SshServer, tunnel: SshTunnel) -> None:
    remote, second = free_port(), free_port()
    with closing(Application(echo)) as application:
        tunnel.forwards.reverse(REVERSE, remote, application.port)
        server.kill()
        wait_until(lambda: lost(tunnel), "the loss to be noticed")
        tunnel.forwards.reverse("reverse:2", second, application.port)  # asked for while nothing is connected
        server.start()
        tunnel.connect(server.target(), Cancel(20))
        for port in (remote, second):
            wait_until(partial(is_accepted, port), "the machine to listen again")
            with closing(dial(port)) as client:
                client.sendall(b"hi")
                assert client.recv(9) == b"hi"


def lost(tunnel: SshTunnel) -> bool:
    try:
        tunnel.control.probe(Cancel(2))
    except AppError:
        return True
    return False


def test_the_machine_listens_for_itself_only(tunnel: SshTunnel) -> None:
    remote = free_port()
    tunnel.forwards.reverse(REVERSE, remote, free_port())
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", remote), 2)
