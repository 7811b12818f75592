"""Starting programs: one that outlives us, and others without a window of their own. Any thread."""

import logging
import subprocess
import sys
from collections.abc import Sequence

NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows opens a console for what a windowed program starts
SETTLE_S = 2.0  # a program that can't do its job says so within this time

_log = logging.getLogger(__name__)
_FLAGS = (
    getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    if sys.platform == "win32"
    else 0
)


def start_detached(argv: Sequence[str], settle: float = SETTLE_S) -> bool:
    """Start the program in a session of its own; False when it can't be started or fails within ``settle`` seconds."""
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=sys.platform != "win32",
            creationflags=_FLAGS,
        )
    except OSError as error:
        _log.info("%s can't be started: %s", argv[0], error.strerror or error)
        return False
    try:
        code = process.wait(settle)
    except subprocess.TimeoutExpired:
        _leave_running(process)
        return True
    if code != 0:
        _log.info("%s ended with exit code %d", argv[0], code)
    return code == 0


def _leave_running(process: "subprocess.Popen[bytes]") -> None:
    """Let the program live on its own; without this, Python would warn about a child that nobody waited for."""
    process.returncode = 0
