"""Ports and doctor for real, as a person at a terminal uses them: sandbox, agent, bootstrap, keyring and sshd."""

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing

import psutil
import pytest

from tests.e2e.evidence import session_processes
from tests.support.real_terminal import RealTerminal
from tests.support.ssh_peers import Application
from tests.support.ssh_server import free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e
SSH_ONLY = ("--account", "sandbox", "--no-vscode-server", "--no-jupyter-lab")


def start_server(terminal: RealTerminal, task: str, port: int) -> None:
    """Somebody starts a web server in a terminal of the session and leaves it running."""
    command = shlex.split(terminal.json("info", task)["ssh_command"])
    run = f"nohup {sys.executable} -m http.server --bind 127.0.0.1 {port} >/dev/null 2>&1 & echo started"
    done = subprocess.run([*command, "-o", "BatchMode=yes", run], env=terminal.rig.env, capture_output=True, text=True,
                          timeout=60, check=False)  # fmt: skip
    assert done.stdout == "started\n", done.stderr


def listening_addresses(home: str) -> Iterator[str]:
    """Of everything that runs for that home: command lines, sandbox, agent, session."""
    for one in psutil.net_connections("tcp"):
        with contextlib.suppress(psutil.Error):
            ours = one.pid and psutil.Process(one.pid).environ().get("HOME", "").startswith(home)
            if ours and one.status == psutil.CONN_LISTEN and one.laddr:
                yield one.laddr.ip


SSH_SERVER = re.compile(
    r"sshd: .*\[listener\]|asyncssh_main"
)  # as root; as an ordinary user here, where sshd can't log in


def page(local: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{local}/", timeout=30) as answer:
        return answer.read()


def test_ports_of_a_session_from_the_first_look_to_the_doctor(terminal: RealTerminal) -> None:
    launch = terminal.stay("launch", *SSH_ONLY)
    task = terminal.event(launch, "ready")["id"]
    port, remote = free_port(), free_port()
    start_server(terminal, task, port)

    # -- what listens is named, forwarded and reached
    def seen() -> dict[str, object] | None:
        return next((one for one in terminal.json("ports", task)["ports"] if one["port"] == port), None)

    found = wait_until(seen, "the server to be seen", 30)
    assert (found["label"], found["session"]) == ("File server (http.server)", True)
    local = terminal.json("forward", task, str(port))["local_port"]
    assert b"Directory listing" in page(local)

    assert set(listening_addresses(str(terminal.rig.home))) == {"127.0.0.1"}

    # -- the other direction, and the proxy
    with closing(Application(lambda client: client.sendall(b"from home"))) as home:
        terminal.run("reverse", task, f"{remote}:{home.port}")
        with socket.create_connection(("127.0.0.1", remote), 30) as client:
            assert client.recv(9) == b"from home"
        assert terminal.json("socks", task)["kind"] == "socks"

    # -- killed while attached: everything is where it was
    launch.kill()
    attach = terminal.stay("attach", task)
    terminal.event(attach, "ready")
    listed = terminal.json("ports", task)
    assert next(one["local_port"] for one in listed["ports"] if one["port"] == port) == local
    assert {one["kind"] for one in listed["others"]} == {"reverse", "socks"}
    assert b"Directory listing" in page(local)
    terminal.run("forward", task, str(port), "--stop")
    with pytest.raises(OSError):
        page(local)

    # -- the doctor, on a session that works and on one whose SSH server hangs
    assert terminal.json("doctor", task)["works"]
    frozen = [int(line.split()[0]) for line in session_processes(task) if SSH_SERVER.search(line)]
    assert frozen
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        said = terminal.json("doctor", task, code=1)
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    broken = [one["stage"] for one in said["findings"] if one["verdict"] == "broken"]
    assert broken == ["ssh"], said
    report = terminal.run("doctor", task, "--report")
    assert report.startswith("SessionDock ")
    assert terminal.json("shutdown", task)["done"] == "ended"
    said = terminal.json("doctor", task, code=1)
    assert [one["stage"] for one in said["findings"] if one["verdict"] == "broken"] == ["task"]
