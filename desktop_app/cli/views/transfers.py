"""Transfers as the user reads them and as --json shows them; how often a running one is told. Main thread.

On a terminal progress is one line that is written over; elsewhere a few lines tell; --json tells each step.
"""

import sys
import time
from collections.abc import Callable

from desktop_app.cli.terminal.output import json_line, say
from desktop_app.domain.access.terminal import plain_text
from desktop_app.domain.files.transfer import Progress, Summary, readable, size_text

PLAIN_PERCENT = 10  # between two lines where no terminal shows them,
PLAIN_EVERY_S = 5.0  # and so long at least,
PLAIN_LONG_S = 60.0  # but after so long there is one in any case
_CLEAR = "\r\x1b[K"


class ProgressLine:
    """Tells about one transfer: JSON lines, one line that is written over on a terminal, or now and then a line."""

    def __init__(
        self, as_json: bool, *, terminal: bool | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._json = as_json
        self._clock = clock
        self._terminal = sys.stderr.isatty() if terminal is None else terminal
        self._said = float("-inf")
        self._step = -1
        self._waiting = ""

    def tell(self, now: Progress) -> None:
        """Tell how far it is, where that is worth a line."""
        if self._json:
            json_line(
                {
                    "event": "progress", "files": now.files, "files_total": now.files_total, "bytes": now.size,
                    "bytes_total": now.size_total, "current": now.current, "waiting": now.waiting,
                }
            )  # fmt: skip
        elif self._terminal:
            print(f"{_CLEAR}{plain_text(progress_text(now))}", end="", file=sys.stderr, flush=True)
        elif self._is_due(now):
            say(progress_text(now) if now.size or now.waiting else start_text(now))

    def _is_due(self, now: Progress) -> bool:
        """True for each tenth that took a while, and for each new trouble."""
        passed, step = self._clock() - self._said, now.percent // PLAIN_PERCENT
        trouble = now.waiting not in ("", self._waiting)
        self._waiting = now.waiting
        begun = now.files_total > 0 and now.percent < 100
        if not trouble and not (begun and (passed > PLAIN_LONG_S or (step > self._step and passed > PLAIN_EVERY_S))):
            return False
        self._said = self._clock()
        self._step = step
        return True

    def end(self) -> None:
        """Take away the line that is written over."""
        if self._terminal and not self._json:
            print(_CLEAR, end="", file=sys.stderr, flush=True)


class StageLine:
    """Tells texts that come every few seconds, as ProgressLine; without a terminal the first of each stage and few
    others."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._terminal = sys.stderr.isatty()
        self._text = ""
        self._stage = ""
        self._said = 0.0

    def tell(self, text: str) -> None:
        """Tell a text, where that is worth a line."""
        if text == self._text:
            return
        self._text = text
        stage = "".join(c for c in text if not c.isdigit()).split("%")[0]
        if self._json:
            json_line({"event": "progress", "text": text})
        elif self._terminal:
            print(f"{_CLEAR}{plain_text(text)}", end="", file=sys.stderr, flush=True)
        elif stage != self._stage or time.monotonic() - self._said > PLAIN_LONG_S:
            self._stage = stage
            self._said = time.monotonic()
            say(text)

    def end(self) -> None:
        """Take away the line that is written over."""
        if self._terminal and not self._json:
            print(_CLEAR, end="", file=sys.stderr, flush=True)


def start_text(now: Progress) -> str:
    """Return the sentence before anything is copied."""
    return f"Copying {'1 file' if now.files_total == 1 else f'{now.files_total} files'}, {size_text(now.size_total)}."


def progress_text(now: Progress) -> str:
    """Return how far a transfer is, in one line."""
    done = f"{now.percent} %  {size_text(now.size)} of {size_text(now.size_total)}, file {now.files}/{now.files_total}"
    return f"{done}  {now.waiting + ': trying again' if now.waiting else now.current[-40:]}"


def summary_text(summary: Summary) -> str:
    """Return what was copied, as a sentence."""
    if not summary.files and summary.skipped:
        return "Nothing was copied."
    same = f", {summary.unchanged} of them there already" if summary.unchanged else ""
    checked = "" if summary.checked else " The session's machine could not check them."
    files = "1 file" if summary.files == 1 else f"{summary.files} files"
    place = "this folder" if summary.to == "." else readable(summary.to)
    return f"{files} ({size_text(summary.size)}) {'is' if summary.files == 1 else 'are'} in {place}{same}.{checked}"


def summary_json(summary: Summary) -> dict[str, object]:
    """Return what was copied, as --json shows it."""
    return {
        "event": "done",
        "to": summary.to,
        "files": summary.files,
        "unchanged": summary.unchanged,
        "bytes": summary.size,
        "checked": summary.checked,
        "skipped": [{"path": skipped.path, "why": skipped.why} for skipped in summary.skipped],
    }
