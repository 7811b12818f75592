"""What an hour costs its server in calls and bytes: the real poller's pauses and the real client's calls, on a clock
that the test turns. ``make bench-api`` measures the same of whole programs.
"""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from desktop_app.adapters.clearml.server import ClearMLServer
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Pace
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.reducer import AttachRequested, TunnelUp
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.state.poller import Poller
from desktop_app.services.state.store import SessionStore
from remote_bootstrap import contract
from tests.fakes.outside import ACCOUNT, World, record_of, report_of
from tests.support.guards import ExpectLog
from tests.support.scripted_server import URL, envelope, token

START = 1_800_000_000.0
HOUR = 3600.0


class Account:
    """One server with sessions in one state, its clock, and who polls it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **task: Any) -> None:
        self.now = START
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        self.calls = Counter[str]()
        self.bytes = 0
        self.tasks: dict[str, dict[str, Any]] = {}
        self.common = task
        self.refused = False
        self.agent_dies: float | None = None  # when
        transport = httpx.MockTransport(self._answer)
        self.server = ClearMLServer(URL, "ACCESS", "secret", lambda: self.now, transport)
        self.store = SessionStore()
        outside = replace(World(pace=Pace()).outside(), clock=lambda: self.now)
        self.poller = Poller(ACCOUNT.id, lambda _cancel: self.server, self.store, outside)

    def add(self, number: int) -> SessionId:
        task = f"{number:032x}"
        made = {
            "id": task, "name": f"session {number}", "system_tags": [contract.SYSTEM_TAG], "user": "u1",
            "project": "p1", "created": self.time(), "last_change": self.time(), "execution": {"queue": "q1"},
            **self.common,
        }  # fmt: skip
        self.tasks[task] = made
        return SessionId(ACCOUNT.id, task)

    def time(self) -> str:
        return datetime.fromtimestamp(self.now, UTC).isoformat()

    def change(self, session: SessionId, **fields: Any) -> None:
        self.tasks[session.task].update(fields, last_change=self.time())

    def run(self, seconds: float) -> Counter[str]:
        """As the poller's thread does; the calls of that time."""
        before, end = Counter(self.calls), self.now + seconds
        while self.now < end:
            self.poller._poll_once()
            self.now += self.poller.pause()
        return self.calls - before

    def _answer(self, request: httpx.Request) -> httpx.Response:
        endpoint, body = request.url.path.strip("/"), json.loads(request.content)
        self.calls[endpoint] += 1
        if self.refused:
            return envelope(code=401, subcode=22, message="Unauthorized (invalid credentials)")
        answer = envelope(getattr(self, "_" + endpoint.replace(".", "_"))(body))
        self.bytes += len(answer.content)
        return answer

    def _auth_login(self, _body: dict[str, Any]) -> dict[str, Any]:
        return {"token": token(expires=None)}

    def _users_get_current_user(self, _body: dict[str, Any]) -> dict[str, Any]:
        return {"user": {"id": "u1", "name": "Ada", "company": "c1"}}

    def _tasks_get_all(self, body: dict[str, Any]) -> dict[str, Any]:
        wanted = body.get("id")
        rows = [
            self._row(task, body["only_fields"]) for task in self.tasks.values() if not wanted or task["id"] in wanted
        ]
        return {"tasks": rows}

    def _row(self, task: dict[str, Any], fields: list[str]) -> dict[str, Any]:
        """An agent stamps what runs twice a minute."""
        now = min(self.now, self.agent_dies or self.now)
        stamp = datetime.fromtimestamp(now - now % 30, UTC).isoformat()
        whole = dict(task)
        if task["status"] == "in_progress":
            whole |= {"last_update": stamp, "last_worker": "agent:0", "last_worker_report": stamp}
        tops = {field.partition(".")[0] for field in fields}
        return {name: value for name, value in whole.items() if name in tops}

    def _queues_get_all(self, body: dict[str, Any]) -> dict[str, Any]:
        waiting = [{"task": task["id"]} for task in self.tasks.values() if task["status"] == "queued"]
        return {"queues": [{"id": "q1", "name": "default", "entries": waiting}]}

    def _projects_get_all(self, _body: dict[str, Any]) -> dict[str, Any]:
        return {"projects": [{"id": "p1", "name": "DevOps"}]}

    def _workers_get_all(self, _body: dict[str, Any]) -> dict[str, Any]:
        alive = datetime.fromtimestamp(min(self.now, self.agent_dies or self.now), UTC).isoformat()
        agent = {"id": "agent:0", "last_report_time": alive, "queues": [{"id": "q1"}]}
        return {"workers": [agent]}


def running(monkeypatch: pytest.MonkeyPatch) -> Account:
    """Sessions that have just come up."""
    record, report = record_of("0" * 32), report_of(jupyterlab="ready")
    runtime = {contract.RUNTIME_RECORD: record.dumps(), contract.RUNTIME_REPORT: report.dumps()}
    started = datetime.fromtimestamp(START - 60, UTC).isoformat()
    return Account(monkeypatch, status="in_progress", started=started, runtime=runtime)


