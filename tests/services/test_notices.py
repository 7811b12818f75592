"""Which changes make a notification: those that a person waits for, once."""

from dataclasses import replace

import pytest

from desktop_app.domain.problems import problem
from desktop_app.domain.sessions.reducer import (
    AttachRequested,
    Event,
    LinkBlocked,
    Noticed,
    ReportArrived,
    ServerSaw,
    StopRequested,
    TunnelLost,
    TunnelUp,
    advance,
)
from desktop_app.domain.sessions.snapshot import End, Remote, ServerFacts, SessionId, SessionSnapshot
from desktop_app.services.state.notices import notice_of
from tests.fakes.outside import NOON, report_of

READY = ServerFacts(Remote.READY, "a session", report=report_of(jupyterlab="ready", vscode="installing"))
PORTS = AttachRequested((("jupyterlab", 8878), ("vscode", 8898), ("ssh", 8022)))
LOST = problem("ssh.lost", address="x")


def titles(*events: Event) -> list[str]:
    now = SessionSnapshot(SessionId("acc", "1" * 32))
    found = []
    for event in events:
        after = advance(now, event)
        notice = notice_of(now, after)
        found += [notice.title] if notice else []
        now = after
    return found


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((ServerSaw(READY),), []),
        ((ServerSaw(READY), PORTS, TunnelUp()), ["“a session” is ready"]),
        ((ServerSaw(READY), PORTS, TunnelUp(), TunnelLost(LOST, 1, NOON), TunnelUp()), ["“a session” is ready"]),
        ((ServerSaw(READY), PORTS, LinkBlocked(problem("ssh.auth", address="x"))), ["“a session” needs you"]),
        ((ServerSaw(READY), StopRequested(), ServerSaw(ServerFacts(Remote.ENDED, "a session", End.SHUT_DOWN))),
         ["“a session” was shut down"]),
        ((ServerSaw(READY), ServerSaw(ServerFacts(Remote.ENDED, "a session", End.COMPLETED))), ["“a session” ended"]),
        ((ServerSaw(READY), ServerSaw(ServerFacts(Remote.ENDED, "a session", End.FAILED))), ["“a session” failed"]),
        ((ServerSaw(READY), Noticed(problem("agent.lost", worker="w", minutes=2))),
         ["“a session”: The session's agent is lost"]),
    ],
)  # fmt: skip
def test_what_is_told(events: tuple[Event, ...], expected: list[str]) -> None:
    assert titles(*events) == expected


@pytest.mark.parity("H1")
def test_an_application_that_becomes_ready_later_is_told_too() -> None:
    later = ReportArrived(report_of(2, jupyterlab="ready", vscode="ready"))
    assert titles(ServerSaw(READY), PORTS, TunnelUp(), later) == ["“a session” is ready", "“a session” is ready"]


def test_what_stays_the_same_is_told_once() -> None:
    failed = ServerFacts(Remote.ENDED, "a session", End.FAILED)
    assert len(titles(ServerSaw(READY), ServerSaw(failed), ServerSaw(replace(failed, message="more")))) == 1


def test_a_queue_without_agent_is_told() -> None:
    served = ServerFacts(Remote.QUEUED, "a session", queue="gpu")
    assert titles(ServerSaw(served), ServerSaw(replace(served, queue_watched=False))) == [
        "“a session”: No agent serves this queue"
    ]
