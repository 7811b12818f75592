"""Archives that claim more than a disk or a memory can take, and what is left where they do. See test_snapshot."""

import bz2
import gzip
import lzma
import os
import tarfile
from pathlib import Path

import pytest

from remote_bootstrap.steps import room, unpacking
from tests.remote.test_snapshot import archive_of, member, quiet


def room_of(limit: int, archive: Path, root: Path) -> room.Room:
    """As if the disk of ``root`` had ``limit`` bytes to spare before anything is restored."""

    def check(size: int, folder: Path) -> None:
        taken = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        if size > limit - taken:
            raise room.TooBig(f"it needs {size} bytes")

    return room.Room(root, archive.stat().st_size, check)


def test_a_sparse_bomb_is_refused_before_it_is_written(tmp_path: Path) -> None:
    """A few bytes that claim to be a terabyte of holes, which a restoring would write out."""
    work = tmp_path / "work"
    sparse = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "bomb"}
    bomb = member("x", size=512, path="bomb", **sparse, **{"GNU.sparse.realsize": str(10**12)})
    archive = archive_of(tmp_path / "a.tar.gz", member("new/good", size=3), bomb)
    holes = f"1\n{10**12 - 1}\n1\n".encode().ljust(512, b"\0")
    archive.write_bytes(gzip.compress(gzip.decompress(archive.read_bytes()).replace(b"x" * 512, holes)))
    work.mkdir()
    (work / "mine").write_text("before")
    with pytest.raises(room.TooBig, match=r"claim to hold 1\.0 TB or more, as no stored workspace does"):
        unpacking.unpack(archive, work, quiet)
    assert [path.name for path in work.iterdir()] == ["mine"]  # what came before the bomb is taken away again


def test_what_does_not_fit_is_taken_away_again(tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "old").mkdir(parents=True)
    (work / "old" / "mine").write_text("before")
    (work / "old" / "stored").write_text("older")
    os.utime(work / "old" / "stored", (0, 0))
    files = [member(f"new/deep/{number}", size=1000) for number in range(20)]
    archive = archive_of(tmp_path / "a.tar.gz", member("old/stored", size=3), member("old/two", size=3), *files)
    with pytest.raises(room.TooBig):
        unpacking.unpack(archive, work, quiet, room_of(10_000, archive, work))
    assert sorted(str(path.relative_to(work)) for path in work.rglob("*")) == ["old", "old/mine", "old/stored"]
    assert (work / "old" / "stored").read_text() == "xxx"  # whole, as it was stored
    assert unpacking.unpack(archive, work, quiet, room_of(30_000, archive, work)).files == 22


def test_hard_links_count_with_what_they_lead_to(tmp_path: Path) -> None:
    """Each becomes a copy of its own."""
    work = tmp_path / "work"
    work.mkdir()
    links = [member(f"link{number}", tarfile.LNKTYPE, "file") for number in range(30)]
    archive = archive_of(tmp_path / "a.tar.gz", member("file", size=1000), *links)
    with pytest.raises(room.TooBig):
        unpacking.unpack(archive, work, quiet, room_of(10_000, archive, work))
    assert list(work.iterdir()) == []


def test_more_files_than_the_disk_holds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    work.mkdir()
    archive = archive_of(tmp_path / "a.tar.gz", *[member(f"{number}") for number in range(9)])
    limited = room_of(10_000, archive, work)
    monkeypatch.setattr(limited, "_most", 8)
    with pytest.raises(room.TooBig, match="more files than the disk"):
        unpacking.unpack(archive, work, quiet, limited)
    assert list(work.iterdir()) == []


def test_a_name_of_gigabytes_does_not_fill_the_memory(tmp_path: Path) -> None:
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 100 << 20
    archive = tmp_path / "a.tar.gz"
    with gzip.open(archive, "wb", 1) as stream:
        stream.write(name.tobuf(tarfile.GNU_FORMAT))
        for _ in range(100):
            stream.write(bytes(1 << 20))
    with pytest.raises(tarfile.TarError, match="a note of"):
        unpacking.check(archive)


def test_real_disks_say_what_they_have_to_spare(tmp_path: Path) -> None:
    spare = room.spare(tmp_path / "to" / "be" / "made")
    assert 0 < spare < os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    room.need(1, tmp_path)
    with pytest.raises(room.TooBig, match=r"it needs 4611686\.0 TB, and the disk of .* has .* to spare"):
        room.need(1 << 62, tmp_path)


@pytest.mark.parametrize("packer", [bz2.compress, lzma.compress, bytes])
def test_other_packers_are_read_too(tmp_path: Path, packer) -> None:
    archive = archive_of(tmp_path / "a.tar.gz", member("good", size=3))
    archive.write_bytes(packer(gzip.decompress(archive.read_bytes())))
    unpacking.check(archive)
    assert unpacking.unpack(archive, tmp_path / "work", quiet).files == 1
