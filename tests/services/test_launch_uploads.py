"""Uploads of a launch outlive the process that launched: two cores over one computer and one server."""

import os
from pathlib import Path
from threading import Event

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.files.listed import State, Transfer
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.problems import failure, problem
from desktop_app.domain.sessions.snapshot import End, SessionId
from tests.fakes.outside import ACCOUNT, World
from tests.support.core_rig import CoreRig
from tests.support.guards import ExpectLog
from tests.support.waiting import wait_until


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "big").write_bytes(os.urandom(3_000_000))
    (tmp_path / "note").write_text("note")
    return tmp_path


def spec_of(*paths: Path) -> LaunchSpec:
    return LaunchSpec(queue="default", name="a session", upload_files="\n".join(map(str, paths)))


def transfers(rig: CoreRig, session: SessionId) -> tuple[Transfer, ...]:
    return rig.core.transfers.of(session)


def until_done(rig: CoreRig, session: SessionId) -> Transfer:
    def ended() -> Transfer | None:
        found = transfers(rig, session)
        return found[0] if found and not found[0].active else None

    return wait_until(ended, "the uploads")


def until_forgotten(world: World) -> None:
    wait_until(lambda: not world.memory.uploads.rows, "the uploads to be forgotten")


def not_uploaded(rig: CoreRig) -> bool:
    """Whether a person was told."""
    return any(notice.title == "Not uploaded" and "note" in notice.body for notice in rig.notices)


def arrived(world: World, data: Path) -> bool:
    there = world.machine.home / "session-files"
    return all((there / name).read_bytes() == (data / name).read_bytes() for name in ("data/big", "note"))


@pytest.mark.parity("--upload-files")
def test_a_window_that_starts_later_makes_the_uploads_of_a_launch(world: World, data: Path) -> None:
    with CoreRig(world, "cli") as launching:
        session = launching.launch(spec_of(data / "data", data / "note"))
        assert [one.held != "" for one in transfers(launching, session)] == [True]
    assert [one.path for one in world.memory.uploads.of(session.text)] == [str(data / "data"), str(data / "note")]
    with CoreRig(world) as window:
        wait_until(lambda: transfers(window, session), "the uploads in the window")
        assert transfers(window, session)[0].state is State.WAITING
        window.comes_up(session)
        assert until_done(window, session).state is State.DONE
        until_forgotten(world)
        assert arrived(world, data)
        assert len(transfers(window, session)) == 1


def test_only_one_of_two_processes_makes_them(world: World, data: Path) -> None:
    with CoreRig(world, "cli") as launching, CoreRig(world) as window:
        session = launching.launch(spec_of(data / "data", data / "note"))
        wait_until(lambda: window.core.store.get(session), "the session in the window")
        window.core.uploads.look(session.account)
        assert not transfers(window, session)
        launching.comes_up(session)
        assert until_done(launching, session).state is State.DONE
        until_forgotten(world)
        window.core.uploads.look(session.account)
        assert not transfers(window, session)
        assert world.machine.written == 3_000_004


def test_what_a_process_had_begun_the_next_one_resumes(world: World, data: Path) -> None:
    half_way = Event()
    world.machine.on_written = lambda total: half_way.set() if total > 1_500_000 else None
    with CoreRig(world, "cli") as launching:
        session = launching.launch(spec_of(data / "data", data / "note"))
        launching.comes_up(session)
        assert half_way.wait(10)
        launching.core.close()
    world.machine.written = 0
    with CoreRig(world) as window:
        assert wait_until(lambda: transfers(window, session), "the uploads in the window")
        assert until_done(window, session).state is State.DONE
        assert arrived(world, data)
    assert world.machine.written < 3_000_000
    assert not world.memory.uploads.rows


def test_a_command_line_takes_them_only_when_it_is_told_to(world: World, data: Path) -> None:
    with CoreRig(world, "cli") as launching:
        session = launching.launch(spec_of(data / "note"))
    with CoreRig(world, "cli") as listing:
        listing.comes_up(session)
        listing.core.sessions.look(session.account, Cancel(5))
        assert not transfers(listing, session)
        assert listing.core.uploads.take(session)
        assert until_done(listing, session).state is State.DONE


