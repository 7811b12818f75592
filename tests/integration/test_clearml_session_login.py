"""ssh into a session that lets in by password only: our SSH server beside its own, real tunnel and real ssh.

The machine is tests/support/password_server.py; a real session of clearml-session is in tests/contract.
"""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from desktop_app.adapters.ssh.client.own import OwnSsh
from desktop_app.adapters.ssh.keys import new_key
from desktop_app.adapters.ssh.login_server import MARK, login_script
from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import LoginDoor, LoginKeys, Target
from desktop_app.domain.problems import AppError, Cancelled
from tests.support.password_server import PASSWORD, PasswordServer
from tests.support.waiting import wait_until

SESSION = "account/0123456789abcdef0123456789abcdef"


class Guest:
    """A tunnel to the machine, a door of ours there, and the person's own ssh."""

    def __init__(self, server: PasswordServer, folder: Path) -> None:
        self.server = server
        self.tunnel = SshTunnel("guest")
        self.own = OwnSsh(folder / "ssh", folder / "run")
        self.client, self.host = new_key("client"), new_key("host")
        (self.port,) = (bound.port for bound in self.tunnel.forwards.bind({"ssh": 0}))

    def connect(self) -> LoginDoor:
        self.tunnel.connect(self.server.target(), Cancel(20))
        door = self.tunnel.serve_login(LoginKeys(self.client[1], self.host[0]), Cancel(20))
        self.tunnel.forwards.set_app_ports({"ssh": door.port})
        return door

    def target(self, host_key: str = "") -> Target:
        target = self.server.target()
        record = replace(target.record, host_key=host_key or self.host[1])
        return replace(target, record=record, private_key=self.client[0])

    def ssh(self, *command: str, host_key: str = "") -> "subprocess.CompletedProcess[str]":
        argv = [*self.own.command(SESSION, self.target(host_key), self.port), "-o", "BatchMode=yes"]
        return subprocess.run([*argv, *command], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)

    def close(self) -> None:
        self.own.revoke(SESSION)
        self.tunnel.close()


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Callable[..., Guest]]:
    made: list[Guest] = []
    before = folders()

    def make(*extra: str) -> Guest:
        server = PasswordServer(tmp_path / "machine", extra)
        server.start()
        made.append(Guest(server, tmp_path))
        return made[-1]

    yield make
    for one in made:
        one.close()
        wait_until(lambda: folders() <= before, "the machine to be clean", 20)
        one.server.kill()


def left_of(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.name != ".bashrc"]


def folders() -> set[Path]:
    return set(Path("/tmp").glob("sessiondock-login.*"))


@pytest.mark.parity("attach to clearml-session")
def test_ssh_gets_in_without_the_password_and_leaves_no_trace(guest: Callable[..., Guest]) -> None:
    before, one = folders(), guest()
    door = one.connect()
    assert door.home == str(one.server.home)
    done = one.ssh("echo $((6 * 7)); pwd")
    assert done.stdout == f"42\n{one.server.home}\n", done.stderr
    sent = subprocess.run(
        [*one.own.command(SESSION, one.target(), one.port), "cat > copied; cat copied | wc -c"],
        input="x" * 300_000, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert sent.stdout.strip() == "300000", sent.stderr
    (made,) = folders() - before
    assert {path.stat().st_mode & 0o077 for path in (made, *made.iterdir())} == {0}
    listener = _listener(one.server, door.port)
    assert listener is not None

    one.tunnel.disconnect()
    wait_until(lambda: not listener.is_running(), "our server there to end", 20)
    wait_until(lambda: not made.exists(), "its folder to go", 20)
    assert [path.name for path in left_of(one.server.home)] == ["copied"]  # not even an .ssh


def test_a_start_that_is_given_up_leaves_nothing_running(guest: Callable[..., Guest]) -> None:
    """Its shell keeps silent; the connection itself goes on."""
    one, cancel = guest(), Cancel(60)
    (one.server.home / ".bashrc").write_text("cat >/dev/null\nexit\n")  # until its input ends
    one.tunnel.connect(one.server.target(), Cancel(20))
    raised: list[BaseException] = []

    def start() -> None:
        try:
            one.tunnel.serve_login(LoginKeys(one.client[1], one.host[0]), cancel)
        except Cancelled as error:
            raised.append(error)

    def silent() -> bool:
        return any(process.name() == "cat" for process in one.server.family())

    starting = threading.Thread(target=start)
    starting.start()
    wait_until(silent, "its shell to run", 20)
    cancel.cancel()
    starting.join(10)
    assert len(raised) == 1
    wait_until(lambda: not silent(), "its shell to end", 10)
    assert one.tunnel.control.probe(Cancel(10)) >= 0


def _listener(server: PasswordServer, port: int) -> psutil.Process | None:
    for process in server.family():
        if any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in process.net_connections("tcp")):
            return process
    return None


