"""Locks between our processes: an empty file that one of them has locked. Any thread.

The system gives a lock back when its process ends, however that ends. A lock belongs to the file, not to its name, and
a process that removes a lock's file leaves others waiting for a file that has no name any more. So a lock counts only
while its file still has the name; else the next file of that name is tried (docs/decisions/0046-locks-of-our-own.md).
"""

import contextlib
import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

POLL_S = 0.02

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _take(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise  # a file system that locks nothing
        return True


class FileLock:
    """A lock that is held until ``release``, the end of a ``with`` block, or the end of this process."""

    def __init__(self, path: Path, handle: int) -> None:
        self._path = path
        self._handle = handle

    def release(self, *, remove: bool = False) -> None:
        """Give the lock back; ``remove`` its file, too, as nobody will want it soon. Idempotent."""
        handle, self._handle = self._handle, -1
        if handle < 0:
            return
        try:
            # While it is ours: afterwards it may be another's, and so is a new one where something else removed ours.
            if remove and sys.platform != "win32" and _has_name(handle, self._path):
                self._path.unlink(missing_ok=True)
        finally:
            os.close(handle)
        if remove and sys.platform == "win32":  # which removes no open file, thus no other's lock either
            with contextlib.suppress(OSError):
                self._path.unlink()

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock(path: Path, timeout_s: float, check: Callable[[], object] = lambda: None) -> FileLock:
    """Return that lock as soon as no other holds it, another thread of this process included.

    ``check`` is called between tries; what it raises (as ``Cancel.check`` does) ends the waiting. Raises TimeoutError
    after ``timeout_s`` seconds, and other OSErrors where the file can't be opened or locked.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        held = try_lock(path)
        if held is not None:
            return held
        check()
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(errno.ETIMEDOUT, "another program holds it", str(path))
        time.sleep(min(POLL_S, left))


def try_lock(path: Path) -> FileLock | None:
    """Return that lock, None while another holds it; its file is made and becomes young. Raises OSError."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    while True:
        try:
            handle = os.open(path, flags, 0o600)
        except PermissionError:
            if sys.platform == "win32" and path.exists():  # it is being removed
                return None
            raise
        kept = False
        try:
            if not _take(handle):
                return None
            if _has_name(handle, path):
                os.utime(path)
                kept = True
                return FileLock(path, handle)
        finally:
            if not kept:
                os.close(handle)


def _has_name(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