@pytest.mark.parity("N8")
@pytest.mark.parametrize("sessions", [1, 5, 40])
def test_an_hour_connected_costs_at_most_120_calls(sessions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    account = running(monkeypatch)
    attached = [account.add(number) for number in range(sessions)]
    account.poller._poll_once()
    for session in attached:
        account.store.apply(session, AttachRequested((("jupyterlab", 8878),)))
        account.store.apply(session, TunnelUp())
    calls = account.run(HOUR)
    assert 60 < sum(calls.values()) <= 120, calls
    account.server.close()


@pytest.mark.parity("N8")
def test_an_hour_of_an_idle_window_costs_at_most_120_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    account = running(monkeypatch)
    calls = account.run(HOUR)
    assert 60 < sum(calls.values()) <= 120, calls
    account.server.close()


@pytest.mark.parity("N8")
@pytest.mark.parametrize("sessions", [1, 5])
def test_an_hour_in_a_queue_costs_at_most_400_calls_from_the_launch_on(
    sessions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account(monkeypatch, status="queued")
    for number in range(sessions):
        account.add(number)
    calls = account.run(HOUR)
    assert 250 < sum(calls.values()) <= 400, calls
    account.server.close()


def test_a_session_that_an_agent_takes_shows_within_13_seconds_and_starts_quickly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = Account(monkeypatch, status="queued")
    session = account.add(1)
    account.run(600)
    account.change(session, status="in_progress", started=account.time())
    taken = account.now
    account.run(13)
    seen = account.store.get(session)
    assert seen is not None and seen.remote.value == "starting"
    assert account.now - taken < 27
    account.change(session, runtime={contract.RUNTIME_RECORD: record_of(session.task).dumps()})
    account.run(1.2)
    seen = account.store.get(session)
    assert seen is not None and seen.remote.value == "ready"
    account.server.close()


@pytest.mark.parity("N8", "U6")
def test_only_what_moved_travels(monkeypatch: pytest.MonkeyPatch) -> None:
    account = running(monkeypatch)
    sessions = [account.add(number) for number in range(20)]
    account.poller._poll_once()
    whole = account.bytes
    account.poller._poll_once()
    row = account.bytes - whole
    assert row < whole / 2
    account.now += 1
    account.change(sessions[3], name="another name")
    account.poller._poll_once()
    assert account.bytes - whole - row < row + whole / 8
    seen = account.store.get(sessions[3])
    assert seen is not None and seen.name == "another name"
    account.server.close()


def test_a_server_that_stamps_nothing_is_read_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    account = running(monkeypatch)
    session = account.add(1)
    account.tasks[session.task]["last_change"] = None
    account.poller._poll_once()
    account.tasks[session.task]["name"] = "another name"
    account.poller._poll_once()
    seen = account.store.get(session)
    assert seen is not None and seen.name == "another name"
    account.server.close()


def test_what_changed_without_a_stamp_shows_within_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    account = running(monkeypatch)
    session = account.add(1)
    account.run(60)
    account.tasks[session.task]["name"] = "another name"
    account.run(650)
    seen = account.store.get(session)
    assert seen is not None and seen.name == "another name"
    account.server.close()


@pytest.mark.parity("N8")
def test_a_revoked_key_is_shown_to_the_server_every_five_minutes(
    monkeypatch: pytest.MonkeyPatch, expected_log: ExpectLog
) -> None:
    account = running(monkeypatch)
    account.add(1)
    account.poller._poll_once()
    account.refused = True
    expected_log("refuses the API key")
    account.run(60)
    before = sum(account.calls.values())
    for _minute in range(60):
        account.run(60)
        with pytest.raises(AppError) as refused:  # whoever else asks: a person, a redial, another thread
            account.server.sessions.living((), Cancel(5))
        assert refused.value.problem.code == "server.unauthorised"
    assert sum(account.calls.values()) - before <= 12
    account.refused = False
    account.run(360)
    assert account.poller.problem is None
    account.server.close()


def test_an_agent_that_was_killed_is_told_within_three_minutes_and_costs_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = running(monkeypatch)
    session = account.add(1)
    account.run(600)
    account.agent_dies = account.now
    account.run(180)
    seen = account.store.get(session)
    assert seen is not None and seen.notice is not None and seen.notice.code == "agent.lost"
    calls = account.run(HOUR)
    assert sum(calls.values()) <= 130, calls
    account.server.close()


def test_a_queue_that_lost_its_agent_says_so_within_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account(monkeypatch, status="queued")
    session = account.add(1)
    account.run(600)
    account.agent_dies = account.now
    seen = account.store.get(session)
    assert seen is not None and seen.problem is None
    account.run(300)
    seen = account.store.get(session)
    assert seen is not None and seen.problem is not None and seen.problem.code == "queue.no_agent"
    account.server.close()
