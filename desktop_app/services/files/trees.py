"""What there is to transfer: walks a local or a remote folder, without ever following a link out of it. Blocking.

Links that stay inside are kept as links. Dangling ones, those that lead outside, sockets and the like, and what is
unreadable are left out and named.
"""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from desktop_app.domain.problems import AppError
from desktop_app.domain.transfer import Item, ItemKind, Skipped
from desktop_app.ports import Cancel, FileKind, RemoteEntry, RemoteFiles

Skip = Callable[[Skipped], None]

DANGLING = "a link that leads nowhere"
OUTSIDE = "a link that leads out of the folder"
SPECIAL = "neither a file nor a folder"
PER_FILE = frozenset({"files.missing", "files.denied", "files.refused"})  # problems of one file, not of the transfer


def local_items(paths: "list[Path]", skip: Skip, cancel: Cancel) -> Iterator[Item]:
    """The named files and folders (a named link stands for what it leads to) and all that is below them."""
    for path in paths:
        root = Path(os.path.realpath(path))
        name = Path(os.path.abspath(path)).name or root.name
        try:
            yield from _local(_LocalTree(root, skip, cancel), str(root), name)
        except OSError as error:
            skip(Skipped(str(path), reason(error)))


class _LocalTree:
    def __init__(self, root: Path, skip: Skip, cancel: Cancel) -> None:
        self.root, self.skip, self.cancel = str(root), skip, cancel

    def link(self, source: str) -> str | None:
        """Where the link leads, from its own folder; None after naming one that is left out."""
        target = os.path.realpath(source)
        if not os.path.exists(target):
            self.skip(Skipped(source, DANGLING))
            return None
        if os.path.commonpath([target, self.root]) != self.root:
            self.skip(Skipped(source, OUTSIDE))
            return None
        return os.path.relpath(target, os.path.dirname(source)).replace(os.sep, "/")


def _local(tree: _LocalTree, source: str, path: str) -> Iterator[Item]:
    tree.cancel.check()
    about = os.lstat(source)
    if stat.S_ISLNK(about.st_mode):
        link = tree.link(source)
        if link is not None:
            yield Item(ItemKind.LINK, source, path, link=link)
    elif stat.S_ISDIR(about.st_mode):
        names = sorted(os.listdir(source))
        yield Item(ItemKind.FOLDER, source, path, mode=stat.S_IMODE(about.st_mode))
        for name in names:
            yield from _guarded(tree, os.path.join(source, name), f"{path}/{name}")
    elif stat.S_ISREG(about.st_mode):
        mode = stat.S_IMODE(about.st_mode)
        yield Item(ItemKind.FILE, source, path, about.st_size, mode, int(about.st_mtime))
    else:
        tree.skip(Skipped(source, SPECIAL))


def _guarded(tree: _LocalTree, source: str, path: str) -> Iterator[Item]:
    try:
        yield from _local(tree, source, path)
    except OSError as error:
        tree.skip(Skipped(source, reason(error)))


def reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


# -- the remote side


def remote_items(files: RemoteFiles, paths: "list[str]", skip: Skip, cancel: Cancel) -> Iterator[Item]:
    """The same for paths on the session's machine."""
    for path in paths:
        try:
            root = files.real(path, cancel)
            entry = files.stat(root, cancel)
        except AppError as error:
            _tolerate(error, path, skip)
            continue
        if entry is None:
            skip(Skipped(path, "it does not exist"))
        else:
            typed = PurePosixPath(path).name
            name = (typed if typed != ".." else "") or PurePosixPath(root).name or "root"
            yield from _RemoteTree(files, root, skip, cancel).items(root, name, entry)


class _RemoteTree:
    def __init__(self, files: RemoteFiles, root: str, skip: Skip, cancel: Cancel) -> None:
        self._files, self._root, self._skip, self._cancel = files, root.rstrip("/"), skip, cancel

    def items(self, source: str, path: str, entry: RemoteEntry) -> Iterator[Item]:
        self._cancel.check()
        if entry.kind is FileKind.FILE:
            yield Item(ItemKind.FILE, source, path, entry.size, entry.mode, entry.modified)
        elif entry.kind is FileKind.LINK:
            yield from self._link(source, path)
        elif entry.kind is FileKind.FOLDER:
            yield from self._folder(source, path, entry)
        else:
            self._skip(Skipped(source, SPECIAL))

    def _folder(self, source: str, path: str, entry: RemoteEntry) -> Iterator[Item]:
        try:
            inside = sorted(self._files.list(source, self._cancel), key=lambda one: one.name)
        except AppError as error:
            _tolerate(error, source, self._skip)
            return
        yield Item(ItemKind.FOLDER, source, path, mode=entry.mode)
        for one in inside:
            yield from self.items(f"{source.rstrip('/')}/{one.name}", f"{path}/{one.name}", one)

    def _link(self, source: str, path: str) -> Iterator[Item]:
        try:
            target = self._files.real(source, self._cancel)
            there = self._files.stat(source, self._cancel, follow=True)
        except AppError as error:
            _tolerate(error, source, self._skip)
            return
        if there is None:
            self._skip(Skipped(source, DANGLING))
        elif ".." in PurePosixPath(target).parts or not f"{target}/".startswith(self._root + "/"):
            self._skip(Skipped(source, OUTSIDE))
        else:
            yield Item(ItemKind.LINK, source, path, link=_relative(target, source))


def _relative(target: str, source: str) -> str:
    here, there = PurePosixPath(source).parent.parts, PurePosixPath(target).parts
    common = 0
    while common < min(len(here), len(there)) and here[common] == there[common]:
        common += 1
    return "/".join([*[".."] * (len(here) - common), *there[common:]]) or "."


def _tolerate(error: AppError, path: str, skip: Skip) -> None:
    """A problem of this one file is named; any other one is raised again."""
    if error.problem.code not in PER_FILE:
        raise error
    skip(Skipped(path, error.problem.title.lower() + f" ({error.problem.cause})" * bool(error.problem.cause)))
