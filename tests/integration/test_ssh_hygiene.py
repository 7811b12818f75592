"""What our side of SSH offers and shows to servers: no weak algorithm, and no key but the session's own."""

import io
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import paramiko
import pytest
from paramiko.common import AUTH_FAILED

from desktop_app.adapters.ssh.keys import new_key
from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Target
from desktop_app.domain.access.route import parse_route
from desktop_app.domain.problems import AppError
from remote_bootstrap.contract import Record
from tests.support.ssh_peers import Application
from tests.support.ssh_server import TASK, make_key

WEAK = ("cbc", "sha1", "md5", "arcfour", "3des", "blowfish", "rc4", "none", "ssh-rsa", "ssh-dss", "group1-", "umac-64")
LISTS = ("kex", "host key", "cipher up", "cipher down", "mac up", "mac down")


def offered(target_of_port) -> dict[str, list[str]]:
    """The name lists of the KEXINIT that a server at that target sees first."""
    packets: list[bytes] = []
    arrived = threading.Event()

    def serve(client: socket.socket) -> None:
        client.sendall(b"SSH-2.0-Observer\r\n")
        stream = client.makefile("rb")
        stream.readline()
        length = int.from_bytes(stream.read(4), "big")
        packets.append(stream.read(length))
        stream.close()
        arrived.set()

    tunnel = SshTunnel("hygiene")
    with closing(Application(serve)) as server:
        with pytest.raises(AppError):
            tunnel.connect(target_of_port(server.port), Cancel(20))
        assert arrived.wait(5)
    tunnel.close()
    packet = packets[0]
    message = paramiko.Message(packet[1 : len(packet) - packet[0]])
    assert message.get_byte() == b"\x14"
    message.get_bytes(16)
    return {name: message.get_list() for name in LISTS}


def ours(port: int) -> Target:
    private, public = new_key("test")
    return Target(Record(TASK, "127.0.0.1", port, "me", public, 1), private)


def foreign(port: int) -> Target:
    record = Record(TASK, "127.0.0.1", port, "root", "", 0)
    return Target(record, "", is_clearml_session=True, password="pw", fingerprints=frozenset({"SHA256:x"}))


def jump(port: int) -> Target:
    known = Path.home() / ".ssh" / "known_hosts"
    known.parent.mkdir(mode=0o700, exist_ok=True)
    known.write_text(f"[127.0.0.1]:{port} {new_key('jump')[1]}\n")
    private, public = new_key("test")
    route = parse_route(f"ssh://me@127.0.0.1:{port}")
    return Target(Record(TASK, "10.255.255.1", 22, "me", public, 1), private, route)


@pytest.mark.parametrize("target_of_port", [ours, foreign, jump])
def test_no_weak_algorithm_is_offered(target_of_port, private_home: Path) -> None:
    lists = offered(target_of_port)
    for name, algorithms in lists.items():
        real = [one for one in algorithms if not one.endswith(("-v00@openssh.com", "ext-info-c"))]
        assert real, name
        bad = [one for one in real if any(weak in one for weak in WEAK)]
        assert not bad, f"{name}: {bad}"
    assert all("gcm" in one or "ctr" in one or "chacha20" in one for one in lists["cipher up"])
    if target_of_port is ours:
        assert {one.partition("-cert-")[0] for one in lists["host key"]} == {"ssh-ed25519"}


class Recorder(paramiko.ServerInterface):
    """Notes every attempt to sign in and refuses it."""

    def __init__(self) -> None:
        self.attempts: list[tuple[str, str]] = []

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password,keyboard-interactive"

    def check_auth_none(self, username: str) -> int:
        self.attempts.append(("none", ""))
        return AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.attempts.append(("publickey", f"{key.get_name()} {key.get_base64()}"))
        return AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        self.attempts.append(("password", ""))
        return AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> int:
        self.attempts.append(("keyboard-interactive", ""))
        return AUTH_FAILED


@pytest.fixture
def agent_with_keys(private_home: Path) -> Iterator[None]:
    """The user's own ssh-agent and default key files hold keys that are none of the session's business."""
    folder = private_home / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    make_key(folder / "id_ed25519")
    path = private_home / "agent.sock"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.PIPE)
    assert agent.stdout is not None
    agent.stdout.readline()
    before = os.environ.get("SSH_AUTH_SOCK")
    os.environ["SSH_AUTH_SOCK"] = str(path)
    subprocess.run(["ssh-add", "-q", str(folder / "id_ed25519")], check=True)
    yield
    if before is None:
        del os.environ["SSH_AUTH_SOCK"]
    else:
        os.environ["SSH_AUTH_SOCK"] = before
    agent.terminate()
    agent.stdout.close()
    agent.wait()


@contextmanager
def recording_server() -> Iterator[tuple[Recorder, Record]]:
    recorder = Recorder()
    private, public = new_key("host")
    host_key = paramiko.Ed25519Key(file_obj=io.StringIO(private))
    transports: list[paramiko.Transport] = []

    def serve(client: socket.socket) -> None:
        transport = paramiko.Transport(client)
        transports.append(transport)
        transport.add_server_key(host_key)
        transport.start_server(server=recorder)
        transport.join()

    with closing(Application(serve)) as server:
        yield recorder, Record(TASK, "127.0.0.1", server.port, "me", public, 1)
        for transport in transports:
            transport.close()
            transport.join(5)


@pytest.mark.parity("N3")
def test_only_the_sessions_key_is_shown(agent_with_keys: None) -> None:
    private, public = new_key("session")
    tunnel = SshTunnel("hygiene")
    with recording_server() as (recorder, record):
        with pytest.raises(AppError) as caught:
            tunnel.connect(Target(record, private), Cancel(20))
        tunnel.close()
    assert caught.value.problem.code == "ssh.auth"
    assert recorder.attempts == [("publickey", " ".join(public.split()[:2]))]
