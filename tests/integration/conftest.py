"""Fixtures that many of these tests share: the command line, a real sshd with a tunnel to it, a person at a terminal.

Test thread; ``in_background`` has its own, and so have the programs behind the tunnel (tests/support/ssh_peers.py).
"""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from desktop_app.cli import main as cli
from desktop_app.services.core import Core
from tests.fakes.outside import World
from tests.support.bootstrap_rig import SSH_ONLY, BootstrapRig, bootstrap_rig
from tests.support.cli_rig import Run, Said
from tests.support.desktop_private import PrivateDesktop, RigOptions
from tests.support.real_terminal import RealTerminal
from tests.support.ssh_peers import Application, echo
from tests.support.ssh_server import SshServer


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def run(world: World, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("list", "--json")``: one command line in a process of its own, as far as the core can tell."""

    def one(*arguments: str, over: World | None = None) -> Said:
        capsys.readouterr()
        parsed = cli.parse(arguments)
        code = cli.run_command(parsed, lambda: Core((over or world).outside(), "cli"))
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return one


@pytest.fixture
def other(world: World) -> World:
    """A second process of the same user: same server, same keyring, same files."""
    return World(world.memory, world.secrets, servers=world.servers, runtime_dir=world.runtime_dir)


@pytest.fixture
def in_background() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Runs what agents and other processes do while a command runs; its failures fail the test."""
    threads: list[threading.Thread] = []
    failures: list[BaseException] = []

    def start(work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:
                failures.append(error)

        threads.append(threading.Thread(target=guarded, name="background"))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(20)
    assert failures == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    made = SshServer(tmp_path / "machine")
    made.start()
    yield made
    made.kill()


@pytest.fixture
def tunnel(server: SshServer) -> Iterator[SshTunnel]:
    made = SshTunnel("test")
    made.connect(server.target(), Cancel(20))
    yield made
    made.close()


@pytest.fixture
def application() -> Iterator[Callable[[Callable[[socket.socket], None]], Application]]:
    """``application(serve)``: a program that listens where the tunnel ends."""
    made: list[Application] = []

    def make(serve: Callable[[socket.socket], None]) -> Application:
        made.append(Application(serve))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def echoing(application: Callable[[Callable[[socket.socket], None]], Application]) -> Application:
    return application(echo)


@pytest.fixture(scope="module", params=["openssh", "asyncssh"])
def rig(request: pytest.FixtureRequest) -> Iterator[BootstrapRig]:
    """A session of the bootstrap, with each SSH server that it can start."""
    with bootstrap_rig() as made:
        made.start({"SESSIONDOCK_SSH": request.param}, **SSH_ONLY)
        made.wait_ready()
        yield made


@pytest.fixture
def terminal() -> Iterator[RealTerminal]:
    """On a private desktop with the sandbox of its own, which ends with the test."""
    with PrivateDesktop(RigOptions(tray=False)) as rig:
        made = RealTerminal(rig)
        try:
            yield made
        finally:
            made.run("sandbox", "stop")
