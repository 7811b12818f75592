"""The reducer and the two total functions, over every state and every event that can come in it."""

import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from desktop_app.domain.problems import problem
from desktop_app.domain.sessions.clearml_session import ClearmlSession
from desktop_app.domain.sessions.reducer import (
    AttachRequested,
    Detached,
    Event,
    HeldElsewhere,
    LinkBlocked,
    Noticed,
    ReportArrived,
    ServerSaw,
    ServerUnreachable,
    StopRequested,
    TunnelLost,
    TunnelUp,
    advance,
)
from desktop_app.domain.sessions.snapshot import (
    SEVERITY,
    Action,
    End,
    Endpoint,
    Link,
    Remote,
    ServerFacts,
    SessionId,
    SessionSnapshot,
    Status,
    allowed_actions,
    local_address,
    openable,
    progress_of,
    status_of,
)
from remote_bootstrap import contract
from remote_bootstrap.contract import AppReport, Report

ID = SessionId("acc", "1" * 32)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LOST = problem("ssh.lost", address="10.0.0.7")
BAD = problem("ssh.auth", address="10.0.0.7")
MOVED = problem("port.taken", wanted=1, program="x", app="y", port=2)
PORTS = (("jupyterlab", 8878), ("ssh", 8022))
REPORT = Report("ready", "", 3, {"jupyterlab": AppReport("ready", "", 8888), "ssh": AppReport("ready", "", 10022)})

FACTS = (
    *(ServerFacts(remote, "a session", report=report) for remote in Remote for report in (None, REPORT)),
    *(ServerFacts(Remote.ENDED, "a session", end) for end in End),
    ServerFacts(Remote.QUEUED, "a session", queue="gpu", queue_watched=False),
    *(ServerFacts(remote, "a session", queue="gpu", unplaced=True) for remote in (Remote.CREATED, Remote.QUEUED)),
    ServerFacts(Remote.READY, "a session", worker="w", worker_lost_s=500.0, report=REPORT),
)
EVENTS: tuple[Event, ...] = (
    *(ServerSaw(facts) for facts in FACTS),
    ServerUnreachable(NOW),
    AttachRequested(),
    AttachRequested(PORTS),
    TunnelUp(),
    TunnelLost(LOST, 2, NOW),
    LinkBlocked(BAD),
    Detached(),
    ReportArrived(REPORT),
    ReportArrived(replace(REPORT, sequence=1)),
    Noticed(MOVED),
    Noticed(None),
    StopRequested(),
    StopRequested(undone=True),
    HeldElsewhere(4711),
    HeldElsewhere(0),
)


def states() -> Iterable[SessionSnapshot]:
    """Every combination of what a snapshot can hold, reachable or not."""
    for facts, link, stale, stop, held, endpoints in itertools.product(
        FACTS, Link, (None, NOW), (False, True), (0, 4711), ((), (Endpoint("ssh", "ready", "", 10022, 8022),))
    ):
        trouble = {Link.RETRYING: LOST, Link.BLOCKED: BAD}.get(link)
        yield SessionSnapshot(
            ID, 7, facts, link, endpoints, trouble, stale_since=stale, stop_requested=stop, held_by=held
        )


STATES = tuple(states())


def test_every_event_is_defined_in_every_state() -> None:
    """No pair raises; a change grows the version by one, no change returns the very same object."""
    for state, event in itertools.product(STATES, EVENTS):
        after = advance(state, event)
        assert after.id == state.id
        assert after is state or after.version == state.version + 1
        assert after is state or replace(after, version=state.version) != state


def test_an_event_twice_changes_nothing_the_second_time() -> None:
    for state, event in itertools.product(STATES, EVENTS):
        once = advance(state, event)
        assert advance(once, event) is once, event


def test_status_actions_and_progress_are_total() -> None:
    for state in STATES:
        assert status_of(state) in SEVERITY
        actions = allowed_actions(state)
        assert actions or state.stop_requested or state.remote is Remote.STOPPING or status_of(state) is Status.OFFLINE
        assert progress_of(state)
        assert "\n" not in progress_of(state)


def test_every_status_has_a_severity_and_can_be_reached() -> None:
    assert sorted(SEVERITY, key=str) == sorted(Status, key=str)
    assert {status_of(state) for state in STATES} == set(Status)


def test_an_ended_session_holds_nothing() -> None:
    for state in STATES:
        after = advance(state, ServerSaw(ServerFacts(Remote.ENDED, "a session", End.SHUT_DOWN)))
        assert after.link is Link.OFF and not after.stop_requested and after.retry_at is None
        assert all(endpoint.local_port == 0 for endpoint in after.endpoints)
        assert allowed_actions(after) == {Action.FORGET, Action.AGAIN}


def test_only_sessions_of_ours_are_launched_again() -> None:
    theirs = ServerFacts(Remote.ENDED, "theirs", End.COMPLETED, clearml_session=ClearmlSession("10.0.0.1"))
    assert allowed_actions(SessionSnapshot(SessionId("a", "b" * 32), 1, theirs)) == {Action.FORGET}


def test_detaching_frees_the_ports_and_changes_nothing_on_the_server() -> None:
    for state in STATES:
        after = advance(state, Detached())
        assert after.link is Link.OFF and after.facts == state.facts
        assert all(endpoint.local_port == 0 for endpoint in after.endpoints)


def fold(*events: Event) -> SessionSnapshot:
    now = SessionSnapshot(ID)
    for event in events:
        now = advance(now, event)
    return now


READY = ServerSaw(ServerFacts(Remote.READY, "a session", report=REPORT))


