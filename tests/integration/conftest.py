"""Fixtures of the command line's tests; see tests/support/cli_rig.py. Test thread; ``in_background`` has its own."""

import threading
from collections.abc import Callable, Iterator

import pytest

from desktop_app import cli
from desktop_app.services.core import Core
from tests.fakes.outside import World
from tests.support.cli_rig import Run, Said


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
    return World(world.profiles, world.secrets, servers=world.servers, runtime_dir=world.runtime_dir)


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
