"""The command line without a command, as scripts used clearml-session: over a core with fakes, nobody at a terminal."""

import io
import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop_app.cli import main as cli
from desktop_app.domain.sessions.snapshot import End, Remote, ServerFacts, SessionId
from tests.fakes.outside import ACCOUNT, QUICK, World
from tests.support.cli_rig import Run, add_ready, agent
from tests.support.core_rig import CoreRig
from tests.support.waiting import wait_until

Background = Callable[[Callable[[], None]], None]


class Nobody(io.StringIO):
    """A standard input that must not be read."""

    def readline(self, _size: int | None = -1, /) -> Any:
        raise AssertionError("standard input was read")

    read = readline


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Nobody())


def end_when_up(world: World) -> Callable[[str], None]:
    def end(task: str) -> None:
        wait_until(lambda: world.tunnels and world.tunnels[-1].connected, "the tunnel to be up")
        world.server().end(task)

    return end


def only(world: World) -> str:
    (task,) = world.server().rows
    return task


@pytest.mark.parity("H4", "--queue", "--docker", "--yes")
@pytest.mark.parametrize("yes", [["--yes"], ["-y"], []])
def test_the_old_command_launches_without_a_question(
    run: Run, world: World, in_background: Background, yes: list[str]
) -> None:
    in_background(agent(world, end_when_up(world)))
    said = run("--queue", "default", "--docker", "python:3.12", *yes)
    assert said.code == 0 and "http://127.0.0.1:8878" in said.err
    draft = world.server().rows[only(world)].draft
    assert (draft.docker, draft.docker_args) == ("python:3.12", "--network host")


@pytest.mark.parity("U3", "--yes")
def test_yes_launches_a_second_session(run: Run, world: World, in_background: Background) -> None:
    add_ready(world, "first")
    in_background(agent(world, end_when_up(world)))
    assert run("--yes", "--queue", "default", "--session-name", "second").code == 0
    assert [task.draft.name for task in world.server().rows.values()][-1] == "second"


@pytest.mark.parity("H7")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--queue", "no such queue", "--yes"), "queue.unknown"),
        (("--queue", "default", "--session-name", "x"), "launch.invalid"),
        (("--attach", "nothing"), "session.unknown"),
        (("--attach",), "session.none"),
        (("--shutdown", "nothing"), "session.unknown"),
        (("--yes", "--account", "nobody"), "account.unknown"),
        (("--yes", "--config-file", "/proc/version"), "launch.invalid"),
    ],
)
def test_what_fails_has_exit_code_1(run: Run, arguments: tuple[str, ...], code: str) -> None:
    said = run(*arguments, "--json")
    assert said.code == 1 and said.json["error"]["code"] == code


@pytest.mark.parity("H7")
def test_a_launch_that_fails_later_has_exit_code_1(run: Run, world: World, in_background: Background) -> None:
    in_background(agent(world, lambda task: world.server().end(task, End.FAILED, "worker execution exit code 1")))
    assert run("--yes", "--queue", "default").code == 1


def test_each_event_is_a_line_of_json(run: Run, world: World, in_background: Background) -> None:
    in_background(agent(world, end_when_up(world)))
    said = run("--queue", "default", "--yes", "--json")
    assert said.code == 0
    assert [e["event"] for e in said.events if e["event"] not in ("progress", "notice")][::2] == ["launched", "ended"]


@pytest.mark.parity("connected-commands")
def test_ctrl_c_leaves_the_session_running(run: Run, world: World, in_background: Background) -> None:
    def press(_task: str) -> None:
        world.tunnel().wait_for(lambda tunnel: tunnel.connected)
        os.kill(os.getpid(), signal.SIGINT)

    in_background(agent(world, press))
    said = run("--yes", "--queue", "default")
    assert said.code == 130 and "goes on running" in said.err
    assert world.server().rows[only(world)].facts.remote is Remote.READY


# -- connecting and ending


