"""Where the bootstrap keeps things: one folder for all, one private folder per session, one shared cache.

Pure path arithmetic plus mkdir; any thread. Nothing outside these folders is written on a machine that isn't ours.
"""

import contextlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Optional

HOME_VARIABLE = "SESSIONDOCK_HOME"
CACHE_VARIABLE = "SESSIONDOCK_CACHE"
PRIVATE = 0o700
LOGS, CODE, WORKSPACE = "logs", "code", "workspace"  # in the session's folder
SOCKET_FOLDER_LIMIT = 50  # bytes; a kernel's socket has a name of 49 more, and an address takes 107


def user_home() -> Path:
    """The user's home; the temporary folder for a user without one (a container run with a bare number)."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(tempfile.gettempdir())


def base_folder() -> Path:
    """``$SESSIONDOCK_HOME``, which the task's script sets; else ``~/.sessiondock``."""
    configured = os.environ.get(HOME_VARIABLE)
    return Path(configured).expanduser() if configured else user_home() / ".sessiondock"


def cache_folder() -> Path:
    """Installed applications, shared by the sessions of one user on one machine: ``$SESSIONDOCK_CACHE``, else
    ``<base>/cache``."""
    configured = os.environ.get(CACHE_VARIABLE)
    return Path(configured).expanduser() if configured else base_folder() / "cache"


def session_folder(task: str) -> Path:
    return base_folder() / "sessions" / task


def socket_folder(task: str) -> Optional[Path]:
    """A session's folder for Unix sockets, whose addresses hold some hundred bytes; not made yet. None: no temporary
    folder has a short enough name."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    for top in (tempfile.gettempdir(), "/tmp"):  # noqa: S108  ``private`` makes it and checks whose it is
        folder = Path(top) / ("sd-%d-%s" % (user, task[:12]))
        if len(os.fsencode(str(folder))) <= SOCKET_FOLDER_LIMIT and os.access(top, os.W_OK):
            return folder
    return None


def private(folder: Path) -> Path:
    """Create ``folder`` (and its parents) for this user only. Raises PermissionError when somebody else owns it."""
    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or (hasattr(os, "getuid") and state.st_uid != os.getuid()):
        raise PermissionError("%s is not a folder of this user" % folder)
    if stat.S_IMODE(state.st_mode) != PRIVATE:
        folder.chmod(PRIVATE)
    return folder


def clean_folder(session: Path, *needed: str) -> None:
    """Remove a session's keys, tokens, code and sockets; its logs stay for whoever wants to know, and ``needed``."""
    try:
        handle = open_folder(session)
    except (FileNotFoundError, NotADirectoryError):
        handle = -1
    try:
        clean_opened(session.name, handle, *needed)
    finally:
        if handle >= 0:
            os.close(handle)


def open_folder(folder: Path) -> int:
    """For the calls that take ``dir_fd``: its path plays no part later. Raises OSError, also for a link."""
    return os.open(str(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def clean_opened(task: str, handle: int, *needed: str) -> None:
    """``clean_folder`` for a folder that is open; -1: there is none. Raises OSError."""
    sockets = socket_folder(task)
    if sockets is not None:
        shutil.rmtree(str(sockets), ignore_errors=True)
    for name in os.listdir(handle) if handle >= 0 else ():
        if name not in (LOGS, *needed):
            with contextlib.suppress(FileNotFoundError):
                _remove(name, handle)


def _remove(name: str, folder: int) -> None:
    """As far as it goes of a tree; links are never followed."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=folder)
        return
    for _path, folders, files, inside in os.fwalk(name, topdown=False, dir_fd=folder):
        for one in files:
            with contextlib.suppress(OSError):
                os.unlink(one, dir_fd=inside)
        for one in folders:
            with contextlib.suppress(OSError):
                _remove_empty(one, inside)
    with contextlib.suppress(OSError):
        os.rmdir(name, dir_fd=folder)


def _remove_empty(name: str, folder: int) -> None:
    """A folder, or a link to one."""
    try:
        os.rmdir(name, dir_fd=folder)
    except NotADirectoryError:
        os.unlink(name, dir_fd=folder)


def write_private(path: Path, text: str, mode: int = 0o600) -> Path:
    """Replace ``path`` at once, never readable by others in between."""
    fresh = path.with_name(path.name + ".new-%d" % os.getpid())
    handle = os.open(str(fresh), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    # An environment may hold bytes that are no text; Python reads them as lone surrogates and writes them back.
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(text)
        fresh.chmod(mode)
        fresh.replace(path)
    except BaseException:  # half a secret is nobody's
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        raise
    return path
