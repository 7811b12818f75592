"""An archive back into a folder: restores what can be restored, names what can't, and does no harm meanwhile.

Nothing lands outside of the folder, and no more on the disk than there is ``room`` for; where that does not suffice,
what was written is taken away again. Pure but for the files; runs on the restoring thread.
"""

import bz2
import contextlib
import errno
import gzip
import io
import lzma
import os
import stat
import tarfile
import zlib
from pathlib import Path
from typing import IO, Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from remote_bootstrap.steps.room import Room, TooBig
from remote_bootstrap.steps.snapshot import Named, Tell, reason

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)  # the next file would fare no better
OUTSIDE = "it would land outside of the folder"
BLOCK = 1 << 20
MOST_NAMED = 10000  # what could not be restored as it was; the rest is counted
LONGEST = 16 << 20  # bytes that a name or another note of an archive may have; tarfile reads each at once
# What the libraries raise on garbage. tarfile calls itself for each note that follows a note: RecursionError.
LIBRARIES = (EOFError, zlib.error, lzma.LZMAError, ValueError, OverflowError, RecursionError)
PACKERS: Tuple[Tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.GzipFile),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\0", lzma.LZMAFile),
)


class Unpacked(NamedTuple):
    files: int
    named: Tuple[Named, ...]


def unpack(archive: Path, root: Path, tell: Tell, room: Optional[Room] = None) -> Unpacked:
    """Put the archive's contents into ``root``, which exists. Files there that are newer stay.

    Raises tarfile.TarError for an archive that can't be read, and what ``tell`` raises. TooBig, and OSError for a disk
    that can't take it, leave none of the files behind that were not there before.
    """
    work = _Unpacking(root, room or Room(root, archive.stat().st_size))
    try:
        with _damage_told(), archive.open("rb") as raw, _opened(raw) as tar:
            work.run(tar, raw, archive.stat().st_size, tell)
    except (TooBig, OSError):
        work.undo()
        raise
    return Unpacked(work.files, work.named)


def check(archive: Path) -> None:
    """Read it all, so that damage shows before a file is in place: for archives without a checksum.

    Raises OSError and tarfile.TarError.
    """
    with _damage_told(), archive.open("rb") as raw, _opened(raw) as tar:
        for _member in _members(tar):
            pass
        stream: Any = tar.fileobj
        while stream.read(BLOCK):  # the packer's own checksum comes last
            pass


@contextlib.contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except LIBRARIES as error:
        raise tarfile.ReadError("it is damaged: %s" % (str(error) or type(error).__name__)) from error
    except OSError as error:
        if error.errno is None:  # a packer's, not the system's
            raise tarfile.ReadError("it is damaged: %s" % error) from error
        raise


@contextlib.contextmanager
def _opened(raw: "io.BufferedReader") -> Iterator[tarfile.TarFile]:
    start = raw.read(6)
    raw.seek(0)
    packer = next((packer for magic, packer in PACKERS if start.startswith(magic)), None)
    stream: Any = packer(fileobj=raw, mode="rb") if packer is gzip.GzipFile else packer(raw) if packer else raw
    bounded: Any = _Bounded(stream)
    with tarfile.open(fileobj=bounded, mode="r:") as tar:
        yield tar


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield each member once, and keep none: tarfile itself would hold them all, and millions fit into a small
    archive."""
    kept: List[tarfile.TarInfo] = vars(tar)["members"]
    for member in iter(tar.next, None):
        kept.clear()
        yield member


class _Bounded:
    """A stream that gives no more at once than a sound archive needs: a name of gigabytes would fill the memory."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.seek = stream.seek
        self.tell = stream.tell
        self.seekable = stream.seekable

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LONGEST:
            raise tarfile.ReadError("it is damaged: a note of %d bytes" % size)
        return bytes(self._stream.read(size))


class _Made:
    """What was not there before."""

    def __init__(self) -> None:
        self._files: List[Path] = []
        self._folders: List[Path] = []

    def folder(self, folder: Path) -> None:
        """Make it, with its parents. Raises OSError."""
        missing = []
        while not os.path.lexists(str(folder)):
            missing.append(folder)
            folder = folder.parent
        for one in reversed(missing):
            one.mkdir(exist_ok=True)
            self._folders.append(one)
        folder.mkdir(exist_ok=True)  # complains about what is no folder

    def file(self, path: Path) -> None:
        self._files.append(path)

    def undo(self) -> None:
        for path in self._files:
            with contextlib.suppress(OSError):
                path.unlink()
        for path in reversed(self._folders):
            with contextlib.suppress(OSError):  # another program put something into it
                path.rmdir()


