"""A machine that sends more than it listed, and lists without an end: bounded, said, and cancelled when asked."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.demo.files import FakeFiles, FakeMachine
from desktop_app.domain.files.remote_files import FileKind, Names, RemoteEntry
from desktop_app.domain.files.transfer import Item, ItemKind, Skipped
from desktop_app.domain.problems import AppError, Cancelled
from desktop_app.services.files import copy, trees
from desktop_app.services.files.copy import GROWTH, Blocked
from desktop_app.services.files.downloader import Downloader
from desktop_app.services.files.run import Meter, Run

BLOCK = bytes(1_000_000)


class Endless(FakeFiles):
    """Lists in every folder what ``inside`` says, and sends blocks for ever."""

    def __init__(self, inside: Callable[[str], tuple[RemoteEntry, ...]] = lambda _folder: ()) -> None:
        super().__init__(FakeMachine())
        self._inside = inside
        self.sent = self.listed = 0
        self.on_list: Callable[[], None] = lambda: None

    def real(self, path: str, cancel: Cancel) -> str:
        return path

    def stat(self, path: str, cancel: Cancel, *, follow: bool = False) -> RemoteEntry | None:
        return folder("x")

    def together(self, asks: Any, cancel: Cancel, done: Any = lambda _index: None) -> Any:
        cancel.check()
        found = []
        for ask in asks:
            assert isinstance(ask, Names) or not asks
            self.listed += 1
            self.on_list()
            found.append(self._inside(ask.path))
        return tuple(found)

    def read(self, path: str, offset: int, sink: Callable[[bytes | memoryview], object], cancel: Cancel) -> None:
        while True:
            cancel.check()
            self.sent += len(BLOCK)
            sink(BLOCK)

    def digest(self, path: str, length: int, cancel: Cancel, *, fresh: bool = True) -> str:
        return ""


def folder(name: str) -> RemoteEntry:
    return RemoteEntry(name, FileKind.FOLDER, 0, stat.S_IFDIR | 0o755, 1)


def walk(files: Endless, cancel: Cancel | None = None) -> tuple[list[Item], list[Skipped]]:
    skipped: list[Skipped] = []
    return list(trees.remote_items(files, ["/x"], skipped.append, cancel or Cancel(60))), skipped


def test_more_than_was_listed_is_not_taken(tmp_path: Path) -> None:
    files = Endless()
    item = Item(ItemKind.FILE, "/x/a", "a", 1000, 0o644, 1)
    with pytest.raises(Blocked, match=r"more than the 1\.0 KB that it had listed"):
        copy.download(files, item, tmp_path / "a", lambda _count: None, Cancel(60))
    assert files.sent <= GROWTH + 2 * len(BLOCK) and list(tmp_path.iterdir()) == []


def test_it_is_named_and_the_transfer_goes_on(tmp_path: Path) -> None:
    run = Run(Meter(lambda _now: None), Cancel(60))
    Downloader(Endless(), run, tmp_path).transfer([Item(ItemKind.FILE, "/x/a", "a", 2_000_000, 0o644, 1)])
    (left,) = run.summary("").skipped
    assert left.path == "/x/a" and "more than the 2.0 MB" in left.why


def test_more_than_the_disk_has_is_not_begun(tmp_path: Path) -> None:
    files = Endless()
    run = Run(Meter(lambda _now: None), Cancel(60))
    with pytest.raises(AppError) as caught:
        Downloader(files, run, tmp_path / "new" / "place").transfer(
            [Item(ItemKind.FILE, "/x/a", "a", 10**18, 0o644, 1)]
        )
    assert caught.value.problem.code == "files.here" and "are needed, and its disk has" in caught.value.problem.detail
    assert files.sent == 0


def test_folders_in_folders_without_an_end_have_one() -> None:
    files = Endless(lambda _folder: (folder("n"),))
    items, skipped = walk(files)
    assert len(items) == files.listed <= trees.LONGEST_PATH // 2
    (left,) = skipped
    assert left.why == trees.TOO_DEEP and len(left.path) < 200


def test_a_deep_tree_of_a_person_is_whole() -> None:
    files = Endless(lambda place: (folder("n"),) if place.count("/") < 1500 else ())
    items, skipped = walk(files)
    assert len(items) == 1500 and skipped == []


def test_listings_without_an_end_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MOST_ITEMS", 5000)
    files = Endless(lambda _folder: tuple(folder(f"n{number}") for number in range(100)))
    with pytest.raises(AppError) as caught:
        walk(files)
    assert caught.value.problem.code == "files.endless" and "5,000" in caught.value.problem.detail


def test_they_can_be_cancelled() -> None:
    cancel = Cancel(60)
    files = Endless(lambda _folder: (folder("n"),))
    files.on_list = lambda: cancel.cancel() if files.listed > 20 else None
    with pytest.raises(Cancelled):
        walk(files, cancel)
    assert files.listed < 30
