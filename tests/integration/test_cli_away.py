"""The command line while the ClearML server is away, or refuses the key: it works from what is known."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from desktop_app.demo.server import UNAUTHORISED, UNREACHABLE
from desktop_app.demo.tunnel import FakeTunnel
from desktop_app.domain.accounts.account import SANDBOX_ID
from desktop_app.domain.problems import Problem
from desktop_app.domain.sessions.snapshot import End, Link, Remote, SessionId
from remote_bootstrap import contract
from tests.fakes.outside import ACCOUNT, World
from tests.support.cli_rig import Run, add_ready
from tests.support.core_rig import CoreRig, is_link
from tests.support.guards import ExpectLog
from tests.support.waiting import wait_until

Background = Callable[[Callable[[], None]], None]
AS_OF = re.compile(r"What is known of “a session” is as of \d\d:\d\d\.")
PORT = {"port": 6006, "address": "127.0.0.1", "pid": 77, "process": "tensorboard", "command": "", "session": True}


@pytest.fixture(params=[UNREACHABLE, UNAUTHORISED], ids=["away", "refused"])
def why(request: pytest.FixtureRequest) -> Problem:
    found: Problem = request.param
    return found


@pytest.fixture
def window(other: World) -> Iterator[CoreRig]:
    """The process that holds the session."""

    def prepare(tunnel: FakeTunnel) -> None:
        tunnel.answers[contract.OP_LISTENING] = {"ports": [PORT], "more": 0}
        tunnel.answers[contract.OP_SYNC_WORKSPACE] = {"done": True, "text": "Stored."}

    other.prepare_tunnel = prepare
    with CoreRig(other) as rig:
        yield rig


GoAway = Callable[[], None]


@pytest.fixture
def go_away(window: CoreRig, why: Problem, expected_log: ExpectLog) -> GoAway:
    """The server does, and the window has noticed."""

    def work() -> None:
        expected_log(why.title)
        window.server.problem = why
        wait_until(lambda: window.core.accounts.problem(ACCOUNT.id) is not None, "the window to notice")

    return work


@pytest.fixture
def held(window: CoreRig, world: World, go_away: GoAway) -> SessionId:
    """A session that the window holds; then the server goes away."""
    session = window.attached()
    go_away()
    return session


WORKING = (
    ("ports", "a session"),
    ("forward", "a session", "6006"),
    ("reverse", "a session", "8000:8001"),
    ("socks", "a session"),
    ("info", "a session"),
    ("files", "a session"),
    ("sync", "a session"),
    ("download", "a session", "notes.txt"),
    ("give", "a session", "clearml", "--yes"),
    ("open", "a session", "--print"),
    ("reconnect", "a session"),
    ("attach", "a session"),
    ("--attach", "a session"),
    ("detach", "a session"),
)


@pytest.mark.parametrize("command", WORKING, ids=lambda words: words[0])
@pytest.mark.parametrize("by", ["name", "id", "beginning", "alone"])
def test_a_held_session_is_worked_with(
    run: Run, world: World, held: SessionId, command: tuple[str, ...], by: str, why: Problem,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    world.machine.answers[contract.OP_SYNC_WORKSPACE] = [{"done": True, "text": "It is stored."}]
    home = world.machine.root / "home" / "me"
    home.mkdir(parents=True, exist_ok=True)
    (home / "notes.txt").write_text("hello")
    text = {"name": "a session", "id": held.task, "beginning": held.task[:8], "alone": "a session"}[by]
    said = run(*(text if word == "a session" else word for word in command))
    assert said.code == 0, said
    assert AS_OF.search(said.err) and why.title in said.err


def test_files_go_up(run: Run, world: World, held: SessionId, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("hello")
    said = run("upload", held.task, str(tmp_path / "a"), "--json")
    assert said.code == 0 and said.events[-1]["files"] == 1 and AS_OF.search(said.err)
    assert (world.machine.root / "home/me/session-files/a").read_text() == "hello"


def test_the_list_shows_what_is_known_and_when_that_was(run: Run, held: SessionId, why: Problem) -> None:
    said = run("list")
    assert said.code == 0 and re.search(r"a session +Connected .*as of \d\d:\d\d", said.out)
    assert f"{ACCOUNT.label}: {why.title}" in said.err
    found = run("list", "--json").json
    assert found["problems"][ACCOUNT.label]["code"] == why.code
    (row,) = found["sessions"]
    assert row["id"] == held.task and row["as_of"] and row["link"] == "up" and row["held_by"]
    assert row["applications"]["jupyterlab"]["local_port"]


def test_what_the_window_saw_but_does_not_hold_is_known_too(
    run: Run, window: CoreRig, world: World, go_away: GoAway
) -> None:
    task = add_ready(world, "another")
    session = SessionId(ACCOUNT.id, task)
    window.until(session, is_link(Link.OFF))
    assert window.core.connections.peers.claim_window()
    go_away()
    found = run("info", "another", "--json").json
    assert found["id"] == task and found["held_by"] is None and found["as_of"]


@pytest.mark.parametrize("command", [("log", "a session"), ("shutdown", "a session")])
def test_what_needs_the_server_says_so(run: Run, held: SessionId, command: tuple[str, ...], why: Problem) -> None:
    said = run(*command, "--json")
    assert said.code == 1 and json.loads(said.out.splitlines()[-1])["error"]["code"] == why.code
    assert AS_OF.search(said.err)


@pytest.mark.parametrize("command", [("info", "nothing"), ("attach", "nothing"), ("ports", "f" * 32)])
def test_what_is_not_known_is_not_said_to_be_missing(
    run: Run, held: SessionId, command: tuple[str, ...], why: Problem
) -> None:
    said = run(*command, "--json")
    assert said.code == 1 and said.json["error"]["code"] == why.code


def test_nothing_is_known_at_all(run: Run, world: World, why: Problem) -> None:
    world.server().problem = why
    said = run("list")
    assert said.code == 1 and why.title in said.err


# -- nobody holds it


def once_attached(world: World) -> SessionId:
    """A session that this computer was connected to a while ago, by a process that is gone."""
    with CoreRig(world) as rig:
        session = rig.attached()
        wait_until(lambda: session.text in world.memory.sessions.known(), "the session to be remembered")
    return session


def test_attach_dials_from_what_is_known_says_so_and_stays(
    run: Run, world: World, in_background: Background, why: Problem, expected_log: ExpectLog
) -> None:
    session = once_attached(world)
    expected_log(why.title)
    world.server().problem = why

    def later() -> None:
        world.tunnel(1).wait_for(lambda tunnel: tunnel.connected)
        world.server().problem = None
        wait_until(lambda: world.server().calls[-1:] == ["sessions"], "a look at the server")
        world.server().end(session.task)

    in_background(later)
    said = run("attach", "a session")
    assert said.code == 0, said
    assert AS_OF.search(said.err) and f"{why.title}" in said.err
    assert "The session does not need it: the connection goes on." in said.err
    assert "“a session” is ready." in said.err and "The ClearML server answers again." in said.err


def test_the_server_goes_away_while_attached(
    run: Run, world: World, in_background: Background, why: Problem, expected_log: ExpectLog
) -> None:
    task = add_ready(world, "a session")
    expected_log(why.title)

    def later() -> None:
        world.tunnel().wait_for(lambda tunnel: tunnel.connected)
        wait_until(lambda: f"{ACCOUNT.id}/{task}" in world.memory.sessions.known(), "the connection to be up")
        world.server().problem = why
        calls = len(world.server().calls)
        wait_until(lambda: len(world.server().calls) > calls + 3, "several looks at the server")
        assert world.tunnel().connected and not world.tunnel().closed
        world.server().problem = None
        wait_until(lambda: world.server().calls[-1:] == ["sessions"], "the server to be seen again")
        world.server().end(task)

    in_background(later)
    said = run("attach", "a session", "--json")
    assert said.code == 0
    told = [
        (event["answers"], (event["problem"] or {}).get("code")) for event in said.events if event["event"] == "server"
    ]
    assert told == [(False, why.code), (True, None)]


def test_files_travel_with_nothing_attached(run: Run, world: World, tmp_path: Path, why: Problem) -> None:
    session = once_attached(world)
    world.server().problem = why
    (tmp_path / "a").write_text("hello")
    assert run("upload", session.task, str(tmp_path / "a")).code == 0


def test_a_session_that_ended_meanwhile_is_known_no_more(run: Run, world: World, why: Problem) -> None:
    session = once_attached(world)
    world.server().end(session.task, End.COMPLETED)
    assert run("list").code == 0
    assert world.memory.sessions.known() == {}
    world.server().problem = why
    assert run("info", session.task).code == 1


def test_a_window_begins_with_what_is_known(world: World, why: Problem, expected_log: ExpectLog) -> None:
    session = once_attached(world)
    expected_log(why.title)
    world.server().problem = why
    with CoreRig(world) as rig:
        found = rig.until(session, lambda s: s.stale_since is not None)
        assert found.name == "a session"
        rig.core.connections.attach(session, rig.soon())
        rig.until(session, is_link(Link.UP))


@pytest.mark.parametrize(
    "row", [{}, {"facts": 1}, {"facts": {"remote": "ready"}}, {"as_of": "x", "facts": {"remote": "?"}}]
)
def test_damaged_memory_is_none(run: Run, world: World, why: Problem, row: dict[str, object]) -> None:
    session = once_attached(world)
    world.memory.sessions.remembered[session.text] = row
    world.server().problem = why
    assert run("info", session.task).code == 1


def test_an_account_that_another_process_removes_ends_an_attach(
    run: Run, world: World, other: World, in_background: Background
) -> None:
    add_ready(world, "a session")

    def later() -> None:
        world.tunnel().wait_for(lambda tunnel: tunnel.connected)
        with CoreRig(other, "cli", start=False) as rig:
            rig.core.sign_in.remove_account(ACCOUNT.id)

    in_background(later)
    said = run("attach", "a session")
    assert said.code == 0 and "no longer exists" not in said.err
    assert "Its account was removed" in said.err


def test_a_sandbox_that_died_under_a_session_is_named_and_the_session_stays(run: Run, other: World) -> None:
    with CoreRig(other) as rig:
        rig.core.sign_in.to_sandbox(rig.soon())
        task = add_ready(other, account=SANDBOX_ID)
        session = SessionId(SANDBOX_ID, task)
        rig.until(session, lambda now: now.remote is Remote.READY)
        rig.core.connections.attach(session, rig.soon())
        rig.until(session, is_link(Link.UP))
        assert other.sandbox.stop()
        said = run("list")
        assert "a session" in said.out and "Connected" in said.out and "The sandbox does not answer" in said.err
        assert run("info", "a session", "--json").json["link"] == "up"
        assert AS_OF.search(run("forward", "a session", "6006").err)
    assert run("list").err == "No sessions. Launch one: sessiondock launch\n", "nobody holds one: it has none"
