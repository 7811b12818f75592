"""One file from here to there or back: resumed where an earlier try stopped, checksummed, put in place in one step.

A file grows under a name of its own (``transfer.part_name``). What is there of it from an earlier try counts only if
its checksum says that it is the beginning of the file. The checksum of the other side is made while the bytes travel.
Blocking; ``Follower`` has a thread of its own.
"""

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.files import RemoteFiles
from desktop_app.domain.files.remote_files import FileKind, RemoteEntry, Remove, Stat
from desktop_app.domain.files.transfer import Item, part_name, readable, size_text
from desktop_app.domain.problems import AppError, Cancelled, failure

BLOCK = 255 * 1024  # what one SFTP request carries
RESUMED = 1_000_000  # bytes; a smaller file is sent anew sooner than asked about
GROWTH = 64 * 1024 * 1024  # bytes by which a file may have grown since it was listed: somebody writes a log
FOR_NOTHING = (
    "files.room",
    "files.refused",
    "files.denied",
    "files.damaged",
)  # what arrived would only keep that disk full
TIDY_S = 1.0  # for taking away what a transfer leaves behind
STEP = 32 * 1024 * 1024  # bytes between two checksum requests for a file that is under way


class Hash(Protocol):
    """What hashlib makes."""

    def update(self, data: bytes | memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


class Blocked(Exception):
    """Something that must stay is where the file should go; the text says what."""


class Follower:
    """Has the remote sum a file up while it grows. ``start``: bytes that its last checksum covered."""

    def __init__(self, files: RemoteFiles, path: str, start: int, cancel: Cancel) -> None:
        self._files = files
        self._path = path
        self._cancel = cancel
        self._changed = threading.Condition()
        self._there = self._summed = start
        self._ended = False
        self._error: AppError | Cancelled | None = None
        self._digest = ""
        self._thread: threading.Thread | None = None

    def reached(self, size: int) -> None:
        """Note that the remote file has so many bytes now. Never blocks."""
        with self._changed:
            self._there = size
            if size - self._summed >= STEP and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="transfer-check", daemon=True)
                self._thread.start()
            self._changed.notify()

    def finish(self) -> str:
        """Return the checksum of all that is there, "" when the remote can't tell."""
        self.end()
        if self._error is not None:
            raise self._error
        if not self._digest or self._summed < self._there:
            self._sum_up(self._there)
        return self._digest

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ended or self._there - self._summed >= STEP)
                if self._ended:
                    return
                size = self._there
            try:
                self._sum_up(size)
            except (AppError, Cancelled) as error:
                self._error = error
                return
            if not self._digest:
                return

    def _sum_up(self, size: int) -> None:
        fresh = self._summed == 0
        self._digest = self._files.digest(self._path, size, self._cancel, fresh=fresh)
        self._summed = size


def upload(
    files: RemoteFiles, item: Item, target: str, moved: Callable[[int], None], cancel: Cancel
) -> tuple[bool, bool]:
    """Upload one file; return (it was not there already, its checksum was compared). ``moved`` hears of bytes as they
    arrive.

    Raises OSError for what can't be read here, Blocked, and AppError: files.damaged and what RemoteFiles raises.
    """
    with open_file(item.source) as stream:
        about = os.fstat(stream.fileno())
        folder, _, name = target.rpartition("/")
        part = f"{folder}/{part_name(name)}"
        there, begun = _look(files, target, part, cancel)
        if there is not None and there.kind is not FileKind.FILE and there.kind is not FileKind.LINK:
            raise Blocked("a folder of that name is in the way")
        if there is not None and _same(about, there.size, there.modified, there.kind):
            moved(about.st_size)
            return False, True
        worth = begun.size if begun is not None and about.st_size >= RESUMED else 0
        try:
            checked = _send(files, stream, part, worth, moved, cancel)
            if not checked:
                _require_whole(files, part, stream.tell(), cancel)
        except AppError as error:
            if error.problem.code in FOR_NOTHING:
                discard(files, [part])
            raise
        mode = stat.S_IMODE(item.mode) or 0o644
        files.finish(part, target, mode, int(about.st_mtime), cancel)
        return True, checked


def _require_whole(files: RemoteFiles, part: str, size: int, cancel: Cancel) -> None:
    """Compare the length of what has no checksum: some servers report success when a full disk took only a part.
    Problems: files.damaged"""
    there = files.stat(part, cancel)
    if there is None or there.size != size:
        arrived = size_text(there.size if there is not None else 0)
        raise failure("files.damaged", path=readable(part), cause=f"{arrived} of {size_text(size)} arrived")


def discard(files: RemoteFiles, parts: Sequence[str]) -> None:
    """Take away what was begun there, as far as that can be done soon."""
    with suppress(AppError, Cancelled):
        files.together([Remove(part) for part in parts], Cancel(TIDY_S))


def _same(about: os.stat_result, size: int, modified: int, kind: FileKind) -> bool:
    return kind is FileKind.FILE and about.st_size == size and int(about.st_mtime) == modified


