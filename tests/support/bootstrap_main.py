"""``python bootstrap_main.py TASK FOLDER``: a session as the agent's task would run it, on a task kept on disk."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from remote_bootstrap.__main__ import session
from remote_bootstrap.task.watcher import USUAL, Looks
from tests.fakes.task_on_disk import TaskOnDisk

REAL_LOOKS = "SESSIONDOCK_TEST_REAL_LOOKS"  # where set: the task is looked at as seldom as for people


def main(task: str, folder: Path) -> int:
    looks = USUAL if REAL_LOOKS in os.environ else Looks(alone=2.0, attached=2.0, absent=0.5)
    return session(task, lambda _task: TaskOnDisk(folder), looks)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
