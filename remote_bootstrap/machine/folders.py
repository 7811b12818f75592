"""Where the bootstrap keeps things: one folder for all, one private folder per session, one shared cache.

Pure path arithmetic plus mkdir; any thread. Nothing outside these folders is written on a machine that isn't ours.
"""

import contextlib
import os
import secrets
import shutil
import stat
import tempfile
import threading
from pathlib import Path
from typing import List, Optional

HOME_VARIABLE = "SESSIONDOCK_HOME"
CACHE_VARIABLE = "SESSIONDOCK_CACHE"
PRIVATE = 0o700
LOGS, CODE, WORKSPACE = "logs", "code", "workspace"  # in the session's folder
SOCKETS = "sockets"  # there too: a note of where its folder for sockets is
SOCKETS_BEGIN = "sd-"
SOCKET_FOLDER_LIMIT = 50  # bytes; a kernel's socket has a name of 49 more, and an address takes 107

_NOTING = threading.Lock()


def user_home() -> Path:
    """Return the user's home; the temporary folder for a user without one (a container run with a bare number)."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(tempfile.gettempdir())


def base_folder() -> Path:
    """Return ``$SESSIONDOCK_HOME``, which the task's script sets; else ``~/.sessiondock``."""
    configured = os.environ.get(HOME_VARIABLE)
    return Path(configured).expanduser() if configured else user_home() / ".sessiondock"


def cache_folder() -> Path:
    """Return the folder of installed applications, shared by the sessions of one user on one machine:
    ``$SESSIONDOCK_CACHE``, else ``<base>/cache``."""
    configured = os.environ.get(CACHE_VARIABLE)
    return Path(configured).expanduser() if configured else base_folder() / "cache"


def own_cache() -> Path:
    """Return the cache, made; ``<base>/cache`` where the configured one is not this user's to write."""
    try:
        return private(cache_folder())
    except OSError:
        os.environ.pop(CACHE_VARIABLE, None)
        return private(cache_folder())


def session_folder(task: str) -> Path:
    return base_folder() / "sessions" / task


def socket_folder(task: str) -> Optional[Path]:
    """Return a session's folder for Unix sockets, whose addresses hold some hundred bytes; made when first asked for.
    None: no temporary folder has a short enough name.

    Every user of the machine can write into the temporary folder: a name that could be guessed would be taken before
    the session starts. So it is a random one, which the session's own folder notes for all its processes and for
    what tidies up.
    """
    note = session_folder(task) / SOCKETS
    with _NOTING:
        noted = _noted(note)
        if noted is not None and _is_or_becomes_ours(noted):
            return noted
        for top in (tempfile.gettempdir(), "/tmp"):  # noqa: S108  mkdtemp takes a name that is free
            with contextlib.suppress(OSError):
                if len(os.fsencode(os.path.join(top, "sd-????????"))) <= SOCKET_FOLDER_LIMIT:  # noqa: PTH118
                    made = Path(tempfile.mkdtemp(prefix=SOCKETS_BEGIN, dir=top))
                    write_private(private(note.parent) / SOCKETS, str(made))
                    return made
    return None


def _noted(note: Path) -> Optional[Path]:
    try:
        return _sockets_at(note.read_text("utf-8", "surrogateescape"))
    except OSError:
        return None


def _sockets_at(text: str) -> Optional[Path]:
    """Return where a note says that the folder for sockets is."""
    path = Path(text.strip())
    return path if path.is_absolute() and path.name.startswith(SOCKETS_BEGIN) else None


def _is_or_becomes_ours(folder: Path) -> bool:
    """True if it is this user's, or made so; False for what another user has put there, after something tidied up the
    temporary folder."""
    with contextlib.suppress(OSError):
        private(folder)
        return True
    return False


