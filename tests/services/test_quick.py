"""Whoever delivers an event, or calls what is quick, waits for no file: the window's thread does both.

A thread of the test stands for the window's: what is remembered fails on it.
"""

import threading
from pathlib import Path
from typing import Any

import pytest

from desktop_app.domain.files.listed import State
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.sessions.snapshot import End, Remote, ServerFacts
from tests.fakes.outside import ACCOUNT, World
from tests.support.core_rig import CoreRig
from tests.support.waiting import wait_until

DOCUMENTS = ("profiles", "kept")
PARTS = ("accounts", "preferences", "sessions", "trust", "aliases", "forwards", "handovers", "uploads")


class Guarded:
    """A memory of the world whose every method fails on the thread that may not wait."""

    def __init__(self, memory: Any, blocked: list[threading.Thread], broken: list[str]) -> None:
        self._memory = memory
        self._blocked = blocked
        self._broken = broken

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._memory, name)
        if callable(value) and threading.current_thread() in self._blocked:
            self._broken.append(name)
        return value


class Window:
    """A core whose memories may not be touched from inside ``alone``."""

    def __init__(self) -> None:
        self.world = World()
        self.blocked: list[threading.Thread] = []
        self.broken: list[str] = []
        self.server = self.world.server()
        for holder, names in ((self.world, DOCUMENTS), (self.world.memory, PARTS)):
            for name in names:
                setattr(holder, name, Guarded(getattr(holder, name), self.blocked, self.broken))

    def __enter__(self) -> None:
        self.blocked.append(threading.current_thread())

    def __exit__(self, *_error: object) -> None:
        self.blocked.clear()
        assert not self.broken, f"the window's thread asked for {self.broken}"


@pytest.fixture
def window() -> Window:
    return Window()


def test_an_event_of_another_thread_is_delivered_without_a_file(window: Window, tmp_path: Path) -> None:
    note = tmp_path / "note"
    note.write_text("text")
    with CoreRig(window.world) as rig:
        spec = LaunchSpec(queue="default", name="a session", upload_files=str(note))
        session, other, ready = rig.launch(spec), rig.launch(), rig.attached()
        rig.comes_up(other)
        rig.until(other, lambda now: now.remote is Remote.READY)
        facts = rig.get(session).facts
        with window:
            rig.core.store.see(session, ServerFacts(Remote.ENDED, facts.name, end=End.FAILED))
            rig.core.store.see(ready, ServerFacts(Remote.ENDED, "ready", end=End.SHUT_DOWN))
            rig.core.sessions.forget(ready)
            assert str(note) in rig.core.uploads.lost[session]
        wait_until(lambda: not window.world.memory.uploads.rows, "a job to forget the uploads")
        wait_until(lambda: any(notice.title == "Not uploaded" for notice in rig.notices), "the sentence")


def test_uploads_are_cancelled_without_a_file(window: Window, tmp_path: Path) -> None:
    note = tmp_path / "note"
    note.write_text("text")
    with CoreRig(window.world) as rig:
        session = rig.launch(LaunchSpec(queue="default", name="a session", upload_files=str(note)))
        with window:
            (transfer,) = rig.core.transfers.of(session)
            rig.core.transfers.cancel(transfer.number)
            assert rig.core.transfers.of(session)[0].state is State.CANCELLED
        wait_until(lambda: not window.world.memory.uploads.rows, "a job to forget the uploads")


def test_what_the_window_shows_comes_from_memory(window: Window) -> None:
    with CoreRig(window.world) as rig:
        session = rig.attached()
        rig.core.profiles.save("mine", LaunchSpec(queue="default"))
        wait_until(lambda: rig.core.aliases.known.of(session), "the alias")
        with window:
            assert rig.core.accounts.find(ACCOUNT.label) == rig.core.accounts.all()[0]
            assert rig.core.accounts.problem(ACCOUNT.id) is None
            assert rig.core.aliases.known.of(session)
            assert rig.core.profiles.names() == ("mine",) and rig.core.profiles.get("mine").queue == "default"
            assert rig.core.launches.last_spec(ACCOUNT.id) == LaunchSpec()
            assert rig.core.profiles.last_in(ACCOUNT.id, "default") is None
            rig.core.polling.watch(ACCOUNT.id)
            rig.core.glance()
            rig.core.connections.reconnect(session)


def test_a_new_alias_is_told(window: Window) -> None:
    with CoreRig(window.world) as rig:
        told: list[None] = []
        rig.core.aliases.known.subscribe(lambda: told.append(None))
        session = rig.attached()
        wait_until(lambda: told and rig.core.aliases.known.of(session), "the news of an alias")
