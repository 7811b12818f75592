"""What a session in a container keeps for later ones: each installation as one archive in the agent's cache folder.

clearml-agent mounts a folder of its machine into all its containers. Other tasks of that agent can write there, so
nothing in it is believed: an archive is used only if its SHA-256 is one that the launch brought along
(contract/archive_sums.py), and never where it lies: it is copied into the container, hashed while it is copied, and
the copy is unpacked. If anything is wrong with it, the installation goes its usual way. Installing threads, and one of
our own that writes archives.
"""

import contextlib
import hashlib
import itertools
import os
import secrets
import shutil
import stat
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Callable, Iterator, List, Mapping, Sequence, Tuple

from remote_bootstrap import contract
from remote_bootstrap.contract.archive_sums import PARAM_KEPT, sums_in_task
from remote_bootstrap.environment.install_cache import MARKER, first_executable, keep_by, key_of
from remote_bootstrap.machine import containers, withheld
from remote_bootstrap.machine.folders import CACHE_VARIABLE, PRIVATE
from remote_bootstrap.process import commands
from remote_bootstrap.steps.room import TooBig, need
from remote_bootstrap.task.progress import Progress
from remote_bootstrap.task.settings import Settings
from remote_bootstrap.types import InstallError, Log

AGENT_CACHE = Path("/clearml_agent_cache")  # where clearml-agent mounts it
FOLDER = "sessiondock"
DRAFT = ".new-"
MOST = 3 << 30  # bytes of one archive; code-server's has 0.9
MOST_TOGETHER = 6 << 30  # bytes of all; those that were not used for longest go
MOST_SEEN = 10_000  # files that are looked at there
OLD_DRAFT = 3600.0  # seconds after which a draft is abandoned
# Seconds before each try: tar complains about what changes while it is read, and what has just started writes bytecode.
PAUSES = (0.0, 5.0, 15.0, 60.0)
CHUNK = 1 << 20
PACKED = 20.0  # seconds between the last byte and the end of tar
NICENESS = 10
PAUSE = 2.0  # seconds between two looks whether the session ends
# JupyterLab's kernels don't run in its own environment: no code is completed with these 5,500 small files.
LEFT_OUT = ("./" + MARKER, "./lib/*/site-packages/jedi/third_party")
THEIRS = "%s belongs to another user"
LAB = "jupyterlab-"


class Refused(Exception):
    """An archive can't be used; the text says why."""


def begin(settings: Settings, progress: Progress, log: Log, stop: threading.Event, cache: Path = AGENT_CACHE) -> None:
    """Take what earlier sessions kept and keep what this one installs, from now on. Starts a thread and returns at
    once.

    On a machine of its own, and in a cache that an administrator gave, things stay where they are.
    """
    if not containers.image() or CACHE_VARIABLE in os.environ:
        return
    try:
        if not is_mount(cache):
            raise FileNotFoundError("the agent mounts no cache folder (%s)" % cache)
        keeper = Kept(cache, sums_in_task(settings.raw.get(PARAM_KEPT, "")), log)
    except OSError as error:
        log("What is installed here goes with this container, later sessions install it again: %s" % error)
        return
    keep_by(keeper)
    threading.Thread(target=_seal_when_ready, args=(keeper, progress, stop, log), name="kept", daemon=True).start()


def _seal_when_ready(keeper: "Kept", progress: Progress, stop: threading.Event, log: Log) -> None:
    """Put what was installed into the agent's folder once the session is ready. On a thread of its own."""
    report = progress.current()
    while report.phase != contract.READY:
        if stop.is_set():
            return
        report = progress.newer_than(report.sequence, PAUSE)
    try:
        keeper.seal(progress.sealed, stop)
    except Exception:  # thread boundary: the session does without
        log("What was installed could not be kept: %s" % traceback.format_exc())


def is_mount(folder: Path, table: str = "/proc/self/mountinfo") -> bool:
    try:
        lines = Path(table).read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return False
    return any(len(line.split()) > 4 and line.split()[4] == str(folder) for line in lines)


