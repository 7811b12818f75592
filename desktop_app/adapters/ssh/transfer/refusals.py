"""What an SFTP server refuses, in words: OpenSSH's says "Failure" for a full disk, a read-only one and a used-up quota.

Where the session's own control channel is there, it tries the same and tells; else the disk's numbers have to do. One
thread at a time, that of the transfer; raises AppError(ssh.lost) or Cancelled.
"""

import os
from collections.abc import Callable, Mapping

from desktop_app.adapters.ssh.transfer import steps
from desktop_app.adapters.ssh.transfer.sftp import Sftp
from desktop_app.adapters.ssh.transfer.wire import (
    BAD_MESSAGE,
    FAILURE,
    NO_SUCH_FILE,
    PERMISSION_DENIED,
    UNSUPPORTED,
    SftpError,
)
from desktop_app.adapters.ssh.wire_format import Damaged
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.files.remote_files import Space
from desktop_app.domain.problems import AppError, failure

CODES = {NO_SUCH_FILE: "files.missing", PERMISSION_DENIED: "files.denied", UNSUPPORTED: "files.unsupported"}
# What servers that have words say of a disk that takes nothing more.
WORDS = ("no space left", "quota exceeded", "read-only file system", "input/output error")
VAGUE = frozenset({"", "failure", "bad message", "status 4"})
LONGEST_NAME = 255  # bytes, on nearly every disk
READ_ONLY = 1  # the flag of statvfs@openssh.com
FULL = 64 * 1024  # bytes; what is left when a larger piece did not fit
UNTOLD = "the session's machine refuses it and does not say why"

Ask = Callable[[Mapping[str, object], Cancel], Mapping[str, object]]


class Here(Exception):
    """An error of this computer's disk while a transfer reads or writes it: never one of the connection."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class Refusals:
    """Makes problems of what one connection's server refuses. ``ask``: contract.OP_FILES_REFUSAL, {} where the session
    can't tell; ``is_root``: what a disk reserves for root is ours."""

    def __init__(self, sftp: Sftp, ask: Ask, is_root: bool) -> None:
        self._sftp = sftp
        self._ask = ask
        self._is_root = is_root

    def space(self, path: str, cancel: Cancel) -> Space | None:
        """Return the room on the disk of ``path``, None where the server does not tell."""
        if steps.STATVFS not in self._sftp.extensions:
            return None
        try:
            told = self._sftp.messages.run(steps.disk(path), cancel)
        except (SftpError, Damaged):  # of a network disk, perhaps; nothing depends on it
            return None
        _size, block, blocks, unused, free, files, unused_files, free_files, _id, flags, _longest = told
        if not blocks:  # some network disks don't count
            return None
        bytes_free = block * (unused if self._is_root else free)
        return Space(
            bytes_free, (unused_files if self._is_root else free_files) if files else None, bool(flags & READ_ONLY)
        )

    def reading(self, error: SftpError, path: str) -> AppError:
        """Return the problem of what was not to change anything."""
        return _failure(CODES.get(error.code, "files.refused"), path, _name(path) or _words(error), error)

    def writing(self, error: SftpError, path: str, cancel: Cancel, at: int = 0) -> AppError:
        """Return the problem of what was to be written to ``path`` from its byte ``at`` on."""
        said = str(error).lower()
        if any(words in said for words in WORDS):
            return _failure("files.room", path, said, error)
        if error.code != FAILURE or said not in VAGUE:
            return self.reading(error, path)
        told = self._ask({"path": path, "at": at}, cancel)
        if why := str(told.get("why") or "").lower():
            return _failure("files.room" if told.get("disk") is True else "files.refused", path, why, error)
        why = self._numbers(path.rpartition("/")[0] or "/", cancel)
        return _failure("files.room", path, why, error) if why else self.reading(error, path)

    def _numbers(self, folder: str, cancel: Cancel) -> str:
        """Return what the disk's numbers say against it, "" for nothing."""
        space = self.space(folder, cancel)
        if space is None:
            return ""
        if space.read_only:
            return "its disk is read-only"
        if space.free < FULL:
            return "its disk is full"
        return "its disk can hold no more files" if space.files == 0 else ""


def _failure(code: str, path: str, why: str, error: SftpError) -> AppError:
    return failure(code, path=path, why=why, cause=f"{why}, SFTP status {error.code}")


def _words(error: SftpError) -> str:
    if error.code == BAD_MESSAGE and str(error).lower() in VAGUE:
        return "the session's machine can have no file of that name"
    return UNTOLD if str(error).lower() in VAGUE else str(error)


def _name(path: str) -> str:
    """Return what is wrong with the name itself, "" for nothing."""
    size = len(os.fsencode(path.rpartition("/")[2]))
    return f"its name has {size} bytes, and most disks take {LONGEST_NAME}" if size > LONGEST_NAME else ""
