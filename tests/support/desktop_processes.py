"""Processes that a test starts: each with a log file, each ended by its own pid, and a search for what outlives them.

Runs on the test's thread. ``MARK`` is an environment variable that every descendant of a rig inherits, so that a
process that daemonised itself (the sandbox, an agent, a kernel) is still recognised as this rig's.
"""

import contextlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from tests.support.waiting import wait_until

MARK = "DESKTOP_TEST_RIG"  # not SESSIONDOCK_…: the sandbox keeps those from its agent


class Program:
    """One child process with its output (both streams) in ``log``."""

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        log: Path,
        cwd: Path | None = None,
        stdin: bytes = b"",
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.argv = list(argv)
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                self.argv,
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=pass_fds,
            )
        assert self.process.stdin is not None
        self.process.stdin.write(stdin)
        self.process.stdin.close()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_exit(self, seconds: float = 10.0) -> int:
        """The exit code. Raises TimeoutError with the program's last output."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.argv[0]} still runs after {seconds:g} s: {self.output()[-2000:]}") from None

    def kill(self) -> None:
        """SIGKILL, as a crash or an out-of-memory kill would end it."""
        self.process.kill()
        self.process.wait()

    def end(self, seconds: float = 3.0) -> None:
        """SIGTERM, then SIGKILL after ``seconds``."""
        if self.running:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()


def marked_processes(mark: str) -> list[psutil.Process]:
    """Every live process whose environment carries this rig's mark."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def describe(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:200]}"
    except psutil.Error:
        return f"{process.pid} (gone)"


def end_marked_processes(mark: str, grace: float = 2.0) -> list[str]:
    """Ends what still carries the mark after ``grace`` seconds and returns a line about each."""
    if _all_gone(mark, grace):
        return []
    lines = [describe(process) for process in marked_processes(mark)]
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for process in marked_processes(mark):
            with contextlib.suppress(psutil.NoSuchProcess):
                end(process)
        if _all_gone(mark, 3.0):
            break
    return lines


def _all_gone(mark: str, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        return wait_until(lambda: not marked_processes(mark), "processes of the rig to end", seconds)
    return False
