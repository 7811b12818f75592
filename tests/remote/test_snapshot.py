"""Packing a folder and restoring it: what is kept, what is named, and that an archive can do no harm."""

import io
import os
import resource
import socket
import sys
import tarfile
from pathlib import Path
from typing import Any, Dict, Set, Tuple  # noqa: UP035  Python 3.8, like the bootstrap itself

import pytest

from remote_bootstrap.machine.folders import write_private
from remote_bootstrap.steps import snapshot, snapshots, unpacking

ODD = "grüße \n'\"日本"
NO_UTF8 = os.fsdecode(b"caf\xe9")


def quiet(_done: int, _total: int) -> None:
    pass


def pack(root: Path, archive: Path, tell=quiet, without: Tuple[Path, ...] = ()) -> snapshot.Packed:  # noqa: UP006
    entries, named = snapshot.scan(root, without)
    return snapshot.pack(root, archive, entries, named, tell)


def names(named) -> Dict[str, str]:  # noqa: UP006
    return {one.path: one.why for one in named}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    (root / "sub" / ODD).mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "sub" / ODD / ODD).write_bytes(b"odd")
    (root / NO_UTF8).write_bytes(b"latin")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("run.sh")
    (root / "outward").symlink_to("/etc")
    return root


@pytest.mark.parity("L3")
def test_one_dangling_link_costs_nobody_the_snapshot(root: Path, tmp_path: Path) -> None:
    (root / "dangling").symlink_to("nowhere")
    os.mkfifo(str(root / "fifo"))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.path.relpath(str(root / "socket")))
    packed = pack(root, tmp_path / "a.tar.gz")
    assert names(packed.named) == {"dangling": snapshot.DANGLING, "fifo": "a pipe", "socket": "a socket"}
    assert "dangling" in packed.preview
    done = unpacking.unpack(tmp_path / "a.tar.gz", tmp_path / "back", quiet)
    assert done.named == ()
    back = tmp_path / "back"
    assert (back / "sub" / ODD / ODD).read_bytes() == b"odd"
    assert (back / NO_UTF8).read_bytes() == b"latin"
    assert (back / "empty").is_dir()
    assert (back / "run.sh").stat().st_mode & 0o777 == 0o755
    assert int((back / "run.sh").stat().st_mtime) == int((root / "run.sh").stat().st_mtime)
    assert os.readlink(str(back / "link")) == "run.sh"
    assert os.readlink(str(back / "outward")) == "/etc"


def test_the_archive_is_one_that_any_tool_unpacks(root: Path, tmp_path: Path) -> None:
    import shutil

    pack(root, tmp_path / "workspace_snapshot.tar.gz")
    shutil.unpack_archive(str(tmp_path / "workspace_snapshot.tar.gz"), str(tmp_path / "back"))
    assert (tmp_path / "back" / "sub" / ODD / ODD).read_bytes() == b"odd"


def test_an_archive_of_clearml_session_is_restored(root: Path, tmp_path: Path) -> None:
    import shutil

    os.link(str(root / "run.sh"), str(root / "hard"))
    made = shutil.make_archive(str(tmp_path / "cli"), "gztar", str(root))
    assert unpacking.unpack(Path(made), tmp_path / "back", quiet).named == ()
    assert (tmp_path / "back" / "hard").read_text() == (tmp_path / "back" / "run.sh").read_text() == "#!/bin/sh\n"


def test_a_file_that_changes_while_it_is_read_is_named(root: Path, tmp_path: Path) -> None:
    big = root / "a-big"
    big.write_bytes(b"x" * (snapshot.IN_MEMORY + 5_000_000))

    def write(done: int, _total: int) -> None:
        if done:
            big.write_bytes(b"y" * 10)

    packed = pack(root, tmp_path / "a.tar.gz", write)
    assert names(packed.named) == {"a-big": snapshot.CHANGED}
    assert unpacking.unpack(tmp_path / "a.tar.gz", tmp_path / "back", quiet).files == packed.files
    assert (tmp_path / "back" / "run.sh").is_file()


def test_a_file_that_vanishes_or_becomes_something_else_is_named(root: Path, tmp_path: Path) -> None:
    entries, named = snapshot.scan(root, ())
    (root / "run.sh").unlink()
    (root / NO_UTF8).unlink()
    os.mkfifo(str(root / NO_UTF8))
    packed = snapshot.pack(root, tmp_path / "a.tar.gz", entries, named, quiet)
    assert set(names(packed.named)) == {"run.sh", NO_UTF8}


