"""Asks the server whether the session should end: one thread over the session's own task.

These looks are most of what a session costs its server, so they are seldom while no desktop is attached, twice as often
while a desktop is (its user waits for what is shown), and never on the beat of others. A server that can't be
reached, for days even, never ends a session: it is asked ever less often.
"""

import random
import threading
import time
import traceback
from typing import Callable, NamedTuple

from remote_bootstrap.task.report import ServerError, TaskServer
from remote_bootstrap.types import Log

IN_PROGRESS = "in_progress"
ABORTED = "it was shut down or aborted in ClearML"
# What was done to a task that no longer runs, by the status that it has now.
MOVED = {
    "created": "it was reset or taken out of its queue in ClearML",
    "queued": "it was put into a queue again in ClearML",
    "stopped": "it was stopped in ClearML",
    "failed": "its task was marked as failed in ClearML",
    "completed": "its task was marked as completed in ClearML",
    "closed": "its task was closed in ClearML",
    "published": "its task was published in ClearML",
}
ABORT_WORD = "stopping"  # what tasks.stop leaves in status_message of a running task

SPREAD = 0.08  # how far each pause may be off
PING = 600.0  # seconds; the server's watchdog stops tasks that were silent for two hours
GONE_LOOKS = 5  # answers in a row that there is no such task


class Looks(NamedTuple):
    """Seconds between two looks. With the spread, "abort" in ClearML's web page is noticed within 20 s and 10 s."""

    alone: float = 16.5
    attached: float = 8.5
    absent: float = 3.0  # the server says that there is no such task: is it so?
    longest: float = 60.0  # while the server is away


USUAL = Looks()


class Watcher(threading.Thread):
    """Looks at the task's status and calls ``end(reason)`` once when the session should end."""

    def __init__(
        self,
        server: TaskServer,
        end: Callable[[str], None],
        log: Log,
        looks: Looks = USUAL,
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Call ``changed()`` when the task was changed since the last look. ``clock`` in seconds; ``jitter``
        answers 0 to 1."""
        super().__init__(name="watcher", daemon=True)
        self._server = server
        self._end = end
        self._log = log
        self._looks = looks
        self._changed = changed
        self._change = ""
        self._clock = clock
        self._jitter = jitter
        self._closed = False
        self._news = threading.Event()
        self._attached = False
        self._looked = self._pinged = clock()
        self._spread = self._draw()
        self._gone = 0
        self._failures = 0

    def close(self) -> None:
        self._closed = True
        self._news.set()

    def attached(self, desktops: int) -> None:
        """Say how many desktops listen now. Any thread; quick."""
        self._attached = desktops > 0
        self._news.set()

    def pause(self) -> float:
        """Return seconds from the last look to the next."""
        looks = self._looks
        usual = looks.attached if self._attached else looks.alone
        if self._failures:
            return max(usual, min(usual * 2.0 ** min(self._failures - 1, 8), looks.longest)) * self._spread
        return (looks.absent if self._gone else usual) * self._spread

    def run(self) -> None:
        self._rest()
        while not self._closed and not self.look():
            self._rest()

    def _rest(self) -> None:
        """Wait until the next look is due; a desktop that attaches meanwhile brings it forward."""
        while not self._closed:
            left = self._looked + self.pause() - self._clock()
            if left <= 0:
                return
            self._news.wait(left)
            self._news.clear()

    def look(self) -> bool:
        """Look once; True when the session ends."""
        reason = ""
        try:
            reason = self._reason()
        except ServerError as error:
            if not self._failures:
                self._log("The ClearML server does not answer; the session goes on: %s" % error)
            self._failures += 1
        except Exception:  # thread boundary: looking goes on
            self._log(traceback.format_exc())
            self._failures += 1
        else:
            if self._failures:
                self._log("The ClearML server answers again")
            self._failures = 0
        self._looked = self._clock()
        self._spread = self._draw()
        if reason:
            self._end(reason)
        return bool(reason)

    def _draw(self) -> float:
        return 1.0 + SPREAD * (2.0 * self._jitter() - 1.0)

    def _reason(self) -> str:
        """Return why the session should end, "" while it shouldn't. Raises ServerError."""
        task = self._server.status()
        self._gone = self._gone + 1 if not task.status else 0
        if self._gone >= GONE_LOOKS:
            return "the task was deleted"
        if task.status and task.status != IN_PROGRESS:
            return MOVED.get(task.status, "its task is “%s” in ClearML" % task.status)
        if ABORT_WORD in task.message:
            return ABORTED
        if task.changed != self._change:
            self._change = task.changed
            self._changed()
        if self._clock() - self._pinged > PING:
            self._server.ping()
            self._pinged = self._clock()
        return ""
