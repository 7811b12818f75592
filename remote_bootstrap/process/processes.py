"""What runs below this session, read from /proc, and how to end it all. Linux; any thread; no state.

Two ways of finding leftovers: descendants (both the guardian and the worker are child subreapers, so a daemonised
process stays below them) and the session's marker in a process's environment (for those that a dead guardian lost).
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Set

SESSION_VARIABLE = "SESSIONDOCK_SESSION"
APP_VARIABLE = "SESSIONDOCK_APP"

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
POLL = 0.05  # seconds between two looks while waiting for processes to end
KILL_WAIT = 5.0  # seconds that SIGKILL gets; only a process stuck in the kernel takes longer

Find = Callable[[], Set[int]]


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def become_subreaper() -> None:
    """Make orphans below this process its children instead of init's."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent(parent: int) -> None:
    """Send SIGTERM to this process when ``parent`` dies; also when it already has."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def _stat(pid: int) -> Optional[List[str]]:
    """Return state, parent and so on of a process: the fields of /proc/PID/stat after the command's name."""
    try:
        text = Path("/proc/%d/stat" % pid).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text[text.rfind(")") + 2 :].split()


def pids() -> Iterator[int]:
    with os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit():
                yield int(entry.name)


def _tree() -> Dict[int, List[int]]:
    children: Dict[int, List[int]] = {}
    for pid in pids():
        fields = _stat(pid)
        if fields is not None and fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(pid)
    return children


def descendants(root: int) -> Set[int]:
    """Return every living process below ``root``."""
    tree, below, todo = _tree(), set(), [root]
    while todo:
        for child in tree.get(todo.pop(), []):
            if child not in below:
                below.add(child)
                todo.append(child)
    return below


def marked(variable: str, value: str) -> Set[int]:
    """Return processes of this user that were started with ``variable=value`` in their environment."""
    mark = (variable + "=" + value).encode()
    pids_marked = set()
    for pid in pids():
        with contextlib.suppress(OSError):  # gone meanwhile, or another user's
            if mark in Path("/proc/%d/environ" % pid).read_bytes().split(b"\0"):
                pids_marked.add(pid)
    return pids_marked


def alive(pid: int) -> bool:
    fields = _stat(pid)
    return fields is not None and fields[0] != "Z"


def _signal_all(targets: Set[int], number: int) -> None:
    for pid in targets:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def _gone(find: Find, deadline: float, again: int = 0) -> bool:
    while True:
        left = find()
        if not left:
            return True
        if time.monotonic() >= deadline:
            return False
        if again:
            _signal_all(left, again)
        time.sleep(POLL)


def end_all(find: Find, grace: float) -> bool:
    """Send SIGTERM to what ``find`` finds, ``grace`` seconds later SIGKILL, repeated until it finds nothing.

    Returns False if something is left all the same.
    """
    _signal_all(find(), signal.SIGTERM)
    if _gone(find, time.monotonic() + grace):
        return True
    return _gone(find, time.monotonic() + KILL_WAIT, again=signal.SIGKILL)


def signal_group(leader: int, number: int) -> None:
    """Send a signal to what a child with a session of its own started and left in its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def wait_killed(process: "subprocess.Popen[Any]") -> None:
    """Wait for a child that got SIGKILL. One that is stuck in the kernel (a dead network disk, a driver) is left
    behind."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(KILL_WAIT)


def zombies_of(parent: int) -> Set[int]:
    """Return the dead children that were not waited for yet."""
    zombies = set()
    for pid in pids():
        fields = _stat(pid)
        if fields is not None and fields[0] == "Z" and int(fields[1]) == parent:
            zombies.add(pid)
    return zombies


def reap(targets: Set[int]) -> None:
    for pid in targets:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
