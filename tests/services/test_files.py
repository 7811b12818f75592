"""Transfers over the fake machine: whole trees, resuming, what is left out and that it is named."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.demo.files import FakeFiles, FakeMachine
from desktop_app.domain.files.remote_files import FileKind, RemoteEntry
from desktop_app.domain.files.transfer import Progress, Summary, part_name
from desktop_app.domain.problems import AppError, Cancelled, failure
from desktop_app.domain.sessions.snapshot import SessionId
from tests.fakes.outside import World
from tests.support.core_rig import CoreRig

ODD = "grüße \n'\"$(x) 日本"


class Rig:
    """One session and both disks."""

    def __init__(self, core: CoreRig, session: SessionId, here: Path) -> None:
        self.core, self.session, self.here = core, session, here
        self.machine: FakeMachine = core.world.machine
        self.told: list[Progress] = []

    @property
    def there(self) -> Path:
        return self.machine.home / "session-files"

    def upload(self, *names: str, cancel: Cancel | None = None, to: str = "") -> Summary:
        paths = [self.here / name for name in names]
        return self.core.core.files.upload(self.session, paths, to, self.told.append, cancel or Cancel(20))

    def download(self, *paths: str, to: str = "down", cancel: Cancel | None = None) -> Summary:
        target = self.here / to
        return self.core.core.files.download(self.session, paths, target, self.told.append, cancel or Cancel(20))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with CoreRig(World()) as core:
        yield Rig(core, core.running(), tmp_path)


def make_tree(root: Path) -> None:
    """A folder with everything that is awkward."""
    (root / "sub" / ODD).mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "sub" / ODD / ODD).write_bytes(b"odd")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "inside").symlink_to("sub")
    (root / "sub" / "up").symlink_to("../run.sh")
    (root / "sub" / "absolute").symlink_to(root / "run.sh")
    (root / "dangling").symlink_to("nowhere")
    (root / "outside").symlink_to("/etc/passwd")
    (root / "outside-folder").symlink_to("/etc")
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.path.relpath(root / "socket"))


def check_tree(root: Path) -> None:
    assert (root / "sub" / ODD / ODD).read_bytes() == b"odd"
    assert (root / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (root / "empty").is_dir()
    assert (root / "inside").readlink() == Path("sub")
    for link in ("up", "absolute"):
        assert (root / "sub" / link).readlink() == Path("../run.sh")
    names = {path.name for path in root.rglob("*")}
    assert names == {"sub", ODD, "run.sh", "empty", "inside", "up", "absolute"}


LEFT_OUT = {"dangling", "outside", "outside-folder", "fifo", "socket"}


@pytest.mark.parity("--upload-files")
def test_a_folder_arrives_whole_and_what_is_left_out_is_named(rig: Rig) -> None:
    make_tree(rig.here / "data")
    summary = rig.upload("data")
    check_tree(rig.there / "data")
    assert {one.path.rpartition("/")[2] for one in summary.skipped} == LEFT_OUT
    assert all(one.why for one in summary.skipped)
    assert (summary.files, summary.checked, summary.to) == (2, True, "/home/me/session-files")
    assert rig.told[-1].percent == 100


def test_a_folder_comes_back_whole(rig: Rig) -> None:
    make_tree(rig.there / "data")
    summary = rig.download("session-files/data")
    check_tree(rig.here / "down" / "data")
    assert {one.path.rpartition("/")[2] for one in summary.skipped} == LEFT_OUT


def test_a_named_link_stands_for_what_it_leads_to(rig: Rig) -> None:
    (rig.here / "real").mkdir()
    (rig.here / "real" / "file").write_text("x")
    (rig.here / "link").symlink_to("real")
    rig.upload("link")
    assert (rig.there / "link" / "file").read_text() == "x"


def test_a_vanished_file_is_named_and_the_rest_arrives(rig: Rig) -> None:
    folder = rig.here / "data"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / name).write_text(name)

    def vanish(progress: Progress) -> None:
        (folder / "b").unlink(missing_ok=True)

    summary = rig.core.core.files.upload(rig.session, [folder, rig.here / "never"], "", vanish, Cancel(20))
    assert {one.path.rpartition("/")[2] for one in summary.skipped} == {"b", "never"}
    assert (rig.there / "data" / "c").read_text() == "c"


def big(path: Path, size: int = 3_000_000) -> bytes:
    data = os.urandom(size)
    path.write_bytes(data)
    return data


def test_a_broken_connection_is_made_again_and_the_file_goes_on(rig: Rig) -> None:
    data = big(rig.here / "big")
    rig.machine.break_after = 2_000_000
    rig.upload("big")
    assert (rig.there / "big").read_bytes() == data
    assert rig.machine.connects == 2
    assert rig.machine.written < 3_300_000  # it did not begin anew
    assert any(progress.waiting for progress in rig.told)


def test_a_cancelled_upload_goes_on_at_the_next_try(rig: Rig) -> None:
    data = big(rig.here / "big")
    cancel = Cancel(20)
    rig.machine.on_written = lambda total: cancel.cancel() if total > 1_000_000 else None
    with pytest.raises(Cancelled):
        rig.upload("big", cancel=cancel)
    part = rig.there / part_name("big")
    assert 0 < part.stat().st_size < len(data)
    assert not (rig.there / "big").exists()
    rig.machine.written, rig.machine.on_written = 0, lambda _total: None
    rig.upload("big")
    assert (rig.there / "big").read_bytes() == data
    assert rig.machine.written < len(data)
    assert not part.exists()


def test_a_part_that_is_not_the_beginning_of_the_file_is_sent_anew(rig: Rig) -> None:
    data = big(rig.here / "big")
    rig.there.mkdir()
    (rig.there / part_name("big")).write_bytes(b"y" * 1_000_000)
    rig.upload("big")
    assert (rig.there / "big").read_bytes() == data


def test_without_checksums_nothing_is_resumed_and_the_summary_says_so(rig: Rig) -> None:
    data = big(rig.here / "big")
    rig.machine.digests = False
    rig.there.mkdir()
    (rig.there / part_name("big")).write_bytes(data[:1_000_000])
    summary = rig.upload("big")
    assert (rig.there / "big").read_bytes() == data
    assert rig.machine.written == len(data)
    assert not summary.checked


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_a_file_that_arrives_damaged_never_takes_its_place(rig: Rig, size: int) -> None:
    big(rig.here / "big", size)
    rig.machine.flip = True
    summary = rig.upload("big")
    assert [one.path.rpartition("/")[2] for one in summary.skipped] == ["big"]
    assert list(rig.there.iterdir()) == []


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_a_download_that_arrives_damaged_never_takes_its_place(rig: Rig, size: int) -> None:
    rig.there.mkdir()
    big(rig.there / "big", size)
    rig.machine.flip = True
    summary = rig.download("session-files/big")
    assert [one.path.rpartition("/")[2] for one in summary.skipped] == ["big"]
    assert not (rig.here / "down" / "big").exists()


def test_a_download_resumes_too(rig: Rig) -> None:
    rig.there.mkdir()
    data = big(rig.there / "big")
    rig.machine.break_after = 2_000_000
    rig.download("session-files/big")
    assert (rig.here / "down" / "big").read_bytes() == data
    assert [path.name for path in (rig.here / "down").iterdir()] == ["big"]


def test_what_is_there_already_is_not_sent_again(rig: Rig) -> None:
    make_tree(rig.here / "data")
    rig.upload("data")
    rig.machine.written = 0
    summary = rig.upload("data")
    assert (summary.unchanged, rig.machine.written) == (2, 0)
    (rig.here / "data" / "run.sh").write_text("#!/bin/bash\n")
    assert rig.upload("data").unchanged == 1
    assert (rig.there / "data" / "run.sh").read_text() == "#!/bin/bash\n"


def test_nothing_is_written_by_way_of_a_link_or_over_a_folder(rig: Rig) -> None:
    rig.there.mkdir()
    victim = rig.machine.home / "victim"
    victim.mkdir()
    (rig.there / "data").mkdir()
    (rig.there / "data" / "sub").symlink_to(victim)
    (rig.there / "data" / "file").mkdir()
    (rig.here / "data" / "sub").mkdir(parents=True)
    (rig.here / "data" / "sub" / "x").write_text("x")
    (rig.here / "data" / "file").write_text("x")
    summary = rig.upload("data")
    assert list(victim.iterdir()) == []
    assert {one.path.rpartition("/")[2] for one in summary.skipped} == {"sub", "x", "file"}


def test_a_path_that_ends_with_its_parent_lands_in_the_folder_all_the_same(rig: Rig) -> None:
    make_tree(rig.there / "data")
    rig.download("session-files/data/sub/..")
    assert [one.name for one in (rig.here / "down").iterdir()] == ["data"]


def test_a_hostile_machine_makes_nothing_outside_of_the_folder(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers with names and places that no honest file system has."""
    (rig.there / "data").mkdir(parents=True)
    (rig.there / "data" / "link").symlink_to("good")
    (rig.there / "data" / "null link").symlink_to("good")
    (rig.there / "data" / "good").write_text("x")
    honest = FakeFiles.real, FakeFiles.list

    def real(self: FakeFiles, path: str, cancel: Cancel) -> str:
        found = honest[0](self, path, cancel)
        evil = "go\0od" if "null" in path else "../../../../etc"
        return found if "link" not in path else found.replace("good", evil)

    def names(self: FakeFiles, folder: str, cancel: Cancel) -> tuple[RemoteEntry, ...]:
        evil = (RemoteEntry(name, FileKind.FILE, 4) for name in ("nu\0ll", ".."))
        return (*honest[1](self, folder, cancel), *evil)

    monkeypatch.setattr(FakeFiles, "real", real)
    monkeypatch.setattr(FakeFiles, "list", names)
    summary = rig.download("session-files/data")
    assert [one.name for one in (rig.here / "down" / "data").iterdir()] == ["good"]
    assert [one.why for one in summary.skipped].count("no link can lead there") == len(summary.skipped) - 3 == 1


