"""A session in a real container, by the command line: launch, tunnel, notebook cell, shut down, nothing left."""

import shlex
from pathlib import Path

import psutil
import pytest

from desktop_app.sandbox.launch import SandboxInfo
from tests.e2e.evidence import session_processes
from tests.support.docker_agent import QUEUE, DockerAgent
from tests.support.engine import BASE
from tests.support.kernels import run_cell
from tests.support.real_terminal import RealTerminal
from tests.support.sandbox_server import RealApi
from tests.support.sign_in import jupyter_through
from tests.support.waiting import wait_until

START_S = 150.0
pytestmark = [pytest.mark.engine, pytest.mark.slow]


def test_a_session_in_a_container(agent: DockerAgent, server: SandboxInfo, terminal: RealTerminal) -> None:
    launch = terminal.stay("launch", "--queue", QUEUE, "--docker", BASE, "--no-vscode-server")
    ready = terminal.event(launch, "ready", START_S)
    task, port = ready["id"], ready["applications"]["jupyterlab"]["local_port"]

    # -- it is in a container of the image that was asked for, and nowhere else
    containers = agent.engine.containers(task)
    assert len(containers) == 1
    assert agent.engine.docker("inspect", "-f", "{{.Config.Image}}", containers[0]).strip() == BASE

    # -- a notebook cell through the tunnel, and a shell over ssh: inside
    client, token = jupyter_through(terminal.json("open", task, "--print")["url"])
    client.close()
    code = "import os, socket; print(6 * 7, os.path.exists('/.dockerenv'), os.getuid())"
    assert run_cell(f"127.0.0.1:{port}", token, code) == "42 True 0\n"
    ssh = shlex.split(terminal.json("info", task)["ssh_command"])
    said = terminal.rig.run([*ssh, "-o", "BatchMode=yes", "test -e /.dockerenv && echo in the container"])
    assert said.stdout == "in the container\n", said.stderr

    # -- shut down: the container, its processes and its listener are gone, and the task says why
    log = RealApi(server).log(task)
    assert token not in log and "PRIVATE KEY" not in log
    assert "ended" in terminal.run("shutdown", task, "--json")
    wait_until(lambda: not launch.running, "the tunnel's end", 30)
    wait_until(lambda: not agent.engine.containers(), "the container's end", 30)
    wait_until(lambda: not session_processes(task), "the session's processes to end", 15)
    assert not [c for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr and c.laddr.port == port]
    assert RealApi(server).status(task) == "stopped"
    assert not list(Path("/root/.sessiondock/sessions").glob(task))
