"""What one session installs in its container, the next one unpacks: the real agent's own cache folder, by the command
line."""

import json

import pytest

from desktop_app.sandbox.launch import SandboxInfo
from tests.support.docker_agent import QUEUE, DockerAgent
from tests.support.engine import BASE
from tests.support.real_terminal import RealTerminal
from tests.support.sandbox_server import RealApi
from tests.support.waiting import wait_until

START_S, SEAL_S = 150.0, 60.0
pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_second_session_installs_nothing(agent: DockerAgent, server: SandboxInfo, terminal: RealTerminal) -> None:
    def known() -> dict[str, list[str]]:
        found = list(terminal.rig.home.rglob("kept.json"))
        rows = json.loads(found[0].read_text())["queues"] if found else {}
        return dict(next(iter(rows.values()), {}))

    def session(enough: int) -> tuple[str, float]:
        """Its task's log, and the bootstrap's seconds to ready."""
        launch = terminal.stay("launch", "--queue", QUEUE, "--docker", BASE, "--no-vscode-server")
        ready = terminal.event(launch, "ready", START_S)
        wait_until(lambda: len(known()) >= enough, "what it keeps", SEAL_S)
        terminal.run("shutdown", ready["id"])
        wait_until(lambda: not agent.engine.containers(), "the container's end", 30)
        return RealApi(server).log(ready["id"]), max(ready["seconds"].values())

    first, slow = session(3)  # JupyterLab, ipykernel, uv
    assert "SessionDock: jupyterlab: Installing JupyterLab" in first
    second, quick = session(3)
    print(json.dumps({"first_s": slow, "second_s": quick}))
    assert (
        "SessionDock: jupyterlab: Installing" not in second and second.count("of an earlier session (unpacked in") == 2
    )
    assert quick < slow, second
