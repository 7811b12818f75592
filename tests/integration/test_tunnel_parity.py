"""Where clearml-session's proxies hang or cut: port scans, blocks of 4096 bytes, a plain ssh, a shell that ends."""

import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from desktop_app.adapters.ssh.tunnel import SshTunnel
from tests.support.ssh_peers import Application, receive_all
from tests.support.ssh_server import SshServer

SCANS = 200
OTHERS = 20


def dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 60)


def answer(port: int, data: bytes) -> bytes:
    with dial(port) as client:
        sender = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)), name="sender")
        sender.start()
        got = receive_all(client)
        sender.join()
        return got


@pytest.mark.parity("H5")
def test_a_port_scan_stops_nobody(tunnel: SshTunnel, echoing: Application) -> None:
    tunnel.forwards.set_app_ports({"lab": echoing.port})
    port = tunnel.forwards.bind({"lab": 0})[0].port
    for _ in range(SCANS):
        dial(port).close()
    assert answer(port, b"still there?") == b"still there?"


@pytest.mark.parity("H5")
@pytest.mark.parametrize("size", [1, 4095, 4096, 8192, 4096 * 64, 4096 * 1024])
def test_no_size_of_a_message_is_special(tunnel: SshTunnel, echoing: Application, size: int) -> None:
    tunnel.forwards.set_app_ports({"lab": echoing.port})
    data = bytes(range(256)) * (size // 256 + 1)
    assert answer(tunnel.forwards.bind({"lab": 0})[0].port, data[:size]) == data[:size]


@pytest.mark.parity("H6")
def test_a_connection_that_leads_nowhere_keeps_nobody_waiting(tunnel: SshTunnel, echoing: Application) -> None:
    """Its place may be a machine's port that swallows everything; others are served meanwhile."""
    silent = socket.create_server(("127.0.0.1", 0), backlog=1)  # accepts nothing
    tunnel.forwards.set_app_ports({"slow": silent.getsockname()[1], "lab": echoing.port})
    slow, lab = tunnel.forwards.bind({"slow": 0, "lab": 0})
    waiting = [dial(slow.port) for _ in range(OTHERS)]
    try:
        with ThreadPoolExecutor(OTHERS) as pool:
            texts = [b"%d" % number for number in range(OTHERS)]
            assert list(pool.map(lambda text: answer(lab.port, text), texts)) == texts
    finally:
        silent.close()
        for client in waiting:
            client.close()


@pytest.mark.parity("N6", "H5")
def test_a_shell_that_ends_takes_no_forward_along(server: SshServer, tunnel: SshTunnel, echoing: Application) -> None:
    target = server.target()
    tunnel.forwards.set_app_ports({"lab": echoing.port, "ssh": target.record.port})
    lab, ssh = tunnel.forwards.bind({"lab": 0, "ssh": 0})
    with dial(lab.port) as open_page:
        open_page.sendall(b"before")
        assert open_page.recv(6) == b"before"
        said = subprocess.run(shell(server, ssh.port), input=b"exit 3\n", capture_output=True, timeout=60)
        assert said.returncode == 3, said.stderr
        open_page.sendall(b"after")
        assert open_page.recv(5) == b"after"
    assert answer(lab.port, b"new") == b"new"


def shell(server: SshServer, port: int) -> list[str]:
    """A person's own, plain ssh through our local port."""
    target = server.target()
    key, hosts = server.folder / "own_key", server.folder / "own_hosts"
    key.write_text(target.private_key)
    key.chmod(0o600)
    hosts.write_text(f"[127.0.0.1]:{port} {target.record.host_key}\n")
    options = {"UserKnownHostsFile": hosts, "StrictHostKeyChecking": "yes", "IdentitiesOnly": "yes", "BatchMode": "yes"}
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return ["ssh", "-F", "none", "-p", str(port), "-i", str(key), *words, f"{target.record.user}@127.0.0.1"]
