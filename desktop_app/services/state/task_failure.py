"""Why a task failed, from its log: the lines that the user needs to see. Pure functions plus one reader; any thread."""

import logging
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import Server
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.endings import code_of, has_been_up
from desktop_app.domain.sessions.snapshot import End, ServerFacts
from remote_bootstrap.contract import ENDED_BY_MACHINE, SIGNALLED

SHOWN_LINES = 6
KEPT_LINES = 2_000
MAX_LINE = 300

# What pip, uv, git, conda, docker and Python print when they give up.
_TELLING = re.compile(
    r"^\s*(error|fatal|exception)\b|\berror:|^[A-Za-z_.]*(Error|Exception)(:|$)|no matching distribution"
    r"|could not find a version|no solution found|no space left|permission denied|not found in|command not found"
    r"|\bkilled\b|out of memory|unauthorized|authentication failed|no module named|error response from daemon"
    r"|read-only file system",
    re.IGNORECASE,
)
# The agent's own words: what it starts (arguments and all), and how that ended.
_NOISE = re.compile(r"process failed, exit code|^\s*warning|^executing: |^running (task|docker)\b", re.IGNORECASE)
# What apt, dpkg and pip say in an image where the agent's preparations may not, or need not, succeed.
_PRELUDE = re.compile(r"^(E|W|N): |^dpkg\b.*|^(rm|mkdir|chmod|cp|touch|mv): |/var/(lib|cache)/(apt|dpkg)|^\+ ")
_OWN = "SessionDock: ending: "
_WANTED = ("finished", "the user shut the session down", "it was ", "its task ", "the task is", "the task was")
_FULL = re.compile(r"no space left on device", re.IGNORECASE)
_NO_AGENT = re.compile(r"no module named '?clearml_agent", re.IGNORECASE)
_HASHED = re.compile(r"(failed to parse|invalid requirement)\b.*--hash=", re.IGNORECASE)
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
AS_ROOT = (
    'The image\'s user may not install what the agent needs there. Launch with --docker-args "--user root" (in the '
    "wizard: Docker arguments), or use an image without USER."
)
READ_ONLY = "The container's file system is read-only, so the agent can't install itself: leave out --read-only."
HASHES = (
    "clearml-agent can't install packages that are pinned with --hash: leave the hashes out (pip-compile without "
    "--generate-hashes)."
)

_log = logging.getLogger(__name__)


def telling_lines(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the last few lines that look like a reason, in order; without any, the last few that say something.

    What the session itself gave as its reason counts alone; a full disk comes before what failed because of it.
    """
    lines: deque[str] = deque(maxlen=KEPT_LINES)
    for text in texts:
        lines.extend(line.strip()[:MAX_LINE] for line in _ANSI.sub("", text).splitlines() if line.strip())
    own = own_reason(lines)
    if own:
        return (own,)
    useful = [line for line in lines if not _NOISE.search(line)]
    telling = list(dict.fromkeys(line for line in useful if _TELLING.search(line)))
    full = [line for line in telling if _FULL.search(line)][:1]
    shown = ([line for line in telling if not _PRELUDE.search(line)] or telling or useful)[-SHOWN_LINES:]
    shown = full + [line for line in shown if line not in full][: SHOWN_LINES - len(full)]
    return (*shown, *_hint(lines))


def own_reason(texts: Iterable[str]) -> str:
    """Return what the session itself gave as its reason to fail, "" where it gave none."""
    lines = [line.strip() for text in texts for line in text.splitlines()]
    reasons = [line[len(_OWN) :][:MAX_LINE] for line in lines if line.startswith(_OWN)]
    return reasons[-1] if reasons and not reasons[-1].startswith((*_WANTED, ENDED_BY_MACHINE, SIGNALLED)) else ""


def _hint(lines: Iterable[str]) -> tuple[str, ...]:
    """Return what helps with hashes, and in an image in which the agent could not install itself."""
    text = "\n".join(lines)
    if _HASHED.search(text):
        return (HASHES,)
    if not _NO_AGENT.search(text):
        return ()
    if "read-only file system" in text.lower():
        return (READ_ONLY,)
    return (AS_ROOT,) if "permission denied" in text.lower() or "are you root" in text.lower() else ()


def log_of(server: Server, task: str, cancel: Cancel) -> tuple[str, ...]:
    """Return the end of the task's log; empty when it has none or can't be read."""
    texts: deque[str] = deque(maxlen=KEPT_LINES)
    since = 0
    try:
        while page := server.tasks.log(task, since, cancel):
            texts.extend(line.text for line in page)
            since = page[-1].timestamp
    except AppError as error:
        _log.info("the log of task %s can't be read: %s", task, error.problem.cause or error.problem.title)
    return tuple(texts)


def explained(server: Server, task: str, facts: ServerFacts, cancel: Cancel) -> ServerFacts:
    """Return the facts; of a session that failed, with its exit code and the lines of its log that say why.

    The lines of one that had been in use are how it worked, unless it gave a reason itself: its exit code says more.
    """
    if facts.end is not End.FAILED:
        return facts
    code = code_of(facts.message) if facts.exit_code is None else facts.exit_code
    log = log_of(server, task, cancel)
    reason = own_reason(log) if has_been_up(facts) else "\n".join(telling_lines(log))
    return replace(facts, message=reason or facts.message, exit_code=code)
