"""The one reader of every file that a user names: requirements, init scripts, profiles, configuration files, keys.

Files are read with a bound, and only where they are files: a device has no end, and a pipe that nobody writes to has no
beginning. Any thread but the window's; blocks.
"""

import os
import re
import stat
from pathlib import Path

from desktop_app.boundary.computer import TextFiles
from desktop_app.domain.launch.chosen_text import MOST_BYTES, UnreadableText, decoded
from desktop_app.domain.problems import failure
from desktop_app.private_files import write_private

_HANDED_OVER = re.compile(r"/(proc/[^/]+|dev)/fd/[^/]+")  # a shell's <(command), and standard input


class ChosenFiles(TextFiles):
    """Files on this computer's disks."""

    def read(self, path: str | os.PathLike[str], most: int = MOST_BYTES) -> str:
        return read_chosen(path, most)

    def exists(self, path: str | os.PathLike[str]) -> bool:
        return os.path.lexists(_expanded(path))

    def write(self, path: Path, text: str, *, make_folder: bool = False) -> Path:
        path = Path(_expanded(path))
        try:
            if make_folder:
                path.parent.mkdir(parents=True, exist_ok=True)
            write_private(path, text)
        except OSError as error:
            raise failure("file.unwritable", path=path, why=error.strerror or str(error)) from None
        except UnicodeEncodeError:
            raise failure("file.unwritable", path=path, why="it would hold a name that is not UTF-8") from None
        return path


def _expanded(path: str | os.PathLike[str]) -> str:
    return os.path.expanduser(path)  # noqa: PTH111  pathlib raises for unknown users


def read_chosen(path: str | os.PathLike[str], most: int = MOST_BYTES, *, lenient: bool = False) -> str:
    """Return the text of a file of at most ``most`` bytes, with plain line feeds. ``lenient``: odd bytes don't matter.

    Blocks. Raises UnreadableText.
    """
    return decoded(read_bytes(path, most), lenient=lenient)


def read_bytes(path: str | os.PathLike[str], most: int = MOST_BYTES) -> bytes:
    """Return the content of a file of at most ``most`` bytes, text or not. Blocks. Raises UnreadableText."""
    name = _expanded(path)
    try:
        handle = os.open(name, _flags(name))
        try:
            return _content(handle, name, most)
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise UnreadableText((getattr(error, "strerror", None) or str(error)).lower()) from None


def check_chosen(path: str | os.PathLike[str], most: int = MOST_BYTES) -> None:
    """Check, for libraries that open files themselves, that it is a regular file of 1 to ``most`` bytes. Files of /proc
    say that they have none, and some of them never end. Blocks. Raises UnreadableText."""
    try:
        found = os.stat(_expanded(path))  # noqa: PTH116
    except (OSError, ValueError) as error:
        raise UnreadableText((getattr(error, "strerror", None) or str(error)).lower()) from None
    if stat.S_ISDIR(found.st_mode):
        raise UnreadableText("it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableText("it is not a regular file")
    if not found.st_size:
        raise UnreadableText("it is empty")
    if found.st_size > most:
        raise UnreadableText(_too_large(most))


def _too_large(most: int) -> str:
    return f"it is larger than {most / 1e6:g} MB"


def _flags(name: str) -> int:
    """Return how to open the file: a pipe without a writer must not be waited for."""
    wait = 0 if _is_handed_over(name) else getattr(os, "O_NONBLOCK", 0)
    return os.O_RDONLY | wait | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)


def _is_handed_over(name: str) -> bool:
    return name == "/dev/stdin" or _HANDED_OVER.fullmatch(name) is not None


def _content(handle: int, name: str, most: int) -> bytes:
    found = os.fstat(handle)
    piped = _is_handed_over(name) and (stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode))
    if stat.S_ISDIR(found.st_mode):
        raise UnreadableText("it is a folder")
    if not stat.S_ISREG(found.st_mode) and not piped:
        raise UnreadableText("it is not a regular file")
    content = bytearray()
    while len(content) <= most:
        piece = os.read(handle, min(1 << 16, most + 1 - len(content)))
        if not piece:
            return bytes(content)
        content += piece
    raise UnreadableText(_too_large(most))
