"""``python bootstrap_main.py TASK FOLDER``: a session as the agent's task would run it, on a task kept on disk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from remote_bootstrap import guardian
from remote_bootstrap.runner import run
from tests.fakes.task_on_disk import TaskOnDisk

if __name__ == "__main__":
    sys.exit(guardian.guard(sys.argv[1], lambda: run(sys.argv[1], lambda _task: TaskOnDisk(Path(sys.argv[2])))))
