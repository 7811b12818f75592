"""Our ssh-agent and the real OpenSSH client: log in with no key file and no prompt, through the tunnel."""

import contextlib
import os
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop_app.adapters.ssh.agent.protocol import MESSAGE_LIMIT
from desktop_app.adapters.ssh.agent.server import PATH_LIMIT, SshAgent, agent_address
from desktop_app.adapters.ssh.client.alias_file import render
from desktop_app.adapters.ssh.client.files import (
    ClientFiles,
    can_forward_by_path,
    client_files,
    forward_options,
    ssh_command_line,
    ssh_options,
    users_agent,
    write_client_files,
)
from desktop_app.adapters.ssh.keys import new_key, public_line
from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.problems import AppError
from tests.support.namespaces import give_away, take_back
from tests.support.ssh_server import TASK, SshServer


@pytest.fixture
def folder(private_home: Path) -> Path:
    """A runtime folder with all that a path can hold against a command line."""
    return private_home / 'run 100% "mine" ü'


@pytest.fixture
def agent(folder: Path) -> Iterator[SshAgent]:
    made = SshAgent(agent_address(folder, TASK))
    made.start()
    yield made
    made.close()


@pytest.fixture
def attached(server: SshServer, agent: SshAgent, folder: Path) -> Iterator[tuple[int, ClientFiles]]:
    """A connected session: our local port for SSH and the files for the client."""
    key = (server.folder / "client").read_text()
    agent.keys.add(TASK, key)
    tunnel = SshTunnel("agent")
    (bound,) = tunnel.forwards.bind({"ssh": 0})
    tunnel.forwards.set_app_ports({"ssh": server.port})
    tunnel.connect(server.target(), Cancel(10))
    files = client_files(folder, TASK, agent.address)
    write_client_files(files, public_line(key), server.host_key)
    yield bound.port, files
    tunnel.close()


def run(command: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL, **more)


def batch(command: list[str]) -> list[str]:
    return [command[0], "-o", "BatchMode=yes", *command[1:]]


@pytest.mark.parity("N4")
def test_ssh_logs_in_without_a_key_file_or_a_prompt(attached: tuple[int, ClientFiles], server: SshServer) -> None:
    port, files = attached
    done = run([*batch(ssh_command_line(port, server.user, files)), "echo hello; exit 7"])
    assert (done.stdout, done.stderr, done.returncode) == ("hello\n", "", 7)


def test_scp_copies_both_ways(attached: tuple[int, ClientFiles], server: SshServer, tmp_path: Path) -> None:
    port, files = attached
    data = os.urandom(3_000_000)
    (tmp_path / "here").write_bytes(data)
    scp = ["scp", "-q", "-o", "BatchMode=yes", *ssh_options(files), "-P", str(port)]
    for source, goal in (("here", "there"), ("there", "back")):
        remote = f"{server.user}@127.0.0.1:{tmp_path}/there"
        pair = [remote if name == "there" else str(tmp_path / name) for name in (source, goal)]
        done = run([*scp, *pair])
        assert (done.stderr, done.returncode) == ("", 0)
    assert (tmp_path / "back").read_bytes() == data


@pytest.mark.parity("S2")
def test_another_host_key_is_refused(attached: tuple[int, ClientFiles], server: SshServer) -> None:
    port, files = attached
    write_client_files(files, server.client_key, server.stranger_key)
    done = run([*batch(ssh_command_line(port, server.user, files)), "true"])
    assert done.returncode == 255
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in done.stderr


def test_a_removed_key_no_longer_logs_in(attached: tuple[int, ClientFiles], server: SshServer, agent: SshAgent) -> None:
    port, files = attached
    agent.keys.remove(TASK)
    done = run([*batch(ssh_command_line(port, server.user, files)), "true"])
    assert done.returncode == 255
    assert "Permission denied" in done.stderr


@pytest.mark.parity("N3")
def test_only_the_sessions_own_key_is_offered(
    attached: tuple[int, ClientFiles], server: SshServer, agent: SshAgent
) -> None:
    """Servers end a sign-in after a few keys; the keys of other sessions must not use those tries up."""
    for number in range(20):
        agent.keys.add(f"other-{number}", new_key("x")[0])
    port, files = attached
    done = run([*batch(ssh_command_line(port, server.user, files)), "-v", "true"])
    assert done.returncode == 0
    assert done.stderr.count("Offering public key") == 1