def test_a_full_disk_here_ends_the_download(rig: Rig) -> None:
    rig.there.mkdir()
    (rig.there / "big").write_bytes(b"x" * 100)
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (rig.here / "down").mkdir()
    (rig.here / "down" / "blocker").write_text("")
    with pytest.raises(AppError) as caught:
        rig.download("session-files/big", to="down/blocker/below")
    assert caught.value.problem.code == "files.here"


def many(root: Path, count: int = 1000, size: int = 50) -> dict[str, bytes]:
    """Small files in two folders, and what is in them."""
    found = {}
    for number in range(count):
        path = root / str(number % 2) / f"{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        found[str(path.relative_to(root))] = content = os.urandom(size)
        path.write_bytes(content)
    return found


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_small_files_need_no_round_trip_of_their_own(rig: Rig) -> None:
    data = many(rig.here / "data")
    summary = rig.upload("data")
    assert contents(rig.there / "data") == data
    assert (summary.files, summary.size, summary.checked) == (1000, 50_000, True)
    assert rig.machine.rounds < 30
    assert (rig.told[-1].files, rig.told[-1].percent) == (1000, 100)
    rig.machine.rounds = 0
    assert rig.upload("data").unchanged == 1000
    assert rig.machine.rounds < 15, rig.machine.rounds
    rig.machine.rounds = 0
    assert rig.download("session-files/data").checked
    assert contents(rig.here / "down" / "data") == data
    assert rig.machine.rounds < 30


