"""Events and the one function that turns (snapshot, event) into the next snapshot.

Pure, any thread. An event that changes nothing returns the very same object, so that the store stays silent.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from desktop_app.domain.problems import Problem, problem
from desktop_app.domain.sessions import runs
from desktop_app.domain.sessions.endings import FAILURES, failure_of
from desktop_app.domain.sessions.reach import of_container
from desktop_app.domain.sessions.snapshot import (
    WAITING,
    End,
    Endpoint,
    Link,
    Remote,
    ServerFacts,
    SessionSnapshot,
    why_unplaced,
)
from remote_bootstrap import contract


@dataclass(frozen=True, slots=True)
class ServerSaw:
    """The poller read the task."""

    facts: ServerFacts


@dataclass(frozen=True, slots=True)
class ServerUnreachable:
    """The server did not answer; ``at`` is when that began."""

    at: datetime


@dataclass(frozen=True, slots=True)
class AttachRequested:
    """The supervisor starts to connect; local ports are bound by now. ``fresh``: to another run of the task, of which
    nothing is known yet."""

    local_ports: tuple[tuple[str, int], ...] = ()
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class TunnelUp:
    """A probe came back through the tunnel."""


@dataclass(frozen=True, slots=True)
class TunnelLost:
    """The link is down and will be redialled at ``retry_at`` (attempt counts from 1)."""

    why: Problem
    attempt: int
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class LinkBlocked:
    """Only a human can go on from here."""

    why: Problem


@dataclass(frozen=True, slots=True)
class Detached:
    """Our half is closed; the session goes on."""


@dataclass(frozen=True, slots=True)
class ReportArrived:
    """A newer report, from the control channel (fresher than the task's)."""

    report: contract.Report


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something worth saying (``None`` takes it back)."""

    notice: Problem | None


@dataclass(frozen=True, slots=True)
class StopRequested:
    """Shut down or Cancel was asked for; ``undone`` takes it back when the server refused."""

    undone: bool = False


@dataclass(frozen=True, slots=True)
class HeldElsewhere:
    """Another process of this user holds the tunnel (pid), or none does any more (0)."""

    pid: int


Event = (
    ServerSaw
    | ServerUnreachable
    | AttachRequested
    | TunnelUp
    | TunnelLost
    | LinkBlocked
    | Detached
    | ReportArrived
    | Noticed
    | StopRequested
    | HeldElsewhere
)

_QUEUE_CODES = ("queue.none", "queue.no_agent")
AGENT_LOST_AFTER_S = 90.0  # three missed status reports; an agent sends one every 30 s


def advance(snapshot: SessionSnapshot, event: Event) -> SessionSnapshot:
    """Return the next snapshot, or the same object when nothing changed."""
    after = _TABLE[type(event)](snapshot, event)
    return snapshot if after == snapshot else after.with_version()


def _server_saw(now: SessionSnapshot, event: ServerSaw) -> SessionSnapshot:
    facts = _newest_report(now, runs.of_this_run(now, event.facts))
    over = now.facts.report is not None and facts.report is None  # nothing is known of the new run's applications
    endpoints = _blank(now.endpoints) if over else _merge(now.endpoints, facts.report)
    after = replace(now, facts=facts, stale_since=None, endpoints=endpoints)
    if facts.remote is Remote.ENDED:
        return _ended(after, now.remote is Remote.READY or now.link is Link.UP)
    if after.link is Link.OFF or (after.link is Link.CONNECTING and _of_queue(after, facts)):
        after = replace(after, problem=_queue_problem(facts))
    notice = runs.restarted(facts) if runs.starts_over(now, facts) else _heard(now, facts.report)
    after = replace(after, notice=notice)
    return replace(after, notice=_agent_notice(after))


def _ended(now: SessionSnapshot, was_up: bool) -> SessionSnapshot:
    gone = tuple(replace(e, local_port=0) for e in now.endpoints)
    failed = now.problem if now.facts.end is End.FAILED and now.problem and now.problem.code in FAILURES else None
    if now.facts.end is End.FAILED and failed is None:
        failed = failure_of(now.facts, was_up)
    return replace(
        now, link=Link.OFF, endpoints=gone, problem=failed, notice=None, attempt=0, retry_at=None, stop_requested=False
    )


def _of_queue(now: SessionSnapshot, facts: ServerFacts) -> bool:
    """True if its problem is the queue's; one that an agent took is in none, and that is no problem."""
    return facts.remote in WAITING or (now.problem is not None and now.problem.code in _QUEUE_CODES)


def _queue_problem(facts: ServerFacts) -> Problem | None:
    if facts.remote in WAITING and facts.unplaced:
        return problem("queue.none", why=why_unplaced(facts))
    if facts.remote is Remote.QUEUED and not facts.queue_watched:
        return problem("queue.no_agent", queue=facts.queue)
    return None


def _agent_notice(now: SessionSnapshot) -> Problem | None:
    facts = now.facts
    lost = facts.worker_lost_s
    if now.notice is not None and now.notice.code == "agent.gone" and is_silent(now):
        return now.notice
    if lost >= AGENT_LOST_AFTER_S and facts.remote in (Remote.STARTING, Remote.READY, Remote.STOPPING):
        return problem("agent.lost", worker=facts.worker, minutes=max(1, round(lost / 60)))
    return None if now.notice and now.notice.code in ("agent.lost", "agent.gone") else now.notice


def is_silent(now: SessionSnapshot) -> bool:
    """True if it should end, its agent is lost, and the session itself neither answers nor says that it ends."""
    facts, report = now.facts, now.facts.report
    if facts.remote is not Remote.STOPPING or not facts.worker_lost_s or now.link is Link.UP:
        return False
    return report is None or report.phase not in contract.LAST_PHASES


def _newest_report(now: SessionSnapshot, new: ServerFacts) -> ServerFacts:
    """Keep what the control channel told when the task's copy is older, or while the channel is there to tell: every
    member of the workspace can write the task's copy."""
    old = now.facts.report
    told = now.link is Link.UP and new.clearml_session is None
    if told and new.by_report and (old is None or old.phase not in contract.LAST_PHASES):
        new = replace(new, remote=Remote.READY, by_report=False)  # the session itself would have said so
    if old and runs.keeps_report(now, new) and (told or new.report is None or new.report.sequence < old.sequence):
        return replace(new, report=old)
    return new


def _blank(endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(e.app, local_port=e.local_port) for e in endpoints)


def _merge(endpoints: tuple[Endpoint, ...], report: contract.Report | None) -> tuple[Endpoint, ...]:
    if report is None:
        return endpoints
    ports = {e.app: e.local_port for e in endpoints}
    return tuple(Endpoint(key, app.state, app.detail, app.port, ports.get(key, 0)) for key, app in report.apps.items())


def _server_unreachable(now: SessionSnapshot, event: ServerUnreachable) -> SessionSnapshot:
    return now if now.stale_since or now.remote is Remote.ENDED else replace(now, stale_since=event.at)


def _attach_requested(now: SessionSnapshot, event: AttachRequested) -> SessionSnapshot:
    ports = dict(event.local_ports)
    if event.fresh:
        now = replace(now, facts=replace(now.facts, report=None), endpoints=_blank(now.endpoints))
    known = {e.app for e in now.endpoints}
    endpoints = tuple(replace(e, local_port=ports.get(e.app, e.local_port)) for e in now.endpoints)
    endpoints += tuple(Endpoint(app, local_port=port) for app, port in ports.items() if app not in known)
    waits = _queue_problem(now.facts)
    return replace(now, link=Link.CONNECTING, endpoints=endpoints, problem=waits, held_by=0, attempt=0, retry_at=None)


def _tunnel_up(now: SessionSnapshot, _event: TunnelUp) -> SessionSnapshot:
    notice = None if now.notice and now.notice.code == "session.restarted" else now.notice
    return replace(now, link=Link.UP, problem=None, notice=notice, attempt=0, retry_at=None)


def _tunnel_lost(now: SessionSnapshot, event: TunnelLost) -> SessionSnapshot:
    # a session that is being shut down takes its SSH server with it: that is no news
    ending = now.stop_requested or now.remote is Remote.STOPPING
    why = None if ending else of_container(event.why, now.facts, now.id.task)
    return replace(now, link=Link.RETRYING, problem=why, attempt=event.attempt, retry_at=event.retry_at)


def _link_blocked(now: SessionSnapshot, event: LinkBlocked) -> SessionSnapshot:
    return replace(now, link=Link.BLOCKED, problem=event.why, attempt=0, retry_at=None)


def _detached(now: SessionSnapshot, _event: Detached) -> SessionSnapshot:
    gone = tuple(replace(e, local_port=0) for e in now.endpoints)
    kept = now.problem if now.remote is Remote.ENDED else None
    return replace(now, link=Link.OFF, endpoints=gone, problem=kept, attempt=0, retry_at=None)


def _report_arrived(now: SessionSnapshot, event: ReportArrived) -> SessionSnapshot:
    report = replace(event.report.public(), kept=event.report.kept)  # no secret, and told by no task
    facts = replace(now.facts, report=report)
    return replace(now, facts=facts, endpoints=_merge(now.endpoints, event.report), notice=_heard(now, event.report))


def _heard(now: SessionSnapshot, report: contract.Report | None) -> Problem | None:
    """Return the notice, after what the session says for the first time."""
    known = len(now.facts.report.notices) if now.facts.report else 0
    fresh = report.notices[known:] if report else []
    return problem("session.notice", text=" ".join(fresh)) if fresh else now.notice


def _noticed(now: SessionSnapshot, event: Noticed) -> SessionSnapshot:
    return replace(now, notice=event.notice)


def _stop_requested(now: SessionSnapshot, event: StopRequested) -> SessionSnapshot:
    return now if now.remote is Remote.ENDED else replace(now, stop_requested=not event.undone)


def _held_elsewhere(now: SessionSnapshot, event: HeldElsewhere) -> SessionSnapshot:
    return replace(now, held_by=event.pid)


_TABLE: dict[type, Callable[[SessionSnapshot, Any], SessionSnapshot]] = {
    ServerSaw: _server_saw,
    ServerUnreachable: _server_unreachable,
    AttachRequested: _attach_requested,
    TunnelUp: _tunnel_up,
    TunnelLost: _tunnel_lost,
    LinkBlocked: _link_blocked,
    Detached: _detached,
    ReportArrived: _report_arrived,
    Noticed: _noticed,
    StopRequested: _stop_requested,
    HeldElsewhere: _held_elsewhere,
}
