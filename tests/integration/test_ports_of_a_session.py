"""Ports, for real: our tunnel and a session of the bootstrap, with each SSH server that it can start."""

import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import paramiko
import pytest

from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.adapters.web_probe import look_at_page
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Destination, Target
from desktop_app.domain.access.listening import Listening, read_listening
from desktop_app.domain.problems import AppError
from remote_bootstrap import contract
from remote_bootstrap.process import processes
from tests.support.bootstrap_rig import BootstrapRig
from tests.support.ssh_peers import Application, echo
from tests.support.ssh_server import free_port
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow]


@pytest.fixture
def tunnel(rig: BootstrapRig) -> Iterator[SshTunnel]:
    made = connected(rig)
    yield made
    made.close()


def connected(rig: BootstrapRig) -> SshTunnel:
    made = SshTunnel("ports")
    made.connect(Target(rig.wait_record(), rig.private_key), Cancel(30))
    return made


def listening(tunnel: SshTunnel) -> dict[int, Listening]:
    return {row.port: row for row in read_listening(tunnel.control.request(contract.OP_LISTENING, {}, Cancel(20)))}


@contextmanager
def web_server(client: paramiko.SSHClient, port: int) -> Iterator[None]:
    """As a person starts it in a terminal of the session."""
    command = f"exec {sys.executable} -m http.server --bind 127.0.0.1 {port}"
    _stdin, stdout, _stderr = client.exec_command(command, get_pty=True)
    yield
    stdout.channel.close()


def test_a_server_in_the_session_is_found_named_forwarded_and_opened(rig: BootstrapRig, tunnel: SshTunnel) -> None:
    port = free_port()
    with rig.ssh() as client, web_server(client, port):
        found = wait_until(lambda: listening(tunnel).get(port), "the server to listen", 30)
        assert found.label == "File server (http.server)"
        assert found.session
        assert found.pid in processes.marked(processes.SESSION_VARIABLE, rig.task)
        bound = tunnel.forwards.forward("local:1", 0, Destination(port, found.host))
        page = look_at_page(bound.port, Cancel(20))
        assert (page.scheme, page.status) == ("http", 200)
        assert page.title.startswith("Directory listing")


def test_the_sessions_own_ssh_server_is_told_and_its_key_is_not(rig: BootstrapRig, tunnel: SshTunnel) -> None:
    record = rig.wait_record()
    assert listening(tunnel)[record.port].plumbing
    assert str(rig.session) not in str(tunnel.control.request(contract.OP_LISTENING, {}, Cancel(20)))


def test_reverse_forward_and_proxy(tunnel: SshTunnel) -> None:
    remote = free_port()
    with closing(Application(echo)) as application:
        tunnel.forwards.reverse("reverse:1", remote, application.port)
        bound = tunnel.forwards.proxy("socks:0", 0)
        with socket.create_connection(("127.0.0.1", bound.port), 20) as client:
            client.sendall(b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01" + remote.to_bytes(2, "big"))
            answers = client.makefile("rb")
            assert answers.read(12)[:4] == b"\x05\x00\x05\x00"
            client.sendall(b"there and back")
            assert answers.read(14) == b"there and back"
            answers.close()
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.2", remote), 2)


def test_nobody_may_listen_for_the_whole_network(rig: BootstrapRig) -> None:
    """sshd narrows the wish to loopback, the other server refuses it."""
    port = free_port()
    with rig.ssh() as client:
        transport = client.get_transport()
        assert transport is not None
        try:
            transport.request_port_forward("0.0.0.0", port)
        except paramiko.SSHException:
            return
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.2", port), 2)


def test_the_session_does_not_give_up_its_own_port(rig: BootstrapRig, tunnel: SshTunnel) -> None:
    with pytest.raises(AppError, match="belongs to the session"):
        tunnel.control.request(contract.OP_RELEASE_PORT, {"port": rig.wait_record().port}, Cancel(20))
    assert tunnel.control.request(contract.OP_RELEASE_PORT, {"port": "no port"}, Cancel(20)) == {"released": False}


def test_a_port_that_a_lost_connection_still_holds_comes_back(
    rig: BootstrapRig, request: pytest.FixtureRequest
) -> None:
    """The machine has not noticed that the first connection is dead, as after a change of networks.

    asyncssh is one process for all connections: there the port comes back when that server gives the old one up.
    """
    remote = free_port()
    lost, tunnel = connected(rig), connected(rig)
    with closing(Application(echo)) as application:
        lost.forwards.reverse("reverse:1", remote, application.port)
        tunnel.disconnect()
        tunnel.forwards.reverse("reverse:1", remote, application.port)
        tunnel.connect(Target(rig.wait_record(), rig.private_key), Cancel(30))
        if "asyncssh" in request.node.name:
            assert not lost_it(lost)
            lost.close()
        else:
            wait_until(lambda: lost_it(lost), "the old connection to be ended", 30)
        wait_until(lambda: says_hi(remote), "the port to answer through the new one", 30)
    lost.close()
    tunnel.close()


def lost_it(tunnel: SshTunnel) -> bool:
    try:
        tunnel.control.probe(Cancel(2))
    except AppError:
        return True
    return False


def says_hi(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            client.sendall(b"hi")
            return client.recv(2) == b"hi"
    except OSError:
        return False
