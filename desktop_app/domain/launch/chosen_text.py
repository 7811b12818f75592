"""Bytes of a text file as text, however an editor or a shell of another system wrote them. Pure functions; any thread.

They write byte order marks, UTF-16 and old Mac line ends; pip, Python and Notepad read all of them, and so do we. The
files themselves are read by adapters/files/chosen_text.py.
"""

import codecs
import locale
import re

MOST_BYTES = 1_000_000
_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"), (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
_DECLARED = re.compile(rb"coding[:=]\s*([-\w.]+)")  # PEP 263, in one of the first two lines, as pip reads it


class UnreadableText(Exception):
    """The file can't be read as text; ``why`` is a phrase: "it is not text"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def decoded(data: bytes, *, lenient: bool = False) -> str:
    """Return the bytes of a text file as text: a mark, a declared encoding, UTF-8, or the system's own. Raises
    UnreadableText."""
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
    """Return what a comment at the beginning says that the text is in; "" for what Python knows no text encoding by:
    Emacs writes "utf-8-unix", and a comment may speak of something else."""
    for line in data.split(b"\n", 2)[:2]:
        match = _DECLARED.search(line) if line.startswith(b"#") else None
        if match:
            name = match[1].decode("ascii")
            try:
                return name if b"#".decode(name) == "#" else ""
            except (LookupError, UnicodeError):
                return ""
    return ""


def _unmarked(data: bytes) -> str:
    """Return the kind of UTF-16 that a text without its mark is in: nearly every second byte of plain text is zero."""
    even, odd = data[0:2000:2].count(0), data[1:2000:2].count(0)
    half = max(1, min(len(data), 2000) // 2)
    if len(data) % 2 or max(even, odd) < half * 0.7 or min(even, odd) > half * 0.1:
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"
