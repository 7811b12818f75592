"""Secrets, rows and locks of sessions that ended elsewhere: they go when the server tells, and nothing else does."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from desktop_app.adapters.files.memory import MemoryFiles
from desktop_app.adapters.peers.ownership import UNWANTED_S, Ownership
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.peers import WINDOW
from desktop_app.domain.problems import AppError, problem
from desktop_app.domain.sessions.snapshot import End, Remote, SessionId
from desktop_app.services.finished.sweeping import EVERY_S, Sweeping
from desktop_app.services.runtime.jobs import JobPool
from desktop_app.services.state.store import SessionStore
from tests.fakes.outside import ACCOUNT, World
from tests.support.core_rig import CoreRig
from tests.support.waiting import wait_until


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def sweeping(world: World, now: list[float]) -> Iterator[Sweeping]:
    jobs = JobPool()
    outside = replace(world.outside(), clock=lambda: now[0])
    yield Sweeping(
        outside,
        SessionStore(),
        lambda _account, _cancel: world.server(),
        lambda _account: None,
        lambda _name: None,
        jobs,
    )
    jobs.close(5)


def kept(world: World) -> SessionId:
    """A session that runs, and of which something is kept."""
    session = SessionId(ACCOUNT.id, world.server().create_running("one"))
    world.memory.sessions.save_ports(session.text, {"jupyterlab": 8878})
    world.secrets.entries[f"client-key/{session.text}"] = "PRIVATE KEY"
    world.secrets.entries[f"ssh-password/{session.text}"] = "hush"
    return session


def remembered(world: World, session: SessionId) -> bool:
    return any(entry.endswith(session.text) for entry in world.secrets.entries)


def test_what_ended_while_nobody_looked_is_forgotten(world: World) -> None:
    ended, gone, alive = kept(world), kept(world), kept(world)
    world.server().end(ended.task, End.SHUT_DOWN)
    world.server().delete(gone.task)
    with CoreRig(world):
        wait_until(lambda: gone.text not in world.memory.sessions.all() and not remembered(world, ended), "the sweep")
    assert remembered(world, alive) and world.memory.sessions.ports(alive.text)
    assert world.memory.sessions.ports(ended.text) == {} and not remembered(world, gone)


def test_a_server_that_is_away_makes_nobody_forget(world: World, sweeping: Sweeping) -> None:
    session = kept(world)
    world.server().end(session.task, End.SHUT_DOWN)
    world.server().problems["sessions"] = problem("server.unreachable", server="x")
    with pytest.raises(AppError):
        sweeping.run(ACCOUNT.id, Cancel(5))
    assert remembered(world, session)


def test_a_session_that_lives_or_lost_its_tag_is_not_forgotten(world: World, sweeping: Sweeping) -> None:
    alive, untagged = kept(world), kept(world)
    world.server().rows[untagged.task].foreign = True
    sweeping.run(ACCOUNT.id, Cancel(5))
    assert remembered(world, alive) and remembered(world, untagged)
    assert world.server().rows[alive.task].facts.remote is Remote.STARTING


def test_it_is_asked_seldom_and_only_where_something_is_kept(
    world: World, sweeping: Sweeping, now: list[float]
) -> None:
    assert not sweeping.is_due(ACCOUNT.id), "nothing is kept"
    kept(world)
    assert sweeping.is_due(ACCOUNT.id) and not sweeping.is_due(ACCOUNT.id)
    now[0] += EVERY_S
    assert sweeping.is_due(ACCOUNT.id)


def test_of_an_ended_session_its_row_keeps_how_it_was_launched(tmp_path: Path) -> None:
    memory = MemoryFiles(tmp_path / "c", tmp_path / "s")
    memory.sessions.save_options("a/1", {"queue": "q"})
    memory.sessions.save_ports("a/1", {"jupyterlab": 8878})
    memory.trust.save_host_key("a/1", "ssh-ed25519 A")
    memory.trust.save_sequence("a/1", 3)
    memory.sessions.end("a/1")
    memory.sessions.end("a/2")
    assert memory.sessions.options("a/1") == {"queue": "q"} and memory.sessions.all() == ("a/1",)
    assert memory.sessions.ports("a/1") == {}
    assert memory.sessions.open() == ()
    memory.sessions.save_ports("a/1", {"jupyterlab": 8879})  # it runs again
    assert memory.sessions.open() == ("a/1",)


def test_another_run_of_an_ended_session_is_not_a_first_sighting(tmp_path: Path) -> None:
    """Whoever resets a task that ended long ago would get in (docs/decisions/0035-another-run-of-the-task.md)."""
    memory = MemoryFiles(tmp_path / "c", tmp_path / "s")
    memory.trust.save_host_key("a/1", "ssh-ed25519 A")
    memory.trust.save_sequence("a/1", 3)
    memory.trust.save_trusted("a/1", {"run": "first"})
    memory.sessions.end("a/1")
    assert (memory.trust.host_key("a/1"), memory.trust.sequence("a/1")) == ("ssh-ed25519 A", 3)
    assert memory.trust.trusted("a/1") == {"run": "first"} and memory.sessions.open() == ()


def test_rows_of_ended_sessions_make_place_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row is all that tells which secrets are kept of a session that lives."""
    monkeypatch.setattr("desktop_app.adapters.files.session_rows.KEPT_SESSIONS", 3)
    memory = MemoryFiles(tmp_path / "c", tmp_path / "s")
    for number in range(3):
        memory.sessions.save_options(f"a/{number}", {"queue": "q"})
    memory.sessions.end("a/1")
    memory.sessions.save_options("a/3", {"queue": "q"})
    assert memory.sessions.open() == memory.sessions.all() == ("a/0", "a/2", "a/3")
    memory.sessions.save_options("a/4", {"queue": "q"})
    assert memory.sessions.open() == ("a/2", "a/3", "a/4")


def test_locks_that_nobody_wants_go_after_a_month(tmp_path: Path) -> None:
    """Whatever became of their sessions: deleted, ended unseen, uploads that were made."""
    long_ago = time.time() - UNWANTED_S - 60
    mine, other, last = (Ownership(tmp_path, WINDOW, lambda *_: {}) for _ in range(3))
    assert mine.claim("a/held") and mine.claim("a/left") and mine.claim("uploads a/left") and mine.claim("a/young")
    for name in ("a/left", "uploads a/left", "a/young"):
        mine.release(name)
    for path in tmp_path.glob("*.lock"):
        os.utime(path, (long_ago, long_ago))
    assert other.holder("a/young") is None  # somebody looks: it is in use
    assert last.claim("b/1")
    left = {path.name for path in tmp_path.glob("*.lock")}
    wanted = ("a/held", "a/young", "b/1")
    assert left == {"authkey.lock", *(last._path(name, ".lock").name for name in wanted)}
    for one in (mine, other, last):
        one.close()


def test_the_lock_of_an_ended_session_goes_and_a_held_one_stays(tmp_path: Path) -> None:
    mine, other = (Ownership(tmp_path, WINDOW, lambda *_: {}) for _ in range(2))

    def locks() -> int:
        return len([path for path in tmp_path.glob("*.lock") if path.name != "authkey.lock"])

    assert mine.claim("a/1")
    other.release_for_good("a/1")
    mine.release_for_good("a/1")
    assert locks() == 1, "it is held"
    mine.release("a/1")
    other.release_for_good("a/1")
    other.release_for_good("a/never")
    assert locks() == 0
    mine.close()
    other.close()
