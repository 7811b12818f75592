"""What a user types at a prompt without echo or pipes into a command: a secret, a configuration. Main thread; blocks.

Read with a bound: what stands behind a pipe may have no end.
"""

import sys

from desktop_app.cli.terminal.output import say
from desktop_app.domain.launch.chosen_text import MOST_BYTES, UnreadableText, decoded
from desktop_app.domain.problems import failure

MOST_LINE = 65_536  # characters; access tokens have thousands


def can_ask() -> bool:
    """True if standard input is a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def read_secret(prompt: str) -> str:
    """Read a secret from a prompt without echo, or a line of standard input where that is no terminal.

    Problems: input.unreadable
    """
    return prompt_hidden(prompt) if can_ask() else given_line().strip()


def prompt_hidden(prompt: str) -> str:
    """Read one line from the terminal without echo."""
    import getpass  # late on purpose: most commands ask nothing

    return getpass.getpass(prompt)


def read_passphrase(*, twice: bool) -> str:
    """Read a passphrase from a prompt without echo (``twice``: until both times agree), or a line of standard input
    where that is no terminal. Problems: input.unreadable"""
    if not can_ask():
        return given_line()
    while True:
        first = prompt_hidden("Attach passphrase: ")
        if not twice or first == prompt_hidden("The same again: "):
            return first
        say("The two differ; try again.")


def given_line() -> str:
    """Read the next line of standard input without its end, "" where there is none. Problems: input.unreadable"""
    if sys.stdin is None:
        return ""
    try:
        line = sys.stdin.readline(MOST_LINE + 1)
    except UnicodeDecodeError:
        raise failure("input.unreadable", why="It is not text.") from None
    if len(line) > MOST_LINE:
        raise failure("input.unreadable", why=f"Its line has more than {MOST_LINE} characters.")
    return line.rstrip("\r\n").removeprefix("\ufeff")


def given_text() -> str:
    """Read all of standard input, in any encoding that editors and shells write. Problems: input.unreadable"""
    if sys.stdin is None:
        return ""
    stream = getattr(sys.stdin, "buffer", None)  # None for a stream that a test or a program put there
    data = stream.read(MOST_BYTES + 1) if stream is not None else sys.stdin.read(MOST_BYTES + 1).encode()
    if len(data) > MOST_BYTES:
        raise failure("input.unreadable", why=f"It is larger than {MOST_BYTES / 1e6:g} MB.")
    try:
        return decoded(data)
    except UnreadableText:
        raise failure("input.unreadable", why="It is not text.") from None