def private(folder: Path) -> Path:
    """Create ``folder`` (and its parents) for this user only. Raises PermissionError when another user owns it."""
    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or (hasattr(os, "getuid") and state.st_uid != os.getuid()):
        raise PermissionError("%s is not a folder of this user" % folder)
    if stat.S_IMODE(state.st_mode) != PRIVATE:
        folder.chmod(PRIVATE)
    return folder


def clean_folder(session: Path, *needed: str) -> None:
    """Remove a session's keys, tokens, code and sockets; its logs stay, and ``needed``."""
    try:
        handle = open_folder(session)
    except (FileNotFoundError, NotADirectoryError):
        handle = -1
    try:
        clean_opened(handle, *needed)
    finally:
        if handle >= 0:
            os.close(handle)


def open_folder(folder: Path) -> int:
    """Open a folder for the calls that take ``dir_fd``: its path plays no part later. Raises OSError, also for a
    link."""
    return os.open(str(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def clean_opened(handle: int, *needed: str) -> None:
    """Do ``clean_folder`` for a folder that is open; -1: there is none. Raises OSError."""
    sockets = _noted_in(handle)
    if sockets is not None:
        shutil.rmtree(str(sockets), ignore_errors=True)
    for name in os.listdir(handle) if handle >= 0 else ():
        if name not in (LOGS, *needed):
            with contextlib.suppress(FileNotFoundError):
                remove(name, handle)


def _noted_in(handle: int) -> Optional[Path]:
    """Return the folder for sockets that the session whose folder is open noted."""
    if handle < 0:
        return None
    try:
        note = os.open(SOCKETS, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=handle)
    except OSError:
        return None
    with os.fdopen(note, "r", encoding="utf-8", errors="surrogateescape") as stream:
        return _sockets_at(stream.read(4096))


def remove(name: str, folder: int) -> None:
    """Remove a tree as far as possible; links are never followed. Without recursion, and with one folder open at a
    time: a tree may be deeper than Python's stack, than open files go and than a path may be long. So what is deep
    moves up."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=folder)
        return
    waiting, count = [name], 0
    while waiting:
        one = waiting.pop()
        moved: List[str] = []
        _opened_up(one, folder)
        with contextlib.suppress(OSError):  # its files, as far as they can be removed
            handle = os.open(one, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            try:
                moved = _emptied(handle, folder, ".removed-%d-%d" % (os.getpid(), count))
            finally:
                os.close(handle)
        count += 1
        with contextlib.suppress(OSError):
            os.rmdir(one, dir_fd=folder)
        waiting += moved


def _opened_up(name: str, folder: int) -> None:
    """Let an ordinary user read, empty and move a folder of theirs; moving one takes the right to write into it."""
    with contextlib.suppress(OSError):
        os.chmod(name, PRIVATE, dir_fd=folder)


def _emptied(handle: int, above: int, prefix: str) -> List[str]:
    """Remove what is in the open folder; its folders move to ``above``, under the names that are returned."""
    moved = []
    for number, name in enumerate(os.listdir(handle)):
        with contextlib.suppress(OSError):
            if stat.S_ISDIR(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode):
                fresh = "%s-%d" % (prefix, number)
                _opened_up(name, handle)
                os.rename(name, fresh, src_dir_fd=handle, dst_dir_fd=above)
                moved.append(fresh)
            else:
                os.unlink(name, dir_fd=handle)
    return moved


def write_private(path: Path, text: str, mode: int = 0o600) -> Path:
    """Replace ``path`` at once, never readable by others in between; a link there is replaced, not followed.

    As desktop_app/private_files.py does it (docs/decisions/0045), but without waiting for the disk: what is written
    here lives no longer than its session, which a power cut ends, and a disk that pip fills would hold up its start.
    """
    fresh = path.with_name(".sessiondock-" + secrets.token_hex(8))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(str(fresh), flags, 0o600)
    # An environment may hold bytes that are no text; Python reads them as lone surrogates and writes them back.
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(text)
        fresh.chmod(mode)
        fresh.replace(path)
    except BaseException:  # half a secret is of no use
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        raise
    return path
