"""What the real clearml-agent makes of a session's container: the very ``docker run`` that it would start.

There is no Docker here: a program of that name writes down what it is asked for. Everything before it is real: the
launcher's draft, our client, the server's task document, and an unmodified agent in Docker mode.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psutil
import pytest

from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.sandbox.agent.setup import AgentOptions, environment, write_config
from desktop_app.sandbox.home import Home
from desktop_app.sandbox.rules.limits import Limits
from remote_bootstrap.machine import network
from remote_bootstrap.task.clearml_task import AGENT_PORTS
from tests.fakes.outside import ACCOUNT, World
from tests.support.core_rig import CoreRig
from tests.support.server_rigs import HttpRig
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

SESSION = LaunchSpec(queue="containers", name="in a container", docker="python:3.12")
AGENT_S = 90.0
DOCKER = """#!{python}
import json, sys
with open({record!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpRig]:
    rig = HttpRig(tmp_path_factory.mktemp("server"))
    rig.add_queue("containers")
    yield rig
    rig.close()


@pytest.fixture(scope="module")
def runs(server: HttpRig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], list[str]]]:
    """Waits for the ``docker run`` of a task; an agent serves the queue meanwhile."""
    folder = tmp_path_factory.mktemp("agent")
    home, record, tools = Home(folder / "home"), folder / "docker.jsonl", folder / "tools"
    home.make()
    tools.mkdir()
    (tools / "docker").write_text(DOCKER.format(python=sys.executable, record=str(record)), "utf-8")
    (tools / "docker").chmod(0o755)
    record.touch()
    options = AgentOptions("containers")
    config = write_config(home, server.url, server.url, server.sandbox.pair, options, folder / "venvs")
    own = environment(os.environ, home, config, options, Limits(), tools)
    own |= {
        "PATH": f"{tools}{os.pathsep}{own['PATH']}",
        "CLEARML_WORKER_ID": "box:docker",
        "NVIDIA_VISIBLE_DEVICES": "none",
    }
    argv = [sys.executable, "-m", "clearml_agent", "daemon", "--queue", "containers", "--docker", "--foreground"]
    log = (folder / "agent.log").open("w")
    agent = subprocess.Popen(argv, env=own, stdout=log, stderr=subprocess.STDOUT, cwd=folder)

    def run_of(task: str) -> list[str]:
        def found() -> list[str] | None:
            assert agent.poll() is None, (folder / "agent.log").read_text("utf-8")
            lines = [json.loads(line) for line in record.read_text("utf-8").splitlines()]
            return next((argv for argv in lines if argv[:1] == ["run"] and task in " ".join(argv)), None)

        return wait_until(found, "docker run", AGENT_S)

    yield run_of
    for process in [*psutil.Process(agent.pid).children(recursive=True), psutil.Process(agent.pid)]:
        process.kill()
    agent.wait(10)
    log.close()


def launch(server: HttpRig, **changes: Any) -> str:
    """A launch of the core's own, over the real client."""
    world = World()
    world.connect_server = lambda _account, _secret, _next_key: server.client()  # type: ignore[method-assign, assignment, return-value]  # a real one
    with CoreRig(world, start=False) as rig:
        return rig.core.launches.launch(ACCOUNT.id, replace(SESSION, **changes), rig.soon(), attach=False).task


def split(argv: list[str]) -> tuple[list[str], str]:
    """The arguments before the image, and the image: it is followed by ``bash -c``."""
    at = argv.index("bash") - 1
    return argv[1:at], argv[at]


@pytest.mark.parity("--docker", "--docker-args", "--docker-network", "--skip-docker-network")
@pytest.mark.parametrize(
    ("changes", "wanted", "unwanted"),
    [
        ({}, ["--network", "host"], ["-p"]),
        ({"docker_args": '--shm-size=8g -e "GREETING=good morning"'},
         ["--shm-size=8g", "-e", "GREETING=good morning", "--network", "host"], []),
        ({"docker_args": "--network my-net"}, ["--network", "my-net"], ["host"]),
        ({"docker_network": "none"}, [], ["-p", "--network"]),
    ],
)  # fmt: skip
def test_docker_runs_the_image_with_the_network_that_was_asked_for(
    server: HttpRig, runs: Callable[[str], list[str]], changes: dict[str, str], wanted: list[str], unwanted: list[str]
) -> None:
    task = launch(server, **changes)
    container = server.sandbox.look(task)["container"]
    arguments, image = split(runs(task))
    assert image == container["image"] == "python:3.12"
    text = "\0".join(arguments)
    assert "\0".join(wanted) in text
    assert not [one for one in unwanted if one in arguments], arguments


@pytest.mark.parity("--docker-network")
def test_a_published_port_is_found_again_where_the_agent_put_it(
    server: HttpRig, runs: Callable[[str], list[str]]
) -> None:
    """The agent publishes a free port of its machine for the wanted one, and says which in the task."""
    task = launch(server, docker_network="port", ssh_port="2222:2300")
    assert server.sandbox.look(task)["container"]["arguments"] == "-p 10022:2222"
    arguments, _ = split(runs(task))
    outer, _, inner = arguments[arguments.index("-p") + 1].partition(":")
    assert inner == "2222" and "--network" not in arguments
    assert any(argument.startswith(f"{network.AGENT_ADDRESS}=") for argument in arguments)
    told = wait_until(lambda: server.sandbox.look(task)["runtime"].get(AGENT_PORTS), "the agent's word", AGENT_S)
    assert network.outer_port(2222, told) == int(outer)
