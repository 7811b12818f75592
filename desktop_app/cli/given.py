"""What a person types at a prompt without echo or pipes into a command: a secret, a configuration. Main thread; blocks.

Read with a bound: what stands behind a pipe may have no end.
"""

import getpass
import sys

from desktop_app.domain.launch.chosen_text import MOST_BYTES, UnreadableText, decoded
from desktop_app.domain.problems import failure

MOST_LINE = 65_536  # characters; access tokens have thousands


def can_ask() -> bool:
    """Whether standard input is a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def read_secret(prompt: str) -> str:
    """From a prompt without echo, or a line of standard input where that is no terminal. Problems: input.unreadable"""
    return getpass.getpass(prompt) if can_ask() else given_line().strip()


def given_line() -> str:
    """The next line of standard input without its end, "" where there is none. Problems: input.unreadable"""
    if sys.stdin is None:
        return ""
    try:
        found = sys.stdin.readline(MOST_LINE + 1)
    except UnicodeDecodeError:
        raise failure("input.unreadable", why="It is not text.") from None
    if len(found) > MOST_LINE:
        raise failure("input.unreadable", why=f"Its line has more than {MOST_LINE} characters.")
    return found.rstrip("\r\n").removeprefix("\ufeff")


def given_text() -> str:
    """All of standard input, in whatever way editors and shells write text. Problems: input.unreadable"""
    if sys.stdin is None:
        return ""
    stream = getattr(sys.stdin, "buffer", None)  # None for a stream that somebody put there
    data = stream.read(MOST_BYTES + 1) if stream is not None else sys.stdin.read(MOST_BYTES + 1).encode()
    if len(data) > MOST_BYTES:
        raise failure("input.unreadable", why=f"It is larger than {MOST_BYTES / 1e6:g} MB.")
    try:
        return decoded(data)
    except UnreadableText:
        raise failure("input.unreadable", why="It is not text.") from None
