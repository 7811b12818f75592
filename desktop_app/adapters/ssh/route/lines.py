"""Lines of an ssh configuration as OpenSSH splits them, with Includes in place. No threads; reads small files.

For computers without an ssh they are made ready for paramiko's parser, which knows neither quotes inside a value,
comments after one, nor several of Match's words. An ssh that reads another home than ours gets them as one file.
"""

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

from desktop_app.adapters.files.chosen_text import read_chosen
from desktop_app.domain.launch.chosen_text import UnreadableText
from desktop_app.domain.problems import failure

INCLUDE_DEPTH = 16
SEVERAL = "\x1f"  # between the values of one directive
# Their value is the rest of the line, whatever it holds.
RAW = ("proxycommand", "localcommand", "remotecommand", "knownhostscommand")
_KNOWN_MATCH = ("all", "host", "originalhost", "user", "localuser")
_KEYWORD = re.compile(r"\s*\"?([A-Za-z0-9]+)\"?(?:\s*=\s*|\s+|$)(.*)", re.DOTALL)


def lines_of(path: Path, folder: Path, depth: int = 0) -> Iterator[str]:
    """Return the file's lines with its Includes in place; a block goes on after an Include in it. Problems:
    route.config"""
    if depth > INCLUDE_DEPTH:
        raise failure("route.config", why="Its files include each other in a circle.")
    if not path.exists():
        return
    try:
        text = read_chosen(path, lenient=True)
    except UnreadableText as error:
        raise failure("route.config", why=f"{path} can't be read: {error.why}.") from None
    block = "Host *"
    if depth == 0:
        yield block  # its first lines are nobody else's
    for line in text.split("\n"):
        key, value = keyword(line)
        if key in ("host", "match"):
            block = line
        if key != "include":
            yield line
            continue
        for pattern in split(value):
            for included in _included(pattern, folder):
                yield block
                yield from lines_of(included, folder, depth + 1)
        yield block


def _included(pattern: str, folder: Path) -> list[Path]:
    path = os.path.expanduser(pattern)  # noqa: PTH111
    return [Path(one) for one in sorted(glob.glob(os.path.join(folder, path)))]  # noqa: PTH118, PTH207  absolute ones


def keyword(line: str) -> tuple[str, str]:
    """Return the directive in lower case and the rest; ("", "") for comments and empty lines."""
    found = _KEYWORD.match(line)
    return (found[1].lower(), found[2].strip()) if found else ("", "")


def split(text: str) -> list[str]:
    """Return the words as OpenSSH takes them: quotes of both kinds, a backslash before a quote, # begins a comment."""
    words: list[str] = []
    word, quote, at = None, "", 0
    while at < len(text):
        sign, following = text[at], text[at + 1 : at + 2]
        at += 1
        if sign == "\\" and (following in ("'", '"', "\\") or (following == " " and not quote)):
            word = (word or "") + following
            at += 1
        elif quote or sign in "\"'":
            closes = sign == quote
            word = (word or "") + ("" if closes or not quote else sign)
            quote = "" if closes else quote or sign
        elif sign.isspace():
            words += [] if word is None else [word]
            word = None
        elif sign == "#" and word is None:
            break
        else:
            word = (word or "") + sign
    return words if word is None else [*words, word]


# -- for paramiko


def plain(lines: Iterator[str]) -> str:
    """Return the text for a parser that knows no quotes. What is to be looked at last ("Match final") stands last."""
    first: list[str] = []
    last: list[str] = []
    block = first
    for line in lines:
        key, value = keyword(line)
        if key == "match":
            head, final = _match(value)
            block = last if final else first
            block.append(head)
        elif key == "host":
            block = first
            block.append(f"Host {' '.join(split(value))}")
        elif key:
            words = [value] if key in RAW else split(value)
            block.append(f"{key} {SEVERAL.join(words)}")
    return "\n".join([*first, *last])


def _match(text: str) -> tuple[str, bool]:
    """Return paramiko's line, and whether the block counts after all others. What can't be told here matches nobody."""
    words, wanted, final = split(_apart(text)), [], False
    at = 0
    while at < len(words):
        negated, name = words[at].startswith("!"), words[at].lstrip("!").lower()
        if name in ("final", "canonical"):
            final = final or name == "final"
            if negated is (name == "final"):
                return "Host !*", False
            at += 1
        elif name == "all":
            wanted.append("all")
            at += 1
        elif name in _KNOWN_MATCH and at + 1 < len(words):
            wanted += [("!" if negated else "") + name, words[at + 1]]
            at += 2
        elif at + 1 < len(words):
            return "Host !*", False
        else:
            raise failure("route.config", why=f"“Match {text}” lacks a word.")
    if "all" in wanted and len(wanted) > 1:
        wanted = [word for word in wanted if word != "all"]
    return (f"Match {' '.join(wanted)}" if wanted and wanted != ["all"] else "Host *"), final


def _apart(text: str) -> str:
    """Return ``host=a`` as ``host a``."""
    return re.sub(r"(^|\s)(!?[A-Za-z]+)\s*=\s*", r"\1\2 ", text)
