"""Every kind of SSH server does the whole job: commands, terminals, files, forwards, the control channel."""

import io
import os
import pwd
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from desktop_app.adapters.ssh.keys import new_key
from remote_bootstrap import contract
from remote_bootstrap.environment.environments import Environments
from remote_bootstrap.servers import openssh
from remote_bootstrap.session.context import Context
from remote_bootstrap.task.settings import parse
from remote_bootstrap.types import InstallError
from tests.support.bootstrap_rig import SSH_ONLY, BootstrapRig, Control, bootstrap_rig, run_command, status_of
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.leaves_threads("Thread-")]
KINDS = ("openssh", "asyncssh")  # as in the servers' greetings
BIG = 20_000_000


@pytest.fixture(scope="module", params=KINDS)
def rig(request: pytest.FixtureRequest) -> Iterator[BootstrapRig]:
    with bootstrap_rig() as rig:
        rig.start({"SESSIONDOCK_SSH": request.param}, **SSH_ONLY)
        rig.wait_ready()
        yield rig


@pytest.fixture
def client(rig: BootstrapRig) -> Iterator[paramiko.SSHClient]:
    with rig.ssh() as client:
        yield client


@pytest.mark.parity("--force-dropbear")
def test_the_wanted_server_runs(request: pytest.FixtureRequest, client: paramiko.SSHClient) -> None:
    assert request.node.callspec.params["rig"] in client.get_transport().remote_version.lower()


def test_commands_keep_code_streams_and_bytes(client: paramiko.SSHClient) -> None:
    assert run_command(client, "echo out; echo err >&2; exit 7") == (7, "out\n", "err\n")
    assert run_command(client, f"head -c {BIG} /dev/zero | tr '\\0' x")[1] == "x" * BIG
    stdin, stdout, _stderr = client.exec_command("cat")
    data = os.urandom(3_000_000)

    def feed() -> None:
        stdin.write(data)
        stdin.channel.shutdown_write()

    feeding = threading.Thread(target=feed, name="feeding")
    feeding.start()
    assert stdout.read() == data
    feeding.join()


def test_a_command_in_a_terminal(rig: BootstrapRig, client: paramiko.SSHClient) -> None:
    shell = client.invoke_shell(width=111, height=33)
    shell.settimeout(15)
    shell.sendall(b"stty size; tty; PS1=; echo re''ady\n")
    received = read_until(shell, b"ready")
    assert b"33 111" in received
    assert b"/dev/pts/" in received
    shell.resize_pty(77, 22)
    shell.sendall(b"stty size; echo re''sized\n")
    assert b"22 77" in read_until(shell, b"resized")
    shell.sendall(b"sleep 61\n")
    wait_until(lambda: "sleep 61" in rig.left().values(), "the sleep")
    shell.sendall(b"\x03echo inter''rupted\n")
    read_until(shell, b"interrupted")
    shell.sendall(b"exit 3\n")
    assert shell.recv_exit_status() == 3


def read_until(shell: paramiko.Channel, wanted: bytes) -> bytes:
    received = b""
    while wanted not in received:
        chunk = shell.recv(4096)
        assert chunk, received
        received += chunk
    return received


def test_a_closed_terminal_ends_its_programs(rig: BootstrapRig, client: paramiko.SSHClient) -> None:
    shell = client.invoke_shell()
    shell.settimeout(15)
    shell.sendall(b"sleep 1000\n")
    wait_until(lambda: "sleep 1000" in rig.left().values(), "the sleep")
    shell.close()
    wait_until(lambda: "sleep 1000" not in rig.left().values(), "the hang-up")


def test_files(rig: BootstrapRig, client: paramiko.SSHClient, tmp_path: Path) -> None:
    files = client.open_sftp()
    data = os.urandom(2_000_000)
    with files.open("some file", "wb") as stream:
        stream.write(data)
    assert (rig.work / "some file").read_bytes() == data
    assert "some file" in files.listdir(".")
    files.close()


def test_scp(rig: BootstrapRig, tmp_path: Path) -> None:
    record = rig.wait_record()
    key, known = tmp_path / "key", tmp_path / "known"
    key.write_text(rig.private_key)
    key.chmod(0o600)
    known.write_text(f"[{record.address}]:{record.port} {record.host_key}\n")
    source = tmp_path / "source"
    source.write_bytes(os.urandom(100_000))
    options = ["-F", "none", "-i", str(key), "-o", f"UserKnownHostsFile={known}", "-P", str(record.port), "-q"]
    for mode in ([], ["-O"]):
        target = f"{record.user}@{record.address}:copied"
        subprocess.run(["scp", *mode, *options, source, target], check=True, timeout=20)
        assert (rig.work / "copied").read_bytes() == source.read_bytes()


def test_forwards_to_ports_and_from_ports(client: paramiko.SSHClient) -> None:
    transport = client.get_transport()
    port = transport.request_port_forward("127.0.0.1", 0)
    outward = transport.open_channel("direct-tcpip", ("127.0.0.1", port), ("127.0.0.1", 1))
    inward = transport.accept(10)
    assert inward is not None
    outward.sendall(b"there")
    inward.settimeout(10)
    assert inward.recv(5) == b"there"
    inward.sendall(b"back!")
    outward.settimeout(10)
    assert outward.recv(5) == b"back!"
    transport.cancel_port_forward("127.0.0.1", port)


