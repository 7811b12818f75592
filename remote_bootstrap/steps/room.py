"""How much a restored workspace may take of a disk, no matter what its archive claims.

Any member of a ClearML workspace can replace an artifact: an archive of a few bytes may claim terabytes.
Any thread; state is one restoring's.
"""

import os
from pathlib import Path
from typing import Callable

from remote_bootstrap.steps.snapshot import size_text

RESERVE, SHARE = 1 << 30, 100  # bytes that stay free: a gigabyte, or a hundredth of a smaller disk
# One byte of gzip's, which all our archives and clearml-session's are, holds 1,032 bytes at most. What claims more is
# sparse or packed by other means, on purpose.
RATIO = 1100
SMALL = 64 << 20  # bytes; no ratio makes this dangerous
MOST_ENTRIES = 2_000_000  # what is known of each lies in memory, about a kilobyte
UNKNOWN = 1 << 62


class TooBig(Exception):
    """The archive's files don't fit; one sentence for users."""


def spare(folder: Path) -> int:
    """Return bytes that can still be written to the disk of that folder. Some network disks don't say."""
    about = _disk(folder)
    size, free = about.f_blocks * about.f_frsize, about.f_bavail * about.f_frsize
    return max(0, free - min(RESERVE, size // SHARE)) if size else UNKNOWN


def _disk(folder: Path) -> os.statvfs_result:
    """Return the disk of a folder that may have to be made first."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.statvfs(str(folder))


def need(size: int, folder: Path) -> None:
    """Check the room. Raises TooBig unless ``size`` bytes can be written there."""
    left = spare(folder)
    if size > left:
        raise TooBig("it needs %s, and the disk of %s has %s to spare" % (size_text(size), folder, size_text(left)))


class Room:
    """What one archive of ``packed`` bytes may put into ``folder``."""

    def __init__(
        self,
        folder: Path,
        packed: int,
        check: Callable[[int, Path], None] = need,
        disk: Callable[[Path], os.statvfs_result] = _disk,
    ) -> None:
        self._folder = folder
        self._packed = packed
        self._check = check
        self._claimed = self._entries = 0
        about = disk(folder)
        self._most = MOST_ENTRIES
        if about.f_files:  # the disk says how many files it can hold
            self._most = min(self._most, max(0, about.f_favail - about.f_files // SHARE))

    def enter(self) -> None:
        """Count one more file, folder or link that is to come."""
        self._entries += 1
        if self._entries > self._most:
            if not self._most:
                raise TooBig("the disk of %s can hold no more files" % self._folder)
            raise TooBig("it holds more than %d files, and there is no room for more" % self._most)

    def claim(self, size: int) -> None:
        """Count a file of that many bytes, holes included, that is to be written."""
        self._claimed += size
        if self._claimed > max(SMALL, RATIO * self._packed):
            about = (size_text(self._packed), size_text(self._claimed))
            raise TooBig("its %s claim to hold %s or more, as no stored workspace does" % about)
        self._check(size, self._folder)
