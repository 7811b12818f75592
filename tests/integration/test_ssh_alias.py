"""``sd-<name>`` as people use it: the real ssh, scp, sftp, rsync and git, and what editors do with them, log in to a
real session by its alias alone, with no prompt and no key in a file."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.boundary.cancel import Cancel
from tests.support.alias_rig import AliasRig, attached_core
from tests.support.bootstrap_rig import BootstrapRig
from tests.support.paths import REPOSITORY
from tests.support.ssh_home import SshHome
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow]
ALIAS = "sd-protein-folding"
# What people have in their own configuration, and what would each break a session's entry that did not think of it.
OWN = """Host *
    User somebody
    Port 2222
    ProxyJump bastion.example
    ControlMaster auto
    ControlPath ~/.ssh/one-for-all
    IdentityAgent none
    IdentityFile ~/.ssh/id_rsa
    PreferredAuthentications password,keyboard-interactive
    PubkeyAuthentication no
    StrictHostKeyChecking ask
    RemoteCommand tmux
    RequestTTY force
    PermitLocalCommand yes
    LocalCommand echo local
"""


@pytest.fixture
def home(private_home: Path) -> SshHome:
    return SshHome(private_home)


@pytest.fixture
def attached(rig: BootstrapRig, home: SshHome) -> Iterator[AliasRig]:
    home.config.parent.mkdir(0o700)
    home.config.write_text(OWN)
    with attached_core(rig, home) as made:
        yield made


@pytest.mark.parity("N3", "N4", "W3")
def test_every_program_of_openssh_gets_in_by_the_alias(attached: AliasRig, tmp_path: Path) -> None:
    """No prompt can be answered here: standard input is closed and there is no terminal."""
    home, rig = attached.home, attached.rig
    assert attached.alias == ALIAS
    assert home.must_run("ssh", ALIAS, "echo $((6 * 7)); pwd") == f"42\n{rig.work}\n"
    data = os.urandom(2_000_000)
    (tmp_path / "up").write_bytes(data)
    home.must_run("scp", "-q", str(tmp_path / "up"), f"{ALIAS}:{rig.work}/there")
    home.must_run("scp", "-q", f"{ALIAS}:{rig.work}/there", str(tmp_path / "down"))
    assert (rig.work / "there").read_bytes() == (tmp_path / "down").read_bytes() == data
    (tmp_path / "batch").write_text(f'get "{rig.work}/there" {tmp_path}/by-sftp\n')
    assert home.run("sftp", "-q", "-b", str(tmp_path / "batch"), ALIAS).returncode == 0
    assert (tmp_path / "by-sftp").read_bytes() == data


def test_rsync_and_git_get_in_by_the_alias(attached: AliasRig, tmp_path: Path) -> None:
    home, rig = attached.home, attached.rig
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "file").write_text("data")
    home.must_run("rsync", "-a", f"{tree}/", f"{ALIAS}:{rig.work}/copy/")
    assert (rig.work / "copy" / "sub" / "file").read_text() == "data"
    git = ("git", "-c", "init.defaultBranch=main", "-c", "user.name=a", "-c", "user.email=a@b")
    home.must_run(*git, "init", "-q", str(rig.work / "project"))
    home.must_run(*git, "-C", str(rig.work / "project"), "commit", "-q", "--allow-empty", "-m", "first")
    home.must_run("git", "clone", "-q", f"ssh://{ALIAS}{rig.work}/project", str(tmp_path / "clone"))
    home.must_run(*git, "-C", str(tmp_path / "clone"), "commit", "-q", "--allow-empty", "-m", "second")
    home.must_run("git", "-C", str(tmp_path / "clone"), "push", "-q", "origin", "HEAD:second")
    assert "second" in home.must_run("git", "-C", str(rig.work / "project"), "branch")


def test_what_editors_do_works_by_the_alias(attached: AliasRig) -> None:
    """VS Code's Remote-SSH: look the host up, feed a script to a shell without a terminal while a SOCKS proxy runs on
    the same connection. PyCharm and Zed: commands, and files over the sftp subsystem."""
    home = attached.home
    found = home.run("ssh", "-G", ALIAS).stdout
    assert re.search(r"^hostname 127\.0\.0\.1$", found, re.MULTILINE)
    script = b"echo ready; exec cat /dev/null"
    done = home.run("ssh", "-T", "-o", "ConnectTimeout=15", ALIAS, "sh", input=script)
    assert (done.stdout, done.stderr, done.returncode) == ("ready\n", "", 0)
    with _running(home, "ssh", "-T", "-D", "0", "-o", "ExitOnForwardFailure=yes", "-v", ALIAS, "cat") as (
        process,
        port,
    ):
        with socket.create_connection(("127.0.0.1", port), 15) as client:
            client.sendall(b"\x05\x01\x00")
            assert client.recv(2) == b"\x05\x00"
            ssh_port = attached.rig.wait_record().port
            client.sendall(b"\x05\x01\x00\x01\x7f\x00\x00\x01" + ssh_port.to_bytes(2, "big"))
            answer = b""
            while b"SSH-2.0" not in answer:
                more = client.recv(100)
                assert more, answer
                answer += more
        process.stdin.close()
        assert process.wait(15) == 0


class _running:
    """An ssh with a SOCKS proxy on a free port, which its -v output tells."""

    def __init__(self, home: SshHome, *command: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        words = [str(self._port) if word == "0" else word for word in command]
        env = {**os.environ, "HOME": str(home.home)}
        self._process = subprocess.Popen(
            home.argv(words), env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def __enter__(self) -> tuple[subprocess.Popen[bytes], int]:
        wait_until(self._listens, "the SOCKS proxy", 20)
        return self._process, self._port

    def _listens(self) -> bool:
        assert self._process.poll() is None, "ssh ended"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def __exit__(self, *_error: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(15)
        self._process.stdin.close()


def test_a_detached_session_says_what_to_do(attached: AliasRig) -> None:
    attached.detach()
    done = attached.home.run("ssh", ALIAS, "true", PYTHONPATH=str(REPOSITORY))
    assert done.returncode == 255
    assert "“Protein folding” can be reached while SessionDock holds its connection" in done.stderr
    assert f"sessiondock attach {attached.rig.task[:8]}" in done.stderr
    attached.attach()
    assert attached.home.must_run("ssh", ALIAS, "echo back") == "back\n"


def test_an_app_that_was_killed_is_no_different(attached: AliasRig) -> None:
    """Its socket is still there, but nobody answers."""
    files = attached.outside().ssh_config
    attached.detach()
    agent = re.search(r"^identityagent (.*)$", attached.home.run("ssh", "-G", ALIAS).stdout, re.MULTILINE)
    assert agent is not None and files is not None
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(agent[1])
    done = attached.home.run("ssh", ALIAS, "true", PYTHONPATH=str(REPOSITORY))
    assert "sessiondock attach" in done.stderr


def test_the_proxy_is_a_connection_too(attached: AliasRig) -> None:
    """For programs that read our file without knowing Match, and on Windows."""
    proxy = vars(attached.outside().ssh_config)["_proxy"]
    command = " ".join([*proxy, ALIAS])
    done = attached.home.run("ssh", "-o", f"ProxyCommand={command}", ALIAS, "echo through", PYTHONPATH=str(REPOSITORY))
    assert (done.stdout, done.stderr, done.returncode) == ("through\n", "", 0)


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda one: signal.Signals(one).name
)
def test_whoever_runs_the_proxy_may_end_it_without_a_word(attached: AliasRig, number: int) -> None:
    """ssh ends it by SIGHUP, other programs (paramiko, editors) by SIGTERM, a terminal's Ctrl-C by SIGINT."""
    proxy = vars(attached.outside().ssh_config)["_proxy"]
    env = {**os.environ, "HOME": str(attached.home.home), "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(
        [*proxy, ALIAS], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline().startswith(b"SSH-2.0")
        running.send_signal(number)
        _output, said = running.communicate(timeout=30)
    assert said == b""
    assert running.returncode in (-number, 130)


def test_no_private_key_is_in_any_file(attached: AliasRig) -> None:
    secret = attached.rig.private_key.splitlines()[2]
    for folder in (attached.paths.config, attached.paths.state, attached.home.config.parent):
        for path in folder.rglob("*"):
            if path.is_file():
                assert secret not in path.read_text("utf-8", "replace"), path


def test_the_alias_is_gone_when_the_session_has_ended(attached: AliasRig) -> None:
    attached.world.server().end(attached.rig.task)
    attached.core.sessions.fetch(attached.session, Cancel(10))
    wait_until(lambda: attached.core.aliases.of(attached.session) is None, "the alias to go", 15)
    assert "hostname sd-protein-folding" in attached.home.run("ssh", "-G", ALIAS).stdout
