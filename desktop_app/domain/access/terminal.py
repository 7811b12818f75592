"""Text of servers and programs on its way to a terminal or a log view: what a user would read, and nothing that acts.

Every member of a workspace can write into a task's log and name; an escape sequence could retitle the terminal, fill
the clipboard or hide lines. Pure functions, any thread.
"""

import re

_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
# With what turns the direction of writing, which would show a line as another one than it is.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain_text(text: str) -> str:
    """Return terminal output as text: no escape sequences; of a line that was redrawn, only what was drawn last."""
    lines = _SEQUENCE.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(_CONTROL.sub("", line.rstrip("\r").rsplit("\r", 1)[-1]) for line in lines)
