"""Sessions in real containers that nobody shut down: their container is killed, or their whole machine is gone."""

import pytest

from desktop_app.sandbox.launch import SandboxInfo
from tests.support.docker_agent import QUEUE, DockerAgent
from tests.support.engine import BASE
from tests.support.real_terminal import COMMAND, RealTerminal
from tests.support.sandbox_server import RealApi
from tests.support.waiting import wait_until

START_S, TOLD_S = 200.0, 90.0
SSH_ONLY = ("--no-vscode-server", "--no-jupyter-lab")
pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]


def ready(terminal: RealTerminal) -> str:
    """A session's task."""
    launch = terminal.stay("launch", "--queue", QUEUE, "--docker", BASE, *SSH_ONLY)
    return str(terminal.event(launch, "ready", START_S)["id"])


def kill_containers(agent: DockerAgent) -> None:
    agent.engine.docker("kill", *agent.engine.containers())
    wait_until(lambda: not agent.engine.containers(), "the container's end", 30)


def test_a_killed_container_is_told_as_that(agent: DockerAgent, server: SandboxInfo, terminal: RealTerminal) -> None:
    task = ready(terminal)
    kill_containers(agent)
    wait_until(lambda: RealApi(server).status(task) == "failed", "the agent to tell", TOLD_S, poll=0.5)
    told = terminal.json("info", task)["problem"]
    assert told["code"] == "task.broken" and "ended unexpectedly" in told["title"]
    assert "its container was killed (exit code 137; often out of memory)" in told["detail"]


def test_a_machine_that_is_gone_does_not_hold_up_shut_down(
    agent: DockerAgent, server: SandboxInfo, terminal: RealTerminal
) -> None:
    task = ready(terminal)
    agent.kill()
    try:
        kill_containers(agent)
        said = terminal.rig.run([*COMMAND, "shutdown", task], TOLD_S)
        assert said.returncode != 0 and "--force" in said.stderr, said.stdout + said.stderr
        assert RealApi(server).status(task) == "in_progress"
        terminal.run("shutdown", task, "--force")
        assert RealApi(server).status(task) == "stopped"
    finally:
        agent.restart()
