"""What SFTP messages look like, version 3 (draft-ietf-secsh-filexfer-02). Pure; any thread."""

import stat
import struct
from dataclasses import dataclass

from desktop_app.adapters.ssh.wire_format import Reader

INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, SETSTAT, FSETSTAT, OPENDIR, READDIR = 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12
REMOVE, MKDIR, REALPATH, STAT, RENAME, READLINK, SYMLINK = 13, 14, 16, 17, 18, 19, 20
STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED, EXTENDED_REPLY = 101, 102, 103, 104, 105, 200, 201
OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE, UNSUPPORTED = 0, 1, 2, 3, 4, 5, 8

FLAG_READ, FLAG_WRITE, FLAG_CREATE, FLAG_TRUNCATE = 1, 2, 8, 16
HAS_SIZE, HAS_OWNER, HAS_MODE, HAS_TIMES, HAS_MORE = 1, 2, 4, 8, 0x80000000


class SftpError(Exception):
    """The server's refusal. ``code`` is one of the numbers above."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Attributes:
    """Of a file; -1 = the server does not say. Times in seconds since 1970."""

    size: int = -1
    mode: int = -1
    modified: int = -1

    @property
    def kind(self) -> int:
        return stat.S_IFMT(self.mode) if self.mode >= 0 else 0


def attributes(mode: int | None = None, modified: int | None = None, size: int | None = None) -> bytes:
    """Return the attributes to set, as a message carries them. ``modified``: seconds since 1970."""
    flags, body = 0, b""
    if size is not None:
        flags, body = flags | HAS_SIZE, body + struct.pack(">Q", size)
    if mode is not None:
        flags, body = flags | HAS_MODE, body + struct.pack(">I", mode)
    if modified is not None:
        seconds = min(max(0, modified), 0xFFFFFFFF)
        flags, body = flags | HAS_TIMES, body + struct.pack(">II", seconds, seconds)
    return struct.pack(">I", flags) + body


def read_attributes(answer: Reader) -> Attributes:
    """Take a file's attributes off an answer. Raises Damaged."""
    flags = answer.number()
    size = answer.number64() if flags & HAS_SIZE else -1
    if flags & HAS_OWNER:
        answer.number64()
    mode = answer.number() if flags & HAS_MODE else -1
    modified = -1
    if flags & HAS_TIMES:
        answer.number()
        modified = answer.number()
    for _ in range(2 * answer.number() if flags & HAS_MORE else 0):
        answer.string()
    return Attributes(size, mode, modified)


def check(kind: int, body: bytes) -> None:
    """Raise SftpError unless the answer is the status "ok"."""
    if kind != STATUS:
        raise SftpError(FAILURE, f"unexpected answer {kind}")
    answer = Reader(body)
    code = answer.number()
    if code != OK:
        raise SftpError(code, answer.name() if answer.more else f"status {code}")
