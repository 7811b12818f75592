"""``session TASK`` runs a session (the agent's task does that); ``install`` fills the application cache beforehand."""

import os
import sys
from typing import List

from remote_bootstrap.machine.folders import clean_folder, session_folder
from remote_bootstrap.preinstall import install
from remote_bootstrap.process import guardian, remains
from remote_bootstrap.runner import Connect, run
from remote_bootstrap.task.report import TaskServer
from remote_bootstrap.task.watcher import USUAL, Looks

TASK_VARIABLES = ("CLEARML_TASK_ID", "TRAINS_TASK_ID")
USAGE = "usage: python -m remote_bootstrap session [TASK] | install APPLICATION…|all"


def _connect(task: str) -> TaskServer:
    from remote_bootstrap.task.clearml_task import ClearMLTask  # slow: it imports the clearml SDK

    return ClearMLTask(task)


def session(task: str, connect: Connect = _connect, looks: Looks = USUAL) -> int:
    """Run the session of ``task`` under its guardian; returns the exit code. ``looks``: how often its task is asked."""
    folder = session_folder(task)
    remains.hold(folder)
    return guardian.guard(task, lambda: run(task, connect, looks), lambda: clean_folder(folder))


def main(arguments: List[str]) -> int:
    """Return the exit code."""
    command, rest = (arguments or [""])[0], arguments[1:]
    if command == "install":
        return install(rest)
    task = rest[0] if rest else next((os.environ[name] for name in TASK_VARIABLES if name in os.environ), "")
    if command == "session" and task:
        return session(task)
    print(USAGE, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
