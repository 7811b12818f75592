"""What is on disk of a session that was cut off, and while one stores its workspace at the end."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from remote_bootstrap import contract
from remote_bootstrap.process import processes, remains
from tests.support.bootstrap_rig import SSH_ONLY, BootstrapRig, Control, bootstrap_rig
from tests.support.namespaces import give_away, take_back
from tests.support.paths import REPOSITORY
from tests.support.waiting import wait_until

HOLDER = (
    "import sys, pathlib; from remote_bootstrap.process import remains; remains.hold(pathlib.Path(sys.argv[1]));"
    "print('held', flush=True); sys.stdin.read()"
)
OWN, OTHER = "a" * 32, "b" * 32
SECRETS = ("ssh/host_key", "home/clearml.conf", "lock", "code/remote_bootstrap/__main__.py")
said: list[str] = []


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


@pytest.fixture
def hold() -> Iterator[Callable[[Path], "subprocess.Popen[str]"]]:
    """``hold(folder)``: a process that is alive as a session is."""
    started: list[subprocess.Popen[str]] = []

    def one(folder: Path) -> "subprocess.Popen[str]":
        pipe = subprocess.PIPE
        argv = [sys.executable, "-c", HOLDER, str(folder)]
        process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, cwd=REPOSITORY)
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        return process

    yield one
    for process in started:
        end(process)


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate(timeout=10)


@pytest.fixture
def cut_off(hold) -> Callable[[Path], Path]:
    """``cut_off(folder)``: what a session leaves whose processes are all gone at once."""

    def one(folder: Path) -> Path:
        end(hold(furnish(folder)))
        return folder

    return one


def furnish(folder: Path) -> Path:
    for name in (*SECRETS, "logs/ssh.log"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name != remains.LOCK:
            path.write_text("x")
    long_ago = time.time() - 1000
    os.utime(folder / remains.CODE, (long_ago, long_ago))
    return folder


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


ALL = ["code", "home", "lock", "logs", "ssh"]


def test_a_dead_sessions_secrets_go_and_a_living_ones_stay(sessions: Path, hold, cut_off) -> None:
    cut_off(sessions / OWN)
    alive = furnish(sessions / OTHER)
    hold(alive)
    assert sweep(sessions) == ["logs"]
    assert left(alive) == ALL


def sweep(sessions: Path, session: str = OWN) -> list[str]:
    remains.sweep(sessions / ("c" * 32), said.append)
    return left(sessions / session)


def test_what_proves_nothing_stays(sessions: Path, tmp_path: Path, cut_off) -> None:
    without = furnish(sessions / OWN)  # no lock: of another version, say
    named = cut_off(sessions / "no task")
    outside = cut_off(tmp_path / "outside")
    (sessions / OTHER).symlink_to(outside)
    begins = cut_off(sessions / ("d" * 32))
    (begins / remains.CODE).touch()  # the same task is just about to run again
    remains.sweep(sessions / ("c" * 32), said.append)
    assert [left(one) for one in (without, named, outside, begins)] == [[n for n in ALL if n != "lock"], ALL, ALL, ALL]


def test_the_session_that_asks_keeps_its_own(sessions: Path, cut_off) -> None:
    own = cut_off(sessions / OWN)
    remains.sweep(own, said.append)
    assert left(own) == ALL


def test_a_session_whose_job_goes_on_is_not_dead(sessions: Path, cut_off) -> None:
    cut_off(sessions / OWN)
    job = subprocess.Popen(["sleep", "300"], env={**os.environ, processes.SESSION_VARIABLE: OWN})
    try:
        assert sweep(sessions) == ALL
    finally:
        job.kill()
        job.wait(10)
    assert sweep(sessions) == ["logs"]


@pytest.mark.parametrize(("noted", "swept"), [("this machine", True), ("another", False), ("", False)])
def test_a_disk_that_machines_share_needs_the_same_machine(
    sessions: Path, cut_off, monkeypatch: pytest.MonkeyPatch, noted: str, swept: bool
) -> None:
    monkeypatch.setattr(remains, "LOCAL", set())  # as if it were NFS
    monkeypatch.setattr(remains, "machine", lambda: "this machine")
    dead = cut_off(sessions / OWN)
    (dead / remains.LOCK).write_text(json.dumps({"machine": noted}) if noted else "half of it")
    assert (sweep(sessions) == ["logs"]) is swept


def test_what_is_put_in_its_place_meanwhile_stays(
    sessions: Path, tmp_path: Path, cut_off, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, victim = cut_off(sessions / OWN), furnish(tmp_path / "victim")
    (dead / "home" / "link").symlink_to(victim)

    def machine() -> str:  # asked in the middle of the look at it
        if not dead.is_symlink():
            dead.rename(tmp_path / "moved")
            dead.symlink_to(victim)
        return "this machine"

    (dead / remains.LOCK).write_text(json.dumps({"machine": "this machine"}))
    monkeypatch.setattr(remains, "LOCAL", set())  # as if it were NFS
    monkeypatch.setattr(remains, "machine", machine)
    remains.sweep(sessions / ("c" * 32), said.append)
    assert left(victim) == [name for name in ALL if name != "lock"]
    assert left(tmp_path / "moved") == ["logs"]


def test_another_users_session_stays(sessions: Path, cut_off) -> None:
    theirs = cut_off(sessions / OWN)
    give_away(theirs)
    try:
        remains.sweep(sessions / ("c" * 32), said.append)
    finally:
        take_back(theirs)
    assert left(theirs) == ALL


def test_the_kind_of_a_file_system_is_that_of_the_innermost_mount(tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    inner = tmp_path / "a b"
    lines = [
        "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
        f"21 20 0:40 / {str(inner).replace(' ', chr(92) + '040')} rw - nfs4 server:/home rw",
        f"22 20 0:41 / {inner.parent}/a rw - tmpfs tmpfs rw",
        "half a line",
    ]
    table.write_text("\n".join(lines))
    assert remains.filesystem(inner / "deep", table) == "nfs4"
    assert remains.filesystem(tmp_path / "other", table) == "ext4"
    assert remains.filesystem(tmp_path, tmp_path / "nothing") == ""


# -- whole sessions


@pytest.fixture
def rig() -> Iterator[BootstrapRig]:
    with bootstrap_rig() as rig:
        yield rig


@pytest.mark.slow
def test_the_next_session_removes_what_a_power_failure_left(rig: BootstrapRig) -> None:
    rig.start(**SSH_ONLY)
    rig.wait_ready()
    with rig.ssh() as client:
        control = Control(client)
        control.send(contract.Request(1, contract.OP_CLEARML_DELIVER, {"access_key": "A", "secret_key": "key"}).dumps())
        assert control.next().ok
    for number in (signal.SIGSTOP, signal.SIGKILL):  # all at once, and the janitor, which would tidy up, among them
        for pid in rig.left():
            with suppress(ProcessLookupError):
                os.kill(pid, number)
    rig.wait_nothing_left()
    assert "key" in (rig.session / "home" / "clearml.conf").read_text()
    with bootstrap_rig() as second, bootstrap_rig() as third:
        second.home = third.home = rig.home
        second.start(**SSH_ONLY)
        wait_until(lambda: [entry.name for entry in rig.session.iterdir()] == ["logs"], "the keys to go")
        assert f"cut off on this machine: {rig.task}" in second.said()
        second.wait_ready()
        third.start(**SSH_ONLY)
        third.wait_ready()
        assert (second.session / "ssh" / "host_key").is_file()  # it lives
        for one in (second, third):
            assert one.process is not None
            one.process.terminate()
            one.wait_nothing_left()


@pytest.mark.slow
def test_only_what_storing_needs_is_on_disk_while_the_end_stores(rig: BootstrapRig) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as storage:  # takes the connection and never answers
        address = f"http://127.0.0.1:{storage.getsockname()[1]}"
        rig.server.set_answers({"tasks.get_all": {"tasks": []}, "projects.get_all": {}})
        rig.server.set_facts(files_host=address)
        api = {"CLEARML_API_HOST": address, "CLEARML_FILES_HOST": address, "CLEARML_API_ACCESS_KEY": "agent"}
        rig.start(api, store_workspace=str(rig.work), **SSH_ONLY)
        rig.wait_ready()
        (rig.work / "result").write_text("work of hours")
        (rig.session / "home" / "clearml.conf").write_text("the key")
        assert rig.process is not None
        rig.process.terminate()
        storage.settimeout(60)
        connection, _ = storage.accept()
        with connection:
            assert left(rig.session) == ["lock", "logs", "workspace"]
            os.kill(next(pid for pid, command in rig.left().items() if "storage.py" in command), signal.SIGKILL)
            rig.wait_nothing_left()
    assert left(rig.session) == ["logs"]


def test_logs_have_an_end(tmp_path: Path) -> None:
    """Of sessions of which nothing else is left; those of the last weeks stay."""
    own = tmp_path / "sessions" / ("0" * 32)
    own.mkdir(parents=True)
    old, young, more = (own.parent / (letter * 32) for letter in "abc")
    for session in (old, young, more):
        (session / "logs" / "deep").mkdir(parents=True)
        (session / "logs" / "deep" / "x.log").write_text("why it ended")
    (more / "workspace").mkdir()
    (old / "logs" / "link").symlink_to(young)
    long_ago = time.time() - remains.LOGS_STAY - 60
    for path in (old / "logs", old, more / "logs", more):
        os.utime(path, (long_ago, long_ago))
    remains.sweep(own, lambda _text: None)
    assert not old.exists() and (young / "logs" / "deep" / "x.log").exists() and (more / "logs").is_dir()