def test_a_session_that_ended_before_takes_them_along_with_a_sentence(world: World, data: Path) -> None:
    with CoreRig(world, "cli") as launching:
        session = launching.launch(spec_of(data / "note"))
        launching.server.end(session.task, End.FAILED)
        wait_until(lambda: not world.memory.uploads.rows, "the uploads to be forgotten")
        assert str(data / "note") in launching.core.uploads.lost[session]
        assert any("note" in notice.body for notice in launching.notices)
        assert not transfers(launching, session)


def test_a_window_says_so_for_a_launcher_that_is_gone(world: World, data: Path) -> None:
    with CoreRig(world, "cli") as launching:
        session = launching.launch(spec_of(data / "note"))
    with CoreRig(world) as window:
        wait_until(lambda: transfers(window, session), "the uploads in the window")
        window.server.end(session.task, End.FAILED)
        wait_until(lambda: not world.memory.uploads.rows, "the uploads to be forgotten")
        assert any("note" in notice.body for notice in window.notices)


def test_of_a_session_that_ended_while_no_window_ran_it_is_told_later(world: World, data: Path) -> None:
    with CoreRig(world, "cli") as launching:
        session = launching.launch(spec_of(data / "note"))
    launching.server.end(session.task, End.FAILED)
    with CoreRig(world) as window:
        wait_until(lambda: window.notices, "the notice")
        assert not world.memory.uploads.rows
        assert any("note" in notice.body for notice in window.notices)


def test_a_server_that_did_not_answer_is_asked_again(world: World, data: Path, expected_log: ExpectLog) -> None:
    expected_log("The ClearML server can't be reached")
    with CoreRig(world, "cli") as launching:
        session = launching.launch(spec_of(data / "note"))
    server = launching.server
    server.end(session.task, End.FAILED)
    server.problems["session"] = problem("server.unreachable", server="ClearML")
    server.calls.clear()
    with CoreRig(world) as window:
        wait_until(lambda: "session" in server.calls, "the question")
        server.problems.clear()

        def told() -> bool:
            window.core.uploads.look(ACCOUNT.id)
            return not_uploaded(window)

        wait_until(told, "the notice")
        assert not world.memory.uploads.rows


def test_what_can_not_be_forgotten_leaves_the_list(world: World, data: Path, expected_log: ExpectLog) -> None:
    expected_log("uploads of a launch: A settings file can't be written")
    with CoreRig(world) as window:
        session = window.launch(spec_of(data / "note"))
        assert transfers(window, session)
        world.memory.uploads.problem = problem("file.unwritable", path="uploads", why="the disk is full")
        window.server.end(session.task, End.FAILED)
        wait_until(lambda: not transfers(window, session), "the upload to leave the list")
        assert not not_uploaded(window)
        world.memory.uploads.problem = None
        window.core.uploads.look(ACCOUNT.id)
        wait_until(lambda: not_uploaded(window), "a later look to tell it")
        assert not world.memory.uploads.rows


def test_cancelled_uploads_are_not_begun_again(world: World, data: Path) -> None:
    with CoreRig(world) as window:
        session = window.launch(spec_of(data / "note"))
        window.core.transfers.cancel(transfers(window, session)[0].number)
        until_forgotten(world)
        window.comes_up(session)
        window.core.uploads.look(session.account)
        assert [one.state for one in transfers(window, session)] == [State.CANCELLED]


def test_uploads_that_failed_are_kept_and_can_be_resumed(world: World, data: Path) -> None:
    world.machine.connect_errors.append(failure("ssh.auth", address="10.0.0.7"))
    with CoreRig(world) as window:
        session = window.launch(spec_of(data / "note"))
        window.comes_up(session)
        failed = until_done(window, session)
        assert failed.state is State.FAILED
        assert world.memory.uploads.rows
        window.core.transfers.resume(failed.number)
        assert until_done(window, session).state is State.DONE
        until_forgotten(world)


def test_what_changed_or_vanished_since_the_launch_is_named(world: World, data: Path) -> None:
    with CoreRig(world, "cli") as launching:
        session = launching.launch(spec_of(data / "data", data / "note", data / "data" / "big"))
    (data / "note").write_text("another note")
    (data / "data" / "big").unlink()
    with CoreRig(world) as window:
        window.comes_up(session)
        wait_until(lambda: transfers(window, session), "the uploads in the window")
        done = until_done(window, session)
        assert done.changed == (str(data / "note"),)
        assert done.summary is not None
        assert [one.path for one in done.summary.skipped] == [str(data / "data" / "big")]
    assert (world.machine.home / "session-files" / "note").read_text() == "another note"
