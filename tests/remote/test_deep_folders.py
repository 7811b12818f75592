"""Folders deeper than Python's stack, than files may be open, and than a path may be long."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from remote_bootstrap.machine.folders import clean_opened, open_folder
from remote_bootstrap.steps import snapshot
from remote_bootstrap.steps.unpacking import unpack


def dig(folder: Path, levels: int) -> None:
    """A file at the bottom."""
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=handle)
        below = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Emptied by what is tested: neither pytest nor Python 3.11 can remove such a tree."""
    yield tmp_path
    clear(tmp_path)
    assert not list(tmp_path.iterdir())


def clear(folder: Path) -> None:
    handle = open_folder(folder)
    clean_opened(handle)
    os.close(handle)


@pytest.mark.parametrize("levels", [1200])
def test_a_deep_workspace_is_stored_and_restored(folder: Path, levels: int) -> None:
    for name in ("root", "back"):
        (folder / name).mkdir()
    dig(folder / "root", levels)
    (folder / "root" / "beside").write_text("x")
    entries, named = snapshot.scan(folder / "root", ())
    assert named == [] and len(entries) == levels + 2
    packed = snapshot.pack(folder / "root", folder / "archive", entries, named, lambda _done, _total: None)
    assert (packed.files, packed.named) == (2, ())
    found = unpack(folder / "archive", folder / "back", lambda _done, _total: None)
    assert (found.files, found.named) == (2, ())
    restored, _ = snapshot.scan(folder / "back", ())
    assert [entry.path for entry in restored] == [entry.path for entry in entries]


def test_what_is_too_deep_for_a_path_is_named_and_the_rest_is_stored(folder: Path) -> None:
    (folder / "root").mkdir()
    dig(folder / "root", 2200)
    (folder / "root" / "other").write_text("x")
    entries, named = snapshot.scan(folder / "root", ())
    assert "other" in [entry.path for entry in entries]
    assert [one.why for one in named] == ["file name too long"]


def test_the_order_is_as_before_and_special_folders_are_left_out(folder: Path) -> None:
    for name in ("b/y", "b/x", "a", "c"):
        (folder / "root" / name).mkdir(parents=True)
    (folder / "root" / "b.txt").touch()
    entries, _ = snapshot.scan(folder / "root", (folder / "root" / "c",))
    assert [entry.path for entry in entries] == ["a", "b", "b/x", "b/y", "b.txt"]


def test_a_deep_tree_goes_with_links_left_alone(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "kept").touch()
    (folder / "tree" / "closed").mkdir(parents=True)
    (folder / "tree" / "link").symlink_to(outside)
    (folder / "tree" / "closed" / "file").touch()
    (folder / "tree" / "closed").chmod(0o500)
    (folder / "tree" / "shut" / "below").mkdir(parents=True)
    (folder / "tree" / "shut").chmod(0)
    dig(folder / "tree", 2200)
    clear(folder)
    assert not list(folder.iterdir()) and (outside / "kept").exists()
