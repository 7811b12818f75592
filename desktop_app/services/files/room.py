"""Whether the disk of a session's machine has room for what is to be uploaded. Blocking; one thread."""

from collections.abc import Sequence

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.files import RemoteFiles
from desktop_app.domain.files.remote_files import FileKind, RemoteEntry, Stat
from desktop_app.domain.files.transfer import Item, part_name, size_text
from desktop_app.domain.problems import AppError, failure

ASKED = 1000  # files whose places are asked for at once


def require(files: RemoteFiles, folder: str, items: Sequence[Item], cancel: Cancel) -> None:
    """Make sure that the disk of ``folder`` takes these files, as far as the machine tells. Problems: files.room"""
    space = files.space(folder, cancel)
    if space is None:
        return
    size, count = sum(item.size for item in items), len(items)
    if size > space.free or (space.files is not None and count > space.files):  # less where a part is there already
        size, count = _missing(files, folder, items, cancel)
    why = ""
    if size > space.free:
        why = f"{size_text(size)} are needed, and its disk has {size_text(space.free)} free"
    elif space.files is not None and count > space.files:
        why = f"{count:,} files are to be written, and its disk can hold {space.files:,} more"
    if why:
        raise failure("files.room", path=folder, why=why)


def _missing(files: RemoteFiles, folder: str, items: Sequence[Item], cancel: Cancel) -> tuple[int, int]:
    """Return the bytes and files that the disk has to find room for, at the least."""
    size = count = 0
    for at in range(0, len(items), ASKED):
        some = items[at : at + ASKED]
        places = [f"{folder}/{item.path}" for item in some]
        there = files.together([Stat(place) for place in places], cancel)
        begun = files.together([Stat(part_path(place)) for place in places], cancel)
        for item, file, part in zip(some, there, begun, strict=True):
            size += max(0, item.size - _size(file) - _size(part))
            count += file is None and part is None
    return size, count


def part_path(target: str) -> str:
    """Return where a file is kept until it is whole."""
    folder, _, name = target.rpartition("/")
    return f"{folder}/{part_name(name)}"


def _size(there: RemoteEntry | AppError | None) -> int:
    return there.size if isinstance(there, RemoteEntry) and there.kind is FileKind.FILE else 0