def test_nobody_else_reaches_the_socket_and_no_secret_is_on_disk(
    attached: tuple[int, ClientFiles], agent: SshAgent, server: SshServer
) -> None:
    _, files = attached
    assert stat.S_IMODE(Path(agent.address).stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(agent.address).parent.stat().st_mode) == 0o700
    secret = (server.folder / "client").read_text().splitlines()[2]
    for path in (files.public_key, files.known_hosts):
        assert secret not in path.read_text()


def test_the_agent_lists_keys_for_openssh_and_takes_none(agent: SshAgent, tmp_path: Path) -> None:
    private, line = new_key("x")
    agent.keys.add("my session", private)
    env = {**os.environ, "SSH_AUTH_SOCK": agent.address}
    assert run(["ssh-add", "-L"], env=env).stdout == f"{' '.join(line.split()[:2])} my session\n"
    key = tmp_path / "more"
    key.write_text(new_key("y")[0])
    key.chmod(0o600)
    assert run(["ssh-add", str(key)], env=env).returncode != 0
    assert run(["ssh-add", "-D"], env=env).returncode != 0
    assert run(["ssh-add", "-L"], env=env).stdout.count("\n") == 1


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0\0\0\0",
        (MESSAGE_LIMIT + 1).to_bytes(4, "big"),
        b"\xff" * 64,
        b"\0\0\0\x05\x0d\xff\xff\xff\xff",
        b"\0\0",
    ],
    ids=["nothing", "empty", "too long", "noise", "cut sign request", "cut length"],
)
def test_nonsense_is_refused_and_the_agent_lives(agent: SshAgent, message: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(agent.address)
        client.sendall(message)
        client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):  # hung up on, with bytes unread
            assert client.recv(100) in (b"", b"\0\0\0\x01\x05")
    env = {**os.environ, "SSH_AUTH_SOCK": agent.address}
    assert "no identities" in run(["ssh-add", "-L"], env=env).stdout


def test_close_ends_waiting_clients_and_removes_the_socket(agent: SshAgent) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(agent.address)
        client.sendall(b"\0\0\0\x01\x0b")  # list the keys: answered, so it has been accepted
        assert client.recv(100) == b"\0\0\0\x05\x0c\0\0\0\0"
        agent.close()
        agent.close()
        assert client.recv(1) == b""
    assert not Path(agent.address).exists()
    assert not [t for t in threading.enumerate() if t.name.startswith("ssh-agent")]


def test_the_socket_of_a_killed_process_is_replaced(folder: Path) -> None:
    folder.mkdir()
    agent = SshAgent(str(folder / "agent"))
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(agent.address)
    agent.start()
    assert "no identities" in run(["ssh-add", "-L"], env={**os.environ, "SSH_AUTH_SOCK": agent.address}).stdout
    agent.close()


def test_closing_leaves_the_socket_of_the_next_holder_alone(private_home: Path) -> None:
    address = agent_address(private_home, "session")
    first, second = SshAgent(address), SshAgent(address)
    first.start()
    second.start()
    first.close()
    assert "no identities" in run(["ssh-add", "-L"], env={**os.environ, "SSH_AUTH_SOCK": address}).stdout
    second.close()
    assert not Path(address).exists()


def test_the_address_is_stable_and_fits_a_socket_and_a_shell(private_home: Path) -> None:
    plain = private_home / "run"
    assert agent_address(plain, "a") == agent_address(plain, "a") != agent_address(plain, "b")
    assert Path(agent_address(plain, "a")).parent == plain
    for awkward in (private_home / ("deep" * 40), private_home / "it's", private_home / "100%"):
        address = agent_address(awkward, "a")
        assert len(address) < PATH_LIMIT
        assert address.startswith(f"/tmp/sessiondock-{os.getuid()}/")
        assert address != agent_address(plain, "a")


def test_a_folder_that_cannot_be_made_is_a_problem(private_home: Path) -> None:
    (private_home / "file").write_text("")
    with pytest.raises(AppError) as caught:
        SshAgent(str(private_home / "file" / "run" / "agent")).start()
    assert caught.value.problem.code == "ssh.agent"


