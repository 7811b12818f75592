"""The process that the agent started: it does nothing but outlive the worker, and cleans up when the worker can't.

The worker (a fork, made before there is any thread) does all the work. If it is killed, everything below is adopted by
this process and ended here; if this process is killed, the worker is told by the kernel and ends the session itself.
The agent ends a task with SIGKILL to the whole tree below it, which includes all that was adopted; then a third
process, the janitor, is left to remove the session's keys and tokens from the disk, and ends itself.
"""

import os
import signal
import sys
import traceback
from typing import Callable

from remote_bootstrap.process import processes

GRACE = 2.0  # seconds between SIGTERM and SIGKILL for what a dead worker left
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def guard(task: str, work: Callable[[], int], tidy: Callable[[], None]) -> int:
    """Run ``work`` in a forked worker; returns its exit code once nothing of the session is left.

    ``tidy`` removes what must not stay on disk. Main thread only, before any other thread exists.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    leave_janitor(task, tidy)
    processes.become_subreaper()
    guardian = os.getpid()
    worker = os.fork()
    if worker == 0:
        _become_worker(guardian, work)
    for number in FORWARDED:
        signal.signal(number, lambda received, _frame: _forward(worker, received))
    code = _wait(worker)
    if not _sweep(task):
        print("SessionDock: some processes of the session could not be ended", file=sys.stderr, flush=True)
    return code


def leave_janitor(task: str, tidy: Callable[[], None]) -> None:
    """Fork a process out of the agent's reach that waits until guardian and worker are both gone, however they went.

    It holds the reading end of a pipe that has no writer; the kernel closes the other end with the last of the two.
    Services don't inherit it (pipes of Python are closed on exec).
    """
    reading, writing = os.pipe()  # the writing end stays open in this process and in the worker, on purpose
    child = os.fork()
    if child:
        os.close(reading)
        os.waitpid(child, 0)
        return
    try:
        os.close(writing)
        os.setsid()
        if os.fork() == 0:
            _be_janitor(reading, task, tidy)
    finally:
        os._exit(0)


def _be_janitor(waiting: int, task: str, tidy: Callable[[], None]) -> None:
    for number in FORWARDED:
        signal.signal(number, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)  # the agent waits for the end of the task's output
    os.read(waiting, 1)
    me = os.getpid()
    processes.end_all(lambda: processes.marked(processes.SESSION_VARIABLE, task) - {me}, 0.0)
    tidy()


def _become_worker(guardian: int, work: Callable[[], int]) -> None:
    code = 1
    try:
        processes.become_subreaper()
        processes.end_with_parent(guardian)
        code = work()
    except BaseException:  # the boundary of the process: nothing may unwind into the guardian's stack
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _forward(worker: int, number: int) -> None:
    try:
        os.kill(worker, number)
    except ProcessLookupError:
        return


def _wait(worker: int) -> int:
    """Reap whatever was adopted until the worker itself ends."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == worker:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _sweep(task: str) -> bool:
    me = os.getpid()

    def left() -> "set[int]":
        processes.reap(processes.zombies_of(me))
        return (processes.descendants(me) | processes.marked(processes.SESSION_VARIABLE, task)) - {me}

    return processes.end_all(left, GRACE)
