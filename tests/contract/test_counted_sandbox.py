"""The server of ``make bench-api`` counts every call once, knows who called, and makes hours of windows."""

from pathlib import Path

import pytest

from desktop_app.adapters.clearml.server import ClearMLServer
from desktop_app.boundary.cancel import Cancel
from desktop_app.sandbox import launch
from tests.bench.api import per_hour, summary
from tests.support import counted_sandbox
from tests.support.counted_sandbox import Noted, by_endpoint, caller_of, noted


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        ({"HTTP_X_CLEARML_CLIENT": "sessiondock-0.1.0"}, "desktop"),
        ({"HTTP_X_CLEARML_CLIENT": "sessiondock-session-0.1.0, clearml-2.1.12"}, "task"),
        ({"HTTP_X_CLEARML_CLIENT": "clearml-server-2.3.0, sessiondock-session-0.1.0, clearml-2.1.12"}, "task"),
        ({"HTTP_X_CLEARML_CLIENT": "clearml-server-2.3.0, clearml-session-0.17.0, clearml-2.1.12"}, "cli"),
        ({"HTTP_X_CLEARML_CLIENT": "clearml-server-2.3.0, clearml-2.1.12"}, "task"),
        ({"HTTP_X_CLEARML_AGENT": "api-3.0.3", "HTTP_X_CLEARML_CLIENT": "clearml-2.1.12"}, "agent"),
        ({}, "other"),
    ],
)
def test_who_calls_is_known_by_the_headers(headers: dict[str, str], caller: str) -> None:
    assert caller_of(headers) == caller


@pytest.mark.slow
def test_every_call_of_the_real_client_is_noted_once(tmp_path: Path) -> None:
    info = counted_sandbox.start(tmp_path / "home", ["--no-agent"])
    try:
        server = ClearMLServer(info.api_url, info.access_key, info.secret_key)
        before = len(noted(info.home))
        for _time in range(3):
            server.sessions.living((), Cancel(10))
        server.close()
        calls = noted(info.home)[before:]
    finally:
        launch.stop(info.home)
    assert by_endpoint(calls) == {"auth.login": 1, "tasks.get_all": 3}
    assert {call.by for call in calls} == {"desktop"}
    assert all(200 < call.bytes < 2000 for call in calls)


def test_an_hour_is_its_first_minutes_and_the_rest_like_the_window() -> None:
    early = [Noted(100.0 + second, "tasks.get_all", "desktop", 10) for second in range(100)]
    late = [Noted(220.0 + 12 * number, "tasks.get_all", "desktop", 10) for number in range(10)]
    others = [Noted(130.0, "tasks.get_all", "agent", 10)]
    row = per_hour([*early, *late, *others], "desktop", 100.0, 240.0, 120.0)
    assert row.calls == 100 + 10 * (3600 - 120) / 120
    assert row.bytes == 10 * row.calls


def test_the_line_has_ratios() -> None:
    one, four = (per_hour([Noted(0.0, "a", "x", 9)] * number, "x", 0.0, 3600.0) for number in (1, 4))
    ours = {f"ours_{name}": one for name in ("connected", "waiting", "idle", "task", "task_attached")}
    line = summary({**ours, "cli_connected": four, "cli_waiting": four, "cli_task": four})
    assert line["connected_calls_h"] == line["waiting_calls_h"] == line["idle_window_calls_h"] == 1
    assert line["task_vs_cli"] == 0.25