def test_small_files_go_on_where_a_connection_broke(rig: Rig) -> None:
    data = many(rig.here / "data", size=1000)
    rig.machine.break_after = 600_000
    summary = rig.upload("data")
    assert contents(rig.there / "data") == data
    assert (summary.files, summary.size, rig.machine.connects) == (1000, 1_000_000, 2)
    assert summary.unchanged == 0
    assert rig.machine.written < 1_600_000
    rig.machine.break_after = 600_000
    assert rig.download("session-files/data").size == 1_000_000
    assert contents(rig.here / "down" / "data") == data


def test_of_cancelled_small_files_no_parts_are_left(rig: Rig) -> None:
    data = many(rig.here / "data")
    cancel = Cancel(20)
    rig.machine.on_written = lambda total: cancel.cancel() if total > 30_000 else None
    with pytest.raises(Cancelled):
        rig.upload("data", cancel=cancel)
    there = contents(rig.there / "data")
    assert 0 < len(there) < 1000
    assert there.items() <= data.items()


def test_small_files_that_changed_since_the_folder_was_read_arrive_as_they_are(rig: Rig) -> None:
    many(rig.here / "data", 3)

    def change(_now: Progress) -> None:
        (rig.here / "data" / "0" / "0").write_bytes(b"shorter")
        (rig.here / "data" / "1" / "1").write_bytes(b"x" * 2_000_000)

    rig.core.core.files.upload(rig.session, [rig.here / "data"], "", change, Cancel(20))
    assert contents(rig.there / "data") == contents(rig.here / "data")
    many(rig.there / "more", 3)

    def change_there(_now: Progress) -> None:
        (rig.there / "more" / "0" / "0").write_bytes(b"shorter")
        (rig.there / "more" / "1" / "1").write_bytes(b"x" * 2_000_000)

    down = rig.here / "down"
    summary = rig.core.core.files.download(rig.session, ["session-files/more"], down, change_there, Cancel(20))
    assert contents(down / "more") == contents(rig.there / "more")
    assert summary.checked


