"""``python bootstrap_main.py TASK FOLDER``: a session as the agent's task would run it, on a task kept on disk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from remote_bootstrap.__main__ import session
from tests.fakes.task_on_disk import TaskOnDisk


def main(task: str, folder: Path) -> int:
    return session(task, lambda _task: TaskOnDisk(folder))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
