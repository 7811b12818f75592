"""What happens between the way in (SSH) and the applications: init script, workspace. A thread of its own, so that a
user who connects meanwhile sees what goes on, and that signals still end the session.
"""

import threading
import traceback
from typing import Callable, Optional

from remote_bootstrap import contract
from remote_bootstrap.servers import shell
from remote_bootstrap.session.context import Context
from remote_bootstrap.steps import init_script
from remote_bootstrap.task.progress import Progress
from remote_bootstrap.types import Log

POLL = 0.2  # seconds


class Preparation(threading.Thread):
    """Prepares, then calls ``start_applications``; ``fail(reason)`` when there can be no session."""

    def __init__(
        self,
        context: Context,
        progress: Progress,
        log: Log,
        stop: threading.Event,
        start_applications: Callable[[], None],
        fail: Callable[[str], None],
        restore: Optional[Callable[[Callable[[], bool]], None]] = None,
    ) -> None:
        super().__init__(name="preparation", daemon=True)
        self._context = context
        self._progress = progress
        self._log = log
        self._stop_event = stop
        self._start_applications = start_applications
        self._fail = fail
        self._restore = restore
        self._ssh_up = threading.Event()

    def ssh_is_up(self) -> None:
        """Let the preparation go on. Any thread. Until then nothing is run that may install packages: SSH may be
        installing its own."""
        if self._progress.current().phase == contract.STARTING_SSH:
            waits = contract.INIT_SCRIPT if init_script.script_of(self._context) else contract.RESTORING
            self._progress.phase(waits if waits == contract.INIT_SCRIPT or self._restore else contract.STARTING_APPS)
        self._ssh_up.set()

    def run(self) -> None:
        try:
            if init_script.script_of(self._context):
                self._run_init_script()
            if self._restore is not None and self._wait_for_ssh():
                self._progress.phase(contract.RESTORING)
                self._restore(self._stop_event.is_set)
            if not self._stop_event.is_set():
                if self._progress.current().phase in (contract.INIT_SCRIPT, contract.RESTORING):
                    self._progress.phase(contract.STARTING_APPS)
                self._start_applications()
        except Exception as error:  # thread boundary: without its applications there is no session
            traceback.print_exc()
            self._fail("the session can't be prepared: %s" % type(error).__name__)

    def _wait_for_ssh(self) -> bool:
        """Wait until SSH is up; False when the session ends before."""
        while not self._ssh_up.wait(POLL):
            if self._stop_event.is_set():
                return False
        return not self._stop_event.is_set()

    def _run_init_script(self) -> None:
        if not self._wait_for_ssh():
            return
        try:
            init_script.run(self._context, self._log, self._stop_event.is_set)
        except init_script.InitError as error:
            self._log(str(error))
            self._context.notice(str(error))
        if not self._stop_event.is_set():
            shell.write_environment(self._context)
