"""What SFTP messages look like, version 3 (draft-ietf-secsh-filexfer-02). Pure; any thread."""

import stat
import struct
from dataclasses import dataclass

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


def text(name: str) -> bytes:
    """A length-prefixed string; names keep bytes that are no UTF-8."""
    raw = name.encode("utf-8", "surrogateescape")
    return struct.pack(">I", len(raw)) + raw


def attributes(mode: int | None = None, modified: int | None = None, size: int | None = None) -> bytes:
    flags, body = 0, b""
    if size is not None:
        flags, body = flags | HAS_SIZE, body + struct.pack(">Q", size)
    if mode is not None:
        flags, body = flags | HAS_MODE, body + struct.pack(">I", mode)
    if modified is not None:
        seconds = min(max(0, modified), 0xFFFFFFFF)
        flags, body = flags | HAS_TIMES, body + struct.pack(">II", seconds, seconds)
    return struct.pack(">I", flags) + body


class Reader:
    """Takes an answer apart. Raises struct.error and IndexError (both WIRE_ERRORS) for a malformed one."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def number(self, form: str = ">I") -> int:
        (value,) = struct.unpack_from(form, self._body, self._at)
        self._at += struct.calcsize(form)
        return int(value)

    def string(self) -> bytes:
        length = self.number()
        if length > len(self._body) - self._at:
            raise IndexError("a string is longer than its message")
        self._at += length
        return self._body[self._at - length : self._at]

    def name(self) -> str:
        return self.string().decode("utf-8", "surrogateescape")

    @property
    def more(self) -> bool:
        return self._at < len(self._body)

    def attributes(self) -> Attributes:
        flags = self.number()
        size = self.number(">Q") if flags & HAS_SIZE else -1
        if flags & HAS_OWNER:
            self.number(">Q")
        mode = self.number() if flags & HAS_MODE else -1
        modified = -1
        if flags & HAS_TIMES:
            self.number()
            modified = self.number()
        for _ in range(2 * self.number() if flags & HAS_MORE else 0):
            self.string()
        return Attributes(size, mode, modified)


def blob(raw: bytes) -> bytes:
    return struct.pack(">I", len(raw)) + raw


def check(kind: int, body: bytes) -> None:
    """Raises SftpError unless the answer is the status "ok"."""
    if kind != STATUS:
        raise SftpError(FAILURE, f"unexpected answer {kind}")
    answer = Reader(body)
    code = answer.number()
    if code != OK:
        raise SftpError(code, answer.name() if answer.more else f"status {code}")
