"""Another user's session on the command line: whose it is, for every command that names a session."""

from dataclasses import replace

import pytest

from desktop_app.domain.sessions.clearml_session import ClearmlSession
from desktop_app.domain.sessions.snapshot import End, Remote, ServerFacts
from remote_bootstrap.contract import fingerprint_line
from tests.fakes.outside import ACCOUNT, HOST_KEY, World, record_of
from tests.support.cli_rig import Run, add_ready
from tests.support.core_rig import BOTH

NAME = "the other one"

CHANGING = (
    ("attach", NAME),
    ("--attach", NAME),
    ("--shutdown", NAME, "--yes"),
    ("detach", NAME),
    ("shutdown", NAME),
    ("open", NAME),
    ("reconnect", NAME),
    ("password", NAME),
    ("passphrase", NAME),
    ("trust", NAME, f"SHA256:{'A' * 43}"),
    ("ports", NAME),
    ("forward", NAME, "8000"),
    ("reverse", NAME, "8000:8001"),
    ("socks", NAME),
    ("upload", NAME, "a-file"),
    ("download", NAME, "a-file"),
    ("files", NAME),
    ("sync", NAME),
    ("give", NAME, "git"),
    ("withhold", NAME, "git"),
    ("doctor", NAME),
    ("launch", "--queue", "default", "--continue-session", NAME),
)


@pytest.fixture
def theirs(world: World) -> str:
    """A session that another user runs."""
    server = world.server()
    task = server.add_session(ServerFacts(Remote.STARTING, NAME, worker="agent-1"), user="Bob")
    server.publish(task, record_of(task), BOTH)
    server.write_log(task, fingerprint_line(HOST_KEY) + "\n")
    return task


WAYS = [(way, command) for command in CHANGING for way in ("name", "id", "beginning")]


@pytest.mark.parametrize(("way", "command"), WAYS, ids=lambda one: one if isinstance(one, str) else " ".join(one))
def test_it_belongs_to_somebody(run: Run, world: World, theirs: str, way: str, command: tuple[str, ...]) -> None:
    text = {"name": NAME, "id": theirs, "beginning": theirs[:8]}[way]
    add_ready(world, "ours")
    said = run(*(text if word == NAME else word for word in command))
    assert said.code == 1 and "belongs to Bob" in said.err and "no such session" not in said.err
    assert world.server().rows[theirs].facts.remote is Remote.READY and len(world.server().rows) == 2


@pytest.mark.parametrize("command", [("info", NAME), ("log", NAME)])
def test_it_may_be_looked_at(run: Run, theirs: str, command: tuple[str, ...]) -> None:
    said = run(*command, "--json")
    assert said.code == 0 and f"“{NAME}” belongs to Bob" in said.err
    assert theirs in said.out or fingerprint_line(HOST_KEY) in said.out


def test_ours_of_the_same_name_is_meant(run: Run, world: World, theirs: str) -> None:
    task = add_ready(world, NAME)
    assert run("info", NAME, "--json").json["id"] == task != theirs


def test_one_of_theirs_that_has_ended_is_theirs(run: Run, world: World, theirs: str) -> None:
    world.server().end(theirs, End.COMPLETED)
    said = run("shutdown", theirs)
    assert said.code == 1 and "belongs to Bob" in said.err


def test_one_of_my_other_account_is_mine(run: Run, world: World) -> None:
    """Both accounts' server knows the task, and says to one of them that it is somebody else's."""
    first, second = world.server(), world.server("acc2")
    world.memory.accounts.save(replace(ACCOUNT, id="acc2", label="Bob on it", user_id="Bob"))
    world.secrets.entries["api-secret/acc2"] = "the-api-secret"
    task = first.add_session(ServerFacts(Remote.ENDED, NAME, end=End.COMPLETED), user="Bob")
    second.add_session(ServerFacts(Remote.ENDED, NAME, end=End.COMPLETED), task=task)
    found = run("info", task, "--json")
    assert found.code == 0 and found.json["account"] == "acc2" and "belongs to" not in found.err


def test_several_are_told_apart(run: Run, world: World, theirs: str) -> None:
    more = world.server().add_session(ServerFacts(Remote.READY, NAME), user="Eve")
    said = run("shutdown", NAME)
    assert said.code == 1 and "belongs to Bob" in said.err and "belongs to Eve" in said.err and more[:8] in said.err


def test_what_nobody_has_is_unknown_still(run: Run, theirs: str) -> None:
    said = run("info", "nothing", "--json")
    assert said.code == 1 and said.json["error"]["code"] == "session.unknown"


def test_one_of_clearml_session_lets_anybody_in_and_is_named(run: Run, world: World) -> None:
    place = ClearmlSession("10.0.0.8", 10022)
    facts = ServerFacts(Remote.READY, NAME, clearml_session=place, report=place.report())
    task = world.server().add_session(facts, user="Bob")
    said = run("info", task)
    assert said.code == 0 and "belongs to Bob" in said.err
    said = run("password", task)
    assert "belongs to another user" not in said.err and f"client-key/{ACCOUNT.id}/{task}" not in world.secrets.entries
