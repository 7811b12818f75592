"""Items of a session's machine into a folder of this computer, over one connection. Blocking; one thread."""

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from desktop_app.boundary.files import RemoteFiles
from desktop_app.domain.files.remote_files import Get
from desktop_app.domain.files.transfer import Item, ItemKind, part_name, readable, size_text
from desktop_app.domain.problems import AppError, failure
from desktop_app.services.files import copy
from desktop_app.services.files.copier import Copier, windows
from desktop_app.services.files.copy import Blocked
from desktop_app.services.files.run import Run

HOPELESS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOTDIR)  # the next file would fare no better
NOT_IN_WINDOWS = frozenset('\\:*?"<>|')


class Downloader(Copier):
    """``folder``: the one here."""

    def __init__(self, files: RemoteFiles, run: Run, folder: Path) -> None:
        super().__init__(files, run)
        self._folder = folder

    def transfer(self, items: Sequence[Item]) -> None:
        """Copy the items; nothing is begun that this disk can't take."""
        self.require([item for item in items if item.kind is ItemKind.FILE])
        super().transfer(items)

    def require(self, items: Sequence[Item]) -> None:
        """Make sure that there is room for those files. Problems: files.here"""
        wanted = sum(item.size for item in items)
        disk = _disk(self._folder)
        if wanted > disk.free:  # less will do where a part of it is there already
            wanted = sum(self._missing(item) for item in items)
        if wanted > disk.free:
            why = f"{size_text(wanted)} are needed, and its disk has {size_text(disk.free)} free"
            raise failure("files.here", path=str(self._folder), why=why)

    def _missing(self, item: Item) -> int:
        """Return the bytes of a file that this disk has to find room for, at the least."""
        try:
            target = self._place(item)
        except Blocked:  # it is left out
            return 0
        return max(0, item.size - _size(target) - _size(target.with_name(part_name(target.name))))

    def copy(self, item: Item) -> None:
        target = self._place(item)
        with self._on_disk(target):
            self._copy(item, target)

    @contextmanager
    def _on_disk(self, target: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in HOPELESS:
                raise failure("files.here", path=str(target), why=error.strerror, cause=str(error.errno)) from None
            raise

    def _place(self, item: Item) -> Path:
        names = item.path.split("/")
        if os.name == "nt" and any(set(name) & NOT_IN_WINDOWS for name in names):
            raise Blocked("Windows does not allow that name")
        if any(name in ("", ".", "..") or "\0" in name for name in names):  # whoever sends it means harm
            raise Blocked("no file can have that name")
        return self._folder.joinpath(*names)

    def _copy(self, item: Item, target: Path) -> None:
        if item.kind is ItemKind.FILE:
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh, checked = copy.download(self.files, item, target, self.run.moved, self.cancel)
            self.run.finished(item, fresh=fresh, checked=checked)
        elif item.kind is ItemKind.FOLDER:
            if target.is_symlink() or (target.exists() and not target.is_dir()):
                raise Blocked("something that is not a folder is in the way")
            target.mkdir(parents=True, exist_ok=True)
        else:
            if "\0" in item.link:  # as in _place: no honest file system has one
                raise Blocked("no link can lead there")
            if target.is_symlink():
                target.unlink()
            elif target.exists():
                raise Blocked("something that is not a link is in the way")
            target.symlink_to(item.link)

    # -- small files

    def copy_small(self, items: Sequence[Item]) -> None:
        for window in windows(items):
            self.cancel.check()
            self.run.meter.change(current=readable(window[0].path))
            self._fetch([item for item in window if self._is_wanted(item)])

    def _is_wanted(self, item: Item) -> bool:
        try:
            target = self._place(item)
            copy.check_free(target)
            there = copy.is_there(target, item)
        except (OSError, Blocked):
            self.one(item)  # which says what is wrong
            return False
        if there:
            self.run.moved(item.size)
            self.run.finished(item, fresh=False, checked=True)
        return not there

    def _fetch(self, items: Sequence[Item]) -> None:
        """Read files, while the machine makes their checksums."""
        sums = self.files.ask_digests([(item.source, item.size) for item in items], self.cancel)
        gets = [Get(item.source, item.size) for item in items]
        answers = self.files.together(gets, self.cancel, lambda index: self.run.moved(items[index].size))
        theirs = sums()
        for index, (item, answer) in enumerate(zip(items, answers, strict=True)):
            if isinstance(answer, AppError):
                self.one(item)
            elif theirs is not None and theirs[index] != hashlib.sha256(answer).hexdigest():
                self.run.undone(item.size)
                self.one(item)
            else:
                self._keep(item, answer, checked=theirs is not None)

    def _keep(self, item: Item, data: bytes, *, checked: bool) -> None:
        target = self._place(item)
        part = target.with_name(part_name(target.name))
        try:
            with self._on_disk(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                _write(part, data)
                copy.put_in_place(item, part, target)
        except OSError:
            self.run.undone(item.size)
            self.one(item)  # which says what is wrong
        else:
            self.run.finished(item, fresh=True, checked=checked)


class _Disk(Protocol):
    """What shutil.disk_usage tells."""

    @property
    def free(self) -> int: ...


def _disk(folder: Path) -> _Disk:
    """Return the usage of the disk that will hold the folder."""
    place = folder.resolve()
    while not place.is_dir() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place)


def _size(path: Path) -> int:
    try:
        about = path.lstat()
    except OSError:  # it is not there
        return 0
    return about.st_size if stat.S_ISREG(about.st_mode) else 0


def _write(part: Path, data: bytes) -> None:
    """Write a file, never by way of a link that lies there."""
    try:
        with copy.open_part(part) as stream:
            stream.truncate(0)
            stream.write(data)
    except OSError:  # a piece of it is of no use, and would only keep the disk full
        with suppress(OSError):
            part.unlink()
        raise