def _look(files: RemoteFiles, target: str, part: str, cancel: Cancel) -> tuple[RemoteEntry | None, RemoteEntry | None]:
    """Return what is in the file's place, and what an earlier try left."""
    there, begun = files.together([Stat(target), Stat(part)], cancel)
    if isinstance(there, AppError):
        raise there
    if isinstance(begun, AppError):
        raise begun
    return there, begun


def _send(
    files: RemoteFiles, stream: BinaryIO, part: str, begun: int, moved: Callable[[int], None], cancel: Cancel
) -> bool:
    """Send the file's contents. ``begun``: bytes of an earlier try that are worth a question."""
    total, start = hashlib.sha256(), 0
    if begun > 0:
        start = _prefix(stream, begun, total, lambda: files.digest(part, begun, cancel), cancel)
        total = total if start else hashlib.sha256()
    stream.seek(start)
    moved(start)
    follower, size = Follower(files, part, start, cancel), start

    def done(count: int) -> None:
        nonlocal size
        size += count
        moved(count)
        follower.reached(size)

    try:
        files.write(part, start, _blocks(stream, total), done, cancel)
        theirs = follower.finish()
    finally:
        follower.end()
    return _compare(total, theirs, part, lambda: files.remove(part, cancel))


def _blocks(stream: BinaryIO, total: Hash) -> Iterator[bytes]:
    while block := stream.read(BLOCK):
        total.update(block)
        yield block


def _prefix(stream: BinaryIO, size: int, total: Hash, theirs: Callable[[], str], cancel: Cancel) -> int:
    """Return ``size`` if the first so many bytes of ``stream`` have the other side's checksum, else 0."""
    left = size
    while left and (block := stream.read(min(1 << 20, left))):
        cancel.check()
        total.update(block)
        left -= len(block)
    return size if not left and total.hexdigest() == theirs() else 0


def _compare(total: Hash, theirs: str, path: str, discard: Callable[[], object]) -> bool:
    """Compare checksums; False where the remote can't tell. Problems: files.damaged"""
    if theirs and theirs != total.hexdigest():
        discard()
        raise failure("files.damaged", path=readable(path), cause="sha256")
    return bool(theirs)


def open_file(path: str) -> BinaryIO:
    """Open a regular file, and not what was put in its place since the folder was read."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(0, "it is not a file any more")
    return os.fdopen(handle, "rb")


# -- the other way


def download(
    files: RemoteFiles, item: Item, target: Path, moved: Callable[[int], None], cancel: Cancel
) -> tuple[bool, bool]:
    """Download one file; returns as ``upload``. Raises OSError for what can't be written here."""
    check_free(target)
    if is_there(target, item):
        moved(item.size)
        return False, True
    part = target.with_name(part_name(target.name))
    try:
        checked = _fetch(files, item, part, moved, cancel)
    except Blocked:  # what came is not the beginning of anything
        part.unlink()
        raise
    except OSError:  # what is there of it would only keep the disk full
        with suppress(OSError):
            part.unlink()
        raise
    put_in_place(item, part, target)
    return True, checked


def check_free(target: Path) -> None:
    """Raise Blocked for a place that can't be taken."""
    if target.is_dir() and not target.is_symlink():
        raise Blocked("a folder of that name is in the way")


def is_there(target: Path, item: Item) -> bool:
    """True if it is there with the same size and time."""
    try:
        about = target.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(about.st_mode) and (about.st_size, int(about.st_mtime)) == (item.size, item.modified)


def put_in_place(item: Item, part: Path, target: Path) -> None:
    os.chmod(part, stat.S_IMODE(item.mode) & 0o777 or 0o644)  # noqa: PTH101  the name may have surrogates
    os.utime(part, (item.modified, item.modified))
    part.replace(target)


def _fetch(files: RemoteFiles, item: Item, part: Path, moved: Callable[[int], None], cancel: Cancel) -> bool:
    total, start = hashlib.sha256(), 0
    with open_part(part) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size:
            start = _prefix(stream, size, total, lambda: files.digest(item.source, size, cancel), cancel)
            total = total if start else hashlib.sha256()
            stream.truncate(start)
        stream.seek(start)
        moved(start)
        follower, got = Follower(files, item.source, start, cancel), start

        most = item.size + GROWTH

        def sink(block: bytes | memoryview) -> None:
            nonlocal got
            if got + len(block) > most:
                raise Blocked(f"the session sent more than the {size_text(item.size)} that it had listed")
            total.update(block)
            stream.write(block)
            got += len(block)
            moved(len(block))
            follower.reached(got)

        try:
            files.read(item.source, start, sink, cancel)
            theirs = follower.finish()
        finally:
            follower.end()
        return _compare(total, theirs, item.source, lambda: stream.truncate(0))


def open_part(part: Path) -> BinaryIO:
    """Open the unfinished file, made if need be; never by way of a link that lies there."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(part, flags, 0o600), "r+b")
