"""Keeps the real clearml-agent running as a child process. Only the supervisor's main thread may use it.

The kernel ends the agent when that thread dies (PR_SET_PDEATHSIG). The signal is SIGKILL: on SIGTERM an agent first
tells its server, and without one it hangs in its retries. What the agent runs is left alone then: a session goes on,
and can be shut down, when the sandbox comes back.
"""

import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import psutil

from desktop_app.private_files import write_private
from desktop_app.sandbox.home import Home, created_at, read_json

_log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_STEADY = 60.0  # seconds; an agent that ran so long was fine, so the next restart comes at once again
_LONGEST_PAUSE = 30.0  # seconds
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def adopt_orphans() -> None:
    """Become the parent of what the agent's dead children leave behind, so that ``Agent.stop`` finds all of it."""
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans(but: int | None) -> None:
    """Collect adopted processes that ended; the one with the pid ``but`` is left for its ``Popen`` object."""
    if _libc is None:
        return
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid == but:
            return
        os.waitpid(ended.si_pid, 0)


def _die_with_parent() -> None:  # runs in the child, before exec
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Agent:
    """``prepare`` makes the environment for each start; ``say`` gets every line that it prints, from a thread."""

    def __init__(
        self, command: Sequence[str], prepare: Callable[[], Mapping[str, str]], home: Home, say: Callable[[str], None]
    ) -> None:
        self._command = command
        self._prepare = prepare
        self._home = home
        self._say = say
        self._process: subprocess.Popen[str] | None = None
        self._started = 0.0
        self._failures = 0
        self._retry_at = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def failures(self) -> int:
        """Return how often in a row it ended too soon."""
        return self._failures

    def tend(self) -> None:
        """Start it, or start it again when it died and its pause is over."""
        now = time.monotonic()
        if self._process is not None:
            if self._process.poll() is None:
                return
            self._note_death(now)
        if now >= self._retry_at:
            self._start(now)

    def _note_death(self, now: float) -> None:
        assert self._process is not None
        self._failures = 0 if now - self._started > _STEADY else self._failures + 1
        pause = min(2.0 ** (self._failures - 1), _LONGEST_PAUSE) if self._failures else 0.0
        _log.warning("the agent ended with code %s; it starts again in %.0f s", self._process.returncode, pause)
        self._retry_at = now + pause
        self._process = None

    def _start(self, now: float) -> None:
        self._started = now
        self._process = subprocess.Popen(
            self._command,
            env=dict(self._prepare()),
            cwd=self._home.agent_home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        created = created_at(self._process.pid)
        write_private(self._home.agent_state, json.dumps({"pid": self._process.pid, "created": created}))
        threading.Thread(target=self._listen, args=(self._process,), name="agent-output", daemon=True).start()

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout as output:
            for line in output:
                self._say(line.rstrip())

    def stop(self, timeout_s: float) -> None:
        """End the agent and everything it started: politely first, by SIGKILL after ``timeout_s`` seconds."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                _log.warning("the agent did not end in time")
        end_processes(descendants(), 2.0)
        if self._process is not None:
            self._process.wait(5)
            self._process = None


def end_leftover(home: Home, timeout_s: float) -> None:
    """End the agent of a sandbox that was killed, where the kernel did not: two of one name refuse to work."""
    left = read_json(home.agent_state)
    pid, created = left.get("pid"), left.get("created")
    if isinstance(pid, int) and created is not None and created_at(pid) == created:
        _log.warning("ending the agent that an earlier sandbox left behind")
        end_processes([psutil.Process(pid)], timeout_s)


def descendants() -> list[psutil.Process]:
    """Return every process below this one."""
    return psutil.Process().children(recursive=True)


def end_processes(processes: Sequence[psutil.Process], timeout_s: float) -> None:
    """Send SIGTERM, and after ``timeout_s`` seconds SIGKILL. psutil checks that a pid is still the same process."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    _, left = psutil.wait_procs(list(processes), timeout=timeout_s)
    for process in left:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(left, timeout=timeout_s)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