def test_what_a_killed_shell_left_goes_with_the_next_one(guest: Callable[..., Guest]) -> None:
    before, one = folders(), guest()
    door = one.connect()
    (made,) = folders() - before
    shells = [process for process in one.server.family() if process.cmdline() == ["sh", "-s"]]
    listener = _listener(one.server, door.port)
    assert len(shells) == 1 and listener is not None
    shells[0].kill()
    one.tunnel.disconnect()
    assert made.is_dir() and listener.is_running()
    one.connect()
    assert not made.exists()
    wait_until(lambda: listener.status() == psutil.STATUS_ZOMBIE or not listener.is_running(), "its server to end", 10)


# -- whose folder may go: the script itself, with a temporary folder of its own


def place() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {Path('/proc/self/ns/pid').readlink()}"


def serve_once(folder: Path) -> None:
    """Our server comes up there, and ends with the connection."""
    keys = LoginKeys(new_key("client")[1], new_key("host")[0])
    environment = {**os.environ, "TMPDIR": str(folder)}
    done = subprocess.run(
        ["sh", "-s"], input=login_script(keys), capture_output=True, text=True, timeout=60, env=environment
    )
    assert f"{MARK} port " in done.stdout, done.stdout + done.stderr


@pytest.fixture
def gone() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait(10)
    return process.pid


@pytest.mark.parametrize(
    ("noted", "goes"),
    [("{boot} {space}", True), ("{boot} pid:[1]", False), ("another-machine {space}", False), (None, False)],
)
def test_only_what_is_dead_for_certain_is_removed(tmp_path: Path, gone: int, noted: str | None, goes: bool) -> None:
    boot, _, space = place().partition(" ")
    old = tmp_path / "sessiondock-login.abcdef"
    old.mkdir()
    (old / "shell").write_text(f"{gone}\n")
    if noted is not None:  # an older version's has none
        (old / "place").write_text(noted.format(boot=boot, space=space) + "\n")
    serve_once(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ([] if goes else [old.name])


@pytest.mark.parametrize("shell", ["living", "half written"])
def test_a_living_one_s_folder_stays(tmp_path: Path, shell: str) -> None:
    old = tmp_path / "sessiondock-login.abcdef"
    old.mkdir()
    (old / "shell").write_text(f"{os.getpid()}\n" if shell == "living" else "")
    (old / "place").write_text(place() + "\n")
    serve_once(tmp_path)
    assert old.is_dir()


def test_no_key_and_no_password_is_in_an_argument_list(guest: Callable[..., Guest]) -> None:
    one = guest()
    one.connect()
    words = " ".join(word for process in one.server.family() for word in process.cmdline())
    assert "sshd" in words
    secrets = [PASSWORD, *one.client[0].splitlines()[1:-1], *one.host[0].splitlines()[1:-1]]
    assert not [secret for secret in secrets if secret in words]


def test_another_host_key_is_refused(guest: Callable[..., Guest]) -> None:
    one = guest()
    one.connect()
    done = one.ssh("true", host_key=one.server.stranger_key)
    assert done.returncode == 255 and "verification failed" in done.stderr


def test_the_next_connection_has_the_same_keys(guest: Callable[..., Guest]) -> None:
    one = guest()
    one.connect()
    one.tunnel.disconnect()
    one.connect()
    assert one.ssh("echo again").stdout == "again\n"


def test_what_dotfiles_say_and_do_is_no_answer(guest: Callable[..., Guest]) -> None:
    one = guest()
    (one.server.home / ".bashrc").write_text("printf 'SESSIONDOCK-LOGIN port 22'; echo; cd /tmp\n")
    door = one.connect()
    assert door.port >= 20000 and one.ssh("echo in").stdout.endswith("in\n")


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("ForceCommand echo no shell here", "no answer"),
        ("SetEnv TMPDIR=/nonexistent", "temporary"),
    ],
)
def test_a_machine_that_can_not_is_told_and_the_tunnel_stays(
    guest: Callable[..., Guest], extra: str, words: str
) -> None:
    one = guest(extra)
    with pytest.raises(AppError) as caught:
        one.connect()
    assert caught.value.problem.code == "session.no_login" and words in caught.value.problem.detail
    one.tunnel.control.probe(Cancel(5))
