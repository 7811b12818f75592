"""A folder as one archive: packs what can be packed, and names what can't. ``unpacking`` is the way back.

The archive is the one that clearml-session makes of a workspace: a .tar.gz of the folder's contents. Pure but for the
files; runs on the storing thread. ``Tell`` hears of bytes done and bytes in all, and may raise to stop.
"""

import contextlib
import hashlib
import io
import os
import stat
import tarfile
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple, Set, Tuple

Tell = Callable[[int, int], None]

IN_MEMORY = 8 * 1024 * 1024  # bytes; a file up to this size that changes while it is read is read again
TRIES = 3
PREVIEW_LINES = 500
LEVEL = 1  # of gzip: three times as fast as 6, a tenth larger

DANGLING = "a link that leads nowhere"
CHANGED = "it changed while it was read; stored as far as it was read"
OURS = "it belongs to SessionDock"
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


def scan(root: Path, without: Tuple[Path, ...]) -> Tuple[List[Entry], List[Named]]:
    """Yield everything below ``root``, links unfollowed, but for the folders ``without``, which belong to
    SessionDock."""
    entries: List[Entry] = []
    named: List[Named] = []
    avoid = {os.path.realpath(str(one)) for one in without}
    real = os.path.realpath(str(root))
    if any(real == one or real.startswith(os.path.join(one, "sessions") + os.sep) for one in avoid):  # it holds keys
        return [], [Named(".", OURS)]
    for entry in _walk(str(root), "", _identities(avoid), named):
        kind = stat.S_IFMT(entry.about.st_mode)
        if kind in SPECIAL:
            named.append(Named(entry.path, SPECIAL[kind]))
        elif kind == stat.S_IFLNK and not os.path.exists(os.path.join(str(root), entry.path)):
            named.append(Named(entry.path, DANGLING))
        else:
            entries.append(entry)
    return entries, named


def _identities(paths: Set[str]) -> Set[Tuple[int, int]]:
    """Return device and number of those that exist: a path of a thousand folders takes long to resolve, each time."""
    identities = set()
    for path in paths:
        with contextlib.suppress(OSError):
            about = os.stat(path)
            identities.add((about.st_dev, about.st_ino))
    return identities


def _walk(root: str, folder: str, avoid: Set[Tuple[int, int]], named: List[Named]) -> Iterator[Entry]:
    """Walk depth first and without recursion: a tree may be deeper than Python's stack."""
    waiting = _inside(root, folder, named)
    while waiting:
        path = waiting.pop()
        try:
            about = os.lstat(os.path.join(root, path))
        except OSError as error:
            named.append(Named(path, reason(error)))
            continue
        is_folder = stat.S_ISDIR(about.st_mode)
        if is_folder and (about.st_dev, about.st_ino) in avoid:
            continue
        yield Entry(path, about)
        if is_folder:
            waiting += _inside(root, path, named)


def _inside(root: str, folder: str, named: List[Named]) -> List[str]:
    """Return the folder's entries, the first one last."""
    try:
        names = sorted(os.listdir(os.path.join(root, folder)), reverse=True)
    except OSError as error:
        named.append(Named(folder or ".", reason(error)))
        return []
    return [os.path.join(folder, name) for name in names]


def reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def told(error: Exception) -> str:
    """Return what went wrong, in words: of the system's errors without their numbers, and with the file."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return "%s: %s" % (error.filename, reason(error)) if error.filename else reason(error)


def fingerprint(entries: List[Entry]) -> str:
    """Return a mark that changes whenever the folder would be stored differently."""
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
            named.append(Named(entry.path, reason(error)))
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
    """Store the file; return the number of bytes that were stored."""
    try:
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise _Unreadable(reason(error)) from error
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
    """Return the whole of a small file, read until it was not written to meanwhile."""
    about, data = os.fstat(stream.fileno()), b""
    for _ in range(TRIES):
        stream.seek(0)
        try:
            data = stream.read(IN_MEMORY + 1)
        except OSError as error:
            raise _Unreadable(reason(error)) from error
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
        self._stream = stream
        self._left = size
        self._size = size
        self._tell = tell
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
    """Return what ClearML's page shows of the archive; clearml-session writes the same head."""
    more = ["… and %d more files" % (len(lines) - PREVIEW_LINES)] if len(lines) > PREVIEW_LINES else []
    left = ["not stored as it is: %s (%s)" % one for one in named[:PREVIEW_LINES]]
    text = "\n".join(["Archive content %s:" % root, *lines[:PREVIEW_LINES], *more, *left]) + "\n"
    return text.encode("utf-8", "replace").decode("utf-8")


def files_text(count: int) -> str:
    return "1 file" if count == 1 else "%d files" % count


def size_text(size: float) -> str:
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000:
            return "%d bytes" % size if unit == "bytes" else "%.1f %s" % (size, unit)
        size /= 1000
    return "%.1f TB" % size
