"""The cache of installed applications: built once per machine (or container), used by every session there.

Two sessions that start at the same moment meet at a lock file; an installation that was interrupted has no completion
marker and is built again. Called from the threads that start applications and from ``install`` on the command line.
"""

import contextlib
import hashlib
import os
import platform
import shutil
import sys
import time
from pathlib import Path
from typing import Callable, Iterator, Optional, Protocol, Sequence

from remote_bootstrap.types import Log

MARKER = ".complete"
LOCK_POLL = 0.2  # seconds between two tries for the lock of another session


class Keeper(Protocol):
    """Keeps installations beyond the life of this cache (archives.py)."""

    def restore(self, folder: Path) -> bool:
        """Fill the empty ``folder``; False, and it is empty as before, when there is nothing for it."""

    def built(self, folder: Path) -> None:
        """Remember that ``folder`` was made here just now. Returns at once."""


_keeper: Optional[Keeper] = None  # of this process, which has one cache


def keep_by(keeper: Optional[Keeper]) -> None:
    """Keep installations by ``keeper`` from now on. Call it before the first thread that installs something."""
    global _keeper
    _keeper = keeper


def machine() -> str:
    """Return what compiled files depend on besides the Python version: processor and C library."""
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""  # platform.libc_ver() reads the Python binary, not the machine
    except (AttributeError, ValueError, OSError):
        libc = ""  # musl, macOS
    return (platform.machine() + " " + libc).strip()


def key_of(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()[:12]


def python_tag() -> str:
    return "py%d.%d" % sys.version_info[:2]


@contextlib.contextmanager
def exclusive(lock: Path, log: Log) -> Iterator[None]:
    """Hold ``lock`` against other processes of this machine; released by the kernel when this process dies."""
    import fcntl  # Unix only, and the desktop imports the modules above this one on Windows too

    lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(str(lock), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        waiting = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waiting:
                    log("Waiting for the same installation that is under way already")
                waiting = True
                time.sleep(LOCK_POLL)
        yield
    finally:
        os.close(handle)


def installed(folder: Path) -> bool:
    return (folder / MARKER).is_file()


def build_once(folder: Path, build: Callable[[Path], None], log: Log) -> Path:
    """Return ``folder``, after ``build(folder)`` filled it if no earlier run did.

    Raises what ``build`` raises, with the half-made folder removed.
    """
    if installed(folder):
        return folder
    with exclusive(folder.parent / (folder.name + ".lock"), log):
        if installed(folder):
            return folder
        shutil.rmtree(str(folder), ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        try:
            restored = _keeper is not None and _keeper.restore(folder)
            if not restored:
                build(folder)
        except BaseException:
            shutil.rmtree(str(folder), ignore_errors=True)
            raise
        (folder / MARKER).write_text("")
    if _keeper is not None and not restored:
        _keeper.built(folder)
    return folder


def first_executable(*candidates: Sequence[str]) -> str:
    """Return the first name of ``candidates`` on PATH (or in the sbin folders that a user's PATH lacks), else ""."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    for name in candidates:
        program = shutil.which(str(name), path=path)
        if program:
            return program
    return ""
