"""give, withhold and git over a core with fakes: nothing goes unless somebody agreed, and to whom is said."""

import io
import json

import pytest

from desktop_app.domain.accounts.git_logins import GitIdentity
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import Link
from remote_bootstrap import contract
from remote_bootstrap.contract.git import GitLogin
from tests.fakes.outside import ACCOUNT, World
from tests.support.cli_rig import Run, agent
from tests.support.core_rig import CoreRig

LOGIN = GitLogin("https", "git.example.com", "ada", "git-password")


@pytest.fixture
def held(world: World):
    """A session that a window holds: its core answers the command line's."""
    world.git = GitIdentity((LOGIN,))
    with CoreRig(world) as rig:
        session = rig.running()
        rig.core.connections.attach(session, rig.soon())
        rig.until(session, lambda s: s.link is Link.UP)
        yield session


@pytest.mark.parity("--git-credentials")
def test_give_shows_gives_and_takes_back_through_the_window(run: Run, world: World, held) -> None:
    shown = run("give", held.task)
    assert shown.code == 0
    assert "git" in shown.out and "not given" in shown.out
    refused = run("give", held.task, "git")
    assert refused.code == 1
    assert "Your git logins and settings will be given to" in refused.err
    assert world.tunnel().requests == []
    given = run("give", held.task, "git", "clearml", "--yes", "--json").json
    assert [(item["key"], item["state"]) for item in given["gifts"]] == [
        ("git_credentials", "given"), ("clearml_credentials", "given"), ("ssh_agent_forwarding", "not given"),
    ]  # fmt: skip
    assert [op for op, _args in world.tunnel().requests] == [contract.OP_GIT_DELIVER, contract.OP_CLEARML_DELIVER]
    taken = run("withhold", held.task, "git")
    assert "withheld" in taken.out
    assert world.tunnel().requests[-1][1] == {"logins": [], "settings": {}}


def test_one_that_fails_does_not_stop_the_others(run: Run, world: World, held) -> None:
    world.git = GitIdentity()
    said = run("give", held.task, "git", "clearml", "--yes")
    assert said.code == 1 and "git: There are no git logins to give" in said.err
    assert [op for op, _args in world.tunnel().requests] == [contract.OP_CLEARML_DELIVER]
    said = run("give", held.task, "clearml", "git", "--yes", "--json")
    assert said.code == 1 and said.json["problems"]["git"]["code"] == "git.none"
    states = {item["key"]: item["state"] for item in said.json["gifts"]}
    assert (states["git_credentials"], states["clearml_credentials"]) == ("not given", "given")
    world.git = GitIdentity((LOGIN,))
    assert run("give", held.task, "git", "clearml", "--yes", "--json").json["problems"] == {}


def test_taking_back_tells_each_too(run: Run, world: World, held) -> None:
    world.tunnel().answers[contract.OP_GIT_DELIVER] = failure("ssh.protocol", what="git", why="busy")
    said = run("withhold", held.task, "git", "clearml")
    assert said.code == 1 and "git: " in said.err and "withheld" in said.out
    assert [op for op, _args in world.tunnel().requests] == [contract.OP_GIT_DELIVER, contract.OP_CLEARML_DELIVER]


def test_a_kind_that_there_is_not_is_wrong_usage(run: Run, held) -> None:
    for wrong in (("give", held.task, "kidney"), ("withhold", held.task)):
        with pytest.raises(SystemExit) as caught:
            run(*wrong)
        assert caught.value.code == 2


@pytest.mark.parity("--git-credentials", "--yes")
def test_yes_agrees_and_says_to_whom_it_went(run: Run, world: World, in_background) -> None:
    world.server().set_queue("default", ["a"])
    world.git = GitIdentity((LOGIN,))

    def then(task: str) -> None:
        world.tunnel().wait_for(lambda t: len(t.requests) == 1)
        world.server().end(task)

    in_background(agent(world, then))
    said = run("--queue", "default", "--git-credentials", "true", "--yes")
    assert "Gave your git logins and settings to " in said.err + said.out
    assert world.tunnel().requests[0][0] == contract.OP_GIT_DELIVER


@pytest.mark.parity("U7")
def test_logins_live_in_the_keyring(run: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("tok en\n"))
    assert run("git", "add", "https://ada@git.example.com:8443").out == "ada@git.example.com:8443\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("another\n"))
    assert run("git", "add", "ada@git.example.com:8443").code == 0  # the same place: replaced
    kept = json.loads(world.secrets.entries[f"git-credentials/{ACCOUNT.id}"])
    assert [(row["host"], row["password"]) for row in kept] == [("git.example.com:8443", "another")]
    assert run("git", "list", "--json").json == {"account": ACCOUNT.id, "logins": ["ada@git.example.com:8443"]}
    assert "another" not in run("git", "list").out
    assert run("git", "remove", "https://ada@git.example.com:8443").out.startswith("The keyring holds no")
    assert f"git-credentials/{ACCOUNT.id}" not in world.secrets.entries


@pytest.mark.parametrize(("address", "password"), [("git.example.com", "x"), ("https://ada@git.example.com", "")])
def test_what_is_no_login_is_refused(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch, address: str, password: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
    said = run("git", "add", address)
    assert said.code == 1
    assert "This is not a git login" in said.err
