"""What a transfer of files is: its parts, its progress, its outcome. Frozen data and pure functions; any thread."""

import hashlib
from dataclasses import dataclass, field
from enum import Enum

SESSION_FILES = "session-files"  # in the remote home; where uploads go unless another folder is given


class ItemKind(Enum):
    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to transfer. ``path`` is relative to the target folder, with slashes; ``source`` is absolute."""

    kind: ItemKind
    source: str
    path: str
    size: int = 0
    mode: int = 0
    modified: int = 0
    link: str = ""  # where a link leads, relative to its own folder


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file or folder of this computer that will be uploaded later. Of a file: what it was when it was chosen; -1
    where that is unknown."""

    path: str
    size: int = -1
    modified: int = -1


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was left out, and why in words."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Progress:
    """``waiting`` says what it waits for, "" while bytes move. Totals grow while folders are read."""

    files: int = 0
    files_total: int = 0
    size: int = 0
    size_total: int = 0
    current: str = ""
    waiting: str = ""

    @property
    def percent(self) -> int:
        if self.size_total:
            return min(100, 100 * self.size // self.size_total)
        return 100 if self.files_total and self.files >= self.files_total else 0


@dataclass(frozen=True, slots=True)
class Summary:
    """How a transfer ended well. ``checked``: every file's checksum was compared on both sides."""

    to: str
    files: int = 0
    unchanged: int = 0  # were there already, with the same size and time
    size: int = 0
    checked: bool = True
    skipped: tuple[Skipped, ...] = field(default_factory=tuple)


def part_name(name: str) -> str:
    """Return what a file is called until it is complete: the same each time, so that the next try finds it."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    return f".sd-{digest[:16]}.part"


def readable(path: str) -> str:
    """Return a path as one printable line, no matter which bytes it has."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def size_text(size: float) -> str:
    if size == 1:
        return "1 byte"
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