@pytest.mark.parity("--attach", "U3")
@pytest.mark.parametrize("how", ["{id}", "https://app.x/projects/p/tasks/{id}/output/log", "the one", " the one ", ""])
def test_attach_by_id_address_name_or_none(run: Run, world: World, in_background: Background, how: str) -> None:
    add_ready(world, "older")
    task = add_ready(world, "the one")
    in_background(lambda: end_when_up(world)(task))
    said = run("--attach", *([how.format(id=task)] if how else []), "--yes")
    assert said.code == 0 and "“the one” has ended" in said.err
    assert len(world.server().rows) == 2


@pytest.mark.parity("U4", "--attach")
def test_a_session_that_waits_can_be_attached(run: Run, world: World, in_background: Background) -> None:
    run("launch", "--no-attach", "--queue", "default")
    in_background(agent(world, end_when_up(world)))
    assert run("--attach", only(world)).code == 0


@pytest.mark.parity("U4", "--shutdown")
@pytest.mark.parametrize("flag", ["--shutdown", "-S", "--shutdowm"])
def test_shutdown_cancels_a_session_that_waits(run: Run, world: World, flag: str) -> None:
    run("launch", "--no-attach", "--queue", "default")
    assert run("list", "--json").json["sessions"][0]["status"] == "Queued"
    assert run(flag, only(world)).code == 0
    assert world.server().rows[only(world)].facts.remote is Remote.ENDED


def test_a_session_whose_machine_is_gone_can_be_ended_by_force(run: Run, world: World) -> None:
    gone = add_ready(world, "gone")
    world.server().change(gone, worker="box:0", worker_lost_s=200.0)
    assert run("shutdown", gone, "--force").code == 0
    assert "end_anyway" in world.server().calls and "stop" not in world.server().calls


def test_readable_secrets_are_told_before_a_launch(run: Run, world: World) -> None:
    arguments = ("--docker", "python:3.12", "--docker-args", "-e HF_TOKEN=verysecret")
    said = run("launch", "--no-attach", "--queue", "default", *arguments)
    assert said.code == 0 and "HF_TOKEN would be kept readable" in said.err and "verysecret" not in said.err


@pytest.mark.parity("--shutdown")
def test_shutdown_alone_takes_the_newest(run: Run, world: World, in_background: Background) -> None:
    older, newer = add_ready(world, "older"), add_ready(world, "newer")

    def obey() -> None:
        wait_until(lambda: world.server().rows[newer].facts.remote is Remote.STOPPING, "the request")
        world.server().end(newer)

    in_background(obey)
    assert run("--shutdown", "--yes").code == 0
    assert world.server().rows[older].facts.remote is Remote.READY


@pytest.mark.parity("U5", "info", "shutdown")
@pytest.mark.parametrize("words", [("shutdown", "--id"), ("shutdown",), ("--shutdown",), ("info", "--id")])
def test_a_task_that_is_no_session_is_never_touched(run: Run, world: World, words: tuple[str, ...]) -> None:
    task = add_ready(world)
    foreign = world.server().add_session(world.server().rows[task].facts, foreign=True)
    said = run(*words, foreign, "--json")
    assert said.code == 1 and said.json["error"]["code"] == "task.foreign"
    assert world.server().rows[foreign].facts.remote is Remote.READY and "stop" not in world.server().calls


# -- options


@pytest.mark.parity("U2", "--disable-store-defaults")
def test_what_was_given_is_the_next_default(run: Run, world: World, in_background: Background) -> None:
    flags = ("--vscode-server", "false", "--git-credentials", "--docker-network", "none", "--packages", "tqdm")
    for extra in (flags, (), ("--packages", "numpy", "--disable-store-defaults"), ()):
        in_background(agent(world, end_when_up(world)))
        assert run("--yes", "--queue", "default", *extra).code == 0
    drafts = [task.draft for task in world.server().rows.values()]
    assert [draft.requirements[1:] for draft in drafts] == [("tqdm",), ("tqdm",), ("numpy",), ("tqdm",)]
    assert drafts[1].parameters["vscode"] == "False"


