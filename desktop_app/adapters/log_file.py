"""Where the log goes: a bounded file of its owner's only, and a stream. Any thread.

A log that can't be written (a full disk, a stream that nobody reads) never gets in the way of what is logged about.
"""

import contextlib
import logging
import logging.handlers
import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import TextIO


class PrivateLog(logging.handlers.RotatingFileHandler):
    """Readable by its owner only, from its first byte. ``trouble(sentence)`` is called when it can't be written."""

    def __init__(self, path: str, size: int, files: int, trouble: Callable[[str], None]) -> None:
        self._trouble = trouble
        super().__init__(path, maxBytes=size, backupCount=files, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return TextIOWrapper(open(handle, "ab"), encoding="utf-8", errors="backslashreplace")  # noqa: PTH123

    def handleError(self, record: logging.LogRecord) -> None:
        """Tell once that the log can't be written; called in ``emit``'s except block."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self._trouble(f"The log can't be written to {self.baseFilename}: {error.strerror or error}.")
        stream, self.stream = self.stream, None  # what could not be written must not pile up; it is opened anew
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


class StreamLog(logging.StreamHandler[TextIO]):
    """Says nothing of a stream that takes no more."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Tell once that the log can't be written; called in ``emit``'s except block."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)
