"""What the command line prints: lines for the user, results, JSON for programs. Any text may be printed.

No text of a server or a user can act on the terminal: control characters are left out, in JSON they are escapes.
"""

import json
import os
import sys

from desktop_app.domain.access.terminal import plain_text
from desktop_app.domain.problems import failure


def set_up_streams() -> None:
    """Print what the terminal can't show as escapes instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """Print a line for the user on standard error, apart from the result; where nothing takes it, it is left out."""
    if sys.stderr is None:
        return
    try:
        print(plain_text(text), file=sys.stderr, flush=True)
    except BrokenPipeError:
        raise
    except OSError:  # a full disk: there is no other place to say so
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def result(text: str) -> None:
    """Print a result on standard output. Problems: output.unwritable. Raises BrokenPipeError if its reader is gone."""
    _emit(plain_text(text))


def json_line(value: object) -> None:
    """Print one JSON value on one line of pure ASCII. Problems: output.unwritable. Raises BrokenPipeError."""
    _emit(json.dumps(value, sort_keys=False))


def _emit(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:  # a full disk
        close_output()
        raise failure("output.unwritable", why=error.strerror or str(error)) from None


def close_output() -> None:
    """Send what is left in the buffer nowhere, where nothing more can be written, instead of failing at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
