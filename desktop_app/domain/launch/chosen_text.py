"""The one reader of every file that a person names: requirements, init scripts, profiles, configuration files, keys.

Editors and shells of other systems write byte order marks, UTF-16 and old Mac line ends; pip, Python and Notepad read
all of them, and so do we. Files are read with a bound, and only where they are files: a device has no end, and a pipe
that nobody writes to has no beginning. Here, not in an adapter, because all rooms above read such files. Any thread.
"""

import codecs
import locale
import os
import re
import stat

MOST_BYTES = 1_000_000
_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"), (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
_DECLARED = re.compile(rb"coding[:=]\s*([-\w.]+)")  # PEP 263, in one of the first two lines, as pip reads it
_HANDED_OVER = re.compile(r"/(proc/[^/]+|dev)/fd/[^/]+")  # a shell's <(command), and standard input


class UnreadableText(Exception):
    """The file can't be read as text; ``why`` is a phrase: "it is not text"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def read_chosen(path: str | os.PathLike[str], most: int = MOST_BYTES, *, lenient: bool = False) -> str:
    """The text of a file of at most ``most`` bytes, with plain line feeds. ``lenient``: odd bytes don't matter.

    Blocks. Raises UnreadableText.
    """
    return decoded(read_bytes(path, most), lenient=lenient)


def read_bytes(path: str | os.PathLike[str], most: int = MOST_BYTES) -> bytes:
    """The content of a file of at most ``most`` bytes, text or not. Blocks. Raises UnreadableText."""
    name = os.path.expanduser(path)  # noqa: PTH111  pathlib raises for unknown users
    try:
        handle = os.open(name, _flags(name))
        try:
            return _content(handle, name, most)
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise UnreadableText((getattr(error, "strerror", None) or str(error)).lower()) from None


def check_chosen(path: str | os.PathLike[str], most: int = MOST_BYTES) -> None:
    """For libraries that open files themselves: a regular file of at most ``most`` bytes that has any. Files of /proc
    say that they have none, and some of them never end. Blocks. Raises UnreadableText."""
    try:
        found = os.stat(os.path.expanduser(path))  # noqa: PTH111, PTH116
    except (OSError, ValueError) as error:
        raise UnreadableText((getattr(error, "strerror", None) or str(error)).lower()) from None
    if stat.S_ISDIR(found.st_mode):
        raise UnreadableText("it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableText("it is not a regular file")
    if not found.st_size:
        raise UnreadableText("it is empty")
    if found.st_size > most:
        raise UnreadableText(_too_large(most))


def _too_large(most: int) -> str:
    return f"it is larger than {most / 1e6:g} MB"


def decoded(data: bytes, *, lenient: bool = False) -> str:
    """Bytes of a text file as text: a mark, a declared encoding, UTF-8, or the system's own. Raises UnreadableText."""
    try:
        text = _decoded(data)
    except UnicodeError:
        if not lenient:
            raise UnreadableText("it is not text in UTF-8") from None
        text = data.decode("utf-8", "replace")
    if "\0" in text and not lenient:
        raise UnreadableText("it is not text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding)
    declared = _declared(data)
    if declared:
        return data.decode(declared)
    unmarked = _unmarked(data)
    try:
        return data.decode(unmarked or "utf-8")
    except UnicodeDecodeError:
        return data.decode(locale.getpreferredencoding(False))


def _declared(data: bytes) -> str:
    """What a comment at the beginning says that the text is in; "" for what Python knows no text encoding by: Emacs
    writes "utf-8-unix", and a comment may speak of something else."""
    for line in data.split(b"\n", 2)[:2]:
        found = _DECLARED.search(line) if line.startswith(b"#") else None
        if found:
            name = found[1].decode("ascii")
            try:
                return name if b"#".decode(name) == "#" else ""
            except (LookupError, UnicodeError):
                return ""
    return ""


def _unmarked(data: bytes) -> str:
    """UTF-16 without its mark: nearly every second byte of plain text is zero."""
    even, odd = data[0:2000:2].count(0), data[1:2000:2].count(0)
    half = max(1, min(len(data), 2000) // 2)
    if len(data) % 2 or max(even, odd) < half * 0.7 or min(even, odd) > half * 0.1:
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"


def _flags(name: str) -> int:
    """A pipe without a writer must not be waited for when it is opened."""
    wait = 0 if _is_handed_over(name) else getattr(os, "O_NONBLOCK", 0)
    return os.O_RDONLY | wait | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)


def _is_handed_over(name: str) -> bool:
    return name == "/dev/stdin" or _HANDED_OVER.fullmatch(name) is not None


def _content(handle: int, name: str, most: int) -> bytes:
    found = os.fstat(handle)
    piped = _is_handed_over(name) and (stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode))
    if stat.S_ISDIR(found.st_mode):
        raise UnreadableText("it is a folder")
    if not stat.S_ISREG(found.st_mode) and not piped:
        raise UnreadableText("it is not a regular file")
    content = bytearray()
    while len(content) <= most:
        piece = os.read(handle, min(1 << 16, most + 1 - len(content)))
        if not piece:
            return bytes(content)
        content += piece
    raise UnreadableText(_too_large(most))
