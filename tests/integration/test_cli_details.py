"""Lists and details as people read them: they fit a terminal, times are this computer's, nothing is said twice."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from desktop_app.cli.terminal.tables import age, width
from desktop_app.cli.views.as_json import session_json
from desktop_app.cli.views.sessions import describe, finished_table, session_table
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.reducer import ServerSaw, advance
from desktop_app.domain.sessions.snapshot import End, Remote, ServerFacts, SessionId, SessionSnapshot
from tests.fakes.outside import report_of

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
CREATED = NOW - timedelta(minutes=75)
FACTS = ServerFacts(Remote.QUEUED, "a session", queue="default", project="DevOps", queue_watched=True,
                    created=CREATED, started=NOW - timedelta(seconds=3))  # fmt: skip
READY = replace(FACTS, remote=Remote.READY, worker="agent-1", report=report_of(jupyterlab="ready"))


def session(facts: ServerFacts, task: str = "0123456789abcdef") -> SessionSnapshot:
    return advance(SessionSnapshot(SessionId("acc", task)), ServerSaw(facts))


def listed(*sessions: SessionSnapshot, columns: int = 0, owners: bool = False, accounts: int = 1) -> list[str]:
    rows = [(one, session_json(one)) for one in sessions]
    names = {"acc": "Ada on clearml.example", "b": "another"}
    known = dict(list(names.items())[:accounts])
    return session_table(rows, known, owners=owners, width=columns, now=NOW).splitlines()


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
@pytest.mark.parametrize("name", ["short", "x" * 200, "夜のセッション" * 20, "e\u0301" * 90])
def test_a_list_fits_the_terminal(name: str, columns: int) -> None:
    lines = listed(session(replace(FACTS, name=name)), session(READY), columns=columns)
    assert all(width(line) <= max(columns, 52) for line in lines)  # narrower than that no column says anything
    assert all(line.startswith("01234567") for line in lines[1:])


def test_where_no_terminal_is_nothing_is_cut_short() -> None:
    assert listed(session(replace(FACTS, queue="q" * 90)))[1].endswith("“" + "q" * 90 + "”")


def test_only_columns_that_say_something_are_shown() -> None:
    assert listed(session(READY))[0].split() == ["ID", "NAME", "STATUS", "AGE", "NOW"]
    assert listed(session(READY))[1].split() == ["01234567", "a", "session", "Ready", "1", "h", "15", "min"]
    assert listed(session(READY), owners=True, accounts=2)[0].split()[4:] == ["OWNER", "ACCOUNT", "NOW"]
    assert " you " in listed(session(READY), owners=True, accounts=2)[1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3600, "1 h 0 min"), (86400, "1 d"), (90000, "1 d 1 h")],
)
def test_ages(seconds: float, text: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == text and age(None, NOW) == ""


def shown(one: SessionSnapshot, full: bool = False, **more: str) -> dict[str, str]:
    text = describe(one, {**session_json(one), **more}, "Ada on clearml.example", full=full, now=NOW)
    rows = [re.split(r"\s{2,}", line, maxsplit=1) for line in text.splitlines()]
    assert len({label for label, _ in rows}) == len(rows)  # no label twice
    return dict(rows)


def test_a_session_is_described_for_people() -> None:
    found = shown(session(READY))
    assert found["Status"] == "Ready" and found["JupyterLab"] == "ready"
    assert found["Created"] == f"{CREATED.astimezone():%Y-%m-%d %H:%M} (1 h 15 min ago)"
    assert found["Connection"] == "none on this computer; sessiondock attach 01234567"
    assert shown(session(FACTS))["Status"] == "Queued: Waiting in queue “default”"


def test_the_long_ssh_command_is_shown_on_request() -> None:
    said: dict[str, Any] = {"ssh_command": "ssh -F none …", "ssh_short": "ssh sd-a-session"}
    assert shown(session(READY), **said)["Terminal"] == "ssh sd-a-session"
    assert "ssh command" not in shown(session(READY), **said)
    assert shown(session(READY), full=True, **said)["ssh command"] == "ssh -F none …"


def test_of_an_ended_session_only_what_is_left_is_said() -> None:
    found = shown(session(replace(READY, remote=Remote.ENDED, end=End.SHUT_DOWN)))
    assert found["Status"].startswith("Ended") and not {"Connection", "JupyterLab", "Terminal"} & found.keys()


def test_ended_sessions_have_their_time_and_their_workspace() -> None:
    stored = FinishedSession("0123456789", "one", NOW - timedelta(hours=2), "~/work", 1.0)
    head, first, second = finished_table([stored, FinishedSession("abcdef0123", "two")], now=NOW).splitlines()
    assert head.split() == ["ID", "NAME", "ENDED", "STORED", "WORKSPACE"]
    assert first.endswith("(2 h 0 min ago)  ~/work") and second.split() == ["abcdef01", "two"]