class _Unpacking:
    """One restoring."""

    def __init__(self, root: Path, room: Room) -> None:
        self.files = 0
        self._named: List[Named] = []
        self._unnamed = 0
        self._stored: Dict[
            str, tarfile.TarInfo
        ] = {}  # the files whose content the archive has, also under links' names
        self._written: Set[str] = set()
        self._plain: Set[str] = set()  # see _safe
        self._root = root
        self._room = room
        self._made = _Made()
        self._folders: Dict[str, tarfile.TarInfo] = {}
        self._links: List[Tuple[str, tarfile.TarInfo]] = []

    @property
    def named(self) -> Tuple[Named, ...]:
        more = [Named("%d more" % self._unnamed, "not restored as they were")] if self._unnamed else []
        return (*self._named, *more)

    def _name(self, path: str, why: str) -> None:
        if len(self._named) < MOST_NAMED:
            self._named.append(Named(path, why))
        else:
            self._unnamed += 1

    def undo(self) -> None:
        self._made.undo()

    def run(self, tar: tarfile.TarFile, raw: "io.BufferedReader", size: int, tell: Tell) -> None:
        for member in _members(tar):
            tell(raw.tell(), size)
            path = os.path.normpath(member.name)
            if path != ".":
                self._room.enter()
                self._one(tar, member, path)
        for path, member in self._links:  # last, so that nothing is written by way of one
            self._plain.clear()
            if self._safe(path):  # asked again: a link of this archive may lie on the way by now
                self._link(path, member.linkname)
            else:
                self._name(member.name, OUTSIDE)
        self._plain.clear()
        for path, member in self._folders.items():
            if (self._root / path).is_symlink() or not self._safe(path):
                continue
            with contextlib.suppress(OSError):
                os.chmod(str(self._root / path), member.mode & 0o777 | stat.S_IRWXU)

    def _one(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        if "\0" in path or os.path.isabs(path) or path.split(os.sep)[0] == ".." or not self._safe(path):
            self._name(member.name, OUTSIDE)
        elif member.isdir():
            self._folders[path] = member
            self._folder(path)
        elif member.issym():
            self._links.append((path, member))
        elif member.isfile():
            self._stored[path] = member
            self._file(tar, member, path)
        elif member.islnk():
            self._another_name(tar, member, path)
        else:
            self._name(member.name, "neither file, folder nor link")

    def _safe(self, path: str) -> bool:
        """True if the folder of that path is really inside, after every link that lies on the way.

        Folders without a link on the way are remembered until the first link is made: to resolve each path anew takes
        minutes where a thousand folders lie in each other.
        """
        folder = os.path.dirname(path)
        unknown = []
        while folder and folder not in self._plain:
            unknown.append(folder)
            folder = os.path.dirname(folder)
        for one in reversed(unknown):
            if os.path.islink(str(self._root / one)):
                inside = os.path.realpath(str(self._root))
                return os.path.commonpath([inside, os.path.realpath(str((self._root / path).parent))]) == inside
            self._plain.add(one)
        return True

    def _tolerate(self, error: OSError, path: str) -> None:
        """Note what went wrong with this one; raise what will go wrong with the next one, too."""
        if error.errno is None or error.errno in DISK:
            raise error
        self._name(path, reason(error))

    def _folder(self, path: str) -> None:
        try:
            self._made.folder(self._root / path)
        except OSError as error:
            self._tolerate(error, path)

    def _another_name(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        """Restore a hard link: the same file once more if it was restored, its content if another one stayed in its
        place.

        Never by way of the link before it, as tarfile goes: a chain of a thousand ends that in a RecursionError.
        """
        first = os.path.normpath(member.linkname)
        stored = self._stored.get(first)
        if stored is None:
            self._name(path, "a link to a file that the archive does not have")
            return
        self._stored[path] = stored
        if first not in self._written or not self._safe(first) or not self._linked(first, path):
            self._file(tar, stored, path)

    def _linked(self, first: str, path: str) -> bool:
        """Link the file; True if there is nothing more to do; False where the disk has no hard links."""
        target = self._root / path
        try:
            self._made.folder(target.parent)
            if os.path.lexists(str(target)):
                return False
            os.link(str(self._root / first), str(target), follow_symlinks=False)
        except OSError:
            return False
        self._made.file(target)
        self._written.add(path)
        self.files += 1
        return True

    def _file(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        target = self._root / path
        try:
            if _is_newer(target, member):
                self._name(path, "kept: the file there is newer than the stored one")
                return
            self._made.folder(target.parent)
            source = tar.extractfile(member)
            assert source is not None  # it is a file
            self._room.claim(source.seek(0, os.SEEK_END))  # a link's and a sparse file's real size; reads nothing
            source.seek(0)
            self._write(target, source, member)
            self._written.add(path)
            self.files += 1
        except OSError as error:
            self._tolerate(error, path)

    def _write(self, target: Path, source: IO[bytes], member: tarfile.TarInfo) -> None:
        draft = target.with_name(".sd-restore-%d" % os.getpid())
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        try:
            # For this user only until its mode is set, and never by way of what lies there under that name.
            with os.fdopen(os.open(str(draft), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                for block in iter(lambda: source.read(BLOCK), b""):
                    stream.write(block)
            os.chmod(str(draft), member.mode & 0o777)
            os.utime(str(draft), (member.mtime, member.mtime))
            fresh = not os.path.lexists(str(target))
            draft.replace(target)
            if fresh:
                self._made.file(target)
        finally:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()

    def _link(self, path: str, leads_to: str) -> None:
        target = self._root / path
        try:
            if target.is_symlink():
                if os.readlink(str(target)) == leads_to:
                    return
                target.unlink()
            elif target.exists():
                self._name(path, "kept: there is something else where the link was")
                return
            self._made.folder(target.parent)
            target.symlink_to(leads_to)
            self._made.file(target)
        except OSError as error:
            self._tolerate(error, path)
        except ValueError:  # a null byte
            self._name(path, "it leads to no path")


def _is_newer(target: Path, member: tarfile.TarInfo) -> bool:
    try:
        return int(os.lstat(str(target)).st_mtime) > int(member.mtime)
    except FileNotFoundError:
        return False