@pytest.mark.parity("--config-file")
def test_defaults_may_live_in_a_file_that_another_program_uses(
    run: Run, world: World, tmp_path: Path, in_background: Background
) -> None:
    file = tmp_path / "session.json"
    file.write_text('{"password": "old", "queue": "theirs"}', "utf-8")
    for extra in (("--packages", "tqdm"), ()):
        in_background(agent(world, end_when_up(world)))
        assert run("--yes", "--queue", "default", "--config-file", str(file), *extra).code == 0
    assert [task.draft.requirements[1:] for task in world.server().rows.values()] == [("tqdm",)] * 2
    kept = json.loads(file.read_text("utf-8"))
    assert kept["password"] == "old" and kept["sessiondock"]["packages"] == "tqdm" and file.stat().st_mode & 0o77 == 0
    assert not world.profiles.content


@pytest.mark.parity("--password", "S5")
def test_a_password_comes_from_standard_input_or_with_a_warning(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    quiet = run("launch", "--no-attach", "--queue", "default", "--password")
    loud = run("launch", "--no-attach", "--queue", "default", "--password", "battery staple")
    assert "command line" not in quiet.err and "command line" in loud.err
    kept = [value for name, value in world.secrets.entries.items() if name.startswith("ssh-password")]
    assert kept == ["correct horse", "battery staple"]
    tasks = list(world.server().rows)
    assert run("password", tasks[0]).out == "correct horse\n"
    assert run("password", tasks[1], "--json").json["password"] == "battery staple"
    run("launch", "--no-attach", "--queue", "default")
    assert run("password", list(world.server().rows)[2], "--json").json["error"]["code"] == "ssh.no_password"
    assert "battery" not in loud.err + loud.out


@pytest.mark.parity("--password")
def test_a_password_is_asked_for_once(
    run: Run, world: World, in_background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\nsomething else\n"))
    kept: list[str] = []

    def end(task: str) -> None:
        wait_until(lambda: world.tunnels and world.tunnels[-1].connected, "the tunnel to be up")
        kept.extend(world.secrets.entries.values())  # while it lives; they are forgotten after it
        world.server().end(task)

    in_background(agent(world, end))
    assert run("--yes", "--queue", "default", "--password").code == 0
    assert "correct horse" in kept


@pytest.mark.parity("--keepalive", "--disable-fingerprint-check")
def test_what_needs_no_option_is_said(run: Run, world: World, in_background: Background) -> None:
    in_background(agent(world, end_when_up(world)))
    said = run("--yes", "--queue", "default", "--keepalive", "true", "--disable-fingerprint-check")
    assert said.code == 0 and "always kept" in said.err and "always checked" in said.err


@pytest.mark.parity("--base-task-id")
def test_another_base_task_drops_what_belonged_to_the_old_one(
    run: Run, world: World, in_background: Background
) -> None:
    base = world.server().add_session(ServerFacts(Remote.ENDED, "a base"), foreign=True)
    for flags in (("--packages", "tqdm"), ("--base-task-id", base), ("--base-task-id", "none")):
        in_background(agent(world, end_when_up(world)))
        assert run("--yes", "--queue", "default", *flags).code == 0
    assert [task.draft.requirements[1:] for task in world.server().rows.values()][1:] == [("tqdm",), (), ()]


# -- the list


@pytest.mark.parity("U6", "list")
def test_the_list_says_status_age_and_owner(run: Run, world: World) -> None:
    add_ready(world, "mine")
    head, row = run("list").out.splitlines()
    assert head.split() == ["ID", "NAME", "STATUS", "AGE", "NOW"]
    assert row.split()[1:3] == ["mine", "Ready"] and row.split()[4] == "s"
    head, row = run("list", "-a").out.splitlines()
    assert head.split() == ["ID", "NAME", "STATUS", "AGE", "OWNER", "NOW"] and "Ada Example" in row
    far = replace(ACCOUNT, id="acc2", label="Far away")
    world.memory.accounts.save(far)
    world.secrets.entries["api-secret/acc2"] = "another-secret"
    head, row = run("list").out.splitlines()
    assert head.split() == ["ID", "NAME", "STATUS", "AGE", "ACCOUNT", "NOW"] and ACCOUNT.label in row


@pytest.mark.parity("list")
def test_the_list_can_be_narrowed_and_widened(run: Run, world: World) -> None:
    for name, project, tag in (("one", "Team/Ada", "red"), ("two", "Team/Bob", "blue")):
        run("launch", "--no-attach", "--queue", "default", "--session-name", name, "--project", project,
            "--session-tags", tag)  # fmt: skip
    neighbour = add_ready(world, "hers")
    world.server().rows[neighbour].user = "Grace"

    def names(*arguments: str) -> set[str]:
        return {row["name"] for row in run(*arguments).json["sessions"]}

    assert names("list", "--json") == {"one", "two"}
    assert names("list", "--json", "--project", " Team // Ada/") == {"one"}
    assert (
        names("list", "--json", "--project", "Team/Ada") == {"one"} == names("--project", "Team/Ada", "--json", "list")
    )
    assert names("list", "--json", "--session-tags", "blue", "green") == {"two"}
    assert names("list", "--json", "-a") == names("list", "--json", "--all_users") == {"one", "two", "hers"}
    assert "Grace" in run("list", "--all-users").out


def test_where_nobody_can_be_asked_asking_launches_nothing(run: Run, world: World) -> None:
    said = run("--ask", "--json")
    assert (said.code, said.json["error"]["code"]) == (1, "ask.no_terminal") and world.server().rows == {}


def test_a_window_opens_only_when_nothing_is_said() -> None:
    assert not cli.wants_session(cli.parse([])) and not cli.wants_session(cli.parse(["--hidden"]))
    assert cli.wants_session(cli.parse(["--ask"])) and cli.wants_session(cli.parse(["--packages", "tqdm"]))


def test_without_a_display_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert cli.main([]) == 1 and "sessiondock --ask" in capsys.readouterr().err


def test_what_the_command_line_does_shows_up_in_the_window_at_once(run: Run, world: World, other: World) -> None:
    """Long before the window's next poll."""
    slow = replace(other, pace=replace(QUICK, poll_busy_s=600.0, poll_calm_s=600.0, poll_first_s=600.0))
    with CoreRig(slow) as window:
        assert window.core.connections.peers.claim_window()
        assert run("launch", "--no-attach", "--queue", "default").code == 0
        session = SessionId(ACCOUNT.id, only(world))
        wait_until(lambda: window.core.store.get(session), "the session in the window")
        assert run("shutdown", "--no-wait", session.task).code == 0
        window.until(session, lambda snapshot: snapshot.remote is Remote.ENDED)


@pytest.mark.parity("--debugging-session")
def test_a_debugged_task_is_not_hidden_by_a_remembered_folder(
    run: Run, world: World, in_background: Background
) -> None:
    task = world.server().add_session(ServerFacts(Remote.ENDED, "a task"), foreign=True)
    for flags in (("--user-folder", "/data"), ("--debugging-session", task)):
        in_background(agent(world, end_when_up(world)))
        assert run("--yes", "--queue", "default", *flags).code == 0
    folders = [
        one.draft.parameters.get("user_folder", "") for one in world.server().rows.values() if one.draft is not None
    ]
    assert folders == ["", "/data", ""]  # the task itself, then the two sessions


@pytest.mark.parity("--store-workspace")
def test_a_tilde_that_the_shell_took_is_told(run: Run, world: World) -> None:
    launch = ("launch", "--no-attach", "--queue", "default", "--store-workspace")
    assert "quote it there: --store-workspace '~/my work'" in run(*launch, str(Path.home() / "my work")).err
    assert "quote it" not in run(*launch, "~/my work").err