class Kept:
    """Implements ``install_cache.Keeper``. Raises OSError when the folder is not this user's to write."""

    def __init__(self, cache: Path, sums: Mapping[str, Sequence[str]], log: Log) -> None:
        self._sums = sums
        self._log = log
        self._built: List[Path] = []
        self._lock = threading.Lock()
        self.folder = cache / FOLDER
        self._tar = first_executable("tar")
        if not self._tar:
            raise FileNotFoundError("this image has no tar")
        with self._opened():  # whether it can be
            pass

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        """Open the folder; its path plays no part later. Raises OSError, also for another user's folder."""
        with contextlib.suppress(FileExistsError):
            self.folder.mkdir(mode=PRIVATE)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            handle = os.open(str(self.folder), flags)
        except PermissionError as error:
            raise PermissionError(THEIRS % self.folder) from error
        try:
            if os.fstat(handle).st_uid != os.getuid():
                raise PermissionError(THEIRS % self.folder)
            yield handle
        finally:
            os.close(handle)

    # -- out of it, on an installing thread

    def restore(self, folder: Path) -> bool:
        """Fill ``folder``, which exists and is empty, with what an earlier session made; False: nothing usable."""
        name = name_of(folder)
        for total in self._sums.get(name, ()):
            copy = folder.parent / ("." + name + "-" + total[:12] + ".tar")
            try:
                self._copy(file_name(name, total), total, copy)
                begun = time.monotonic()
                arguments = ["-x", "-o", "-f", str(copy), "-C", str(folder)]
                commands.run([self._tar, *arguments], "it can't be unpacked", cwd=folder)
                self._log("Using %s of an earlier session (unpacked in %.1f s)" % (name, time.monotonic() - begun))
                return True
            except FileNotFoundError:  # another machine's, or it was not used for long
                continue
            except (OSError, Refused, TooBig, InstallError) as error:
                self._log("%s of an earlier session is not used: %s" % (name, error))
                _empty(folder)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    copy.unlink()
        return False

    def _copy(self, name: str, total: str, target: Path) -> None:
        """Copy an archive out of the folder. Raises OSError, Refused and TooBig; ``target`` may be there then."""
        with self._opened() as folder:
            # NONBLOCK: there may be no writer at the other end of a FIFO.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            source = os.open(name, flags, dir_fd=folder)
        try:
            about = os.fstat(source)
            if not stat.S_ISREG(about.st_mode):
                raise Refused("it is no file")
            if about.st_size > MOST:
                raise Refused("it is larger than any of ours")
            need(2 * about.st_size, target.parent)
            with contextlib.suppress(FileNotFoundError):
                target.unlink()
            with os.fdopen(os.open(str(target), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
                copied = _hashed(lambda: os.read(source, CHUNK), copy.write, about.st_size)
            if copied != total:
                raise Refused("it was changed")
            with contextlib.suppress(OSError):  # used just now; another user's file system may not let us say so
                os.utime(source)
        finally:
            os.close(source)

    # -- into it, on our own thread

    def built(self, folder: Path) -> None:
        """Remember that ``folder`` was made in this session. On an installing thread."""
        with self._lock:
            self._built.append(folder)

    def seal(self, tell: Callable[[str, str], None], stop: threading.Event) -> None:
        """Put what was built here into the agent's folder; ``tell(name, sum)`` for each. Takes seconds."""
        with contextlib.suppress(OSError, AttributeError):  # beside what the user does
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        with self._lock:
            waiting, self._built = self._built, []
        for folder in waiting:
            try:
                tell(name_of(folder), self._seal(folder, stop))
            except (OSError, Refused, TooBig) as error:
                if not stop.is_set():
                    self._log("%s is not kept for later sessions: %s" % (folder.name, error))
        with contextlib.suppress(OSError), self._opened() as handle:
            prune(handle)

    def _seal(self, folder: Path, stop: threading.Event) -> str:
        """Keep ``folder`` and return its sum. Raises OSError, Refused, TooBig."""
        why = ""
        for pause in PAUSES:
            stop.wait(pause)
            need(_size(folder), self.folder)
            draft = DRAFT + secrets.token_hex(8)
            with self._opened() as handle:
                try:
                    total, why = self._pack(folder, draft, handle, stop.is_set)
                    if not why:
                        os.rename(draft, file_name(name_of(folder), total), src_dir_fd=handle, dst_dir_fd=handle)
                        return total
                finally:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(draft, dir_fd=handle)
        raise Refused(why)

    def _pack(self, folder: Path, draft: str, handle: int, stopped: Callable[[], bool]) -> Tuple[str, str]:
        """Write the archive; return the sum of what was written (never of what lies there, which others can change),
        and what went wrong."""
        left_out = LEFT_OUT if folder.name.startswith(LAB) else LEFT_OUT[:1]
        excluded = [part for pattern in left_out for part in ("--exclude", pattern)]
        argv = [self._tar, *excluded, "-C", str(folder), "-c", "-f", "-", "."]
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        target = os.fdopen(os.open(draft, flags, 0o600, dir_fd=handle), "wb")
        env = withheld.for_tools(os.environ)
        with target, subprocess.Popen(
            list(commands.launched(argv)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=env, start_new_session=True,
        ) as packing:  # fmt: skip
            assert packing.stdout is not None
            stream = packing.stdout
            try:
                total = _hashed(lambda: b"" if stopped() else stream.read(CHUNK), target.write, MOST)
                if not stopped():  # it has said all, and is about to say how it went
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        packing.wait(PACKED)
            finally:
                packing.kill()
        return total, "the session ends" if stopped() else _told(packing.returncode)


def _told(code: int) -> str:
    return "" if code == 0 else "tar ended with code %d" % code


def name_of(folder: Path) -> str:
    """Return what the archive of ``folder`` is called in reports and launches: its files hold that path, and its
    Python's."""
    return "%s-%s" % (folder.name, key_of(str(folder), os.path.realpath(sys.executable), sys.base_prefix))


def file_name(name: str, total: str) -> str:
    """Return the archive's file name. It holds the sum, so that archives with other sums keep their places."""
    return "%s.%s.tar" % (name, total)


def _hashed(read: Callable[[], bytes], write: Callable[[bytes], int], most: int) -> str:
    """Return the SHA-256 of what went through. Raises OSError, and Refused beyond ``most`` bytes."""
    digest, size = hashlib.sha256(), 0
    for chunk in iter(read, b""):
        size += len(chunk)
        if size > most:
            raise Refused("it has more than %d bytes" % most)
        digest.update(chunk)
        write(chunk)
    return digest.hexdigest()


def _size(folder: Path) -> int:
    """Return the size in bytes, roughly: files may come and go."""
    size = 0
    for top, _folders, files in os.walk(str(folder)):
        for name in files:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(top, name)).st_size + 512  # noqa: PTH118
    return size


def _empty(folder: Path) -> None:
    """Remove what a failed unpacking left."""
    for one in folder.iterdir():
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(str(one), ignore_errors=True)
        else:
            with contextlib.suppress(FileNotFoundError):
                one.unlink()


def prune(handle: int, most: int = MOST_TOGETHER) -> None:
    """Take away what was not used for longest beyond ``most`` bytes, and abandoned drafts."""
    archives: List[Tuple[float, int, str]] = []
    with os.scandir(handle) as entries:
        for entry in itertools.islice(entries, MOST_SEEN):
            with contextlib.suppress(OSError):
                about = entry.stat(follow_symlinks=False)
                if not entry.name.startswith(DRAFT):
                    archives.append((about.st_mtime, about.st_size, entry.name))
                elif time.time() - about.st_mtime > OLD_DRAFT:
                    os.unlink(entry.name, dir_fd=handle)
    together = 0
    for _used, size, name in sorted(archives, reverse=True):
        together += size
        if together > most:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=handle)
