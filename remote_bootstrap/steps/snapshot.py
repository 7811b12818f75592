"""A folder as one archive and back: packs what can be packed, names what can't, and restores without doing harm.

The archive is the one that clearml-session makes of a workspace: a .tar.gz of the folder's contents. Pure but for the
files; runs on the storing or restoring thread. ``Tell`` hears of bytes done and bytes in all, and may raise to stop.
"""

import contextlib
import errno
import hashlib
import io
import lzma
import os
import stat
import tarfile
import zlib
from pathlib import Path
from typing import IO, Callable, Dict, Iterator, List, NamedTuple, Set, Tuple

Tell = Callable[[int, int], None]

IN_MEMORY = 8 * 1024 * 1024  # bytes; a file up to this size that changes while it is read is read again
TRIES = 3
PREVIEW_LINES = 500
LEVEL = 1  # of gzip: three times as fast as 6, a tenth larger

DANGLING = "a link that leads nowhere"
CHANGED = "it changed while it was read; stored as far as it was read"
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)  # the next file would fare no better
OURS = "it belongs to SessionDock"
OUTSIDE = "it would land outside of the folder"
SPECIAL = {stat.S_IFSOCK: "a socket", stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


class Named(NamedTuple):
    """What was not stored or restored as it is, and why in words."""

    path: str
    why: str


class Entry(NamedTuple):
    path: str  # relative
    about: os.stat_result


class Packed(NamedTuple):
    files: int
    size: int  # of the files
    named: Tuple[Named, ...]
    preview: str


class Unpacked(NamedTuple):
    files: int
    named: Tuple[Named, ...]


def scan(root: Path, without: Tuple[Path, ...]) -> Tuple[List[Entry], List[Named]]:
    """Everything below ``root``, links unfollowed, but for the folders ``without``, which belong to SessionDock."""
    entries: List[Entry] = []
    named: List[Named] = []
    avoid = {os.path.realpath(str(one)) for one in without}
    real = os.path.realpath(str(root))
    if any(real == one or real.startswith(os.path.join(one, "sessions") + os.sep) for one in avoid):  # it holds keys
        return [], [Named(".", OURS)]
    for entry in _walk(str(root), "", avoid, named):
        kind = stat.S_IFMT(entry.about.st_mode)
        if kind in SPECIAL:
            named.append(Named(entry.path, SPECIAL[kind]))
        elif kind == stat.S_IFLNK and not os.path.exists(os.path.join(str(root), entry.path)):
            named.append(Named(entry.path, DANGLING))
        else:
            entries.append(entry)
    return entries, named


def _walk(root: str, folder: str, avoid: Set[str], named: List[Named]) -> Iterator[Entry]:
    try:
        names = sorted(os.listdir(os.path.join(root, folder)))
    except OSError as error:
        named.append(Named(folder or ".", _reason(error)))
        return
    for name in names:
        path = os.path.join(folder, name)
        try:
            about = os.lstat(os.path.join(root, path))
        except OSError as error:
            named.append(Named(path, _reason(error)))
            continue
        is_folder = stat.S_ISDIR(about.st_mode)
        if is_folder and os.path.realpath(os.path.join(root, path)) in avoid:
            continue
        yield Entry(path, about)
        if is_folder:
            yield from _walk(root, path, avoid, named)


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def fingerprint(entries: List[Entry]) -> str:
    """Changes whenever the folder would be stored differently."""
    total = hashlib.sha256()
    for path, about in entries:
        line = "%r %o %d %d\n" % (path, about.st_mode, about.st_size, about.st_mtime_ns)
        if not stat.S_ISDIR(about.st_mode):  # a folder's time changes with what is in it
            total.update(line.encode("utf-8", "surrogateescape"))
        else:
            total.update(("%r/\n" % path).encode("utf-8", "surrogateescape"))
    return total.hexdigest()


# -- packing


def pack(root: Path, archive: Path, entries: List[Entry], named: List[Named], tell: Tell) -> Packed:
    """Write the archive. Raises OSError when it can't be written, and what ``tell`` raises."""
    named = list(named)
    total = sum(entry.about.st_size for entry in entries if stat.S_ISREG(entry.about.st_mode))
    done = files = 0
    lines = []
    with tarfile.open(str(archive), "w:gz", compresslevel=LEVEL, format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            tell(done, total)
            source = os.path.join(str(root), entry.path)
            if not stat.S_ISREG(entry.about.st_mode):
                _add_other(tar, source, entry, named)
                continue
            try:
                stored = _add_file(tar, source, entry.path, named, _from(done, total, tell))
            except _Unreadable as error:
                named.append(Named(entry.path, str(error)))
                continue
            files, done = files + 1, done + stored
            lines.append("%s - %s B" % (entry.path, format(stored, ",")))
    return Packed(files, done, tuple(named), _preview(root, lines, named))


def _from(base: int, total: int, tell: Tell) -> Callable[[int], None]:
    return lambda count: tell(base + count, total)


class _Unreadable(Exception):
    """The file could not be read at all."""


def _add_other(tar: tarfile.TarFile, source: str, entry: Entry, named: List[Named]) -> None:
    info = _info(entry.path, entry.about)
    if stat.S_ISLNK(entry.about.st_mode):
        try:
            info.linkname = os.readlink(source)
        except OSError as error:
            named.append(Named(entry.path, _reason(error)))
            return
        info.type = tarfile.SYMTYPE
    else:
        info.type = tarfile.DIRTYPE
    info.size = 0
    tar.addfile(info)


def _info(path: str, about: os.stat_result) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.mode, info.mtime = stat.S_IMODE(about.st_mode), int(about.st_mtime)
    info.size = about.st_size
    return info


def _add_file(tar: tarfile.TarFile, source: str, path: str, named: List[Named], tell: Callable[[int], None]) -> int:
    """The bytes that were stored."""
    try:
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise _Unreadable(_reason(error)) from error
    with os.fdopen(handle, "rb") as stream:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise _Unreadable("it is no file any more")
        if about.st_size <= IN_MEMORY:
            about, data = _steady(stream, path, named)
            tar.addfile(_info(path, about), io.BytesIO(data))
            return len(data)
        reader = _Padded(stream, about.st_size, tell)
        tar.addfile(_info(path, about), reader)
        if reader.short or _differs(about, os.fstat(handle)):
            named.append(Named(path, CHANGED))
        return about.st_size


def _steady(stream: "io.BufferedReader", path: str, named: List[Named]) -> Tuple[os.stat_result, bytes]:
    """The whole of a small file, read until nobody wrote to it meanwhile."""
    about, data = os.fstat(stream.fileno()), b""
    for _ in range(TRIES):
        stream.seek(0)
        try:
            data = stream.read(IN_MEMORY + 1)
        except OSError as error:
            raise _Unreadable(_reason(error)) from error
        now = os.fstat(stream.fileno())
        if not _differs(about, now) and len(data) == now.st_size:
            return now, data
        about = now
    named.append(Named(path, CHANGED))
    info = list(about)
    info[stat.ST_SIZE] = len(data)
    return os.stat_result(info), data


def _differs(old: os.stat_result, new: os.stat_result) -> bool:
    return (old.st_size, old.st_mtime_ns) != (new.st_size, new.st_mtime_ns)


class _Padded:
    """Exactly ``size`` bytes of a stream: an archive can't take back what it announced."""

    def __init__(self, stream: "io.BufferedReader", size: int, tell: Callable[[int], None]) -> None:
        self._stream, self._left, self._size, self._tell = stream, size, size, tell
        self.short = False

    def read(self, count: int = -1) -> bytes:
        wanted = self._left if count < 0 else min(count, self._left)
        data = b""
        if not self.short:
            with contextlib.suppress(OSError):  # a disk that fails in the middle: the rest counts as missing
                data = self._stream.read(wanted)
        if len(data) < wanted:
            self.short = True
            data += b"\0" * (wanted - len(data))
        self._left -= wanted
        self._tell(self._size - self._left)
        return data


def _preview(root: Path, lines: List[str], named: List[Named]) -> str:
    """What ClearML's page shows of the archive; clearml-session writes the same head."""
    more = ["… and %d more files" % (len(lines) - PREVIEW_LINES)] if len(lines) > PREVIEW_LINES else []
    left = ["not stored as it is: %s (%s)" % one for one in named[:PREVIEW_LINES]]
    text = "\n".join(["Archive content %s:" % root, *lines[:PREVIEW_LINES], *more, *left]) + "\n"
    return text.encode("utf-8", "replace").decode("utf-8")


# -- unpacking


def unpack(archive: Path, root: Path, tell: Tell) -> Unpacked:
    """Put the archive's contents into ``root``. Files there that are newer stay; nothing lands outside.

    Raises tarfile.TarError for an archive that can't be read, OSError for a disk that can't take it (what is there then
    must not pass for the whole), and what ``tell`` raises.
    """
    with _damage_told():
        return _unpack(archive, root, tell)


def check(archive: Path) -> None:
    """Read it all, so that damage shows before a file is in place: for archives without a checksum.

    Raises OSError and tarfile.TarError.
    """
    with _damage_told(), tarfile.open(str(archive), "r:*") as tar:
        for _member in tar:
            pass
        while tar.fileobj.read(1 << 20):  # the packer's own checksum comes last
            pass


@contextlib.contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, ValueError, OverflowError) as error:  # of the libraries, on garbage
        raise tarfile.ReadError("it is damaged: %s" % (str(error) or type(error).__name__)) from error


def _unpack(archive: Path, root: Path, tell: Tell) -> Unpacked:
    named: List[Named] = []
    folders: Dict[str, tarfile.TarInfo] = {}
    links: List[Tuple[str, tarfile.TarInfo]] = []
    files, size = 0, archive.stat().st_size
    with archive.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:*") as tar:
        for member in tar:
            tell(raw.tell(), size)
            path = os.path.normpath(member.name)
            if path == ".":
                continue
            if "\0" in path or os.path.isabs(path) or path.split(os.sep)[0] == ".." or not _safe(root, path):
                named.append(Named(member.name, OUTSIDE))
            elif member.isdir():
                folders[path] = member
                _make_folder(root / path, path, named)
            elif member.issym():
                links.append((path, member))
            elif member.isfile() or member.islnk():
                files += _put(tar, member, root, path, named)
            else:
                named.append(Named(member.name, "neither file, folder nor link"))
    for path, member in links:  # last, so that nothing is written by way of one
        if _safe(root, path):  # asked again: a link of this archive may lie on the way by now
            _link(root / path, path, member.linkname, named)
        else:
            named.append(Named(member.name, OUTSIDE))
    for path, member in folders.items():
        if (root / path).is_symlink() or not _safe(root, path):
            continue
        with contextlib.suppress(OSError):
            os.chmod(str(root / path), member.mode & 0o777 | stat.S_IRWXU)
    return Unpacked(files, tuple(named))


def _safe(root: Path, path: str) -> bool:
    """Whether the folder of that path is really inside, after every link that lies on the way."""
    inside = os.path.realpath(str(root))
    return os.path.commonpath([inside, os.path.realpath(str((root / path).parent))]) == inside


def _tolerate(error: OSError, path: str, named: List[Named]) -> None:
    """Name what went wrong with this one; raise what will go wrong with the next one, too."""
    if error.errno in DISK:
        raise error
    named.append(Named(path, _reason(error)))


def _make_folder(folder: Path, path: str, named: List[Named]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _tolerate(error, path, named)


def _put(tar: tarfile.TarFile, member: tarfile.TarInfo, root: Path, path: str, named: List[Named]) -> int:
    """1 when the file is there now as the archive has it."""
    target = root / path
    try:
        if _is_newer(target, member):
            named.append(Named(path, "kept: the file there is newer than the stored one"))
            return 0
        target.parent.mkdir(parents=True, exist_ok=True)
        source = tar.extractfile(member)
        if source is None:
            named.append(Named(path, "a link to a file that the archive does not have"))
            return 0
        _write(target, source, member)
        return 1
    except OSError as error:
        _tolerate(error, path, named)
    except KeyError:
        named.append(Named(path, "the archive lacks it"))
    return 0


def _is_newer(target: Path, member: tarfile.TarInfo) -> bool:
    try:
        return int(os.lstat(str(target)).st_mtime) > int(member.mtime)
    except FileNotFoundError:
        return False


def _write(target: Path, source: IO[bytes], member: tarfile.TarInfo) -> None:
    draft = target.with_name(".sd-restore-%d" % os.getpid())
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    try:
        # For this user only until its mode is set, and never by way of what lies there under that name.
        with os.fdopen(os.open(str(draft), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            while True:
                block = source.read(1 << 20)
                if not block:
                    break
                stream.write(block)
        os.chmod(str(draft), member.mode & 0o777)
        os.utime(str(draft), (member.mtime, member.mtime))
        draft.replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()


def _link(target: Path, path: str, leads_to: str, named: List[Named]) -> None:
    try:
        if target.is_symlink():
            if os.readlink(str(target)) == leads_to:
                return
            target.unlink()
        elif target.exists():
            named.append(Named(path, "kept: there is something else where the link was"))
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(leads_to)
    except OSError as error:
        _tolerate(error, path, named)
    except ValueError:  # a null byte
        named.append(Named(path, "it leads to no path"))
