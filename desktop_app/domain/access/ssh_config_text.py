"""The text of a user's OpenSSH client configuration: find, add and take out our one Include line. Pure; any thread.

Bytes, because the file is the user's: nothing but our own lines is decoded, reformatted or moved.
"""

import re
from enum import Enum

from desktop_app.domain.problems import failure

NOTE = b'# SessionDock: sessions as hosts (undo with "sessiondock ssh-config remove")'
BOM = b"\xef\xbb\xbf"
_KEYWORD = re.compile(rb"^[\s\"]*([A-Za-z0-9]+)\"?(?:\s*=\s*|\s+|$)(.*)$", re.DOTALL)
_WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"|(\S+)')


class Place(Enum):
    """Where our Include line is. BURIED: below a Host or Match line, where it does not hold for every host."""

    ABSENT = "absent"
    TOP = "top"
    BURIED = "buried"


def check_readable(text: bytes) -> None:
    """Check the file. Problems: ssh.config_text, for what OpenSSH itself can't read (UTF-16, as some Windows programs
    write)."""
    if b"\0" in text:
        raise failure("ssh.config_text")


def place_of(text: bytes, path: str) -> Place:
    """Return where ``path`` is included; the first place counts."""
    below = False
    for line in _lines(text):
        keyword, words = _parse(line)
        if keyword in (b"host", b"match"):
            below = True
        elif keyword == b"include" and any(_names(word, path) for word in words):
            return Place.BURIED if below else Place.TOP
    return Place.ABSENT


def with_include(text: bytes, path: str) -> bytes:
    """Return the text with our line at its top; unchanged when it is in force already. Problems: ssh.config_text"""
    check_readable(text)
    if place_of(text, path) is Place.TOP:
        return text
    text = without_include(text, path)
    head, body = (BOM, text[len(BOM) :]) if text.startswith(BOM) else (b"", text)
    end = _newline(body)
    return head + NOTE + end + include_line(path).encode() + end + (end if body else b"") + body


def without_include(text: bytes, path: str) -> bytes:
    """Return the text without our lines: what it was before ``with_include``."""
    kept: list[bytes] = []
    lines = _lines(text)
    at = 0
    while at < len(lines):
        if _is_ours(lines[at], path):
            if kept and kept[-1].strip() in (NOTE, BOM + NOTE):
                noted = kept.pop()
                kept += [BOM] if noted.startswith(BOM) else []
                if at + 1 < len(lines) and not lines[at + 1].strip():
                    at += 1  # the empty line that we put below
        else:
            kept.append(lines[at])
        at += 1
    return b"".join(kept)


def include_line(path: str) -> str:
    """Return the one line that makes ssh read the file at ``path`` (absolute, forward slashes)."""
    pattern = re.sub(r"([\\*?\[\]])", r"\\\1", path)  # Include takes wildcards
    escaped = re.sub(r'([\\"])', r"\\\1", pattern)
    return f'Include "{escaped}"'


def host_names(text: bytes) -> frozenset[str]:
    """Return the plain names that the user's own Host lines give; patterns and other encodings than UTF-8 are left
    out."""
    names: set[str] = set()
    for line in _lines(text):
        keyword, words = _parse(line)
        if keyword == b"host":
            names |= {word.decode("utf-8", "replace").lower() for word in words if not set(word) & set(b"*?!")}
    return frozenset(names)


def _is_ours(line: bytes, path: str) -> bool:
    """True if the line includes our file and nothing else."""
    keyword, words = _parse(line)
    return keyword == b"include" and len(words) == 1 and _names(words[0], path)


def _names(word: bytes, path: str) -> bool:
    """True if the word names the file, as we write it (wildcards escaped) or as a user wrote it by hand."""
    return path.encode() in (word, re.sub(rb"\\(.)", rb"\1", word, flags=re.DOTALL))


def _parse(line: bytes) -> tuple[bytes, list[bytes]]:
    """Return the keyword in lower case and its words; (b"", []) for comments and empty lines."""
    match = _KEYWORD.match(line.removeprefix(BOM))
    if match is None:
        return b"", []
    words = []
    for quoted, plain in _WORD.findall(match[2]):
        if plain.startswith(b"#"):
            break
        words.append(plain or re.sub(rb"\\(.)", rb"\1", quoted, flags=re.DOTALL))
    return match[1].lower(), words


def _lines(text: bytes) -> list[bytes]:
    """Return the lines with their ends, split at line feeds only: other ends are no ends for OpenSSH."""
    return re.findall(rb"[^\n]*\n|[^\n]+", text)


def _newline(text: bytes) -> bytes:
    """Return the kind of line end that the file uses."""
    return b"\r\n" if re.match(rb"[^\n]*\r\n", text) else b"\n"
