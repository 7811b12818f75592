"""What needs a Docker engine: one private dockerd, one server and one agent for all tests of this folder.

Only root can start an engine; elsewhere these tests are not selected, and the run's last lines say so.
"""

from collections.abc import Iterator

import pytest

from desktop_app.sandbox.launch import SandboxInfo
from tests.support.desktop_private import PrivateDesktop, RigOptions
from tests.support.docker_agent import DockerAgent, docker_agent, docker_server, known_account
from tests.support.engine import Engine
from tests.support.real_terminal import COMMAND, RealTerminal


@pytest.fixture(scope="package")
def engine() -> Iterator[Engine]:
    with Engine() as made:
        yield made


@pytest.fixture(scope="package")
def server(engine: Engine) -> Iterator[SandboxInfo]:
    with docker_server() as info:
        yield info


@pytest.fixture(scope="package")
def agent(engine: Engine, server: SandboxInfo) -> Iterator[DockerAgent]:
    with docker_agent(engine, server) as made:
        yield made


@pytest.fixture
def terminal(server: SandboxInfo) -> Iterator[RealTerminal]:
    """On a private desktop whose app knows the server."""
    with PrivateDesktop(RigOptions(tray=False)) as rig:
        known_account(rig.env, server, COMMAND)
        yield RealTerminal(rig)
