"""Keeps secrets out of the app's own log: what the secret store handed out, and what looks like a secret. Any thread.

The handlers get a filter that rewrites the finished message and the traceback text, so no call site can forget it.
"""

import logging
import re
import threading
from collections import deque
from collections.abc import Iterable

MARK = "•••"
MIN_LENGTH = 6  # a shorter "secret" would black out ordinary words
TAIL_LINES = 2_000

_PATTERNS = tuple(
    re.compile(pattern, re.DOTALL | re.IGNORECASE)
    for pattern in (
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
        r"(?<=Bearer )[A-Za-z0-9._~+/=-]{8,}",
        r"(?<=Basic )[A-Za-z0-9+/=]{8,}",
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*",
        r"(?<=[?&]token=)[^&\s\"']+",
        r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)",
        r"(?:(?<=password=)|(?<=secret=)|(?<=secret_key=)|(?<=\"password\": \")|(?<=\"secret\": \"))[^\s\"'&,]+",
    )
)


class Redactor(logging.Filter):
    """Knows the secrets that were handed out and blacks them out wherever they turn up."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._secrets: tuple[str, ...] = ()

    def register(self, secret: str) -> None:
        """Remember a secret (each line of a multi-line one) for as long as the program runs."""
        lines = {secret.strip(), *(line.strip() for line in secret.splitlines())}
        fresh = {line for line in lines if len(line) >= MIN_LENGTH and not line.startswith("-----")}
        with self._lock:
            # longest first, so that a secret which contains another one disappears whole
            self._secrets = tuple(sorted({*self._secrets, *fresh}, key=len, reverse=True))

    def clean(self, text: str) -> str:
        """Return the text without secrets."""
        for pattern in _PATTERNS:
            text = pattern.sub(MARK, text)
        for secret in self._secrets:
            text = text.replace(secret, MARK)
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.clean(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text, record.exc_info = self.clean(record.exc_text), None
        return True


class LogTail(logging.Handler):
    """The newest log lines in memory, for the window's own log view."""

    def __init__(self, lines: int = TAIL_LINES) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=lines)
        self.trouble = ""  # why the log is in memory only, as a sentence

    def fails(self, sentence: str) -> None:
        """Note that the log file can't be written: told here once, since it can't be told there."""
        if not self.trouble:
            self.trouble = sentence
            self._lines.append(sentence)

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.extend(self.format(record).splitlines())

    def lines(self) -> tuple[str, ...]:
        """Return the newest lines, the oldest of them first."""
        self.acquire()
        try:
            return tuple(self._lines)
        finally:
            self.release()


def guard(handlers: Iterable[logging.Handler], redactor: Redactor) -> None:
    """Put the redactor in front of each handler."""
    for handler in handlers:
        handler.addFilter(redactor)
