"""What every ports.RemoteFiles does: on the fake, and on both SSH servers of the bootstrap."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from desktop_app.adapters.ssh.transfer.files import SshFiles
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Target
from desktop_app.boundary.files import RemoteFiles
from desktop_app.demo.files import FakeFiles, FakeMachine
from desktop_app.domain.files.remote_files import FileKind, Get, MakeFolder, Names, Put, RemoteEntry, Remove, Stat
from desktop_app.domain.problems import AppError, Cancelled
from tests.support.bootstrap_rig import bootstrap_rig
from tests.support.ssh_server import SshServer

pytestmark = pytest.mark.slow
BLOCK = 100_000
ODD = "grüße \n'\"$(x)`\\ 日本"
NO_UTF8 = os.fsdecode(b"caf\xe9")


class World(Protocol):
    """A machine and a way to it. ``folder``: an empty folder there, also seen from here as ``disk``."""

    folder: str
    disk: Path

    def connect(self) -> RemoteFiles: ...


class FakeWorld:
    def __init__(self, machine: FakeMachine, folder: str) -> None:
        self.machine, self.folder = machine, folder
        self.disk = machine.root / folder.lstrip("/")

    def connect(self) -> RemoteFiles:
        files = FakeFiles(self.machine)
        files.connect(Target(None, ""), Cancel())
        return files


class SshWorld:
    def __init__(self, target: Target, folder: Path) -> None:
        self.target, self.disk, self.folder = target, folder, str(folder)

    def connect(self) -> RemoteFiles:
        files = SshFiles()
        files.connect(self.target, Cancel(20))
        return files


@pytest.fixture(scope="module", params=["fake", "openssh", "asyncssh"])
def machine(request: pytest.FixtureRequest) -> Iterator[FakeMachine | Target]:
    if request.param == "fake":
        yield FakeMachine()
        return
    with bootstrap_rig() as rig:
        rig.start({"SESSIONDOCK_SSH": request.param}, jupyterlab="False", vscode="False")
        rig.wait_ready()
        yield Target(rig.wait_record(), rig.private_key)


@pytest.fixture
def world(machine: FakeMachine | Target, tmp_path: Path) -> World:
    if isinstance(machine, Target):
        return SshWorld(machine, tmp_path)
    folder = f"/tmp/{secrets.token_hex(4)}"
    (machine.root / folder[1:]).mkdir(parents=True)
    return FakeWorld(machine, folder)


@pytest.fixture
def files(world: World) -> Iterator[RemoteFiles]:
    found = world.connect()
    yield found
    found.disconnect()


def write(files: RemoteFiles, path: str, data: bytes, offset: int = 0) -> list[int]:
    done: list[int] = []
    blocks = (data[at : at + BLOCK] for at in range(0, len(data), BLOCK))
    files.write(path, offset, blocks, done.append, Cancel(30))
    return done


def read(files: RemoteFiles, path: str, offset: int = 0) -> bytes:
    got: list[bytes] = []
    files.read(path, offset, lambda piece: got.append(bytes(piece)), Cancel(30))
    return b"".join(got)


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_what_is_written_is_read(world: World, files: RemoteFiles, size: int) -> None:
    data = os.urandom(size)
    path = f"{world.folder}/file"
    assert sum(write(files, path, data)) == size
    assert (world.disk / "file").read_bytes() == data
    assert read(files, path) == data
    assert read(files, path, size // 2) == data[size // 2 :]
    assert files.digest(path, size, Cancel(10)) == hashlib.sha256(data).hexdigest()


def test_writing_on_keeps_the_beginning_and_drops_the_rest(world: World, files: RemoteFiles) -> None:
    path = f"{world.folder}/file"
    write(files, path, b"x" * 1000)
    write(files, path, b"new", 500)
    assert (world.disk / "file").read_bytes() == b"x" * 500 + b"new"


def test_a_checksum_goes_on_with_the_file(world: World, files: RemoteFiles) -> None:
    path, data = f"{world.folder}/file", os.urandom(300_000)
    write(files, path, data[:100_000])
    assert files.digest(path, 100_000, Cancel(10)) == hashlib.sha256(data[:100_000]).hexdigest()
    write(files, path, data[100_000:], 100_000)
    assert files.digest(path, 300_000, Cancel(10), fresh=False) == hashlib.sha256(data).hexdigest()
    write(files, path, b"y" * 300_000)
    assert files.digest(path, 300_000, Cancel(10)) == hashlib.sha256(b"y" * 300_000).hexdigest()
    assert files.digest(path, 300_001, Cancel(10)) == ""
    assert files.digest(path + "-not-there", 1, Cancel(10)) == ""


@pytest.mark.parametrize("name", [ODD, NO_UTF8, "-rf", " "])
def test_any_name_is_kept(world: World, files: RemoteFiles, name: str) -> None:
    folder = f"{world.folder}/{name}"
    files.make_folder(folder, Cancel(5))
    write(files, f"{folder}/{name}.part", b"content")
    files.finish(f"{folder}/{name}.part", f"{folder}/{name}", 0o640, 1_600_000_000, Cancel(5))
    assert (world.disk / name / name).read_bytes() == b"content"
    (entry,) = files.list(folder, Cancel(5))
    assert (entry.name, entry.kind, entry.size) == (name, FileKind.FILE, 7)
    assert (entry.mode, entry.modified) == (0o640, 1_600_000_000)
    assert files.digest(f"{folder}/{name}", 7, Cancel(5)) == hashlib.sha256(b"content").hexdigest()


def test_finish_replaces_a_file_and_a_link_but_not_what_it_leads_to(world: World, files: RemoteFiles) -> None:
    (world.disk / "old").write_text("old")
    (world.disk / "link").symlink_to("old")
    write(files, f"{world.folder}/part", b"new")
    files.finish(f"{world.folder}/part", f"{world.folder}/link", 0o600, 1, Cancel(5))
    assert (world.disk / "link").read_text() == "new"
    assert (world.disk / "old").read_text() == "old"
    assert not (world.disk / "part").exists()


def test_links_are_seen_and_made(world: World, files: RemoteFiles) -> None:
    (world.disk / "dir").mkdir()
    files.make_link("dir", f"{world.folder}/to-dir", Cancel(5))
    files.make_link("nowhere", f"{world.folder}/dangling", Cancel(5))
    assert (world.disk / "to-dir").readlink() == Path("dir")
    assert files.link_target(f"{world.folder}/dangling", Cancel(5)) == "nowhere"
    kinds = {entry.name: entry.kind for entry in files.list(world.folder, Cancel(5))}
    assert kinds == {"dir": FileKind.FOLDER, "to-dir": FileKind.LINK, "dangling": FileKind.LINK}
    followed = files.stat(f"{world.folder}/to-dir", Cancel(5), follow=True)
    assert followed is not None
    assert followed.kind is FileKind.FOLDER
    assert files.stat(f"{world.folder}/dangling", Cancel(5), follow=True) is None
    assert files.real(f"{world.folder}/to-dir", Cancel(5)).endswith("/dir")


def test_folders_are_made_with_their_parents_once(world: World, files: RemoteFiles) -> None:
    for _ in range(2):
        files.make_folder(f"{world.folder}/a/b/c", Cancel(5))
    assert (world.disk / "a/b/c").is_dir()


def test_special_files_are_told_from_others(world: World, files: RemoteFiles) -> None:
    os.mkfifo(world.disk / "fifo")
    assert [entry.kind for entry in files.list(world.folder, Cancel(5))] == [FileKind.OTHER]


def test_many_small_files_go_there_and_back_at_once(world: World, files: RemoteFiles) -> None:
    data = {f"{world.folder}/{number}": os.urandom(number * 40) for number in range(600)}
    data[f"{world.folder}/large"] = os.urandom(900_000)
    put: list[int] = []
    uploads: Any = [Put(*item) for item in data.items()]
    assert set(files.together(uploads, Cancel(60), put.append)) == {None}
    assert sorted(put) == list(range(len(data)))
    for path, content in data.items():
        assert (world.disk / path.rpartition("/")[2]).read_bytes() == content
    sums = files.ask_digests([(path, len(content)) for path, content in data.items()], Cancel(60))()
    assert sums == tuple(hashlib.sha256(content).hexdigest() for content in data.values())
    got = files.together([Get(path, len(content)) for path, content in data.items()], Cancel(60))
    assert list(got) == list(data.values())
    assert len(files.list(world.folder, Cancel(5))) == len(data)


def test_one_of_many_that_fails_is_told_and_the_others_succeed(world: World, files: RemoteFiles) -> None:
    (world.disk / "there").write_bytes(b"12345")
    missing = f"{world.folder}/nothing"
    for ask in (
        Names(missing),
        Get(missing, 1),
        Put(missing + "/below", b"x"),
        Remove(missing),
        MakeFolder(missing + "/x"),
    ):
        told: list[int] = []
        asks: Any = (Stat(f"{world.folder}/there"), ask, Get(f"{world.folder}/there", 5))
        entry, problem, content = files.together(asks, Cancel(10), told.append)
        assert isinstance(entry, RemoteEntry)
        assert content == b"12345"
        assert isinstance(problem, AppError)
        assert problem.problem.code == "files.missing"
        assert sorted(told) == [0, 2]


@pytest.mark.parametrize("size", [0, 4, 6])
def test_a_file_of_another_size_than_expected_is_not_read(world: World, files: RemoteFiles, size: int) -> None:
    (world.disk / "file").write_bytes(b"12345")
    (problem,) = files.together([Get(f"{world.folder}/file", size)], Cancel(10))
    assert isinstance(problem, AppError)


def test_a_new_folder_is_told_from_an_old_one_and_from_something_else(world: World, files: RemoteFiles) -> None:
    (world.disk / "old").mkdir()
    (world.disk / "file").write_text("")
    (world.disk / "link").symlink_to("old")
    asks = [MakeFolder(f"{world.folder}/{name}") for name in ("new", "old", "file", "link")]
    assert files.together(asks, Cancel(10)) == (True, False, None, None)
    assert (world.disk / "new").is_dir()


def test_names_of_many_bytes_have_checksums_too(world: World, files: RemoteFiles) -> None:
    names = [f"{number:03}" + "\U0001f40d" * 60 for number in range(600)]
    for name in names:
        (world.disk / name).write_bytes(name.encode())
    length = len(names[0].encode())
    sums = files.ask_digests([(f"{world.folder}/{name}", length) for name in names], Cancel(60))()
    assert sums == tuple(hashlib.sha256(name.encode()).hexdigest() for name in names)
    assert files.ask_digests([(f"{world.folder}/nothing", 1), (f"{world.folder}/{names[0]}", 1000)], Cancel(10))() == (
        "",
        "",
    )


def test_a_cancel_is_heard_among_many_and_leaves_the_connection_usable(world: World, files: RemoteFiles) -> None:
    cancel = Cancel(30)
    asks = [Put(f"{world.folder}/{number}", b"x" * 1000) for number in range(500)]
    with pytest.raises(Cancelled):
        files.together(asks, cancel, lambda index: cancel.cancel() if index == 100 else None)
    (world.disk / "there").write_bytes(b"12345")
    assert files.together([Get(f"{world.folder}/there", 5)], Cancel(10)) == (b"12345",)


def test_what_is_not_there_has_its_problem(world: World, files: RemoteFiles) -> None:
    missing = f"{world.folder}/nothing"
    assert files.stat(missing, Cancel(5)) is None
    for ask in (
        lambda: files.list(missing, Cancel(5)),
        lambda: read(files, missing),
        lambda: files.remove(missing, Cancel(5)),
        lambda: write(files, missing + "/below", b"x"),
    ):
        with pytest.raises(AppError) as caught:
            ask()
        assert caught.value.problem.code == "files.missing"


def test_a_cancel_is_heard_in_the_middle(world: World, files: RemoteFiles) -> None:
    cancel = Cancel(30)

    def blocks() -> Iterator[bytes]:
        for number in range(100):
            if number == 50:
                cancel.cancel()
            yield b"x" * BLOCK

    with pytest.raises(Cancelled):
        files.write(f"{world.folder}/file", 0, blocks(), lambda _count: None, cancel)


def test_a_reader_that_gives_up_leaves_the_connection_usable(world: World, files: RemoteFiles) -> None:
    data = os.urandom(3_000_000)
    write(files, f"{world.folder}/file", data)

    def full(_piece: bytes | memoryview) -> None:
        raise BufferError("no space")

    with pytest.raises(BufferError):
        files.read(f"{world.folder}/file", 0, full, Cancel(10))
    assert read(files, f"{world.folder}/file") == data


def test_after_disconnect_everything_is_lost(world: World, files: RemoteFiles) -> None:
    files.disconnect()
    with pytest.raises(AppError) as caught:
        files.list(world.folder, Cancel(5))
    assert caught.value.problem.code == "ssh.lost"


def test_home_is_a_folder(files: RemoteFiles) -> None:
    found = files.stat(files.home(Cancel(5)), Cancel(5), follow=True)
    assert found is not None
    assert found.kind is FileKind.FOLDER


# -- the real one only


def test_a_machine_without_a_control_channel_transfers_unchecked(tmp_path: Path) -> None:
    server = SshServer(tmp_path / "machine", subsystem=False)
    server.start()
    files = SshFiles()
    try:
        files.connect(server.target(), Cancel(20))
        write(files, f"{tmp_path}/file", b"content")
        assert read(files, f"{tmp_path}/file") == b"content"
        assert files.digest(f"{tmp_path}/file", 7, Cancel(5)) == ""
        assert files.home(Cancel(5)).startswith("/")
    finally:
        files.disconnect()
        server.kill()


def test_a_machine_that_goes_away_is_a_lost_connection(tmp_path: Path) -> None:
    server = SshServer(tmp_path / "machine", subsystem=False)
    server.start()
    files = SshFiles()
    try:
        files.connect(server.target(), Cancel(20))

        def blocks() -> Iterator[bytes]:
            for number in range(500):
                if number == 20:
                    server.kill()
                yield b"x" * BLOCK

        with pytest.raises(AppError) as caught:
            files.write(f"{tmp_path}/file", 0, blocks(), lambda _count: None, Cancel(30))
        assert caught.value.problem.code == "ssh.lost"
    finally:
        files.disconnect()
        server.kill()
