"""Why a task failed, from its log: the lines that a person needs to see. Pure functions plus one reader; any thread."""

import logging
import re
from collections import deque
from collections.abc import Iterable

from desktop_app.domain.problems import AppError
from desktop_app.ports import Cancel, Server

SHOWN_LINES = 6
KEPT_LINES = 2_000
MAX_LINE = 300

# What pip, uv, git, conda, docker and Python print when they give up.
_TELLING = re.compile(
    r"^\s*(error|fatal|exception)\b|\berror:|^[A-Za-z_.]*(Error|Exception)(:|$)|no matching distribution"
    r"|could not find a version|no solution found|no space left|permission denied|not found in|command not found"
    r"|\bkilled\b|out of memory|unauthorized|authentication failed",
    re.IGNORECASE,
)
_NOISE = re.compile(r"process failed, exit code|^\s*warning", re.IGNORECASE)
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

_log = logging.getLogger(__name__)


def telling_lines(texts: Iterable[str]) -> tuple[str, ...]:
    """The last few lines that look like a reason, in order; without any, the last few lines that say something."""
    lines: deque[str] = deque(maxlen=KEPT_LINES)
    for text in texts:
        lines.extend(line.strip()[:MAX_LINE] for line in _ANSI.sub("", text).splitlines() if line.strip())
    useful = [line for line in lines if not _NOISE.search(line)]
    telling = list(dict.fromkeys(line for line in useful if _TELLING.search(line)))
    return tuple((telling or useful)[-SHOWN_LINES:])


def reason_of(server: Server, task: str, cancel: Cancel) -> str:
    """The telling lines of the task's log, "" when it has none or can't be read."""
    texts: deque[str] = deque(maxlen=KEPT_LINES)
    since = 0
    try:
        while page := server.log(task, since, cancel):
            texts.extend(line.text for line in page)
            since = page[-1].timestamp
    except AppError as error:
        _log.info("the log of task %s can't be read: %s", task, error.problem.cause or error.problem.title)
    return "\n".join(telling_lines(texts))
