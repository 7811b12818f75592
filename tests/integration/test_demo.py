"""``sessiondock --demo``: sessions in every state that live by themselves, and nothing of the user's is touched."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.demo.script import scenes
from desktop_app.demo.script.crowd import HARD_NAMES, cast
from desktop_app.demo.script.scenes import LAB, TEAM, Dial
from desktop_app.demo.script.show import DemoWorld, demo_world
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionSnapshot, Status, progress_of, status_of
from desktop_app.services.core import Core
from remote_bootstrap.contract.apps import JUPYTERLAB
from tests.support.paths import REPOSITORY
from tests.support.waiting import wait_until

QUICKER = 40.0  # the demo's clock against the real one


@pytest.fixture
def world() -> DemoWorld:
    began = datetime.now(UTC)
    return demo_world(now=lambda: began + QUICKER * (datetime.now(UTC) - began))


@pytest.fixture
def core(world: DemoWorld, expected_log: Callable[[str], None]) -> Iterator[Core]:
    expected_log("account lab: The ClearML server can't be reached")
    made = Core(world.outside())
    for session, facts in world.seen():
        made.store.see(session, facts)
    made.start()
    wait_until(lambda: made.accounts.problem(LAB.id), "the first look at the server that is away")
    yield made
    made.close()


def named(core: Core, name: str) -> SessionSnapshot:
    return next(snapshot for snapshot in core.store.all() if snapshot.name == name)


def wait_status(core: Core, name: str, status: Status) -> SessionSnapshot:
    wait_until(lambda: status_of(named(core, name)) is status, f"{name}: {status.value}", 20)
    return named(core, name)


def test_every_state_is_there(core: Core) -> None:
    def shown() -> set[Status]:
        return {status_of(snapshot) for snapshot in core.store.all()}

    wait_until(lambda: set(Status) <= shown(), "every status", 20)
    assert len(core.store.all()) == len(scenes.EVERY_STATE)


def test_every_phase_of_a_start_is_there(core: Core) -> None:
    texts = {progress_of(snapshot) for snapshot in core.store.all() if snapshot.remote is Remote.STARTING}
    assert len(texts) >= 6, texts


def test_one_goes_on_by_itself(core: Core) -> None:
    before = named(core, "Protein folding")
    after = wait_status(core, "Protein folding", Status.CONNECTED)
    assert before.remote in (Remote.QUEUED, Remote.STARTING) and after.facts.worker


def test_a_launch_becomes_a_session_and_ends_when_it_is_shut_down(core: Core) -> None:
    session = core.launches.launch(TEAM.id, LaunchSpec(queue=scenes.SERVED, name="mine"), Cancel(5))
    wait_status(core, "mine", Status.CONNECTED)
    core.sessions.stop(session, Cancel(5))
    wait_status(core, "mine", Status.ENDED)


def test_a_log_grows(core: Core) -> None:
    session = named(core, "Fine-tune segmentation").id
    before = core.sessions.log(session, 0, Cancel(5))
    wait_until(lambda: core.sessions.log(session, before[-1].timestamp, Cancel(5)), "more of the log")


def test_opening_says_that_this_is_the_demo(core: Core) -> None:
    session = wait_status(core, "Fine-tune segmentation", Status.CONNECTED).id
    wait_until(lambda: all(e.ready for e in named(core, "Fine-tune segmentation").endpoints), "ready applications")
    for attempt in (
        lambda: core.open_in.open_app(session, JUPYTERLAB.key, Cancel(5)),
        lambda: core.open_in.open_terminal(session, Cancel(5)),
        lambda: core.open_in.open(session, "zed", Cancel(5)),
        lambda: core.ports.open(session, 6006, Cancel(5)),
    ):
        with pytest.raises(AppError) as caught:
            attempt()
        assert caught.value.problem.code == "demo.nothing"


def test_attaching_works_where_it_should(core: Core) -> None:
    session = named(core, "Notebooks for the paper").id
    core.connections.attach(session, Cancel(5))
    wait_until(lambda: named(core, "Notebooks for the paper").link is Link.UP, "the connection")
    core.connections.detach(session)
    assert named(core, "Notebooks for the paper").link is Link.OFF
    assert wait_status(core, "Wrong host key", Status.NEEDS_YOU).problem
    assert wait_status(core, "Train ride", Status.RECONNECTING).problem


def test_sixty_sessions_are_the_same_at_every_start() -> None:
    first, second = demo_world(60).seen(), demo_world(60).seen()
    assert len(first) == 60
    assert [(session, facts.name, facts.remote) for session, facts in first] == [
        (session, facts.name, facts.remote) for session, facts in second
    ]
    names = {facts.name for _session, facts in first}
    assert set(HARD_NAMES) <= names and max(map(len, names)) >= 200
    assert {scene.dial for scene in cast(60)} == set(Dial)


def test_a_small_demo_has_as_many_as_were_asked_for() -> None:
    assert [scene.name for scene in cast(3)] == [scene.name for scene in scenes.EVERY_STATE[:3]]


WITHOUT_A_WINDOW = """
import sys
from desktop_app import compose
assert not [name for name in sys.modules if name.startswith("desktop_app.demo")], "the demo is loaded unasked"
core = compose.build_demo(30)
core.start()
core.close()
loaded = {name.split(".")[0] for name in sys.modules}
assert "desktop_app.demo.script.show" in sys.modules and not loaded & {"paramiko", "PySide6"}, loaded
"""


def test_nothing_of_the_users_is_touched(private_home: Path) -> None:
    before = sorted(private_home.rglob("*"))
    subprocess.run([sys.executable, "-c", WITHOUT_A_WINDOW], check=True, cwd=REPOSITORY, timeout=60, env={**os.environ})
    assert sorted(private_home.rglob("*")) == before
