"""Keeps one application running: install, start, wait until it answers, restart it when it dies, end it.

One thread per application, alive as long as the session: the kernel ties a service's life to the thread that started
it (exec_with_parent.py). An application that can't be kept running fails alone, with its reason in the report.
"""

import signal
import subprocess
import threading
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Optional, Protocol

from remote_bootstrap import contract
from remote_bootstrap.contract import AppReport
from remote_bootstrap.machine import listening
from remote_bootstrap.process import processes
from remote_bootstrap.process.commands import launched, tail_of
from remote_bootstrap.task.progress import Progress
from remote_bootstrap.types import InstallError, Log

LOOK = 1.0  # seconds between two looks at the sockets of a service that does not answer yet
POLL = 0.1  # seconds between two looks at a starting service
WATCH = 0.5  # seconds between two looks at a running one
START_TIMEOUT_S = 90.0  # seconds for a started service to answer; a loaded machine needs 20 for JupyterLab
STEADY = 60.0  # seconds after which an earlier crash is forgotten
NEVER_READY_TRIES = 3
CRASH_TRIES = 8
FIRST_DELAY, LAST_DELAY = 0.5, 30.0
STRAYS = (
    "it was ended because it listened on %s though it was told to listen on %s only: anyone who reaches this "
    "machine could have used it. A setting or a variable of the agent's machine says otherwise"
)
END_GRACE = 3.0  # seconds between SIGTERM and SIGKILL; code-server needs 0.4, JupyterLab with a kernel 1.0


@dataclass(frozen=True)
class Launch:
    """How to start a service once. ``env`` is the whole environment."""

    argv: List[str]
    env: Dict[str, str] = field(repr=False)
    cwd: Path


class Application(Protocol):
    """The work half of one application. All methods are called on its supervising thread."""

    key: str
    host: str  # where it is told to listen
    secret: str  # its token or password, "" without one
    marker: str  # value of APP_VARIABLE in what dies with the service, "" if its children outlive a restart

    def install(self, log: Log) -> None:
        """Make it startable. Raises InstallError with a reason for users."""

    def launch(self) -> Launch:
        """Prepare one start. Raises InstallError."""

    def ready(self, pid: int) -> int:
        """Return the port on which the service of process ``pid`` answers, 0 while it doesn't. Raises InstallError."""


class Service(threading.Thread):
    """Runs one Application until ``stop`` is set."""

    def __init__(
        self,
        app: Application,
        progress: Progress,
        logs: Path,
        log: Log,
        stop: threading.Event,
        on_ready: Optional[Callable[[int], None]] = None,
    ) -> None:
        super().__init__(name="service-" + app.key, daemon=True)
        self._app = app
        self._progress = progress
        self._logfile = logs / (app.key + ".log")
        self._log = log
        self._stop_event = stop
        self._on_ready = on_ready
        self._process: Optional["subprocess.Popen[bytes]"] = None
        self._was_ready = False
        self._log_start = 0
        self._looked = 0.0  # monotonic: when its sockets were

    def run(self) -> None:
        try:
            self._install()
            self._keep_running()
        except InstallError as error:
            self._fail(str(error))
        except Exception as error:  # thread boundary: the other applications stay usable
            self._log("%s: %s" % (self._app.key, traceback.format_exc()))
            self._fail("internal error: %s" % error)
        finally:
            self._end()

    def _install(self) -> None:
        self._report(contract.APP_INSTALLING)
        self._app.install(self._installing)

    def _keep_running(self) -> None:
        failures = 0
        while not self._stop_event.is_set():
            begun = time.monotonic()
            reason = self._run_once(contract.APP_RESTARTING if failures else contract.APP_STARTING)
            self._end()
            if self._stop_event.is_set():
                return
            failures = 1 if time.monotonic() - begun > STEADY else failures + 1
            self._log("%s: %s" % (self._app.key, reason))
            if failures >= (CRASH_TRIES if self._was_ready else NEVER_READY_TRIES):
                raise InstallError(reason)
            self._report(contract.APP_RESTARTING, reason)
            self._stop_event.wait(min(FIRST_DELAY * 2 ** (failures - 1), LAST_DELAY))

    def _run_once(self, state: str) -> str:
        """Start the service and watch it until it dies or the session ends; returns why it died."""
        launch = self._app.launch()
        self._report(state)
        process = self._start(launch)
        deadline = time.monotonic() + START_TIMEOUT_S
        answered = False
        while not self._stop_event.wait(WATCH if answered else POLL):
            code = process.poll()
            if code is not None:
                return self._reason("ended with code %d" % code)
            if not answered:
                answered = self._try_ready(process.pid)
                if not answered and time.monotonic() > deadline:
                    return self._reason("did not answer within %d s" % START_TIMEOUT_S)
        return ""

    def _try_ready(self, pid: int) -> bool:
        port = self._app.ready(pid)
        if port and not listening.group_listens(pid, port):
            return False  # another program answers there: ours will say that it can't listen
        if port or time.monotonic() - self._looked > LOOK:
            self._looked = time.monotonic()
            strays = listening.strays(pid, self._app.host, port)
            if strays:
                raise InstallError(STRAYS % (", ".join(strays), self._app.host))
        if not port:
            return False
        self._was_ready = True
        if self._on_ready is not None:
            self._on_ready(port)
        self._progress.app(self._app.key, AppReport(contract.APP_READY, "", port, self._app.secret))
        self._log("%s: answers on port %d" % (self._app.key, port))
        return True

    def _start(self, launch: Launch) -> "subprocess.Popen[bytes]":
        self._logfile.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._logfile.open("ab") as output:
            self._log_start = output.tell()
            try:
                self._process = subprocess.Popen(
                    list(launched(launch.argv)),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=launch.env,
                    cwd=str(launch.cwd),
                    start_new_session=True,
                )
            except OSError as error:
                raise InstallError("could not be started: %s" % error) from error
        return self._process

    def _end(self) -> None:
        """Send SIGTERM to the service's process group, SIGKILL to what is left of it and of its kernels and
        terminals."""
        process, self._process = self._process, None
        if process is not None:
            processes.signal_group(process.pid, signal.SIGTERM)
            try:
                process.wait(END_GRACE)
            except subprocess.TimeoutExpired:
                self._log("%s: had to be killed" % self._app.key)
            processes.signal_group(process.pid, signal.SIGKILL)
            processes.wait_killed(process)
        if self._app.marker:
            processes.end_all(lambda: processes.marked(processes.APP_VARIABLE, self._app.marker), 0.5)

    def _reason(self, what: str) -> str:
        """Return what happened with the service's last words, without its token: all members of the workspace can read
        them."""
        with self._logfile.open("rb") as stream:
            stream.seek(self._log_start)
            output = stream.read().decode("utf-8", "replace")
        if self._app.secret:
            output = output.replace(self._app.secret, "***")
        return "%s: %s" % (what, tail_of(output[-4000:])) if output.strip() else what

    def _installing(self, text: str) -> None:
        """Log how far the installation is, and report it."""
        self._log("%s: %s" % (self._app.key, text))
        self._report(contract.APP_INSTALLING, text)

    def _report(self, state: str, detail: str = "") -> None:
        self._progress.app(self._app.key, AppReport(state, detail))

    def _fail(self, reason: str) -> None:
        self._log("%s: failed: %s" % (self._app.key, reason))
        self._report(contract.APP_FAILED, reason)
