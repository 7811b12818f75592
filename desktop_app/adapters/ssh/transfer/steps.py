"""What is done with names and small files over SFTP, as steps: a generator yields requests that may be on their way
together, and gets their answers. Who drives it (``messages.Messages``) can so have hundreds of steps under way at once.

Pure; any thread. Each step raises SftpError for what the server refuses.
"""

import struct
from collections.abc import Generator, Sequence
from typing import TypeVar

from desktop_app.adapters.ssh.transfer.wire import (
    ATTRS,
    CLOSE,
    DATA,
    EOF,
    EXTENDED,
    EXTENDED_REPLY,
    FAILURE,
    FLAG_CREATE,
    FLAG_READ,
    FLAG_TRUNCATE,
    FLAG_WRITE,
    HANDLE,
    LSTAT,
    MKDIR,
    NAME,
    NO_SUCH_FILE,
    OPEN,
    OPENDIR,
    READ,
    READDIR,
    READLINK,
    REALPATH,
    REMOVE,
    RENAME,
    SETSTAT,
    STAT,
    STATUS,
    SYMLINK,
    WRITE,
    Attributes,
    SftpError,
    attributes,
    check,
    read_attributes,
)
from desktop_app.adapters.ssh.wire_format import Reader, name_string, string

Message = tuple[int, bytes]  # kind and body, of a request or an answer
T = TypeVar("T")
Step = Generator[Sequence[Message], Sequence[Message], T]

POSIX_RENAME = "posix-rename@openssh.com"
STATVFS = "statvfs@openssh.com"
READDIR_AHEAD = 4
MOST_NAMES = 1_000_000  # of one folder (some 250 MB of memory here), and bytes that tell them
MOST_NAME_BYTES = 256 * 1024 * 1024


def expect(answer: Message, wanted: int) -> Reader:
    kind, body = answer
    if kind != wanted:
        check(kind, body)
        raise SftpError(FAILURE, f"unexpected answer {kind}")
    return Reader(body)


def simple(kind: int, body: bytes) -> Step[None]:
    """Send one request that is answered with a status."""
    (answer,) = yield [(kind, body)]
    check(*answer)


# -- names


def stat(path: str, *, follow: bool = False) -> Step[Attributes | None]:
    """Return a file's attributes, None when there is no such file."""
    (answer,) = yield [(STAT if follow else LSTAT, name_string(path))]
    try:
        return read_attributes(expect(answer, ATTRS))
    except SftpError as error:
        if error.code == NO_SUCH_FILE:
            return None
        raise


def real(path: str) -> Step[str]:
    (answer,) = yield [(REALPATH, name_string(path))]
    return _first_name(answer)


def link_target(path: str) -> Step[str]:
    (answer,) = yield [(READLINK, name_string(path))]
    return _first_name(answer)


def disk(path: str) -> Step[tuple[int, ...]]:
    """Return, of the disk that holds ``path``, the eleven numbers of statvfs in OpenSSH's order."""
    (answer,) = yield [(EXTENDED, name_string(STATVFS) + name_string(path))]
    numbers = expect(answer, EXTENDED_REPLY)
    return tuple(numbers.number64() for _ in range(11))


def _first_name(answer: Message) -> str:
    names = expect(answer, NAME)
    names.number()
    return names.name()


def names(folder: str, most: int = MOST_NAMES) -> Step[list[tuple[str, Attributes]]]:
    """Return what a folder holds, without itself and its parent; refused where it doesn't come to an end."""
    (answer,) = yield [(OPENDIR, name_string(folder))]
    handle = string(expect(answer, HANDLE).string())
    found: list[tuple[str, Attributes]] = []
    refusal: SftpError | None = None
    told = size = 0
    ahead = 2  # grows, so that a small folder costs no needless requests
    while refusal is None:
        for answer in (yield [(READDIR, handle)] * ahead):
            try:
                entries = _entries(expect(answer, NAME))
                told, size = told + max(1, len(entries)), size + len(answer[1])
                if told > most or size > MOST_NAME_BYTES:
                    raise SftpError(FAILURE, f"the folder holds more than {most:,} names, which is too many")
                found += entries
            except SftpError as error:
                refusal = refusal or error
        ahead = READDIR_AHEAD
    yield [(CLOSE, handle)]
    if refusal.code != EOF:
        raise refusal
    # A name with a slash would lead elsewhere; no file system has one, so somebody means harm.
    return [(name, about) for name, about in found if name not in ("", ".", "..") and "/" not in name]


def _entries(answer: Reader) -> list[tuple[str, Attributes]]:
    found = []
    for _ in range(answer.number()):
        name = answer.name()
        answer.string()  # the line that "ls -l" would print
        found.append((name, read_attributes(answer)))
    return found


def make_folder(path: str) -> Step[None]:
    return simple(MKDIR, name_string(path) + attributes())


def remove(path: str) -> Step[None]:
    return simple(REMOVE, name_string(path))


def make_link(target: str, path: str) -> Step[None]:
    """Make a link. OpenSSH takes the target first, against the draft; all servers follow it."""
    return simple(SYMLINK, name_string(target) + name_string(path))


def put_in_place(old: str, new: str, mode: int, modified: int, at_once: bool) -> Step[None]:
    """Give ``old`` its mode and time and make it ``new``; ``at_once``: the server can do POSIX_RENAME."""
    about = (SETSTAT, name_string(old) + attributes(mode, modified))
    if at_once:
        for answer in (yield [about, (EXTENDED, name_string(POSIX_RENAME) + name_string(old) + name_string(new))]):
            check(*answer)
        return
    yield from simple(*about)
    if (yield from stat(new)) is not None:
        yield from remove(new)
    yield from simple(RENAME, name_string(old) + name_string(new))


# -- small files, whole


def put(path: str, data: bytes, block: int) -> Step[None]:
    """Replace all that is in the file."""
    flags = struct.pack(">I", FLAG_WRITE | FLAG_CREATE | FLAG_TRUNCATE)
    (answer,) = yield [(OPEN, name_string(path) + flags + attributes(mode=0o600))]
    handle = string(expect(answer, HANDLE).string())
    requests = [
        (WRITE, handle + struct.pack(">Q", at) + string(data[at : at + block])) for at in range(0, len(data), block)
    ]
    for answer in (yield [*requests, (CLOSE, handle)]):
        check(*answer)


def get(path: str, size: int, block: int) -> Step[bytes]:
    """Return a file of exactly ``size`` bytes, else refuse; read with as many requests as that needs."""
    (answer,) = yield [(OPEN, name_string(path) + struct.pack(">I", FLAG_READ) + attributes())]
    handle = string(expect(answer, HANDLE).string())
    spans = [(at, min(block, size - at)) for at in range(0, size, block)]
    reads = [(READ, handle + struct.pack(">QI", at, length)) for at, length in (*spans, (size, 1))]
    *found, beyond, closed = yield [*reads, (CLOSE, handle)]
    check(*closed)
    if not _at_end(beyond):
        raise SftpError(FAILURE, "it has grown")
    pieces = [expect(answer, DATA).string() for answer in found]
    if [len(piece) for piece in pieces] != [length for _at, length in spans]:
        raise SftpError(FAILURE, "an answer was shorter than asked for")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _at_end(answer: Message) -> bool:
    kind, body = answer
    return kind == STATUS and Reader(body).number() == EOF