def test_what_belongs_to_sessiondock_is_no_part_of_a_workspace(root: Path, tmp_path: Path) -> None:
    own = root / ".sessiondock"
    own.mkdir()
    (own / "host_key").write_text("secret")
    pack(root, tmp_path / "a.tar.gz", without=(own,))
    with tarfile.open(str(tmp_path / "a.tar.gz")) as tar:
        assert not [name for name in tar.getnames() if "sessiondock" in name]


@pytest.mark.parametrize("inside", ["", "sessions/abc/home"])
def test_the_folder_of_sessiondock_is_never_a_workspace(tmp_path: Path, inside: str) -> None:
    base = tmp_path / ".sessiondock"
    (base / "sessions" / "abc" / "home").mkdir(parents=True)
    (base / "sessions" / "abc" / "home" / "clearml.conf").write_text("secret")
    (tmp_path / "link").symlink_to(str(base / inside))
    assert snapshot.scan(tmp_path / "link", (base,)) == ([], [snapshot.Named(".", snapshot.OURS)])


def test_the_fingerprint_changes_with_everything_that_is_stored(root: Path) -> None:
    def mark() -> str:
        return snapshot.fingerprint(snapshot.scan(root, ())[0])

    seen: Set[str] = {mark()}  # noqa: UP006
    assert mark() in seen
    for change in (
        lambda: (root / "new").write_text(""),
        lambda: (root / "new").write_text("x"),
        lambda: (root / "new").chmod(0o700),
        lambda: os.utime(str(root / "new"), (1, 1)),
        lambda: (root / "new").rename(root / "newer"),
        lambda: (root / "empty").rmdir(),
    ):
        change()
        assert mark() not in seen
        seen.add(mark())


def test_newer_files_stay_and_are_named(root: Path, tmp_path: Path) -> None:
    os.utime(str(root / "run.sh"), (1_000_000_000, 1_000_000_000))
    pack(root, tmp_path / "a.tar.gz")
    back = tmp_path / "back"
    back.mkdir()
    (back / "run.sh").write_text("newer")
    done = unpacking.unpack(tmp_path / "a.tar.gz", back, quiet)
    assert (back / "run.sh").read_text() == "newer"
    assert set(names(done.named)) == {"run.sh"}
    assert (back / NO_UTF8).is_file()


def test_nothing_lands_outside_of_the_folder(tmp_path: Path) -> None:
    archive = tmp_path / "evil.tar.gz"
    victim = tmp_path / "victim"
    victim.mkdir()

    def add(tar: tarfile.TarFile, name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        data = b"evil" if kind == tarfile.REGTYPE else b""
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))

    with tarfile.open(str(archive), "w:gz") as tar:
        add(tar, "../victim/one")
        add(tar, str(victim / "two"))
        add(tar, "door", tarfile.SYMTYPE, str(victim))
        add(tar, "door/three")
        add(tar, "a/../../victim/four")
        add(tar, "device", tarfile.CHRTYPE)
        add(tar, "hard", tarfile.LNKTYPE, "../victim/none")
        add(tar, "good")
    done = unpacking.unpack(archive, tmp_path / "work", quiet)
    assert list(victim.iterdir()) == []
    assert (tmp_path / "work" / "good").read_bytes() == b"evil"
    assert len(done.named) >= 5
    (tmp_path / "work2").mkdir()
    (tmp_path / "work2" / "door").symlink_to(str(victim))  # one that lies there already
    unpacking.unpack(archive, tmp_path / "work2", quiet)
    assert list(victim.iterdir()) == []


def archive_of(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(str(path), "w:gz", format=tarfile.PAX_FORMAT) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0, mode: int = 0o644, **pax: Any):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode, info.pax_headers = kind, link, size, mode, pax
    return info


def test_no_link_is_made_by_way_of_another_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    doors = [member("door", tarfile.SYMTYPE, str(victim)), member("door/five", tarfile.SYMTYPE, "/etc/passwd")]
    done = unpacking.unpack(archive_of(tmp_path / "evil.tar.gz", *doors), tmp_path / "work", quiet)
    assert list(victim.iterdir()) == []
    assert names(done.named) == {"door/five": unpacking.OUTSIDE}


