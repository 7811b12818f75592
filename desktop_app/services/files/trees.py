"""What there is to transfer: walks a local or a remote folder, without ever following a link out of it. Blocking.

Links that stay inside are kept as links. Dangling ones, those that lead outside, sockets and the like, and what is
unreadable are left out and named.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.files import RemoteFiles
from desktop_app.domain.files.remote_files import FileKind, Names, Real, RemoteEntry, Stat
from desktop_app.domain.files.transfer import Item, ItemKind, Skipped, Wanted, readable
from desktop_app.domain.problems import AppError, Problem, failure

Skip = Callable[[Skipped], None]

DANGLING = "a link that leads nowhere"
OUTSIDE = "a link that leads out of the folder"
SPECIAL = "neither a file nor a folder"
MISSING = "there is nothing of that name in the session"
TOO_DEEP = "it is nested deeper than any path can be"
LONGEST_PATH = 4096  # bytes: the longest name that Linux opens
MOST_ITEMS = 2_000_000  # of one download; what is known of each lies in memory
SHOWN = 100  # characters of a name that is left out because it is too long
PER_FILE = frozenset({"files.missing", "files.denied", "files.refused"})  # problems of one file, not of the transfer


def local_items(paths: "list[Path]", skip: Skip, cancel: Cancel) -> Iterator[Item]:
    """Return the named files and folders (a named link stands for what it leads to) and all that is below them."""
    for path in paths:
        root = Path(os.path.realpath(path))
        name = Path(os.path.abspath(path)).name or root.name
        try:
            yield from _local(_LocalTree(root, skip, cancel), str(root), name)
        except OSError as error:
            skip(Skipped(str(path), reason(error)))


class _LocalTree:
    def __init__(self, root: Path, skip: Skip, cancel: Cancel) -> None:
        self.root = str(root)
        self.skip = skip
        self.cancel = cancel

    def link(self, source: str) -> str | None:
        """Return where the link leads, from its own folder; None after naming one that is left out."""
        target = os.path.realpath(source)
        if not os.path.exists(target):
            self.skip(Skipped(source, DANGLING))
            return None
        if os.path.commonpath([target, self.root]) != self.root:
            self.skip(Skipped(source, OUTSIDE))
            return None
        return os.path.relpath(target, os.path.dirname(source)).replace(os.sep, "/")


def _local(tree: _LocalTree, source: str, path: str) -> Iterator[Item]:
    """Walk depth first and without recursion: a tree may be deeper than Python's stack."""
    waiting = [(source, path)]
    while waiting:
        tree.cancel.check()
        source, path = waiting.pop()
        try:
            item = _local_item(tree, source, path)
            below = sorted(os.listdir(source), reverse=True) if item and item.kind is ItemKind.FOLDER else ()
        except OSError as error:
            if source == tree.root:
                raise
            tree.skip(Skipped(source, reason(error)))
            continue
        if item is not None:
            yield item
        waiting += [(os.path.join(source, name), f"{path}/{name}") for name in below]


def _local_item(tree: _LocalTree, source: str, path: str) -> Item | None:
    """Return the item, None after naming what is left out."""
    about = os.lstat(source)
    mode = stat.S_IMODE(about.st_mode)
    if stat.S_ISLNK(about.st_mode):
        link = tree.link(source)
        return Item(ItemKind.LINK, source, path, link=link) if link is not None else None
    if stat.S_ISDIR(about.st_mode):
        return Item(ItemKind.FOLDER, source, path, mode=mode)
    if stat.S_ISREG(about.st_mode):
        return Item(ItemKind.FILE, source, path, about.st_size, mode, int(about.st_mtime))
    tree.skip(Skipped(source, SPECIAL))
    return None


def changed(wanted: Iterable[Wanted]) -> tuple[str, ...]:
    """Return files that are no longer what they were when they were chosen."""
    found = []
    for one in wanted:
        with suppress(OSError):  # what has vanished is named by whoever wants to read it
            about = os.stat(one.path)
            if one.size >= 0 and (about.st_size, int(about.st_mtime)) != (one.size, one.modified):
                found.append(one.path)
    return tuple(found)


def reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


# -- the remote side


def remote_items(files: RemoteFiles, paths: "list[str]", skip: Skip, cancel: Cancel) -> Iterator[Item]:
    """Return the items of paths on the session's machine, and all that is below them."""
    for path in paths:
        try:
            root = files.real(path, cancel)
            entry = files.stat(root, cancel)
        except AppError as error:
            if error.problem.code == "files.missing":
                skip(Skipped(path, _missing(path)))
            else:
                _tolerate(error, path, skip)
            continue
        if entry is None:
            skip(Skipped(path, _missing(path)))
        else:
            typed = PurePosixPath(path).name
            name = (typed if typed != ".." else "") or PurePosixPath(root).name or "root"
            yield from _RemoteTree(files, root, skip, cancel).items(root, name, entry)


