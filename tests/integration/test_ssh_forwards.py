"""Forwards of arbitrary ports over a real sshd: where they lead, who may use them, and how they end."""

import socket
import subprocess
import sys
from contextlib import closing

import pytest

from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Destination
from tests.support.namespaces import as_another_user
from tests.support.ssh_peers import Application
from tests.support.ssh_server import SshServer, free_port

KNOCK = "import socket,sys; c=socket.create_connection(('127.0.0.1',{port}),10); c.sendall(b'hi'); print(c.recv(9))"
KEY = "tcp:6006"


def says(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        client.sendall(b"hi")
        return client.recv(9)


def test_a_forward_leads_to_its_port_whatever_the_report_routes(tunnel: SshTunnel, echoing: Application) -> None:
    bound = tunnel.forwards.forward(KEY, 0, Destination(echoing.port))
    tunnel.forwards.set_app_ports({"lab": 1})
    assert says(bound.port) == b"hi"


def test_a_forward_reaches_what_listens_on_ipv6_only(tunnel: SshTunnel) -> None:
    listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    with closing(listener):
        bound = tunnel.forwards.forward(KEY, 0, Destination(listener.getsockname()[1], "::1"))
        with socket.create_connection(("127.0.0.1", bound.port), 20):
            listener.settimeout(20)
            listener.accept()[0].close()


def test_unbinding_resets_what_runs_and_frees_the_port(tunnel: SshTunnel, echoing: Application) -> None:
    bound = tunnel.forwards.forward(KEY, 0, Destination(echoing.port))
    other = tunnel.forwards.forward("tcp:7007", 0, Destination(echoing.port))
    with socket.create_connection(("127.0.0.1", bound.port), 20) as client:
        client.sendall(b"hi")
        assert client.recv(9) == b"hi"
        tunnel.forwards.unbind(KEY)
        with pytest.raises(ConnectionResetError):
            client.recv(9)
    with closing(socket.create_server(("127.0.0.1", bound.port))):
        assert says(other.port) == b"hi"


def test_a_forward_survives_the_redial(server: SshServer, tunnel: SshTunnel, echoing: Application) -> None:
    bound = tunnel.forwards.forward(KEY, free_port(), Destination(echoing.port))
    server.kill()
    server.start()
    tunnel.connect(server.target(), Cancel(20))
    assert says(bound.port) == b"hi"


def test_another_user_of_this_computer_gets_nothing(tunnel: SshTunnel, echoing: Application, expected_log) -> None:
    expected_log("another user")
    bound = tunnel.forwards.forward(KEY, 0, Destination(echoing.port))
    knock = [sys.executable, "-c", KNOCK.format(port=bound.port)]
    ours = subprocess.run(knock, capture_output=True, text=True, timeout=60, check=False)
    assert ours.stdout.strip() == "b'hi'"
    theirs = [*as_another_user(), "/usr/bin/python3", *knock[1:]]
    refused = subprocess.run(theirs, capture_output=True, text=True, timeout=60, cwd="/", check=False)
    assert "b'hi'" not in refused.stdout
    assert "Reset" in refused.stderr or "b''" in refused.stdout, refused.stderr
