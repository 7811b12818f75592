"""Asking ClearML's router for a route, and following it. Python 3.8, standard library and pytest only."""

from __future__ import annotations  # Python 3.8 can not subscript collections.abc

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Dict, List, Mapping  # noqa: UP035  Python 3.8, like the bootstrap itself

import pytest

from remote_bootstrap.task import settings
from remote_bootstrap.task.clearml_router import Place, RouteSeeker, place_of
from tests.fakes.task_on_disk import TaskOnDisk
from tests.support.waiting import wait_until

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIClc+iDIgnNKgeHZCAHLnywLqBqHg9NjfxrHDCu3YAi6"
UPSTREAM, DIRECT, ROUTE = Place("10.0.0.7", 10022), Place("gate.example", 31022), Place("router.example", 41000)


class Task(TaskOnDisk):
    """With the two calls that the seeker makes itself."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.tags: List[str] = ["sessiondock"]  # noqa: UP006
        self.requests = 0

    def edit_runtime(self, properties: Mapping[str, str]) -> None:
        self.requests += "_SERVICE" in properties
        super().edit_runtime(properties)

    def call(self, endpoint: str, body: Dict[str, Any]) -> Dict[str, Any]:  # noqa: UP006
        self._must_be_up()
        sys.audit("sessiondock.request", endpoint, body)
        if endpoint == "tasks.edit":
            self.tags = body["system_tags"]
            return {}
        assert endpoint == "tasks.get_all"
        return {"tasks": [{"id": body["id"][0], "system_tags": self.tags, "runtime": self.runtime()}]}


class Session:
    """What the seeker tells the rest of the session."""

    def __init__(self, task: Task, patience: float, looks: tuple[float, float]) -> None:
        self.task = task
        self.published: List[Place] = []  # noqa: UP006
        self.notices: List[str] = []  # noqa: UP006
        self.said: List[str] = []  # noqa: UP006
        self.unpublishable = 0  # so many times the next attempts fail
        self.seeker = RouteSeeker("a-task", task, self._publish, self.notices.append, self.said.append, patience, looks)

    def _publish(self, place: Place) -> None:
        if self.unpublishable:
            self.unpublishable -= 1
            raise OSError("the disk is full")
        self.published.append(place)

    def is_asked(self) -> bool:
        return self.task.runtime().get("_SERVICE") == "EXTERNAL_TCP" and "external_service" in self.task.tags

    def route(self, place: Place) -> None:
        """What the router does."""
        self.task.edit_runtime({"external_address": place.address, "external_tcp_port": str(place.port)})


@contextlib.contextmanager
def session(folder: Path, patience: float = 30.0, looks: tuple[float, float] = (0.02, 0.02)) -> Iterator[Session]:
    made = Session(Task(folder), patience, looks)
    made.seeker.start()
    try:
        yield made
    finally:
        made.seeker.close()
        made.seeker.join(5)


@pytest.mark.parity("--router-enabled")
def test_a_route_is_asked_for_awaited_and_used(tmp_path) -> None:
    with session(tmp_path) as made:
        made.seeker.ask(UPSTREAM, DIRECT)
        wait_until(made.is_asked, "the request", 5)
        asked = made.task.runtime()
        assert (asked["external_address"], asked["external_tcp_port"]) == ("10.0.0.7", "10022")
        assert made.task.tags == ["sessiondock", "external_service"]
        assert made.published == []
        made.route(ROUTE)
        wait_until(lambda: made.published == [ROUTE], "the route", 5)
        assert made.notices == []


@pytest.mark.parity("--router-enabled")
def test_without_a_router_the_direct_address_is_used_and_said(tmp_path) -> None:
    with session(tmp_path, patience=0.1) as made:
        made.seeker.ask(UPSTREAM, DIRECT)
        wait_until(lambda: made.notices, "the notice", 5)
        assert made.published == [DIRECT]
        assert len(made.notices) == 1 and "gate.example port 31022" in made.notices[0]
        assert "no route" in made.notices[0]


def test_a_published_place_is_looked_at_again_when_the_task_changes(tmp_path) -> None:
    """The looks of a session's whole life are the watcher's; who asks for a route adds next to none."""
    with session(tmp_path, 0.1, (0.02, 300.0)) as made:
        made.seeker.ask(UPSTREAM, DIRECT)
        wait_until(lambda: made.published == [DIRECT], "the direct address", 5)
        made.route(ROUTE)
        made.seeker.news()
        wait_until(lambda: made.published == [DIRECT, ROUTE], "the route", 5)


@pytest.mark.parity("--router-enabled", "late-binding")
def test_a_route_that_comes_late_or_moves_is_followed(tmp_path) -> None:
    with session(tmp_path, patience=0.1) as made:
        made.seeker.ask(UPSTREAM, DIRECT)
        wait_until(lambda: made.published == [DIRECT], "the direct address", 5)
        made.route(ROUTE)
        wait_until(lambda: made.published[-1] == ROUTE, "the late route", 5)
        moved = Place("router.example", 41001)
        made.route(moved)
        wait_until(lambda: made.published[-1] == moved, "the moved route", 5)
        made.route(UPSTREAM)  # taken back
        wait_until(lambda: made.published[-1] == DIRECT, "the direct address again", 5)


def test_a_server_that_is_away_ends_neither_the_wait_nor_the_request(tmp_path) -> None:
    with session(tmp_path, patience=0.1) as made:
        made.task.set_down(True)
        made.seeker.ask(UPSTREAM, DIRECT)
        wait_until(lambda: made.published == [DIRECT], "the direct address", 5)
        made.task.set_down(False)
        wait_until(made.is_asked, "the request", 5)


@pytest.mark.parametrize("routed", [True, False])
def test_what_can_not_be_published_is_logged_and_tried_again(tmp_path, routed: bool) -> None:
    with session(tmp_path, patience=30.0 if routed else 0.1) as made:
        made.unpublishable = 2
        made.seeker.ask(UPSTREAM, DIRECT)
        wait_until(made.is_asked, "the request", 5)
        if routed:
            made.route(ROUTE)
        wait_until(lambda: made.published == [ROUTE if routed else DIRECT], "the address", 5)
        assert len([text for text in made.said if "OSError: the disk is full" in text]) == 2
        if not routed:
            wait_until(lambda: made.notices, "the notice", 5)
        assert len(made.notices) == (0 if routed else 1)  # each one more would push another out of the report


def test_another_port_asks_for_another_route(tmp_path) -> None:
    with session(tmp_path) as made:
        made.seeker.ask(UPSTREAM, DIRECT)
        wait_until(made.is_asked, "the request", 5)
        made.route(ROUTE)
        wait_until(lambda: made.published == [ROUTE], "the route", 5)
        made.seeker.ask(UPSTREAM._replace(port=10023), DIRECT)
        wait_until(lambda: made.task.runtime()["external_tcp_port"] == "10023", "the second request", 5)
        second = ROUTE._replace(port=41002)
        made.route(second)
        wait_until(lambda: made.published == [ROUTE, second], "the second route", 5)


def test_the_same_port_after_a_crash_keeps_its_route(tmp_path) -> None:
    with session(tmp_path) as made:
        made.seeker.ask(UPSTREAM, DIRECT)
        wait_until(made.is_asked, "the request", 5)
        made.route(ROUTE)
        wait_until(lambda: made.published == [ROUTE], "the route", 5)
        made.seeker.ask(UPSTREAM, DIRECT)
        moved = ROUTE._replace(port=41003)
        made.route(moved)
        wait_until(lambda: made.published == [ROUTE, moved], "a later look", 5)
        assert made.task.requests == 1


@pytest.mark.parametrize(
    ("address", "port"), [("", "41000"), ("router", ""), ("router", "0"), ("router", "65536"), ("two words", "1")]
)
def test_what_is_no_place_is_none(address, port) -> None:
    assert place_of({"external_address": address, "external_tcp_port": port}) is None


@pytest.mark.parity("--router-enabled")
def test_the_port_that_the_cluster_assigned_is_tried_first() -> None:
    wanted = settings.parse({"authorized_key": KEY, "ssh_port": "2222"})
    assert settings.with_assigned_port(wanted, "10044").ssh_ports == (10044, 65535)
    assert settings.with_assigned_port(wanted, "").ssh_ports == wanted.ssh_ports
    assert settings.with_assigned_port(wanted, "rubbish").ssh_ports == wanted.ssh_ports


def test_closing_does_not_wait() -> None:
    made = Session(Task(Path("/nonexistent")), 30.0, (0.02, 0.02))
    made.seeker.start()
    made.seeker.close()
    made.seeker.join(5)
    assert not made.seeker.is_alive() and threading.current_thread().is_alive()
