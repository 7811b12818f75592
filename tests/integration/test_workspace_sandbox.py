"""A workspace's life for real, with sandbox, agent and sshd: stored at shutdown, restored into the next session."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support.real_terminal import RealTerminal
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

LAUNCH = ("launch", "--account", "sandbox", "--no-vscode-server", "--no-jupyter-lab")


def ssh(terminal: RealTerminal, task: str, command: str) -> str:
    argv = [*shlex.split(terminal.json("info", task)["ssh_command"]), "-o", "BatchMode=yes", command]
    done = subprocess.run(argv, env=terminal.rig.env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parity("clearml-sync-workspace")
@pytest.mark.parity("--store-workspace", "--continue-session", "--upload-files", "L3", "L4", "L5")
def test_what_was_written_is_there_in_the_next_session(terminal: RealTerminal, tmp_path: Path) -> None:
    workspace = tmp_path / "work space"
    first = terminal.stay(*LAUNCH, "--store-workspace", str(workspace))
    task = terminal.event(first, "ready")["id"]

    # -- files over SSH, an upload, and the command in the session
    ssh(
        terminal,
        task,
        "pwd > where; mkdir -p deep; echo 'work of hours' > deep/notes; ln -s nowhere dangling; mkfifo p",
    )
    assert (workspace / "where").read_text() == f"{workspace}\n"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "grüße").write_text("uploaded")
    up = terminal.run("upload", task, str(tmp_path / "data"), "--to", str(workspace), "--json")
    assert json.loads(up.splitlines()[-1])["checked"]
    said = ssh(terminal, task, "clearml-sync-workspace")
    assert "3 files" in said and "dangling (a link that leads nowhere)" in said and "p (a pipe)" in said
    ssh(terminal, task, "echo 'the last word' >> deep/notes")

    # -- shutting down stores what is new
    assert "ended" in terminal.run("shutdown", task, "--json", seconds=180)
    wait_until(lambda: not first.running, "the tunnel's end", 30)
    log = terminal.run("log", task)
    assert "The workspace is stored: 3 files" in log

    # -- another machine: nothing is there until it is restored
    for path in sorted(workspace.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    second = terminal.stay(*LAUNCH, "--store-workspace", str(workspace))
    again = terminal.event(second, "ready")["id"]
    assert ssh(terminal, again, "cat deep/notes data/*") == "work of hours\nthe last word\nuploaded"
    assert "not changed" in terminal.run("sync", again, "--json")
    terminal.run("shutdown", again, "--json", seconds=180)
