"""Runs the storage program (``storage.py``) and looks at it meanwhile. On the storing or restoring thread; no state."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

from remote_bootstrap.machine.folders import private
from remote_bootstrap.process import commands, processes

PROGRAM = str(Path(__file__).with_name("storage.py"))
POLL = 0.2  # seconds between two looks


class WorkspaceError(Exception):
    """The workspace can't be stored or restored; the text is one sentence for users."""


class Stopped(Exception):
    """The storing or restoring was asked to end."""


def run(arguments: List[str], log: Path, look: Callable[[int], None], stopped: Callable[[], bool]) -> Dict[str, Any]:
    """Run the program and return its answer; ``look(pid)`` is called while it runs. Raises WorkspaceError, Stopped."""
    private(log.parent)
    argv = commands.launched([sys.executable, "-u", PROGRAM, *arguments])
    with log.open("w+b") as output:
        # with the agent's whole environment: the SDK's configuration and credentials are in there
        environment = dict(os.environ)
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
        try:
            while process.poll() is None:
                look(process.pid)
                if stopped():
                    raise Stopped
                time.sleep(POLL)
        finally:
            if process.poll() is None:
                process.kill()
                processes.wait_killed(process)
        output.seek(0)
        lines = output.read().decode("utf-8", "replace").strip().splitlines()
    return _answer(lines, process.returncode)


def _answer(lines: List[str], code: int) -> Dict[str, Any]:
    try:
        answer = json.loads(lines[-1])
    except (IndexError, ValueError):
        raise WorkspaceError("the storage program ended with %d: %s" % (code, " ".join(lines[-1:])[:200])) from None
    if not isinstance(answer, dict) or "error" in answer:
        raise WorkspaceError(str(answer.get("error") if isinstance(answer, dict) else answer))
    return answer


def position(program: int, path: Path) -> int:
    """Return how far that process has read the file; 0 where that can't be seen."""
    with contextlib.suppress(OSError):
        for handle in Path("/proc/%d/fd" % program).iterdir():
            if os.path.realpath(str(handle)) == str(path):
                info = Path("/proc/%d/fdinfo/%s" % (program, handle.name)).read_text("ascii")
                return int(info.split()[1])
    return 0


def checksum(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            total.update(block)
    return total.hexdigest()