def test_ports_survive_reports_and_redials() -> None:
    up = fold(READY, AttachRequested(PORTS), TunnelUp())
    for event in (ReportArrived(replace(REPORT, sequence=4)), TunnelLost(LOST, 1, NOW), TunnelUp(), READY):
        up = advance(up, event)
        assert {e.app: e.local_port for e in up.endpoints} == dict(PORTS)


def test_an_older_report_does_not_undo_a_newer_one() -> None:
    newest = ReportArrived(Report("ready", "", 9, {"jupyterlab": AppReport("failed", "boom")}))
    now = fold(READY, newest, READY)
    endpoint = now.endpoint("jupyterlab")
    assert endpoint is not None and endpoint.state == "failed"


def test_while_connected_only_the_session_itself_is_believed() -> None:
    """Any member of the workspace can write the task's report; the control channel's come in order."""
    lie = Report("ready", "", 10**9, {"jupyterlab": AppReport("failed", "boom", 4444)}, notices=["evil"])
    lying = replace(READY, facts=replace(READY.facts, report=lie))
    up = fold(READY, AttachRequested(PORTS), TunnelUp(), ReportArrived(REPORT), lying)
    assert up.facts.report == REPORT and up.notice is None
    late = fold(lying, AttachRequested(PORTS), TunnelUp(), ReportArrived(REPORT), lying)
    assert late.facts.report == REPORT
    assert {e.app: e.remote_port for e in late.endpoints} == {"jupyterlab": 8888, "ssh": 10022}


def test_no_secret_of_a_report_reaches_a_snapshot() -> None:
    secret = Report("ready", "", 4, {"jupyterlab": AppReport("ready", "", 8888, "tok-secret")})
    assert "tok-secret" not in repr(fold(READY, ReportArrived(secret)))


def test_open_needs_connection_readiness_and_a_port() -> None:
    up = fold(READY, AttachRequested(PORTS), TunnelUp())
    assert openable(up, "jupyterlab") and Action.OPEN in allowed_actions(up)
    assert not openable(up, "vscode") and not openable(up, "no such application")
    assert not openable(advance(up, TunnelLost(LOST, 1, NOW)), "jupyterlab")


def test_an_address_is_a_link_only_where_a_browser_opens_it() -> None:
    assert local_address("jupyterlab", 8878) == "http://127.0.0.1:8878"
    assert local_address("ssh", 8022) == local_address("no such application", 8022) == "127.0.0.1:8022"
    assert local_address("jupyterlab", 0) == ""


def test_a_server_that_is_away_hides_no_connection() -> None:
    away = ServerUnreachable(NOW)
    assert status_of(fold(READY, away)) is Status.OFFLINE
    assert status_of(fold(READY, AttachRequested(PORTS), TunnelUp(), away)) is Status.CONNECTED
    assert fold(READY, away, ServerUnreachable(NOW.replace(hour=13))).stale_since == NOW
    assert fold(READY, away, READY).stale_since is None


def test_a_lost_agent_is_a_notice_that_goes_away() -> None:
    lost = ServerSaw(ServerFacts(Remote.READY, "a", worker="w", worker_lost_s=125.0))
    now = fold(lost)
    assert now.notice is not None and "2 minutes" in now.notice.detail
    assert advance(now, ServerSaw(ServerFacts(Remote.READY, "a", worker="w"))).notice is None
    kept = fold(READY, Noticed(MOVED), READY)
    assert kept.notice == MOVED


def test_a_failed_task_tells_its_lines() -> None:
    now = fold(ServerSaw(ServerFacts(Remote.ENDED, "a", End.FAILED, message="ERROR: No matching distribution")))
    assert now.problem is not None and "No matching distribution" in now.problem.detail
    assert status_of(now) is Status.FAILED


@pytest.mark.parametrize("remote", [Remote.CREATED, Remote.QUEUED])
def test_what_waits_can_be_cancelled_and_moved(remote: Remote) -> None:
    now = fold(ServerSaw(ServerFacts(remote, "a", queue="gpu")))
    assert {Action.CANCEL, Action.OTHER_QUEUE} <= allowed_actions(now)
    assert Action.SHUT_DOWN not in allowed_actions(now)


def test_session_ids_read_back() -> None:
    assert SessionId.parse(ID.text) == ID


def test_losing_the_tunnel_of_a_session_that_is_shut_down_is_no_problem() -> None:
    up = fold(READY, TunnelUp())
    assert advance(up, TunnelLost(LOST, 1, NOW)).problem == LOST
    assert advance(advance(up, StopRequested()), TunnelLost(LOST, 1, NOW)).problem is None


def test_a_session_that_waits_for_its_route_does_not_say_that_it_is_ready() -> None:
    facts = ServerFacts(Remote.STARTING, report=contract.Report(contract.READY))
    assert progress_of(SessionSnapshot(SessionId("a", "t"), facts=facts)) == "Waiting for its address"


# -- what any member can write


@pytest.mark.parametrize("phase", contract.LAST_PHASES)
def test_a_report_in_the_task_does_not_end_a_session_whose_connection_stands(phase: str) -> None:
    up = advance(advance(SessionSnapshot(ID), ServerSaw(ServerFacts(Remote.READY, report=REPORT))), TunnelUp())
    written = ServerFacts(Remote.STOPPING, report=Report(phase, "", 99), by_report=True)
    assert advance(up, ServerSaw(written)).remote is Remote.READY
    asked = ServerFacts(Remote.STOPPING, report=REPORT)
    assert advance(up, ServerSaw(asked)).remote is Remote.STOPPING, "the server itself asks for the end"
    told = advance(up, ReportArrived(Report(phase, "", 5)))
    assert advance(told, ServerSaw(written)).remote is Remote.STOPPING, "the session itself says so"
    lost = advance(up, TunnelLost(LOST, 1, NOW))
    assert advance(lost, ServerSaw(written)).remote is Remote.STOPPING, "nobody else is left to tell"
