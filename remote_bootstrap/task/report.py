"""From the session to its task: one thread publishes what changed, over a ``TaskServer``.

A server that can't be reached, for days even, never ends a session: it is tried again. What the task tells the session
is the watcher's affair.
"""

import threading
import traceback
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Protocol, Tuple

from remote_bootstrap import contract
from remote_bootstrap.contract import Record, Report
from remote_bootstrap.task.progress import Progress
from remote_bootstrap.types import Log

LISTEN = 2.0  # seconds between two looks at what there is to publish; costs the server nothing
GATHER = 0.1  # seconds that a change waits for others
FIRST_DELAY, LAST_DELAY = 1.0, 15.0


class ServerError(RuntimeError):
    """The ClearML server did not do what it was asked; the text has no secrets. ``code``: HTTP status and subcode."""

    def __init__(self, text: str, code: Tuple[int, int] = (0, 0)) -> None:
        super().__init__(text)
        self.code = code


class TaskStatus(NamedTuple):
    status: str  # "" = the server knows no such task
    message: str
    changed: str = ""  # when anything about the task was changed last, by the server's clock


class TaskFacts(NamedTuple):
    """What the task says about itself and its server."""

    name: str = ""
    image: str = ""  # the container's
    setup_script: str = ""  # of the container
    web_host: str = ""  # the server's other addresses, as the agent knows them
    files_host: str = ""
    published_ports: str = ""  # of the container: "outer:inner,…", which the agent chose
    code: str = ""  # the configuration object contract.CONFIG_CODE
    over: bool = False  # an earlier run of this task reported its end, and it was not enqueued again
    assigned_port: str = ""  # where the SSH server shall listen, if a certain port is wanted from outside


class TaskServer(Protocol):
    """The session's own task on its server. Every call takes seconds at most and raises ServerError."""

    @property
    def api_host(self) -> str:
        """Return the API server's URL."""

    def parameters(self) -> Dict[str, str]:
        """Return the hyper-parameters of section ``sessiondock``."""

    def facts(self) -> TaskFacts:
        """Name, container and addresses."""

    def call(self, endpoint: str, body: Dict[str, Any]) -> Dict[str, Any]:
        """Send any request of the API; return the data of its answer."""

    def status(self) -> TaskStatus:
        """Return what the server says about the task now."""

    def edit_runtime(self, properties: Mapping[str, str]) -> None:
        """Set runtime properties, leaving the others alone; of a task that has ended, too."""

    def edit_properties(self, properties: Mapping[str, str]) -> None:
        """Set user properties, leaving the others alone."""

    def log(self, text: str) -> None:
        """Add a line to the task's log."""

    def ping(self) -> None:
        """Say that the task lives."""

    def stopped(self, reason: str) -> None:
        """Mark the task as stopped."""


Extra = Callable[[Optional[Record], Report], Tuple[Dict[str, str], Dict[str, str]]]


def nothing_more(_record: Optional[Record], _report: Report) -> Tuple[Dict[str, str], Dict[str, str]]:
    """Return no runtime and user properties beside our own."""
    return {}, {}


class Publisher(threading.Thread):
    """Writes record and report into the task's runtime properties, newest state first, until closed."""

    def __init__(self, server: TaskServer, progress: Progress, log: Log, extra: Extra = nothing_more) -> None:
        """Publish with ``extra``, which returns what else is published of the record and of the report with its
        secrets."""
        super().__init__(name="publisher", daemon=True)
        self._extra = extra
        self._properties: Dict[str, str] = {}
        self._server = server
        self._progress = progress
        self._log = log
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._record: Optional[Record] = None
        self._published: Dict[str, str] = {}
        self._lines: "list[str]" = []

    def record(self, record: Record) -> None:
        """Publish a (new) connection record and announce its host key in the task's log."""
        with self._lock:
            self._record = record
            self._lines.append(contract.fingerprint_line(record.host_key))

    def run(self) -> None:
        known, delay = -1, FIRST_DELAY
        while not self._closing.is_set():
            report = self._progress.newer_than(known, LISTEN)
            self._closing.wait(GATHER)
            try:
                self.flush()
            except ServerError as error:
                self._log("The ClearML server can't be told: %s" % error)
                self._closing.wait(delay)
                delay = min(delay * 2, LAST_DELAY)
            except Exception:  # thread boundary: the session goes on unseen
                self._log(traceback.format_exc())
                self._closing.wait(LAST_DELAY)
            else:
                known, delay = report.sequence, FIRST_DELAY

    def flush(self) -> None:
        """Publish what is not published yet. Raises ServerError."""
        with self._lock:
            self._send_lines()
            wanted = {contract.RUNTIME_REPORT: self._progress.current().public().dumps()}
            # none at first: a stopped task that is enqueued again still has that of its last run
            wanted[contract.RUNTIME_RECORD] = "" if self._record is None else self._record.dumps()
            runtime, properties = self._extra(self._record, self._progress.current())
            wanted.update(runtime)
            fresh = {name: text for name, text in wanted.items() if self._published.get(name) != text}
            if fresh:
                self._server.edit_runtime(fresh)
                self._published.update(fresh)
            if properties != self._properties:
                self._server.edit_properties(properties)
                self._properties = properties

    def close(self) -> None:
        """Stop the thread after a last try to publish."""
        self._closing.set()
        try:
            self.flush()
        except ServerError as error:
            self._log("The ClearML server can't be told: %s" % error)

    def _send_lines(self) -> None:
        while self._lines:
            self._server.log(self._lines[0])
            self._lines.pop(0)


def as_text(value: Any) -> str:
    """Return a hyper-parameter's value; the server keeps text, an editor may have left null."""
    return "" if value is None else str(value)
