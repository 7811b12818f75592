"""Archives that claim more than a disk or a memory can take, and what is left where they do. See test_snapshot."""

import bz2
import gzip
import lzma
import os
import tarfile
from pathlib import Path
from typing import Any

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
    sparse: Any = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "bomb"}
    bomb = member("x", size=512, path="bomb", **{**sparse, "GNU.sparse.realsize": str(10**12)})
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


def test_links_that_become_copies_count(tmp_path: Path) -> None:
    """Where an older file lies in a link's place, it gets the content: the two need not have been one here."""
    work = tmp_path / "work"
    work.mkdir()
    names = [f"link{number}" for number in range(30)]
    for name in names:
        (work / name).touch()
        os.utime(work / name, (0, 0))
    links = [member(name, tarfile.LNKTYPE, "file") for name in names]
    archive = archive_of(tmp_path / "a.tar.gz", member("file", size=1000), *links)
    with pytest.raises(room.TooBig):
        unpacking.unpack(archive, work, quiet, room_of(10_000, archive, work))
    assert not (work / "file").exists()


def test_hard_links_are_one_file_again_and_take_no_room(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    links = [member(f"deep/link{number}", tarfile.LNKTYPE, "file") for number in range(30)]
    archive = archive_of(tmp_path / "a.tar.gz", member("file", size=1000), *links)
    done = unpacking.unpack(archive, work, quiet, room_of(10_000, archive, work))
    assert (done.files, done.named) == (31, ())
    assert (work / "file").stat().st_nlink == 31


def test_a_chain_of_hard_links_is_followed_without_end(tmp_path: Path) -> None:
    """tarfile calls itself for each link of a chain, and gives up at a thousand with a RecursionError."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "0").write_text("mine, and newer than what is stored")
    chain = [member(str(number), tarfile.LNKTYPE, str(number - 1)) for number in range(1, 1500)]
    archive = archive_of(tmp_path / "a.tar.gz", member("0", size=3), *chain)
    done = unpacking.unpack(archive, work, quiet)
    assert [one.path for one in done.named] == ["0"]  # kept
    assert (work / "1499").read_text() == (work / "1").read_text() == "xxx"


def test_notes_upon_notes_are_damage(tmp_path: Path) -> None:
    note = tarfile.TarInfo("././@LongLink")
    note.type, note.size = tarfile.GNUTYPE_LONGNAME, 1
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(gzip.compress((note.tobuf(tarfile.GNU_FORMAT) + b"x".ljust(512, b"\0")) * 3000))
    with pytest.raises(tarfile.ReadError, match="it is damaged"):
        unpacking.check(archive)


def test_what_is_refused_is_named_up_to_a_limit_and_then_counted(tmp_path: Path) -> None:
    strange = [member(str(number), tarfile.FIFOTYPE) for number in range(unpacking.MOST_NAMED + 5)]
    done = unpacking.unpack(archive_of(tmp_path / "a.tar.gz", *strange), tmp_path / "work", quiet)
    assert len(done.named) == unpacking.MOST_NAMED + 1
    assert done.named[-1].path == "5 more"


def test_more_files_than_the_disk_holds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    work.mkdir()
    archive = archive_of(tmp_path / "a.tar.gz", *[member(f"{number}") for number in range(9)])
    limited = room_of(10_000, archive, work)
    monkeypatch.setattr(limited, "_most", 8)
    with pytest.raises(room.TooBig, match="more than 8 files"):
        unpacking.unpack(archive, work, quiet, limited)
    assert list(work.iterdir()) == []


def test_a_disk_without_room_for_another_file_is_said(tmp_path: Path) -> None:
    """Fewer are free than what is kept in reserve: no number of files that it could still hold."""
    blocks, files = (4096, 4096, 10**9, 10**9, 10**9), (1000, 3, 3)
    full = room.Room(tmp_path, 1000, disk=lambda _folder: os.statvfs_result((*blocks, *files, 0, 255)))
    with pytest.raises(room.TooBig, match=f"^the disk of {tmp_path} can hold no more files$"):
        full.enter()


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
