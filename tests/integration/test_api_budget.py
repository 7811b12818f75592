"""What a connected, idle account asks of its server: an hour of the real poller's pauses and real client's calls."""

import json
from collections import Counter

import httpx
import pytest

from desktop_app.adapters.clearml.server import ClearMLServer
from desktop_app.domain.reducer import AttachRequested, TunnelUp
from desktop_app.domain.session import SessionId
from desktop_app.ports import Cancel
from desktop_app.services.outside import Pace
from desktop_app.services.poller import Poller
from desktop_app.services.store import SessionStore
from tests.fakes.outside import ACCOUNT, World, record_of
from tests.fakes.server import FakeServer
from tests.support.core_rig import BOTH
from tests.support.scripted_server import URL, envelope, token

CLEARML_SESSION_PER_HOUR = 3600 / 3  # one terminal asks every 3 s


def answer(request: httpx.Request, calls: Counter[str]) -> httpx.Response:
    endpoint = request.url.path.strip("/")
    calls[endpoint] += 1
    task = {"id": "a" * 32, "name": "a session", "status": "in_progress", "system_tags": ["interactive", "sessiondock"]}
    data = {
        "auth.login": {"token": token(expires=None)},
        "users.get_current_user": {"user": {"id": "u1", "name": "Ada", "company": "c1"}},
        "tasks.get_all": {"tasks": [task] if "status" in json.loads(request.content) else []},
    }
    return envelope(data.get(endpoint, {}))


@pytest.mark.parity("N8")
@pytest.mark.parametrize("sessions", [1, 5])
def test_an_idle_hour_costs_less_than_half_of_one_terminal(sessions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    now, calls = [0.0], Counter[str]()
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    transport = httpx.MockTransport(lambda request: answer(request, calls))
    server = ClearMLServer(URL, "ACCESS", "secret", lambda: now[0], transport)
    store, fake = SessionStore(), FakeServer()
    for _ in range(sessions):
        session = SessionId(ACCOUNT.id, fake.create_running("a session", BOTH))
        fake.publish(session.task, record_of(session.task), BOTH)
        store.see(session, fake.session(session.task, Cancel(5)).facts)
        store.apply(session, AttachRequested((("jupyterlab", 8878),)))
        store.apply(session, TunnelUp())
    poller = Poller(ACCOUNT.id, lambda _cancel: server, store, World(pace=Pace()).outside())
    while now[0] < 3600:
        server.sessions((), Cancel())
        now[0] += poller.pause()
    server.close()
    assert 300 < sum(calls.values()) < CLEARML_SESSION_PER_HOUR / 2, calls  # 482 of 1,200
