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

    def tell(self, progress: Progress) -> None:
        """Tell how far it is, where that is worth a line."""
        if self._json:
            json_line(progress_json(progress))
        elif self._terminal:
            print(f"{_CLEAR}{plain_text(progress_text(progress))}", end="", file=sys.stderr, flush=True)
        elif self._is_due(progress):
            say(progress_text(progress) if progress.size or progress.waiting else start_text(progress))

    def _is_due(self, progress: Progress) -> bool:
        """True for each tenth that took a while, and for each new trouble."""
        passed, step = self._clock() - self._said, progress.percent // PLAIN_PERCENT
        trouble = progress.waiting not in ("", self._waiting)
        self._waiting = progress.waiting
        begun = progress.files_total > 0 and progress.percent < 100
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


def start_text(progress: Progress) -> str:
    """Return the sentence before anything is copied."""
    files = "1 file" if progress.files_total == 1 else f"{progress.files_total} files"
    return f"Copying {files}, {size_text(progress.size_total)}."


def progress_text(progress: Progress) -> str:
    """Return how far a transfer is, in one line."""
    sizes = f"{size_text(progress.size)} of {size_text(progress.size_total)}"
    file = f"{progress.waiting}: trying again" if progress.waiting else progress.current[-40:]
    return f"{progress.percent} %  {sizes}, file {progress.files}/{progress.files_total}  {file}"


def progress_json(progress: Progress) -> dict[str, object]:
    """Return how far a transfer is, as --json shows it."""
    return {
        "event": "progress",
        "files": progress.files,
        "files_total": progress.files_total,
        "bytes": progress.size,
        "bytes_total": progress.size_total,
        "current": progress.current,
        "waiting": progress.waiting,
    }


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