def test_a_folder_of_somebody_else_is_refused(private_home: Path) -> None:
    folder = private_home / "theirs"
    folder.mkdir()
    give_away(folder, 4711)
    try:
        with pytest.raises(AppError) as caught:
            SshAgent(str(folder / "agent")).start()
    finally:
        take_back(folder)
    assert caught.value.problem.code == "ssh.agent"


def test_two_threads_write_a_sessions_files_at_once(private_home: Path) -> None:
    """A shell that is asked for while the session's alias is made."""
    together = threading.Barrier(4)
    failed: list[OSError] = []

    def write() -> None:
        for attempt in range(40):
            files = client_files(private_home, f"task{attempt}", "agent")
            together.wait(10)
            try:
                write_client_files(files, "ssh-ed25519 AAAA ours", "ssh-ed25519 BBBB")
            except OSError as error:
                failed.append(error)

    threads = [threading.Thread(target=write, name=f"writer {number}") for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    assert (private_home / "task39.pub").read_text() == "ssh-ed25519 AAAA\n"


# -- ssh -A


def fingerprints(command: list[str], port: int, files: ClientFiles, server: SshServer, flags: list[str]) -> str:
    """What ``ssh-add -l`` says in the session."""
    line = batch(ssh_command_line(port, server.user, files))
    return run([line[0], *flags, *line[1:], " ".join(command)]).stdout


def test_ssh_a_forwards_the_persons_agent_and_never_ours(
    attached: tuple[int, ClientFiles], server: SshServer, private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, files = attached
    persons = SshAgent(str(private_home / "per son's"))
    persons.start()
    private, public = new_key("the person's own")
    persons.keys.add("own", private)
    monkeypatch.setenv("SSH_AUTH_SOCK", persons.address)
    (private_home / "x").write_text(public)
    theirs = run(["ssh-keygen", "-l", "-f", str(private_home / "x")]).stdout.split()[1]
    files = replace(files, forwarded=users_agent(files.public_key))
    asks = ["ssh-add", "-l"]
    said = fingerprints(asks, port, files, server, ["-A"])
    assert theirs in said and len(said.splitlines()) == 1
    assert theirs not in fingerprints(asks, port, files, server, []), "only when it is asked for"
    assert theirs not in fingerprints(asks, port, files, server, ["-a"])
    persons.close()


def test_without_an_agent_of_their_own_nothing_is_forwarded(
    attached: tuple[int, ClientFiles], server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, files = attached
    for missing in ("", "/nowhere/agent"):
        monkeypatch.setenv("SSH_AUTH_SOCK", missing)
        told = replace(files, forwarded=users_agent(files.public_key))
        done = run([*batch(ssh_command_line(port, server.user, told)), "-A", "ssh-add -l; echo fine"])
        assert done.stdout.splitlines()[-1:] == ["fine"] and "SHA256" not in done.stdout


@pytest.mark.parametrize(
    ("version", "can"),
    [
        ("OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19", True), ("OpenSSH_8.2p1 Ubuntu-4", True),
        ("OpenSSH_10.0p2, LibreSSL", True), ("OpenSSH_8.0p1, OpenSSL 1.1.1k", False), ("OpenSSH_7.9p1", False),
        ("OpenSSH_for_Windows_9.5p1, LibreSSL", True), ("OpenSSH_for_Windows_8.1p1", False), ("dropbear", False),
    ],
)  # fmt: skip
def test_an_ssh_that_can_not_be_told_is_not(version: str, can: bool, private_home: Path) -> None:
    assert can_forward_by_path(version) is can
    files = ClientFiles("/agent", private_home / "a.pub", private_home / "a.known_hosts", "x", "/own" if can else "")
    assert [value for _key, value in forward_options(files)] == (["no", '"/own"'] if can else ["no"])


def test_the_alias_says_the_same(private_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = private_home / "agent's socket"
    own.touch()
    monkeypatch.setenv("SSH_AUTH_SOCK", str(own))
    files = client_files(private_home / "ssh", TASK, "/ours")
    text = render([Alias("sd-a", f"acc/{TASK}", "ada", 8022, "t")], lambda _alias: files, ("x",), True)
    (private_home / "c").write_text(text)
    found = run(["ssh", "-F", str(private_home / "c"), "-G", "sd-a"]).stdout
    assert f"forwardagent {own}" in found and "identityagent /ours" in found
