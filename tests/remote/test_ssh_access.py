"""Who gets into a session of a real bootstrap, and as whom: a user name and a password of one's own, and the user's own
SSH agent in reach of the session. The machine's accounts and its SSH server are never changed.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Target
from desktop_app.domain.problems import AppError
from remote_bootstrap import contract
from remote_bootstrap.machine import passwords
from tests.support.bootstrap_rig import SSH_ONLY, BootstrapRig, bootstrap_rig, run_command
from tests.support.ssh_server import SshServer, make_key
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.leaves_threads("Thread-")]
USER, PASSWORD = "ada.lovelace", 'it\'s a "pass$word" `id`'
OF_THE_MACHINE = ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/sudoers")


def machine() -> dict[str, bytes]:
    """What a session must leave as it is."""
    ssh = [path for path in Path("/etc/ssh").rglob("*") if path.is_file()] if Path("/etc/ssh").is_dir() else []
    found = [Path(name) for name in OF_THE_MACHINE] + ssh
    return {str(path): path.read_bytes() for path in found if path.is_file() and os.access(path, os.R_OK)}


# A name and a password


@pytest.fixture(scope="module")
def untouched() -> dict[str, bytes]:
    return machine()


@pytest.fixture(scope="module")
def rig(untouched: dict[str, bytes]) -> Iterator[BootstrapRig]:
    with bootstrap_rig() as rig:
        rig.start(
            **{contract.PARAM_USERNAME: USER, contract.PARAM_PASSWORD_HASH: passwords.hashed(PASSWORD)}, **SSH_ONLY
        )
        rig.wait_ready()
        yield rig


def log_in(rig: BootstrapRig, user: str, password: str) -> paramiko.Transport:
    record = rig.wait_record()
    transport = paramiko.Transport((record.address, record.port))
    try:
        transport.start_client(timeout=20)
        transport.auth_password(user, password)
    except BaseException:
        transport.close()
        raise
    return transport


@pytest.mark.parity("--username", "--password", "S8")
def test_name_and_password_let_in(rig: BootstrapRig) -> None:
    assert rig.wait_record().user == USER
    with log_in(rig, USER, PASSWORD) as transport:
        channel = transport.open_session()
        channel.settimeout(20)
        channel.exec_command("id -u")
        assert channel.makefile("rb").read() == f"{os.getuid()}\n".encode()


@pytest.mark.parity("--username", "--password")
def test_the_sessions_key_lets_in_under_that_name(rig: BootstrapRig) -> None:
    with rig.ssh() as client:
        assert run_command(client, "echo in") == (0, "in\n", "")


@pytest.mark.parity("--password")
@pytest.mark.parametrize(("user", "password"), [(USER, "wrong"), (USER, ""), ("root", PASSWORD)])
def test_nothing_else_does(rig: BootstrapRig, user: str, password: str) -> None:
    begun = time.monotonic()
    with pytest.raises(paramiko.AuthenticationException):
        log_in(rig, user, password)
    assert time.monotonic() - begun >= 1.0  # guessing is slow


@pytest.mark.parity("S3", "--password")
def test_the_machine_is_not_changed(rig: BootstrapRig, untouched: dict[str, bytes]) -> None:
    """As root and outside a container: clearml-session sets root's password and rewrites the machine's sshd here."""
    assert ("/etc/shadow" in untouched) == os.access("/etc/shadow", os.R_OK)  # root reads it, and could write it
    assert "/etc/passwd" in untouched
    assert machine() == untouched


@pytest.mark.parity("S4", "S5")
def test_the_password_is_in_no_log_and_no_file(rig: BootstrapRig) -> None:
    assert PASSWORD not in rig.said() + rig.server.logged()
    for folder in (rig.session, rig.server_folder):
        assert [p for p in folder.rglob("*") if p.is_file() and PASSWORD.encode() in p.read_bytes()] == []


def test_hashes_differ_and_only_the_password_fits() -> None:
    one, other = passwords.hashed(PASSWORD), passwords.hashed(PASSWORD)
    assert one != other
    assert passwords.matches(PASSWORD, one)
    for password, text in (
        ("", one),
        (PASSWORD + " ", one),
        (PASSWORD, ""),
        (PASSWORD, "scrypt$?$?"),
        ("x" * 2000, one),
    ):
        assert not passwords.matches(password, text)


@pytest.mark.parity("--username", "--password")
def test_where_it_is_not_possible_the_session_says_so(tmp_path: Path) -> None:
    """No index to install the SSH server from: sshd serves the session's key, and the person is told."""
    with bootstrap_rig() as rig:
        nowhere = {"PIP_NO_INDEX": "1", "UV_NO_INDEX": "1", "UV_OFFLINE": "1", "SESSIONDOCK_CACHE": str(tmp_path)}
        rig.start(
            nowhere, **{contract.PARAM_USERNAME: USER, contract.PARAM_PASSWORD_HASH: passwords.hashed("x")}, **SSH_ONLY
        )
        report = rig.wait_ready()
        assert rig.wait_record().user != USER
        assert len(report.notices) == 1
        assert report.notices[0].startswith(f"SSH can't use the user name {USER} and the password here")
        with rig.ssh() as client:
            assert run_command(client, "echo in") == (0, "in\n", "")


