"""Another SessionDock of the same user, as a process: holds a name until it is killed or asked to give it up.

``python -m tests.support.owner_process FOLDER ROLE NAME`` prints one line when it holds the name (or "taken").
"""

import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop_app.adapters.peers.ownership import Ownership
from desktop_app.domain.problems import failure
from tests.support.paths import REPOSITORY


def start(folder: Path, role: str, name: str) -> "subprocess.Popen[str]":
    """The process, once it holds the name."""
    argv = [sys.executable, "-m", "tests.support.owner_process", str(folder), role, name]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == "held\n", line
    return process


def stop(process: "subprocess.Popen[str]") -> None:
    """SIGKILL, as a crash would."""
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def main() -> None:
    folder, role, name = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    done = threading.Event()
    mine: Ownership

    def answer(op: str, asked: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        if op in ("give-up", "detach"):
            mine.release(asked)
            done.set()
            return {}
        if op == "status":
            return {"link": "up", "ports": {"jupyterlab": 8878}, "echo": dict(args)}
        if op == "ssh-command":
            return {"argv": ["ssh", "-p", "8022"]}
        if op == "login-page":
            raise failure("open.not_ready", app="JupyterLab", state="starting", why="Wait.")
        return {}

    mine = Ownership(folder, role, answer)
    print("held" if mine.claim(name) else "taken", flush=True)
    done.wait(60)
    mine.close()


if __name__ == "__main__":
    main()
