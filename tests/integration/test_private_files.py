"""Files are written whole or not at all: on a full disk, beside planted links, and when the power goes in between."""

import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from desktop_app import private_files
from desktop_app.private_files import write_private
from remote_bootstrap.machine import folders

OLD, NEW = "old " * 1000, "new " * 2000
ROOT = Path(__file__).resolve().parents[2]


def test_the_file_is_replaced_and_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(OLD)
    path.chmod(0o644)
    write_private(path, "ünï\n")
    assert path.read_bytes() == "ünï\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    write_private(path, b"\0\xff", mode=0o640)
    assert path.read_bytes() == b"\0\xff" and stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_the_longest_name_has_room_for_its_draft(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    write_private(path, NEW)
    assert path.read_text() == NEW


@pytest.mark.parametrize("path", ["/", ".", ""])
def test_a_folder_is_no_file_s_name(path: str) -> None:
    with pytest.raises(IsADirectoryError):
        write_private(Path(path), NEW)


def test_a_full_disk_keeps_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(OLD)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="large"):
            write_private(path, NEW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == OLD and [one.name for one in tmp_path.iterdir()] == ["file"]


def test_what_the_last_look_refuses_keeps_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(OLD)

    def refuse(draft: Path) -> None:
        assert draft.parent == tmp_path and draft.read_text() == NEW and path.read_text() == OLD
        assert stat.S_IMODE(draft.stat().st_mode) == 0o600
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_private(path, NEW, mode=0o644, before=refuse)
    assert path.read_text() == OLD and [one.name for one in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("write", [write_private, folders.write_private])
def test_a_link_that_is_planted_where_the_file_belongs_is_not_followed(tmp_path: Path, write) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path = tmp_path / "shared" / "file"
    path.parent.mkdir()
    path.symlink_to(victim)
    write(path, NEW)
    assert victim.read_text() == "precious" and path.read_text() == NEW and not path.is_symlink()


@pytest.mark.parametrize("module", [private_files, folders])
@pytest.mark.parametrize("planted", ["link", "dangling", "file"])
def test_what_is_planted_where_the_draft_will_be_is_not_touched(
    tmp_path: Path, module, planted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can know the draft's name; the test does."""
    monkeypatch.setattr(module.secrets, "token_hex", lambda size: "a" * 2 * size)
    victim = tmp_path / "victim"
    draft = tmp_path / f"{private_files.DRAFT}{'a' * 16}"
    if planted == "file":
        draft.write_text("precious")
    else:
        if planted == "link":
            victim.write_text("precious")
        draft.symlink_to(victim)
    with pytest.raises(FileExistsError):
        module.write_private(tmp_path / "file", NEW)
    assert not (tmp_path / "file").exists()
    assert draft.is_symlink() or draft.read_text() == "precious"
    assert victim.exists() is (planted == "link") and (planted != "link" or victim.read_text() == "precious")


@pytest.mark.parametrize("module", [private_files, folders])
def test_no_name_of_a_draft_can_be_predicted(tmp_path: Path, module, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write of one process to one file takes another name, of 64 bits by chance."""
    opened: list[str] = []
    real = os.open

    def watched(path, flags: int, *more, **named) -> int:
        if flags & os.O_CREAT:
            opened.append(os.fspath(path))
        return real(path, flags, *more, **named)

    monkeypatch.setattr(module.os, "open", watched)
    for _ in range(20):
        module.write_private(tmp_path / "file", NEW)
    assert len(set(opened)) == 20 and str(tmp_path / "file") not in opened
    assert all(len(name.rpartition("-")[2]) == 16 for name in opened)


# What a power cut leaves of a folder: of each file that was written, what fsync brought onto the disk. The child tells
# which files that were, and is killed before the n-th line of the writer, for every n there is.
CHILD = """
import os, signal, sys
from pathlib import Path
from desktop_app import private_files
from desktop_app.private_files import write_private

path, last, told = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
count, sync = 0, os.fsync

def fsync(handle):
    sync(handle)
    os.write(told, b"%d\\n" % os.fstat(handle).st_ino)

def trace(frame, event, _argument):
    global count
    if frame.f_code.co_filename != private_files.__file__:
        return None
    if event == "line":
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)
    return trace

os.fsync = fsync
sys.settrace(trace)
write_private(path, "new " * 2000)
sys.settrace(None)
os.write(told, b"done\\n")
"""


def _cut_power_before(path: Path, line: int) -> bool:
    """False when the writer had ended before. Afterwards the folder is as the disk has it."""
    reading, writing = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), str(line), str(writing)], cwd=ROOT, pass_fds=[writing]
    )
    os.close(writing)
    with os.fdopen(reading) as told:
        lines = told.read().split()
    code = child.wait(60)
    if "done" in lines:
        assert code == 0
        return False
    assert code == -signal.SIGKILL
    for one in path.parent.iterdir():
        if str(one.stat().st_ino) not in lines and one.read_text() != OLD:
            os.truncate(one, 0)
    return True


def test_a_power_cut_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path, seen, line = tmp_path / "file", set(), 1
    while True:
        path.write_text(OLD)
        if not _cut_power_before(path, line):
            break
        assert path.read_text() in (OLD, NEW), f"cut before line {line}"
        seen.add(path.read_text())
        write_private(path, NEW)  # what is left of a draft is in nobody's way, and nobody's content
        assert path.read_text() == NEW
        line += 1
    assert seen == {OLD, NEW} and line > 10


def test_the_new_name_is_brought_onto_the_disk_after_the_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace

    def fsync(handle: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else f"file of {os.fstat(handle).st_size}")
        sync(handle)

    def renamed(draft: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(draft, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", renamed)
    write_private(tmp_path / "file", NEW)
    assert steps == [f"file of {len(NEW)}", "rename", "folder"]