def test_a_small_file_that_cannot_be_written_here_is_named(rig: Rig) -> None:
    many(rig.there / "data", 4)
    (rig.here / "down" / "data" / "0" / "2").mkdir(parents=True)
    summary = rig.download("session-files/data")
    assert [(one.path.rpartition("/")[2], one.why) for one in summary.skipped] == [
        ("2", "a folder of that name is in the way")
    ]
    assert summary.files == 3


def test_a_tree_may_be_deeper_than_pythons_stack(rig: Rig) -> None:
    deep = rig.here / "deep"
    deep.joinpath(*["d"] * 480).mkdir(parents=True)
    deep.joinpath(*["d"] * 480, "x").write_text("x")
    rig.upload("deep")
    assert rig.there.joinpath("deep", *["d"] * 480, "x").read_text() == "x"
    rig.download("session-files/deep", to="back")
    assert rig.here.joinpath("back", "deep", *["d"] * 480, "x").read_text() == "x"


def test_a_lasting_problem_is_told_at_once(rig: Rig) -> None:
    rig.machine.connect_errors.append(failure("ssh.auth", address="10.0.0.7"))
    (rig.here / "x").write_text("x")
    with pytest.raises(AppError, match="refused the key"):
        rig.upload("x")
    assert rig.machine.connects == 1


def test_tries_that_move_nothing_come_to_an_end(rig: Rig) -> None:
    rig.machine.connect_errors += [failure("ssh.lost", address="10.0.0.7")] * 100
    (rig.here / "x").write_text("x")
    with pytest.raises(AppError, match="connection was lost"):
        rig.upload("x")


def test_a_session_that_does_not_run_has_no_files(rig: Rig) -> None:
    session = rig.core.launch()
    with pytest.raises(AppError) as caught:
        rig.core.core.files.browse(session, "", Cancel(5))
    assert caught.value.problem.code == "files.ended"


def test_browsing_begins_at_the_session_files_and_shows_folders_first(rig: Rig) -> None:
    names: Callable[[str], list[str]] = lambda folder: [  # noqa: E731
        entry.name for entry in rig.core.core.files.browse(rig.session, folder, Cancel(5)).entries
    ]
    (rig.machine.home / "b.txt").write_text("")
    (rig.machine.home / "zoo").mkdir()
    assert names("") == ["zoo", "b.txt"]
    rig.there.mkdir()
    (rig.there / "mine").write_text("")
    assert names("") == ["mine"]
    assert names("~") == ["session-files", "zoo", "b.txt"]
    assert names("zoo") == []
    with pytest.raises(AppError) as caught:
        names("nothing")
    assert caught.value.problem.code == "files.missing"
