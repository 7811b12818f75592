"""The flags of clearml-session for real: sandbox, agent, sshd, JupyterLab; from a script, and at a terminal."""

import contextlib
import json
import os
import pty
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.evidence import session_processes
from tests.support.real_terminal import COMMAND, START_S, RealTerminal
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e


def script(terminal: RealTerminal, line: str) -> subprocess.Popen[str]:
    """As cron starts it: standard input is at its end."""
    argv = [*COMMAND, *shlex.split(line)]
    return subprocess.Popen(argv, env=terminal.rig.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def events_until(process: subprocess.Popen[str], name: str) -> list[dict[str, Any]]:
    assert process.stdout is not None
    found: list[dict[str, Any]] = []
    for line in process.stdout:
        found.append(json.loads(line))
        if found[-1].get("event") == name:
            return found
    raise AssertionError(f"it ended without {name}: {found}")


@pytest.mark.parity("--queue", "--docker", "--yes", "--packages", "--requirements", "--attach", "--shutdown", "H4")
def test_a_script_of_clearml_session_s(terminal: RealTerminal, tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# ours\nsix==1.17.0\n", "utf-8")
    terminal.run("sandbox", "start")
    launch = script(
        terminal,
        "--queue default --docker python:3.12 --vscode-server false --packages toolz==1.0.0"
        f" --requirements {requirements} --session-tags red --session_name 'from a script'"
        " --remote-gateway 127.0.0.1 --yes --json",
    )
    try:
        events = events_until(launch, "ready")
        task = events[0]["id"]
        assert events[-1]["name"] == "from a script" and events[-1]["link"] == "up" and events[-1]["tags"] == ["red"]

        # -- what was asked for is there, in the session's own shell
        address = f"https://app.example/projects/*/tasks/{task}/output/log"
        command = shlex.split(terminal.json("info", "--id", address)["ssh_command"])
        code = "import six, toolz; print(six.__version__, toolz.__version__)"
        said = terminal.rig.run([*command, "-o", "BatchMode=yes", f"python -c {shlex.quote(code)}"], 60)
        assert said.stdout.split() == ["1.17.0", "1.0.0"], said.stderr

        # -- waiting costs nothing, although standard input has ended
        spent = _cpu_seconds(launch.pid)
        time.sleep(2)  # what is measured is a stretch of time
        assert _cpu_seconds(launch.pid) - spent < 1.0

        # -- Ctrl-C leaves it running; a second --yes launches another one
        launch.send_signal(signal.SIGINT)
        assert launch.wait(20) == 130 and session_processes(task)
        assert terminal.json("list", "--session-tags", "red")["sessions"][0]["id"] == task
    finally:
        launch.kill()
        launch.wait(10)

    # -- an unattended end by its web address, as soon as it is connected
    attach = script(terminal, f"--attach {task} --json")
    try:
        events_until(attach, "ready")
        ended = script(terminal, f"--shutdowm https://app.example/projects/*/experiments/{task} --yes --json")
        assert ended.wait(60) == 0
        assert attach.wait(60) == 0
    finally:
        attach.kill()
        attach.wait(10)
    wait_until(lambda: not session_processes(task), "the session's processes to end", 15)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Typist:
    """A person at a terminal of their own."""

    def __init__(self, terminal: RealTerminal, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=terminal.rig.env,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        os.set_blocking(self._master, False)
        self._seen = ""

    def answer(self, question: str, text: str, seconds: float = START_S) -> None:
        def asked() -> bool:
            with contextlib.suppress(OSError):  # nothing new, or it has ended
                self._seen += os.read(self._master, 65536).decode("utf-8", "replace")
            return question in self._seen

        try:
            wait_until(asked, f"“{question}”", seconds, poll=0.1)
        except TimeoutError as error:
            error.add_note(self._seen)
            raise
        self._seen = self._seen[self._seen.index(question) + len(question) :]
        os.write(self._master, text.encode() + b"\n")

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        os.close(self._master)


@pytest.mark.parity("connected-commands", "--shell")
def test_a_person_at_a_terminal(terminal: RealTerminal) -> None:
    person = Typist(terminal, "--account", "sandbox", "--session-name", "by hand")
    try:
        person.answer("Number [0], q to leave: ", "0")
        person.answer("JupyterLab? [Y/n] ", "")
        person.answer("VS Code? [Y/n] ", "n")
        person.answer("(- for none): ", "")
        person.answer("(- for none): ", "")
        person.answer("Launch “by hand” in queue “default”? [Y/n] ", "y")
        person.answer("Type r to reconnect", "s")
        person.answer("# " if os.getuid() == 0 else "$ ", "echo from-$((40+2)); exit")
        person.answer("from-42", "")
        person.answer("Type r to reconnect", "r")
        person.answer("Checking the connection", "shutdown")
        assert person.process.wait(90) == 0
    finally:
        person.close()
    assert terminal.json("list")["sessions"] == []
