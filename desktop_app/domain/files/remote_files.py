"""Files of a session's machine as questions and answers (``ports.RemoteFiles``). Frozen data; any thread."""

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar


class FileKind(Enum):
    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"  # a socket, a pipe, a device


@dataclass(frozen=True, slots=True)
class RemoteEntry:
    """One name in a remote folder, itself and not what it links to. ``modified``: seconds since 1970."""

    name: str
    kind: FileKind
    size: int = 0
    mode: int = 0
    modified: int = 0


@dataclass(frozen=True, slots=True)
class Space:
    """What the disk of a folder can take: bytes, and files, None where it does not count them."""

    free: int
    files: int | None = None
    read_only: bool = False


T = TypeVar("T")


class Ask(Generic[T]):
    """One thing of many that ``RemoteFiles.together`` does; T is its answer."""

    path: str


@dataclass(frozen=True, slots=True)
class Stat(Ask[RemoteEntry | None]):
    """None: nothing of that name."""

    path: str
    follow: bool = False


@dataclass(frozen=True, slots=True)
class Names(Ask[tuple[RemoteEntry, ...]]):
    """What a folder holds."""

    path: str


@dataclass(frozen=True, slots=True)
class Real(Ask[str]):
    """Absolute, with every link followed."""

    path: str


@dataclass(frozen=True, slots=True)
class MakeFolder(Ask[bool | None]):
    """True: made, in a folder that exists. False: it was there. None: something that is no folder is there."""

    path: str


@dataclass(frozen=True, slots=True)
class MakeLink(Ask[None]):
    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Put(Ask[None]):
    """Write a whole small file, in place of what is in it."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Get(Ask[bytes]):
    """Read a whole small file, which is refused unless it has exactly ``size`` bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Finish(Ask[None]):
    """As ``RemoteFiles.finish``; ``path`` is the file's final place."""

    path: str
    part: str
    mode: int
    modified: int


@dataclass(frozen=True, slots=True)
class Remove(Ask[None]):
    path: str