# The SSH agent


@pytest.fixture
def own_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A real ssh-agent with a key; the key's file."""
    socket, key = tmp_path / "a", tmp_path / "key"
    make_key(key)
    process = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    wait_until(socket.exists, "the agent")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    subprocess.run(["ssh-add", "-q", key], check=True)
    yield key
    process.terminate()
    process.wait()


@pytest.mark.parametrize("kind", ["openssh", "asyncssh"])
@pytest.mark.parity("--git-credentials")
def test_git_over_ssh_uses_the_agent_while_it_is_lent(kind: str, own_agent: Path, tmp_path: Path) -> None:
    host = SshServer(tmp_path / "host")
    (host.folder / "authorized").write_text(own_agent.with_suffix(".pub").read_text())
    host.start()
    repository = tmp_path / "private.git"
    subprocess.run(["git", "init", "-q", "--bare", repository], check=True)
    options = f"-p {host.port} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentityFile=none"
    clone = f"GIT_SSH_COMMAND='ssh -q -F none {options}' git ls-remote ssh://{host.user}@127.0.0.1{repository}"
    try:
        with bootstrap_rig() as rig:
            rig.home.mkdir()
            rig.home /= "long" * 20  # as below the homes of some companies; a socket's address holds 107 bytes
            rig.start({"SESSIONDOCK_SSH": kind, "SSH_AUTH_SOCK": "/the/one/of/whoever/started/the/agent"}, **SSH_ONLY)
            rig.wait_ready()
            tunnel = SshTunnel()
            tunnel.connect(Target(rig.wait_record(), rig.private_key), Cancel(30))
            with rig.ssh() as client:  # another connection, as VS Code's terminal is none of the tunnel's
                assert run_command(client, clone)[0] == 128
                tunnel.agent.lend(Cancel(30))
                tunnel.agent.lend(Cancel(30))
                assert "ED25519" in run_command(client, "ssh-add -l")[1]
                assert run_command(client, clone) == (0, "", "")
                assert run_command(client, "ssh-add -D")[0] != 0  # may be used, not emptied
                tunnel.agent.take_back()
                wait_until(lambda: run_command(client, "ssh-add -l")[0] != 0, "the agent's return")
                tunnel.agent.lend(Cancel(30))
                assert run_command(client, clone)[0] == 0
                assert "ED25519" in subprocess.run(["ssh-add", "-l"], capture_output=True, text=True).stdout
                tunnel.disconnect()
                wait_until(lambda: run_command(client, "ssh-add -l")[0] != 0, "the end of the loan")
                assert run_command(client, clone)[0] == 128
            tunnel.close()
    finally:
        host.kill()


def test_without_an_agent_here_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/nowhere")
    with bootstrap_rig() as rig:
        rig.start(**SSH_ONLY)
        tunnel = SshTunnel()
        tunnel.connect(Target(rig.wait_record(), rig.private_key), Cancel(30))
        with pytest.raises(AppError) as caught:
            tunnel.agent.lend(Cancel(30))
        assert caught.value.problem.code == "agent.none"
        tunnel.close()
