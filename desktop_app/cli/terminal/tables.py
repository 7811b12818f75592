"""Tables, times and widths of text on a terminal. Pure but for the size of the terminal.

A cell is one line: control characters in what a server wrote become blanks.
"""

import shutil
import sys
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

from desktop_app.domain.launch.option_checks import clean_line

WIDEST = 48
LEAST_NAME, LEAST_LAST = 12, 8


def width(text: str) -> int:
    """Return how many columns a text takes on a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def shorten(text: str, columns: int) -> str:
    """Return one line of at most that many columns."""
    line = clean_line(text)
    if width(line) <= columns:
        return line
    while line and width(line) > columns - 1:
        line = line[:-1]
    return line + "…"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], columns: int = 0) -> str:
    """Return rows in aligned columns; the last one is as wide as its text. With ``columns`` the whole is made to fit
    into as many: first the last column gives way, then the second, which holds names."""
    cells = [[shorten(cell, WIDEST) for cell in row[:-1]] + [clean_line(row[-1])] for row in (head, *rows)]
    widths = [max(width(row[i]) for row in cells) for i in range(len(head))]
    if columns:
        for i, least in ((len(head) - 1, LEAST_LAST), (1, LEAST_NAME)):
            over = sum(widths) + 2 * (len(head) - 1) - columns
            widths[i] -= max(0, min(over, widths[i] - max(least, width(head[i]))))
        cells = [[shorten(cell, widths[i]) for i, cell in enumerate(row)] for row in cells]
    return "\n".join(
        "  ".join(cell + " " * (widths[i] - width(cell)) for i, cell in enumerate(row)).rstrip() for row in cells
    )


def clock(value: datetime) -> str:
    """Return a time of today as 12:03, any other with its date; on this computer's clock."""
    local = value.astimezone()
    return f"{local:%H:%M}" if local.date() == datetime.now(UTC).astimezone().date() else f"{local:%Y-%m-%d %H:%M}"


def age(since: datetime | None, now: datetime) -> str:
    """Return how long ago that was, in the two largest units that say something; "" when it is not known."""
    if since is None:
        return ""
    seconds = max(0, int((now - since).total_seconds()))
    minutes = seconds // 60
    if not minutes:
        return f"{seconds} s"
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def when(value: datetime | None, now: datetime) -> str:
    """Return a time on this computer's clock, and how long ago that was; "" when it is not known."""
    return f"{value.astimezone():%Y-%m-%d %H:%M} ({age(value, now)} ago)" if value else ""


def columns() -> int:
    """Return the width of the terminal that the result goes to; 0 where it goes elsewhere and may be of any width."""
    return shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else 0
