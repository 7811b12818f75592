"""Transfers with a session whose disk is full or read-only, and onto such a disk here: real small disks (tmpfs), a real
session with either SSH server, as root and as an ordinary user. See cases/35.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.files.transfer import Progress, Summary
from desktop_app.domain.problems import AppError
from desktop_app.services.files import room
from tests.support.bootstrap_rig import MAIN, PYTHON, BootstrapRig, bootstrap_rig, run_command
from tests.support.namespaces import TERMINALS, accounts_file, as_this_user, bind, is_root
from tests.support.transfers import files_of

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
# Folder of the login's home -> how the small disk that lies there is mounted.
DISKS = {"small": "size=300k", "few": "size=300k,nr_inodes=4", "fixed": "size=300k,ro"}


@pytest.fixture(scope="module", params=["openssh", "asyncssh"])
def rig(request: pytest.FixtureRequest) -> Iterator[BootstrapRig]:
    with bootstrap_rig() as rig:
        mounts = []
        for name, options in DISKS.items():
            (rig.login_home / name).mkdir()
            mounts.append(f"mount -t tmpfs tmpfs {rig.login_home / name} -o mode=1777,{options}")
        account = bind(accounts_file(rig.home.parent, rig.login_home), "/etc/passwd")
        terminals = () if is_root() else TERMINALS
        rig.command = (*as_this_user([account, *terminals, *mounts]), PYTHON, "-u", str(MAIN))
        rig.brings_account = True
        rig.start({"SESSIONDOCK_SSH": request.param}, jupyterlab="False", vscode="False")
        rig.wait_ready()
        yield rig


def upload(rig: BootstrapRig, path: Path, to: str) -> Summary:
    files, session = files_of(rig)
    waited: list[str] = []

    def tell(now: Progress) -> None:
        waited.extend([now.waiting] * bool(now.waiting))

    try:
        return files.upload(session, [path], to, tell, Cancel(60))
    finally:
        assert not waited  # nothing of it is the connection's


def inside(rig: BootstrapRig, folder: str) -> list[str]:
    with rig.ssh() as client:
        return run_command(client, f"cd ~/{folder} && find . -type f -size +0 | sort")[1].split()


def clear(rig: BootstrapRig, folder: str) -> None:
    with rig.ssh() as client:
        run_command(client, f"find ~/{folder} -mindepth 1 -delete")


def sized(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def test_what_does_not_fit_is_not_begun(rig: BootstrapRig, tmp_path: Path) -> None:
    clear(rig, "small")
    with pytest.raises(AppError) as caught:
        upload(rig, sized(tmp_path / "big.bin", 1_500_000), "small")
    assert caught.value.problem.code == "files.room"
    assert "1.5 MB are needed, and its disk has 307 KB free" in caught.value.problem.detail
    assert inside(rig, "small") == []


def test_more_files_than_fit_are_not_begun(rig: BootstrapRig, tmp_path: Path) -> None:
    clear(rig, "few")
    for number in range(9):
        sized(tmp_path / "many" / str(number), 10)
    with pytest.raises(AppError, match="no room") as caught:
        upload(rig, tmp_path / "many", "few")
    assert "9 files are to be written, and its disk can hold 3 more" in caught.value.problem.detail
    assert inside(rig, "few") == []


@pytest.mark.parametrize(("count", "size"), [(1, 1_500_000), (40, 20_000), (2, 200_000)])
def test_a_disk_that_fills_up_meanwhile_is_said_and_nothing_useless_stays(
    rig: BootstrapRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, size: int
) -> None:
    """As if somebody else took the space after it was asked for."""
    clear(rig, "small")
    monkeypatch.setattr(room, "require", lambda *_: None)
    for number in range(count):
        sized(tmp_path / "data" / f"{number:02}", size)
    with pytest.raises(AppError) as caught:
        upload(rig, tmp_path / "data", "small")
    assert caught.value.problem.code == "files.room"
    assert "no space left on device" in caught.value.problem.detail
    assert not [name for name in inside(rig, "small") if name.endswith((".part", ".try"))]
    with rig.ssh() as client:  # what arrived is whole
        sizes = run_command(client, f"find ~/small -type f ! -size {size}c")[1]
    assert sizes == ""


def test_a_full_disk_takes_what_is_there_already(rig: BootstrapRig, tmp_path: Path) -> None:
    clear(rig, "small")
    sized(tmp_path / "data" / "one", 200_000)
    upload(rig, tmp_path / "data", "small")
    again = upload(rig, tmp_path / "data", "small")
    assert (again.files, again.unchanged, again.skipped) == (1, 1, ())


@pytest.mark.parametrize("to", ["fixed", "fixed/new/folder"])
def test_a_read_only_disk_is_said(rig: BootstrapRig, tmp_path: Path, to: str) -> None:
    with pytest.raises(AppError) as caught:
        upload(rig, sized(tmp_path / "x", 10), to)
    assert caught.value.problem.code == "files.room"
    assert "read-only" in caught.value.problem.detail


def test_a_disk_without_room_for_another_file_is_said(
    rig: BootstrapRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear(rig, "few")
    monkeypatch.setattr(room, "require", lambda *_: None)
    for number in range(9):
        sized(tmp_path / "many" / str(number), 10)
    with pytest.raises(AppError) as caught:
        upload(rig, tmp_path / "many", "few")
    assert caught.value.problem.code == "files.room"
    assert "no space left on device" in caught.value.problem.detail


def test_a_disk_full_of_files_takes_no_folder(rig: BootstrapRig, tmp_path: Path) -> None:
    clear(rig, "few")
    (tmp_path / "tree" / "a" / "b" / "c" / "d").mkdir(parents=True)
    with pytest.raises(AppError, match="no room"):
        upload(rig, tmp_path / "tree", "few")


def test_one_file_that_is_refused_is_left_out_with_the_reason(rig: BootstrapRig, tmp_path: Path) -> None:
    files, session = files_of(rig)
    summary = files.download(session, ["x" * 300], tmp_path / "here", lambda _now: None, Cancel(60))
    (left,) = summary.skipped
    assert "name" in left.why and ("300 bytes" in left.why or "too long" in left.why)


# -- this computer's disk


def download(rig: BootstrapRig, source: str, folder: Path, options: str, *more: str) -> dict[str, object]:
    folder.mkdir()
    mount = f"mount -t tmpfs tmpfs {folder} -o mode=1777,{options}"
    argv = [*as_this_user([mount]), sys.executable, "-m", "tests.support.download_here", source, str(folder), *more]
    given = json.dumps({"record": rig.wait_record().dumps(), "key": rig.private_key})
    done = subprocess.run(argv, input=given, capture_output=True, text=True, timeout=90, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    assert not found["waited"]  # nothing of it is the connection's
    return found


def test_a_download_that_does_not_fit_here_is_not_begun(rig: BootstrapRig, tmp_path: Path) -> None:
    sized(rig.login_home / "big", 1_500_000)
    found = download(rig, "big", tmp_path / "here", "size=300k")
    assert (found["problem"], found["there"]) == ("files.here", {})
    assert "1.5 MB are needed, and its disk has 307 KB free" in str(found["text"])


@pytest.mark.parametrize(("count", "size"), [(1, 2_500_000), (200, 0)])
def test_a_disk_here_that_fills_up_is_said(rig: BootstrapRig, tmp_path: Path, count: int, size: int) -> None:
    """As if somebody else took the space after it was asked for. How many files fit is not asked for here."""
    for number in range(count):
        sized(rig.login_home / "grown" / f"{count}" / f"{number}", size)
    found = download(rig, f"grown/{count}", tmp_path / "here", "size=300k,nr_inodes=50", "unasked")
    assert found.get("problem") == "files.here", found
    assert "No space left on device" in str(found["text"])
    assert not [name for name in found["there"] if name.endswith(".part")]  # type: ignore[attr-defined]  # a dict


def test_a_read_only_disk_here_is_said(rig: BootstrapRig, tmp_path: Path) -> None:
    sized(rig.login_home / "little", 10)
    found = download(rig, "little", tmp_path / "here", "size=300k,ro")
    assert found["problem"] == "files.here"
    assert "Read-only file system" in str(found["text"])
