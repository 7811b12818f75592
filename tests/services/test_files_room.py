"""What uploads do where the session's disk has no room. With real disks: tests/integration/test_full_disk_transfers."""

import pytest

from desktop_app.demo.files import FakeFiles
from desktop_app.domain.files.remote_files import Space
from desktop_app.domain.problems import AppError
from tests.services.test_files import Rig, many, rig

__all__ = ["rig"]  # the fixture


def test_a_file_of_which_a_part_arrived_never_takes_its_place(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some servers call a write well of which a full disk took a part, and some machines make no checksums."""
    whole = FakeFiles.write
    monkeypatch.setattr(
        FakeFiles,
        "write",
        lambda self, path, at, blocks, done, cancel: whole(self, path, at, [b"".join(blocks)[:1]], done, cancel),
    )
    for digests in (True, False):
        rig.machine.digests = digests
        (rig.here / "big").write_bytes(b"x" * 2_000_000)
        (left,) = rig.upload("big").skipped
        assert "1 byte of 2.0 MB arrived" in left.why or "sha256" in left.why
        assert list(rig.there.iterdir()) == []


def test_a_full_disk_there_ends_the_upload(rig: Rig) -> None:
    rig.machine.space = Space(free=1000, files=2)
    (rig.here / "big").write_bytes(b"x" * 2000)
    with pytest.raises(AppError, match=r"2\.0 KB are needed, and its disk has 1\.0 KB free"):
        rig.upload("big")
    rig.machine.space = Space(free=5000, files=2)
    rig.upload("big")
    rig.machine.space = Space(free=0, files=0)
    assert rig.upload("big").unchanged == 1
    many(rig.here / "few", 3, 0)
    with pytest.raises(AppError, match="3 files are to be written, and its disk can hold 0 more"):
        rig.upload("few")
