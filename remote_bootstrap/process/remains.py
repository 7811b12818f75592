"""What sessions left that were cut off with no process to tidy up (a power failure, a restart of the machine).

A living session holds a lock on a file in its folder. Guardian, worker and janitor share it from before the first fork,
and the kernel frees it with the last of them, however they went; process ids, which come again, play no part. The next
session of the same user on that machine removes the keys and tokens of those that are provably dead, on a thread of its
own. What is doubtful stays: a folder without a lock, one that another machine may use, one whose processes live.
"""

import contextlib
import fcntl
import json
import os
import re
import socket
import stat
import time
from pathlib import Path
from typing import Iterator, List, Optional

from remote_bootstrap.machine.folders import LOGS, clean_opened, open_folder, private, remove
from remote_bootstrap.process import processes
from remote_bootstrap.types import Log

LOCK = "lock"  # in the session's folder
CODE = Path("code", "remote_bootstrap", "__main__.py")  # as the task's script writes it, before anything runs
LOGS_STAY = 30 * 86400.0  # seconds; a user who wants to know why a session ended asks sooner
BEGINS = 120.0  # seconds; the same task may be run again, and its script has written its files and not locked yet

# No other machine can have these mounted. Elsewhere (NFS and the like) the lock alone proves nothing: it may be a lock
# of each machine's own.
LOCAL = {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "jfs", "zfs", "bcachefs", "tmpfs", "ramfs", "overlay", "aufs"}
_TASK = re.compile(r"[0-9a-f]{32}")
_OCTAL = re.compile(r"\\([0-7]{3})")


def hold(session: Path) -> None:
    """Mark the session as alive until this process and its forks have ended. Where files can't be locked, it goes on
    unmarked, and is never taken for dead."""
    with contextlib.suppress(OSError):
        fresh = private(session) / ("%s.new-%d" % (LOCK, os.getpid()))
        handle = os.open(str(fresh), os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)  # open until the end, on purpose
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(handle, json.dumps({"machine": machine()}).encode("ascii"))
            fresh.replace(session / LOCK)  # it is never there without being locked
        except OSError:
            os.close(handle)
            fresh.unlink()
            raise


def sweep(own: Path, log: Log) -> None:
    """Remove the keys and tokens of this user's dead sessions. ``own``: the folder of the session that asks."""
    swept = []
    for session in _others(own):
        try:
            if _sweep_one(session):
                swept.append(session.name)
            _end_logs(session)
        except OSError as error:
            log("what the session %s left could not be removed: %s" % (session.name, error))
    if swept:
        log("removed keys and tokens of sessions that were cut off on this machine: %s" % ", ".join(swept))


def _others(own: Path) -> List[Path]:
    """Yield the folders of this user's other sessions. In a base folder that several users share, those of others
    are left alone."""
    folders = []
    with contextlib.suppress(OSError):
        for path in sorted(own.parent.iterdir()):
            about = path.lstat()
            if stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and _TASK.fullmatch(path.name):
                folders.append(path)
    return [path for path in folders if path.name != own.name]


def _sweep_one(session: Path) -> bool:
    """Empty the folder of a dead session: this very folder, whatever is put in its place meanwhile. In a base folder
    that several users share, those of others are left alone."""
    folder = open_folder(session)
    try:
        if os.fstat(folder).st_uid != os.getuid():
            return False
        with _locked(folder) as handle:
            if handle is None or not _is_dead(session.name, folder, handle):
                return False
            clean_opened(folder)
            return True
    finally:
        os.close(folder)


def _end_logs(session: Path) -> None:
    """Remove the folder of a session of which nothing but old logs is left."""
    folder = open_folder(session)
    try:
        about = os.fstat(folder)
        if about.st_uid != os.getuid() or set(os.listdir(folder)) != {LOGS}:  # noqa: PTH208  by its descriptor
            return
        if time.time() - max(about.st_mtime, os.stat(LOGS, dir_fd=folder).st_mtime) < LOGS_STAY:
            return
        remove(LOGS, folder)
    finally:
        os.close(folder)
    session.rmdir()


@contextlib.contextmanager
def _locked(folder: int) -> Iterator[Optional[int]]:
    """Return the lock of a session that holds it no more; None when it does, or never did."""
    try:
        handle = os.open(LOCK, os.O_RDWR | os.O_NOFOLLOW, dir_fd=folder)
    except OSError:
        yield None
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def _is_dead(task: str, folder: int, handle: int) -> bool:
    """True if the session is dead. Its lock is ours now."""
    if not (filesystem(Path("/proc/self/fd/%d" % folder)) in LOCAL or _is_of_this_machine(handle)):
        return False
    with contextlib.suppress(OSError):
        if time.time() - os.stat(str(CODE), dir_fd=folder).st_mtime < BEGINS:
            return False
    return not processes.marked(processes.SESSION_VARIABLE, task)


def _is_of_this_machine(handle: int) -> bool:
    try:
        noted = json.loads(os.read(handle, 1000))
    except ValueError:
        return False
    here = machine()
    return bool(here) and isinstance(noted, dict) and noted.get("machine") == here


def machine() -> str:
    """Return a name of this machine that is the same after a restart; "" where there is no such name."""
    with contextlib.suppress(OSError):
        name = Path("/etc/machine-id").read_text("ascii", "replace").strip()
        return "%s/%s" % (name, socket.gethostname()) if name else ""
    return ""


def filesystem(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """Return the kind of file system that holds ``path``, as the kernel names it; "" where it doesn't tell
    (proc(5))."""
    real, best, kind = os.path.realpath(str(path)), "", ""
    with contextlib.suppress(OSError):
        for line in mounts.read_text("utf-8", "surrogateescape").splitlines():
            left, _, right = line.partition(" - ")
            words, about = left.split(), right.split()
            if len(words) < 5 or not about:
                continue
            point = _OCTAL.sub(lambda found: chr(int(found.group(1), 8)), words[4])
            inside = real == point or real.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best):  # of two at one place, the later one hides the other
                best, kind = point, about[0]
    return kind