def test_no_mode_changes_by_way_of_a_link_and_no_draft_is_written_through_one(tmp_path: Path) -> None:
    victim, work = tmp_path / "victim", tmp_path / "work"
    victim.mkdir(mode=0o700)
    work.mkdir()
    (work / "door").symlink_to(str(victim))
    (tmp_path / "file").write_text("precious")
    (work / f".sd-restore-{os.getpid()}").symlink_to(str(tmp_path / "file"))
    archive = archive_of(tmp_path / "a.tar.gz", member("door", tarfile.DIRTYPE, mode=0o777), member("good", size=3))
    unpacking.unpack(archive, work, quiet)
    assert victim.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "file").read_text() == "precious"
    assert (work / "good").read_bytes() == b"xxx"


@pytest.mark.parametrize("damage", ["cut", "bits", "mtime", "huge mtime"])
def test_a_damaged_archive_is_one_that_cannot_be_read(tmp_path: Path, damage: str) -> None:
    mtime: Any = {"mtime": {"mtime": "nan"}, "huge mtime": {"mtime": "1e300"}}.get(damage, {})
    random = tmp_path / "random"
    random.mkdir()
    (random / "file").write_bytes(os.urandom(200_000))
    archive = tmp_path / "a.tar.gz"
    if mtime:
        archive_of(archive, member("odd", size=3, **mtime))
    else:
        pack(random, archive)
        data = bytearray(archive.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 64] = b"\xff" * 64
        archive.write_bytes(bytes(data) if damage == "bits" else bytes(data[: len(data) // 2]))
    with pytest.raises((tarfile.TarError, OSError)):
        unpacking.check(archive)
        unpacking.unpack(archive, tmp_path / "work", quiet)
    assert not (tmp_path / "work").exists() or not list((tmp_path / "work").iterdir())


def test_names_with_null_bytes_are_named(tmp_path: Path) -> None:
    archive = archive_of(
        tmp_path / "a.tar.gz",
        member("x", size=1, path="nu\0ll"),
        member("y", tarfile.SYMTYPE, "z", linkpath="nu\0ll"),
        member("good", size=3),
    )
    done = unpacking.unpack(archive, tmp_path / "work", quiet)
    assert len(done.named) == 2
    assert (tmp_path / "work" / "good").is_file()


def test_a_full_disk_does_not_pass_for_a_restored_workspace(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "a.tar.gz", member("big", size=400_000), member("good", size=3))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="large"):
            unpacking.unpack(archive, tmp_path / "work", quiet)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "work").exists()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() == 0, reason="root reads everything")
def test_what_is_unreadable_is_named(root: Path, tmp_path: Path) -> None:
    (root / "run.sh").chmod(0)
    (root / "empty").chmod(0)
    try:
        packed = pack(root, tmp_path / "a.tar.gz")
    finally:
        (root / "empty").chmod(0o700)
    assert set(names(packed.named)) == {"run.sh", "empty"}


def test_a_hostile_artifact_is_a_snapshot_without_those_facts() -> None:
    class Server:
        def call(self, _endpoint: str, _body: object) -> Dict[str, object]:  # noqa: UP006
            good = {"key": "workspace", "uri": "http://files/a", "timestamp": 7, "content_size": 3}
            huge = {
                "key": "old_workspace",
                "uri": "b",
                "timestamp": 10**30,
                "content_size": "x",
                "display_data": [1, "ab"],
            }
            return {"tasks": [{"id": "t", "execution": {"artifacts": [huge, None, "x", good]}}]}

    server: Any = Server()
    found = snapshots.of_task(server, "t")
    assert [(one.url, one.timestamp, one.size) for one in found] == [("http://files/a", 7, 3), ("b", 0, 0)]


def test_a_full_disk_leaves_no_half_of_a_private_file(tmp_path: Path) -> None:
    write_private(tmp_path / "clearml.conf", "whole")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="large"):
            write_private(tmp_path / "clearml.conf", "secret" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("clearml.conf", "whole")]


def test_a_full_disk_is_told_in_words(tmp_path: Path) -> None:
    """Not as "[Errno 28] …": the text stands in the window and in the task's log."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "big").write_bytes(os.urandom(1_000_000))
    with pytest.raises(OSError) as full:
        pack(tmp_path / "work", Path("/dev/full"))
    assert snapshot.told(full.value) == "no space left on device"
    with pytest.raises(OSError) as missing:
        pack(tmp_path / "work", tmp_path / "gone" / "a.tar.gz")
    assert snapshot.told(missing.value) == f"{tmp_path}/gone/a.tar.gz: no such file or directory"
    assert snapshot.told(tarfile.ReadError("it is damaged")) == "it is damaged"
