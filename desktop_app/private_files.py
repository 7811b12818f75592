"""The one way in which SessionDock writes a file: whole or not at all, and for its owner only. Any thread; blocks.

Below the packages that write files (adapters, sandbox), because both need it. A file written in place is empty when the
power goes, half there when the disk is full, and another user's when a link was planted where it would be. So the
content goes into a draft of a name that nobody can know, onto the disk, and then in one step to where it belongs. See
docs/decisions/0045-one-memory-one-writer.md.
"""

import contextlib
import errno
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

PRIVATE = 0o600
DRAFT = ".sessiondock-"  # how the names of drafts begin; it tells nothing, so that the longest name has room


def write_private(
    path: Path, content: str | bytes, *, mode: int = PRIVATE, before: Callable[[Path], object] = lambda _draft: None
) -> None:
    """Replace ``path`` in one step; a link there is replaced, not followed. Text is written as UTF-8.

    ``mode`` is what the file gets at the end; until then only its owner can read it. ``before(draft)`` is called just
    before the draft takes its place; what it raises keeps the old file. Raises OSError; the old file is there then.
    """
    data = content.encode() if isinstance(content, str) else content
    if not path.name:  # "/" and "."
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    draft = path.with_name(f"{DRAFT}{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    handle = os.open(draft, flags | getattr(os, "O_BINARY", 0), PRIVATE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # else the new name may reach the disk before the content
        before(draft)
        if mode != PRIVATE:
            draft.chmod(mode)
        draft.replace(path)
    except BaseException:  # a full disk would fill with drafts
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Bring the new name onto the disk, where the system and the file system can; the file is whole without it."""
    if sys.platform == "win32":  # which opens no folders
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
