"""Locks between processes: one holder at a time, whatever becomes of the holder, the file, or who waits."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import Cancelled
from desktop_app.file_lock import lock, try_lock
from desktop_app.sandbox import leases
from desktop_app.sandbox.home import Home
from desktop_app.sandbox.leases import Lease
from tests.support.paths import REPOSITORY

HOLDER = """
import sys
from pathlib import Path
from desktop_app.file_lock import lock
held = lock(Path(sys.argv[1]), 30)
print("held", flush=True)
for line in sys.stdin:
    held.release(remove=line.strip() == "remove")
    print("released", flush=True)
"""

# Adds to a number in a file, each time reading, waiting for its turn of the interpreter, and writing.
COUNTER = """
import os, sys
from pathlib import Path
from desktop_app.file_lock import lock
number, path, removes = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "remove"
for step in range(100):
    held = lock(path, 60)
    value = int(number.read_text())
    os.sched_yield()
    number.write_text(str(value + 1))
    held.release(remove=removes)
"""


@contextmanager
def holder(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds that lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
    )  # fmt: skip
    try:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def say(process: "subprocess.Popen[str]", word: str) -> None:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(word + "\n")
    process.stdin.flush()
    assert process.stdout.readline() == "released\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.lock"


def test_one_process_at_a_time(path: Path) -> None:
    with holder(path) as other:
        assert try_lock(path) is None
        with pytest.raises(TimeoutError) as late:
            lock(path, 0.05)
        assert (late.value.strerror, late.value.filename) == ("another program holds it", str(path))
        say(other, "release")
        with lock(path, 5):
            assert path.exists()
    assert path.exists()  # it stays, for the next one


def test_a_killed_holder_holds_nothing(path: Path) -> None:
    with holder(path) as other:
        other.send_signal(signal.SIGKILL)
        lock(path, 30).release()


def test_a_lock_is_given_to_no_child(path: Path) -> None:
    """A program that was started while a lock was held, and outlives its release, does not keep it."""
    with lock(path, 5):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    try:
        lock(path, 5).release()
    finally:
        child.communicate(b"\n")


def test_who_waits_for_a_file_that_is_removed_gets_the_next_one(path: Path) -> None:
    """Else two would hold what they take for the same lock."""
    with holder(path) as first:
        waiting = threading.Thread(target=lambda: got.append(lock(path, 30)))
        got: list[object] = []
        waiting.start()
        old = path.stat().st_ino
        keep = os.open(path, os.O_RDONLY)  # so that no other file can have its number
        say(first, "remove")
        waiting.join(30)
        assert len(got) == 1 and path.stat().st_ino != old
        assert try_lock(path) is None
        os.close(keep)


def test_a_lock_on_a_file_that_has_no_name_any_more_does_not_count(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened before, locked after another process has removed it and made a new one, which a third holds."""
    real, opened = os.open, []

    def opens(name: object, *more: object) -> int:
        handle = real(name, *more)  # type: ignore[arg-type]  # as it came
        opened.append(handle)
        if len(opened) == 1:
            path.unlink()
            others.append(try_lock(path))
        return handle

    others: list[object] = []
    monkeypatch.setattr(os, "open", opens)
    assert try_lock(path) is None
    assert others[0] is not None and len(opened) == 3


@pytest.mark.parametrize("then", ["keep", "remove"])
def test_processes_that_count_lose_no_number(tmp_path: Path, path: Path, then: str) -> None:
    number = tmp_path / "number"
    number.write_text("0")
    argv = [sys.executable, "-c", COUNTER, str(number), str(path), then]
    processes = [subprocess.Popen(argv, cwd=REPOSITORY) for _ in range(4)]
    assert [process.wait(120) for process in processes] == [0] * 4
    assert number.read_text() == "400"


def test_threads_of_one_process_exclude_each_other(path: Path) -> None:
    inside, most, count = 0, 0, 0

    def work() -> None:
        nonlocal inside, most, count
        for _ in range(50):
            with lock(path, 60):
                inside += 1
                most = max(most, inside)
                count += 1
                os.sched_yield()
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert (most, count) == (1, 200)


def test_waiting_can_be_cancelled(path: Path) -> None:
    cancel = Cancel()
    with lock(path, 5):
        threading.Timer(0.1, cancel.cancel).start()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            lock(path, 600, cancel.check)
        assert time.monotonic() - began < 60


def test_release_is_idempotent_and_gives_back_nothing_of_others(path: Path) -> None:
    first = lock(path, 5)
    first.release(remove=True)
    assert not path.exists()
    with lock(path, 5):
        first.release(remove=True)
        assert path.exists() and try_lock(path) is None


def test_a_file_that_took_the_name_of_ours_stays(path: Path) -> None:
    """Something tidied the folder up, and another process made and holds the next lock of that name."""
    first = lock(path, 5)
    path.unlink()
    with lock(path, 5):
        first.release(remove=True)
        assert path.exists() and try_lock(path) is None


def test_the_file_is_private_and_its_holder_s(path: Path) -> None:
    with lock(path, 5):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    os.utime(path, (0, 0))
    lock(path, 5).release()
    assert path.stat().st_mtime > 0  # what was taken of late is wanted


def test_a_planted_link_and_a_missing_folder_are_errors(tmp_path: Path, path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError) as planted:
        try_lock(path)
    assert planted.value.errno == errno.ELOOP and not (tmp_path / "elsewhere").exists()
    with pytest.raises(FileNotFoundError):
        lock(tmp_path / "none" / "x.lock", 5)


def test_no_handle_is_left_open(path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with lock(path, 5):
        for _ in range(10):
            assert try_lock(path) is None
    for _ in range(10):
        lock(path, 5).release(remove=True)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_is_no_client_s_holds_no_sandbox_and_breaks_none(tmp_path: Path) -> None:
    home = Home(tmp_path / "sandbox")
    with Lease(home):
        (home.leases / "folder").mkdir()
        (home.leases / "link").symlink_to(tmp_path / "nowhere")
        os.mkfifo(home.leases / "pipe")
        (home.leases / "left").touch()
        assert leases.count(home) == 1
    assert leases.count(home) == 0
    assert sorted(path.name for path in home.leases.iterdir()) == ["folder", "link", "pipe"]
