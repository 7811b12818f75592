"""What the command line tells of a session that it stays with, snapshot by snapshot."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from desktop_app.cli.arguments import parse
from desktop_app.cli.context.context import Context
from desktop_app.cli.following.outcome import DONE
from desktop_app.cli.following.watch import Until, Watch
from desktop_app.cli.main import new_keyboard
from desktop_app.domain.problems import problem
from desktop_app.domain.sessions.snapshot import Link, Remote, ServerFacts, SessionId, SessionSnapshot
from desktop_app.services.core import Core
from tests.fakes.outside import ACCOUNT, World

RESET = problem("ssh.unreachable", address="10.0.0.7", port=22, cause="Connection reset by peer")
LOST = problem("ssh.lost", address="10.0.0.7", cause="timed out")
READY = SessionSnapshot(
    SessionId(ACCOUNT.id, "ab" * 16), facts=ServerFacts(Remote.READY, name="a session"), link=Link.CONNECTING
)


@pytest.fixture
def context(world: World) -> Iterator[Context]:
    made = Context(parse(["attach"]), lambda: Core(world.outside(), "cli"), new_keyboard)
    yield made
    made.close()


def test_problems_that_take_turns_are_told_once_until_the_connection_is_back(
    context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    watch = Watch(context, Until(hold=True))
    down = replace(READY, link=Link.RETRYING)
    for why in (RESET, LOST, RESET, LOST, RESET):
        assert watch.look(replace(down, problem=why)) is None
    said = capsys.readouterr().err.splitlines()
    assert said == [f"Reconnecting ({RESET.title})", f"Reconnecting ({LOST.title})"]
    assert watch.look(replace(READY, link=Link.UP)) is None
    capsys.readouterr()
    watch.look(replace(down, problem=RESET))
    assert capsys.readouterr().err.splitlines() == [f"Reconnecting ({RESET.title})"]


def test_a_session_that_was_held_and_is_held_no_more_ends_the_command(context: Context) -> None:
    watch = Watch(context, Until(hold=True))
    assert watch.look(replace(READY, link=Link.UP)) is None
    assert watch.look(replace(READY, link=Link.OFF)) == DONE