def test_many_channels_at_once(client: paramiko.SSHClient) -> None:
    transport = client.get_transport()
    channels = [transport.open_session() for _number in range(60)]
    for channel in channels[-5:]:
        channel.exec_command("echo x")
    assert [channel.recv_exit_status() for channel in channels[-5:]] == [0] * 5


def test_the_control_channel(rig: BootstrapRig, client: paramiko.SSHClient) -> None:
    control = Control(client)
    assert control.ask(contract.OP_HELLO).result["task"] == rig.task
    assert status_of(control.ask(contract.OP_STATUS)).phase == contract.READY
    control.close()


def test_another_key_and_another_user_are_refused(rig: BootstrapRig) -> None:
    record = rig.wait_record()
    stranger = paramiko.Ed25519Key.from_private_key(as_file(new_private_key()))
    own = paramiko.Ed25519Key.from_private_key(as_file(rig.private_key))
    for user, key in ((record.user, stranger), ("somebody", own)):
        transport = paramiko.Transport((record.address, record.port))
        with transport, pytest.raises(paramiko.AuthenticationException):
            transport.start_client(timeout=10)
            transport.auth_publickey(user, key)


def new_private_key() -> str:
    return new_key("stranger")[0]


def as_file(text: str):
    return io.StringIO(text)


def test_the_record_is_signed_without_ssh_keygen_too(tmp_path: Path) -> None:
    """On a PATH without ssh-keygen, key and signature come from the asyncssh environment; ssh-keygen accepts them."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "bash", "ls", "cat", "env"):
        (tools / name).symlink_to(shutil.which(name))
    with bootstrap_rig() as rig:
        rig.start({"SESSIONDOCK_SSH": "asyncssh", "PATH": str(tools)}, **SSH_ONLY)
        record = rig.wait_record()
        with rig.ssh() as client:
            assert run_command(client, "command -v ssh-keygen")[0] != 0
    (tmp_path / "allowed").write_text(f"host {record.host_key}\n")
    (tmp_path / "signature").write_text(record.signature)
    argv = ["ssh-keygen", "-Y", "verify", "-f", str(tmp_path / "allowed"), "-I", "host"]
    argv += ["-n", contract.SIGNATURE_NAMESPACE, "-s", str(tmp_path / "signature")]
    subprocess.run(argv, input=record.signed_text().encode(), capture_output=True, check=True)


def test_a_dotfile_that_talks_and_waits_does_not_reach_the_control_channel() -> None:
    """sshd runs subsystems in the login shell, and bash then reads ~/.bashrc: a lock or a greeting there is common."""
    with bootstrap_rig() as rig:
        (rig.login_home / ".bashrc").write_text(
            "echo good morning\n[ -e ~/wait ] && sleep 600\nexport FROM_DOTFILE=yes\n"
        )
        rig.start({"SESSIONDOCK_SSH": "openssh", "SHELL": "/bin/bash"}, **SSH_ONLY)
        rig.wait_ready()
        with rig.ssh() as client:
            # a command of the user's own does read it, as over any ssh, where the account's login shell is bash
            reads_it = Path(pwd.getpwuid(os.getuid()).pw_shell).name == "bash"
            assert run_command(client, "echo $FROM_DOTFILE")[1] == ("good morning\nyes\n" if reads_it else "\n")
            (rig.login_home / "wait").touch()
            with client.open_sftp() as files:
                assert "wait" in files.listdir(str(rig.login_home))
            assert Control(client).ask(contract.OP_HELLO).result["task"] == rig.task


# -- where the session's folder lies


@pytest.mark.parametrize("kind", KINDS)
def test_a_base_folder_with_blanks_and_odd_letters_works(kind: str) -> None:
    """$SESSIONDOCK_HOME may be any folder, and sshd has ideas of its own about blanks, percent signs and hashes."""
    with bootstrap_rig() as rig:
        rig.home = rig.home.parent / "my ho'me 100%h #1 $x é"
        rig.start({"SESSIONDOCK_SSH": kind}, **SSH_ONLY)
        rig.wait_ready()
        with rig.ssh() as client:
            assert kind in client.get_transport().remote_version.lower()
            assert run_command(client, "echo $SESSIONDOCK_SESSION")[1].strip() == rig.task
            control = Control(client)
            assert status_of(control.ask(contract.OP_STATUS)).phase == contract.READY
            control.close()
            sftp = client.open_sftp()
            sftp.putfo(io.BytesIO(b"data"), "file")
            assert sftp.file("file").read() == b"data"
            sftp.close()
            shell = client.invoke_shell()
            shell.settimeout(20)
            shell.sendall(b"echo shell=$((40+2))\n")
            received = b""
            while b"shell=42" not in received:
                received += shell.recv(4096)


@pytest.mark.parametrize("name", ['quo"te', "back\\slash"])
def test_an_sshd_that_cannot_be_told_where_it_is_makes_way(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    settings = parse({contract.PARAM_AUTHORIZED_KEY: "ssh-ed25519 AAAA"})
    context = Context("ab" * 16, folder, folder, settings, Environments(folder, print), "127.0.0.1")
    context.home.mkdir(parents=True)
    server = openssh.OpenSsh(context, openssh.Program("sshd"), "ada", openssh.Subsystems([], []), folder / "shell")
    with pytest.raises(InstallError, match="can't read the name of the folder"):
        server.prepare()
