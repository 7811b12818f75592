"""A session whose task starts over while the command line holds it: sandbox, real agent, real SSH, real processes."""

import re
import shlex
import signal
import subprocess
from typing import Any

import pytest

from tests.e2e.evidence import session_processes
from tests.support.desktop_processes import Program
from tests.support.real_terminal import RealTerminal
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

COMMAND = re.compile(r"sessiondock (trust [0-9a-f]+ SHA256:\S+?)\.( |$)")
SHOWN = re.compile(r"it was (SHA256:\S+), the new run shows (SHA256:\S+), and")
BY_YOU = "reset on the ClearML server by you"


class Holder:
    """An ``attach --json`` in a process of its own, read on from where it was read last."""

    def __init__(self, terminal: RealTerminal, task: str) -> None:
        self.terminal, self.task = terminal, task
        self.program: Program = terminal.stay("attach", task)
        self._read = 0

    def tells(self, text: str) -> dict[str, Any]:
        """The next event that holds that text."""

        def fits(_event: dict[str, Any]) -> bool:
            return any(text in str(one) for one in self.terminal.events(self.program)[self._read :])

        self.terminal.told(self.program, text, fits, 60)
        events = self.terminal.events(self.program)
        at = next(n for n, one in enumerate(events) if n >= self._read and text in str(one))
        self._read = at + 1
        return events[at]


def accept(terminal: RealTerminal, why: dict[str, Any]) -> str:
    """As the problem says; the fingerprints that it shows, joined by a space."""
    detail = why["detail"]
    shown, command = SHOWN.search(detail), COMMAND.search(detail)
    assert why["code"] == "ssh.new_run" and shown and command, why
    assert shown[1] != shown[2]
    terminal.run(*command[1].split())
    return f"{shown[1]} {shown[2]}"


def connected(terminal: RealTerminal, task: str) -> None:
    """Through the person's own ssh."""
    wait_until(lambda: terminal.json("info", task)["link"] == "up", "the new run's connection", 60, poll=0.3)
    command = [*shlex.split(terminal.json("info", task)["ssh_command"]), "-o", "BatchMode=yes", "echo", "there"]
    said = subprocess.run(command, env=terminal.rig.env, capture_output=True, text=True, timeout=30, check=False)
    assert said.stdout == "there\n", said.stderr


def words(terminal: RealTerminal, holder: Holder) -> list[str]:
    return [e["progress"] for e in terminal.events(holder.program) if e.get("event") == "progress"]


def test_a_session_that_starts_over_is_followed_and_accepted(terminal: RealTerminal) -> None:
    only_ssh = ("--jupyter-lab", "false", "--vscode-server", "false")
    told = terminal.run("launch", "--account", "sandbox", *only_ssh, "--no-attach", "--wait", "--json", seconds=240)
    task = re.findall(r'"id": "([0-9a-f]{32})"', told)[0]
    queues = {q["name"]: q["id"] for q in terminal.api("queues.get_all")["queues"]}
    elsewhere = terminal.api("queues.create", name="elsewhere")["id"]
    holder = Holder(terminal, task)
    holder.tells("'event': 'ready'")

    # -- reset and enqueued, as the web page does it
    terminal.api("tasks.reset", task=task, force=True)
    assert BY_YOU in holder.tells("session.restarted")["notice"]["detail"]
    terminal.api("tasks.enqueue", task=task, queue=queues["default"])
    first = accept(terminal, holder.tells("ssh.new_run")["problem"])
    holder.tells("'event': 'ready'")
    connected(terminal, task)

    # -- once more, and taken out of a queue in between
    terminal.api("tasks.reset", task=task, force=True)
    holder.tells("session.restarted")
    terminal.api("tasks.enqueue", task=task, queue=elsewhere)
    assert "elsewhere" in str(holder.tells("queue.no_agent"))
    terminal.api("tasks.dequeue", task=task)
    holder.tells("queue.none")
    terminal.api("tasks.enqueue", task=task, queue=queues["default"])
    second = accept(terminal, holder.tells("ssh.new_run")["problem"])
    assert second.split()[0] == first.split()[1]
    holder.tells("'event': 'ready'")
    connected(terminal, task)

    assert [one for one in words(terminal, holder) if one.endswith("(The session is in no queue)")] == []

    # -- aborted, which ends what holds it, and enqueued again without a reset
    terminal.api("tasks.stop", task=task)
    holder.tells("'event': 'ended'")
    assert holder.program.wait_exit(15) == 0
    wait_until(lambda: not session_processes(task), "the session's processes to end", 30)
    terminal.api("tasks.enqueue", task=task, queue=queues["default"])
    holder = Holder(terminal, task)
    holder.tells("ssh.new_run")
    accept(terminal, terminal.events(holder.program)[-1]["error"])
    holder = Holder(terminal, task)
    holder.tells("'event': 'ready'")
    connected(terminal, task)
    holder.program.process.send_signal(signal.SIGINT)
    assert holder.program.wait_exit(15) == 130