class _RemoteTree:
    """Level by level: all folders of a level are listed at once, and all links looked up at once. A machine that means
    harm could go on listing for ever: what is nested deeper than any path can be is left out, and too much of it ends
    the transfer before anything is copied."""

    def __init__(self, files: RemoteFiles, root: str, skip: Skip, cancel: Cancel) -> None:
        self._files = files
        self._root = root.rstrip("/")
        self._skip = skip
        self._cancel = cancel
        self._folders: list[_Found] = []  # of the next level
        self._links: list[_Found] = []
        self._count = 0

    def items(self, source: str, path: str, entry: RemoteEntry) -> Iterator[Item]:
        yield from self._sort(_Found(source, path, entry))
        while self._folders:
            self._cancel.check()
            level, self._folders = self._folders, []
            listed = self._files.together([Names(one.source) for one in level], self._cancel)
            for folder, inside in zip(level, listed, strict=True):
                yield from self._folder(folder, inside)
        yield from self._linked()

    def _sort(self, one: "_Found") -> Iterator[Item]:
        if one.entry.kind is FileKind.FILE:
            yield Item(ItemKind.FILE, one.source, one.path, one.entry.size, one.entry.mode, one.entry.modified)
        elif one.entry.kind is FileKind.LINK:
            self._links.append(one)
        elif one.entry.kind is FileKind.FOLDER:
            self._folders.append(one)
        else:
            self._skip(Skipped(one.source, SPECIAL))

    def _folder(self, folder: "_Found", inside: tuple[RemoteEntry, ...] | AppError) -> Iterator[Item]:
        if isinstance(inside, AppError):
            _tolerate(inside, folder.source, self._skip)
            return
        yield Item(ItemKind.FOLDER, folder.source, folder.path, mode=folder.entry.mode)
        self._count += len(inside)
        if self._count > MOST_ITEMS:
            raise failure("files.endless", path=self._root, most=f"{MOST_ITEMS:,}")
        for one in sorted(inside, key=lambda one: one.name):
            source = f"{folder.source.rstrip('/')}/{one.name}"
            if len(os.fsencode(source)) > LONGEST_PATH:
                self._skip(Skipped(readable(source[:SHOWN]) + "…", TOO_DEEP))
            else:
                yield from self._sort(_Found(source, f"{folder.path}/{one.name}", one))

    def _linked(self) -> Iterator[Item]:
        targets = self._files.together([Real(one.source) for one in self._links], self._cancel)
        there = self._files.together([Stat(one.source, follow=True) for one in self._links], self._cancel)
        for link, target, entry in zip(self._links, targets, there, strict=True):
            error = next((found for found in (target, entry) if isinstance(found, AppError)), None)
            if error is not None:
                _tolerate(error, link.source, self._skip)
            elif entry is None:
                self._skip(Skipped(link.source, DANGLING))
            elif ".." in PurePosixPath(str(target)).parts or not f"{target}/".startswith(self._root + "/"):
                self._skip(Skipped(link.source, OUTSIDE))
            else:
                yield Item(ItemKind.LINK, link.source, link.path, link=_relative(str(target), link.source))


def _missing(path: str) -> str:
    return f"{MISSING}, and patterns are not expanded there" if set(path) & set("*?[") else MISSING


@dataclass(frozen=True, slots=True)
class _Found:
    """``source``: where it is; ``path``: where it goes to."""

    source: str
    path: str
    entry: RemoteEntry


def _relative(target: str, source: str) -> str:
    here, there = PurePosixPath(source).parent.parts, PurePosixPath(target).parts
    common = 0
    while common < min(len(here), len(there)) and here[common] == there[common]:
        common += 1
    return "/".join([*[".."] * (len(here) - common), *there[common:]]) or "."


def _tolerate(error: AppError, path: str, skip: Skip) -> None:
    """Name a problem of this one file; raise any other one again."""
    if error.problem.code not in PER_FILE:
        raise error
    skip(Skipped(path, told(error.problem)))


def told(found: Problem) -> str:
    """Return why one file was left out, with the reason that the machine gave."""
    return found.title[:1].lower() + found.title[1:] + f" ({found.cause})" * bool(found.cause)
