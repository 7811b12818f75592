"""How each question of ``RemoteFiles.together`` is put to an SFTP server: domain.remote_files -> steps. Pure."""

import stat
from collections.abc import Callable
from typing import Any, TypeVar

from desktop_app.adapters.ssh.transfer import steps
from desktop_app.adapters.ssh.transfer.steps import Step
from desktop_app.adapters.ssh.transfer.wire import Attributes, SftpError
from desktop_app.domain.files.remote_files import (
    Ask,
    FileKind,
    Finish,
    Get,
    MakeFolder,
    MakeLink,
    Names,
    Put,
    Real,
    RemoteEntry,
    Remove,
    Stat,
)

T = TypeVar("T")

_KINDS = {stat.S_IFREG: FileKind.FILE, stat.S_IFDIR: FileKind.FOLDER, stat.S_IFLNK: FileKind.LINK}


def asking(ask: Ask[T], block: int, at_once: bool) -> Step[T]:
    """Return the steps of one request. ``block``: bytes that one message may carry; ``at_once``: the server renames
    over what is there.

    mypy does not conclude from the kind of ``ask`` what T is.
    """
    if isinstance(ask, Put):
        return steps.put(ask.path, ask.data, block)  # type: ignore[return-value]  # a Put is an Ask of what this gives
    if isinstance(ask, Get):
        return steps.get(ask.path, ask.size, block)  # type: ignore[return-value]  # as above
    if isinstance(ask, Finish):
        return steps.put_in_place(  # type: ignore[return-value]  # as above
            ask.part, ask.path, ask.mode, ask.modified, at_once
        )
    found: Step[T] = _OTHERS[type(ask)](ask)
    return found


def _stat(ask: Stat) -> Step[RemoteEntry | None]:
    about = yield from steps.stat(ask.path, follow=ask.follow)
    return None if about is None else _entry(ask.path.rpartition("/")[2], about)


def _names(ask: Names) -> Step[tuple[RemoteEntry, ...]]:
    found = yield from steps.names(ask.path)
    return tuple(_entry(name, about) for name, about in found)


def _folder(ask: MakeFolder) -> Step[bool | None]:
    try:
        yield from steps.make_folder(ask.path)
        return True
    except SftpError:
        there = yield from steps.stat(ask.path)
        if there is None:
            raise
        return False if stat.S_ISDIR(max(0, there.mode)) else None


_OTHERS: dict[type, Callable[[Any], Step[Any]]] = {
    Stat: _stat,
    Names: _names,
    Real: lambda ask: steps.real(ask.path),
    MakeFolder: _folder,
    MakeLink: lambda ask: steps.make_link(ask.target, ask.path),
    Remove: lambda ask: steps.remove(ask.path),
}


def _entry(name: str, about: Attributes) -> RemoteEntry:
    kind = _KINDS.get(about.kind, FileKind.OTHER)
    return RemoteEntry(name, kind, max(0, about.size), max(0, about.mode) & 0o7777, about.modified)
