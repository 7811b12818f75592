"""Cleaning up finished sessions from the command line: by name, and only when somebody says so."""

from collections.abc import Callable

import pytest

from desktop_app.domain.sessions.snapshot import End, Remote, ServerFacts
from tests.fakes.outside import World
from tests.support.cli_rig import Run, agent
from tests.support.waiting import wait_until

Background = Callable[[Callable[[], None]], None]


def end_when_up(world: World) -> Callable[[str], None]:
    def end(task: str) -> None:
        wait_until(lambda: world.tunnels and world.tunnels[-1].connected, "the tunnel to be up")
        world.server().end(task)

    return end


def add_ended(world: World, name: str) -> str:
    return world.server().add_session(ServerFacts(Remote.ENDED, name, end=End.SHUT_DOWN))


@pytest.mark.parity("--disable-session-cleanup", "L2")
@pytest.mark.parametrize(
    ("flags", "kept"),
    [((), True), (("--disable-session-cleanup",), True), (("--session-cleanup", "yes"), False)],
)
def test_a_script_deletes_finished_sessions_only_when_it_says_so(
    run: Run, world: World, in_background: Background, flags: tuple[str, ...], kept: bool
) -> None:
    old = add_ended(world, "an old session")
    in_background(agent(world, end_when_up(world)))
    assert run("--yes", "--queue", "default", *flags).code == 0
    assert (old in world.server().rows) is kept


def test_cleanup_lists_by_name_and_deletes_when_told(run: Run, world: World) -> None:
    old = add_ended(world, "an old session")
    listed = run("cleanup")
    assert listed.code == 0 and "an old session" in listed.out and old in world.server().rows
    said = run("cleanup", "--yes", "--json").json
    assert said["deleted"] == 1 and [one["name"] for one in said["finished"]] == ["an old session"]
    assert old not in world.server().rows
    assert "nothing to clean up" in run("cleanup").err
