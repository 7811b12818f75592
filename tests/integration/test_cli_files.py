"""The commands about files over a core with fakes: what they print, their JSON, their exit codes."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop_app.cli.views.transfers import ProgressLine, StageLine
from desktop_app.domain.files.transfer import Progress, Wanted
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import End, Remote
from remote_bootstrap.contract import OP_SYNC_WORKSPACE, STOPPING, Report
from tests.fakes.outside import ACCOUNT, World
from tests.support.cli_rig import Run, add_ready, agent

Background = Callable[[Callable[[], None]], object]
ODD = "grüße \n\x1b[31m 日本"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "data" / "sub").mkdir(parents=True)
    (tmp_path / "data" / "sub" / ODD).write_bytes(os.urandom(1000))
    return tmp_path


@pytest.mark.parity("--upload-files")
def test_up_and_down_again(run: Run, world: World, here: Path) -> None:
    task = add_ready(world)
    said = run("upload", task, str(here / "data"))
    assert said.code == 0
    assert "1 file (" in said.err and "/home/me/session-files" in said.err
    assert run("download", task, "session-files/data", "--to", str(here / "back")).code == 0
    assert (here / "back" / "data" / "sub" / ODD).read_bytes() == (here / "data" / "sub" / ODD).read_bytes()


def test_another_folder_and_events(run: Run, world: World, here: Path) -> None:
    task = add_ready(world)
    said = run("upload", task, str(here / "data"), "--to", "/srv/x", "--json")
    assert said.code == 0 and said.out.isascii()
    assert [event["event"] for event in said.events][-2:] == ["progress", "done"]
    assert said.events[-1]["to"] == "/srv/x" and said.events[-1]["bytes"] == 1000
    assert said.events[-2]["bytes"] == said.events[-2]["bytes_total"] == 1000
    assert (world.machine.root / "srv/x/data/sub" / ODD).is_file()


def test_what_is_left_out_is_named_and_shows_in_the_exit_code(run: Run, world: World, here: Path) -> None:
    task = add_ready(world)
    (here / "data" / "dangling").symlink_to("nowhere")
    said = run("upload", task, str(here / "data"))
    assert said.code == 1
    assert "dangling: a link that leads nowhere" in said.err
    assert (
        run("upload", task, str(here / "data"), "--json").events[-1]["skipped"][0]["why"] == "a link that leads nowhere"
    )


def test_a_folder_is_shown(run: Run, world: World, here: Path) -> None:
    task = add_ready(world)
    run("upload", task, str(here / "data"))
    said = run("files", task, "session-files/data/sub")
    assert said.code == 0 and "1.0 KB" in said.out
    assert all(line.isprintable() for line in said.out.splitlines())
    (entry,) = run("files", task, "session-files/data/sub", "--json").json["entries"]
    assert (entry["name"], entry["kind"], entry["size"]) == (ODD, "file", 1000)


def test_problems_have_their_code(run: Run, world: World, here: Path) -> None:
    task = add_ready(world)
    assert run("files", task, "nothing", "--json").json["error"]["code"] == "files.missing"
    world.machine.connect_errors.append(failure("ssh.auth", address="10.0.0.7"))
    said = run("upload", task, str(here / "data"), "--json")
    assert said.code == 1 and said.events[-1]["error"]["code"] == "ssh.auth"


@pytest.mark.parity("--store-workspace")
def test_sync_tells_how_far_it_is_and_what_came_of_it(run: Run, world: World) -> None:
    task = add_ready(world)
    answers = [{"text": "Packing the workspace: 3 % of 2 GB", "done": False}, {"text": "It is stored.", "done": True}]
    world.machine.answers[OP_SYNC_WORKSPACE] = [dict(answer) for answer in answers]
    said = run("sync", task)
    assert said.code == 0
    assert said.err.splitlines()[-2:] == [answer["text"] for answer in answers]
    world.machine.answers[OP_SYNC_WORKSPACE] = [dict(answer) for answer in answers]
    assert [event["event"] for event in run("sync", task, "--json").events] == ["progress", "done"]
    assert run("sync", task, "--json").json["error"]["code"] == "ssh.refused"  # no more answers


def test_shutdown_waits_for_a_workspace_that_is_stored_and_tells_how_far_it_is(run: Run, world: World) -> None:
    task = add_ready(world)
    server, texts = (
        world.server(),
        iter(["Packing the workspace: 10 % of 2 GB", "Uploading the workspace: 50 % of 1 GB"]),
    )

    def stopping(name: str) -> None:
        if name != "session":
            return
        text = next(texts, "")
        if text:
            server.change(task, remote=Remote.STOPPING, report=Report(STOPPING, text, 9))
        else:
            server.end(task, End.SHUT_DOWN)

    server.on_call = stopping
    said = run("shutdown", task)
    assert said.code == 0
    assert "Packing the workspace: 10 % of 2 GB…" in said.err and "Uploading the workspace: 50 % of 1 GB…" in said.err


# -- with a launch


@pytest.mark.parity("--upload-files")
def test_a_launch_uploads_once_the_session_is_up_and_waits_for_it(
    run: Run, world: World, here: Path, in_background: Background
) -> None:
    in_background(agent(world))
    said = run("launch", "--queue", "default", "--no-attach", "--upload-files", str(here / "data"), "--json")
    assert said.code == 0
    assert [event["state"] for event in said.events if event["event"] == "upload"][-1] == "done"
    assert (world.machine.home / "session-files/data/sub" / ODD).is_file()


def test_what_is_not_there_stops_the_launch(run: Run, world: World, here: Path) -> None:
    said = run("launch", "--queue", "default", "--no-attach", "--upload-files", str(here / "nothing"))
    assert said.code == 1 and "nothing" in said.err
    assert not world.server().rows


def test_an_upload_that_fails_is_a_failure(run: Run, world: World, here: Path, in_background: Background) -> None:
    world.machine.connect_errors.append(failure("ssh.auth", address="10.0.0.7"))
    in_background(agent(world))
    said = run("launch", "--queue", "default", "--no-attach", "--upload-files", str(here / "data"))
    assert said.code == 1 and "refused the key" in said.err


def test_attach_and_resume_make_what_a_launch_left(
    run: Run, world: World, here: Path, in_background: Background
) -> None:
    task = add_ready(world)
    session = f"{ACCOUNT.id}/{task}"
    (here / "late").write_text("late")
    world.memory.uploads.save(session, (Wanted(str(here / "data")), Wanted(str(here / "late"), 3, 1)))
    said = run("upload", task, "--resume")
    assert said.code == 0 and "late has changed since the launch" in said.err
    assert (world.machine.home / "session-files/data/sub" / ODD).is_file()
    assert not world.memory.uploads.rows
    said = run("upload", task, "--resume", "--json")
    assert said.code == 0 and said.json["text"] == "Nothing waits to be uploaded to it."
    world.memory.uploads.save(session, (Wanted(str(here / "vanished")),))
    said = run("upload", task, "--resume")
    assert said.code == 1 and "vanished: no such file" in said.err


def test_resuming_for_a_session_that_has_ended_says_that_nothing_was_uploaded(run: Run, world: World) -> None:
    task = add_ready(world)
    world.memory.uploads.save(f"{ACCOUNT.id}/{task}", (Wanted("/data/x"),))
    world.server().end(task, End.FAILED)
    said = run("upload", task, "--resume")
    assert said.code == 1 and "/data/x" in said.err
    assert not world.memory.uploads.rows


def test_upload_needs_paths_or_resume(run: Run, world: World, here: Path) -> None:
    task = add_ready(world)
    with pytest.raises(SystemExit) as left:
        run("upload", task)
    assert left.value.code == 2
    assert run("upload", task, "--to", "/srv/y", str(here / "data")).code == 0
    assert (world.machine.root / "srv/y/data/sub" / ODD).is_file()
    with pytest.raises(SystemExit) as left:
        run("upload", task, str(here / "data"), "--resume")
    assert left.value.code == 2


def test_what_does_not_exist_there_is_said_and_is_a_failure(run: Run, world: World, here: Path) -> None:
    task = add_ready(world)
    said = run("download", task, "session-files/nothing", "logs/*.txt", "--to", str(here))
    assert said.code == 1
    assert "nothing: there is nothing of that name in the session." in said.err
    assert "patterns are not expanded" in said.err
    assert said.err.splitlines()[-1] == "Nothing was copied."


# -- without a terminal


def test_few_lines_tell_how_far_a_transfer_is(capsys: pytest.CaptureFixture[str]) -> None:
    now = [1000.0]
    line = ProgressLine(False, terminal=False, clock=lambda: now[0])
    line.tell(Progress())  # it still looks what there is
    for percent in range(101):
        for _ in range(10):
            now[0] += 0.1
            line.tell(Progress(0, 1, percent, 100, "big"))
    line.tell(Progress(0, 1, 50, 100, "big", waiting="The connection was lost"))
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "Copying 1 file, 100 bytes."
    assert [text.split(" %")[0] for text in said[1:-1]] == [str(percent) for percent in range(10, 100, 10)]
    assert "The connection was lost: trying again" in said[-1]


def test_a_quick_transfer_says_where_it_begins_only(capsys: pytest.CaptureFixture[str]) -> None:
    line = ProgressLine(False, terminal=False)
    for percent in range(101):
        line.tell(Progress(0, 1, percent, 100, "big"))
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_storing_a_workspace_says_each_stage_once(capsys: pytest.CaptureFixture[str]) -> None:
    line = StageLine(False)
    for text in ("Packing: 3 % of 2 GB", "Packing: 3 % of 2 GB", "Packing: 9 % of 2 GB", "Uploading: 1 % of 1 GB"):
        line.tell(text)
    assert capsys.readouterr().err.splitlines() == ["Packing: 3 % of 2 GB", "Uploading: 1 % of 1 GB"]
