"""What file transfers ask: where home is, checksums, and why a file can't be written. Operation threads; keeps the
state of a few checksums.

A checksum goes on where the last request for the same file stopped, so that the desktop can have a large file summed up
piece by piece while it is still being written.
"""

import contextlib
import errno
import hashlib
import os
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, Dict, Tuple

from remote_bootstrap.channel.operations.operation import Host, OperationError
from remote_bootstrap.machine.folders import user_home

BLOCK = 1 << 20
REMEMBERED = 16
TRIED = 256 * 1024  # bytes, as large as what SFTP had written at once
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # another file in this folder would fare no better

_lock = threading.Lock()
_states: "OrderedDict[str, Tuple[int, Any]]" = OrderedDict()  # path -> bytes read, hash object


def home(host: Host, _args: Dict[str, Any]) -> Dict[str, Any]:
    """Return ``home``, and as ``folder`` where the session's applications and logins begin."""
    return {"home": str(user_home()), "folder": str(host.context.settings.user_folder)}


def digest(_host: Host, args: Dict[str, Any]) -> Dict[str, Any]:
    """Return the SHA-256 of the first ``length`` bytes of ``path``; "" when the file is shorter or can't be read.

    ``fresh``: begin anew instead of where the last request for this path stopped.
    """
    path, length = args.get("path"), args.get("length")
    if not isinstance(path, str) or not isinstance(length, int) or length < 0:
        raise OperationError("A checksum needs a path and a length.")
    at, state = _taken(path, length, bool(args.get("fresh", True)))
    try:
        at = _read(path, at, length, state)
    except (OSError, ValueError):
        return {"sha256": ""}
    if at < length:
        return {"sha256": ""}
    with _lock:
        _states[path] = (at, state)
        while len(_states) > REMEMBERED:
            _states.popitem(last=False)
    return {"sha256": state.hexdigest()}


def refusal(_host: Host, args: Dict[str, Any]) -> Dict[str, Any]:
    """Return why nothing can be written to ``path`` from its byte ``at`` on: the system's words in ``why``, "" when it
    can; ``disk``: no other file of that folder can be written either.

    OpenSSH's server says no more than "Failure", so the same is tried here with a file that is gone at once.
    """
    path, at = args.get("path"), args.get("at")
    if not isinstance(path, str) or not isinstance(at, int) or not 0 <= at < 1 << 62:
        raise OperationError("What was refused needs a path and a place in it.")
    try:
        with contextlib.suppress(FileNotFoundError):
            os.lstat(os.fsencode(path))  # a name may be too long
        _try_to_write(path.rpartition("/")[0] or "/", at)
    except (OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else None
        return {"why": os.strerror(number) if number else str(error), "disk": number in DISK}
    return {"why": "", "disk": False}


def _try_to_write(folder: str, at: int) -> None:
    """Write a file that is removed at once. Raises OSError; a limit of the system's for one file (SIGXFSZ) is an error
    in Python."""
    handle, name = tempfile.mkstemp(prefix=".sd-", suffix=".try", dir=folder)
    try:
        left = memoryview(bytes(TRIED))
        while left:
            written = os.pwrite(handle, left, at)
            left, at = left[written:], at + written
    finally:
        os.close(handle)
        Path(name).unlink()


def digests(_host: Host, args: Dict[str, Any]) -> Dict[str, Any]:
    """Return ``digest`` from the beginning for each of many (path, length)."""
    files = args.get("files")
    if not isinstance(files, list) or not all(_is_pair(one) for one in files):
        raise OperationError("Checksums need a list of paths and lengths.")
    return {"sha256": [_whole(path, length) for path, length in files]}


def _is_pair(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    return isinstance(value[0], str) and isinstance(value[1], int) and value[1] >= 0


def _whole(path: str, length: int) -> str:
    state = hashlib.sha256()
    try:
        return state.hexdigest() if _read(path, 0, length, state) == length else ""
    except (OSError, ValueError):
        return ""


def _taken(path: str, length: int, fresh: bool) -> "Tuple[int, Any]":
    with _lock:
        known = _states.pop(path, None)
    if fresh or known is None or known[0] > length:
        return 0, hashlib.sha256()
    return known


def _read(path: str, at: int, length: int, state: Any) -> int:
    with open(os.fsencode(path), "rb") as stream:  # noqa: PTH123  a path of any bytes
        stream.seek(at)
        while at < length:
            block = stream.read(min(BLOCK, length - at))
            if not block:
                break
            state.update(block)
            at += len(block)
    return at
