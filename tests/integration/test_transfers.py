"""Transfers with a real session: the bootstrap, its sshd, and large files that are cancelled, cut off and resumed."""

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.files.transfer import Progress, part_name
from desktop_app.domain.problems import Cancelled
from remote_bootstrap.process import processes
from tests.services.test_files import LEFT_OUT, check_tree, make_tree
from tests.support.bootstrap_rig import BootstrapRig, bootstrap_rig
from tests.support.transfers import files_of

pytestmark = pytest.mark.slow
MEGABYTE = 1_000_000
SIZE = int(os.environ.get("SESSIONDOCK_TRANSFER_MB") or 512) * MEGABYTE


@pytest.fixture(scope="module")
def rig() -> Iterator[BootstrapRig]:
    with bootstrap_rig() as rig:
        rig.start({"SESSIONDOCK_SSH": "openssh"}, jupyterlab="False", vscode="False")
        rig.wait_ready()
        yield rig


def make_large(path: Path) -> str:
    """A file of no repeating blocks; its checksum."""
    total, seed = hashlib.sha256(), os.urandom(MEGABYTE - 8)
    with path.open("wb") as stream:
        for number in range(SIZE // MEGABYTE):
            block = number.to_bytes(8, "big") + seed
            stream.write(block)
            total.update(block)
    return total.hexdigest()


def checksum(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def cut_off(rig: BootstrapRig) -> list[int]:
    """End every connection's process, as a machine does that reboots its network; which ones they were."""
    titles = {pid: _title(pid) for pid in processes.descendants(rig.worker())}
    sessions = [pid for pid, title in titles.items() if title.startswith(b"sshd: ") and b"[" not in title]
    for pid in sessions:
        os.kill(pid, signal.SIGKILL)
    return sessions


def _title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parity("--upload-files")
def test_a_large_file_is_cancelled_resumed_and_cut_off(rig: BootstrapRig, tmp_path: Path) -> None:
    files, session = files_of(rig)
    wanted = make_large(tmp_path / "large file")
    there = rig.login_home / "session-files"
    cancel = Cancel()

    def half_way(now: Progress) -> None:
        if now.size > SIZE // 2:
            cancel.cancel()

    with pytest.raises(Cancelled):
        files.upload(session, [tmp_path / "large file"], "", half_way, cancel)
    part = there / part_name("large file")
    assert 0 < part.stat().st_size < SIZE
    assert not (there / "large file").exists()
    found: list[Progress] = []
    summary = files.upload(session, [tmp_path / "large file"], "", found.append, Cancel(3000))
    assert summary.checked and not summary.skipped
    assert checksum(there / "large file") == wanted
    assert not part.exists()

    (tmp_path / "large file").unlink()
    cuts: list[int] = []

    def once(now: Progress) -> None:
        if now.size > SIZE // 3 and not cuts:
            cuts.extend(cut_off(rig))

    summary = files.download(session, ["session-files/large file"], tmp_path / "down", once, Cancel(3000))
    assert cuts and summary.checked
    assert checksum(tmp_path / "down" / "large file") == wanted
    (there / "large file").unlink()


def test_a_tree_goes_there_and_back_over_the_real_thing(rig: BootstrapRig, tmp_path: Path) -> None:
    files, session = files_of(rig)
    make_tree(tmp_path / "data")
    up = files.upload(session, [tmp_path / "data"], "~/up here", lambda _now: None, Cancel(60))
    check_tree(rig.login_home / "up here" / "data")
    assert {one.path.rpartition("/")[2] for one in up.skipped} == LEFT_OUT
    os.mkfifo(rig.login_home / "up here" / "data" / "fifo")
    (rig.login_home / "up here" / "data" / "outside").symlink_to("/etc")
    down = files.download(session, ["up here/data"], tmp_path / "down", lambda _now: None, Cancel(60))
    check_tree(tmp_path / "down" / "data")
    assert {one.path.rpartition("/")[2] for one in down.skipped} == {"fifo", "outside"}
