"""Sessions and problems as --json shows them. Pure.

Programs read this: fields are added, never renamed or taken away.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from desktop_app.domain.problems import Problem
from desktop_app.domain.problems.problem import read_problem
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionId, SessionSnapshot, progress_of, status_of


def problem_json(problem: Problem) -> dict[str, Any]:
    """Return a problem as --json shows it."""
    return {
        "code": problem.code,
        "title": problem.title,
        "detail": problem.detail,
        "remedies": [remedy.value for remedy in problem.remedies],
        "cause": problem.cause,
    }


def _time(value: datetime | None) -> str | None:
    return value.isoformat() if value else None


def ended_json(account: str, session: FinishedSession) -> dict[str, Any]:
    """Return a session that has ended as a list of them shows it."""
    return {
        "id": session.task,
        "account": account,
        "name": session.name,
        "ended": _time(session.ended),
        "workspace": session.folder or None,
        "workspace_stored": _time(datetime.fromtimestamp(session.stored, UTC)) if session.stored else None,
    }


def problem_of_holder(holder: Mapping[str, Any]) -> Problem | None:
    """Return what is wrong with the connection according to the process that holds it."""
    return read_problem(dict(holder.get("why") or {}))


def session_json(snapshot: SessionSnapshot, holder: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a session as --json shows it; no secret is in a snapshot. ``holder``: what the process that holds the
    connection says of it."""
    if holder:
        problem = snapshot.problem or problem_of_holder(holder)
        snapshot = replace(snapshot, link=Link(holder.get("link", snapshot.link.value)), problem=problem)
    facts = snapshot.facts
    shown: dict[str, Any] = {
        "id": snapshot.id.task,
        "account": snapshot.id.account,
        "name": snapshot.name,
        "status": status_of(snapshot).value,
        "progress": progress_of(snapshot),
        "remote": snapshot.remote.value,
        "end": facts.end.value,
        "link": snapshot.link.value,
        "held_by": snapshot.held_by or None,
        "project": facts.project,
        "owner": facts.owner or None,
        "tags": list(facts.tags),
        "queue": facts.queue,
        "in_queue": snapshot.remote is Remote.QUEUED and not facts.unplaced,
        "queue_watched": facts.queue_watched,
        "worker": facts.worker,
        "message": facts.message,
        "created": _time(facts.created),
        "started": _time(facts.started),
        "applications": {
            e.app: {"state": e.state, "detail": e.detail, "local_port": e.local_port or None}
            for e in snapshot.endpoints
        },
        "seconds": facts.report.seconds if facts.report else {},
        "as_of": _time(snapshot.stale_since),
        "problem": problem_json(snapshot.problem) if snapshot.problem else None,
        "notice": problem_json(snapshot.notice) if snapshot.notice else None,
    }
    if holder:
        for app, port in dict(holder.get("ports") or {}).items():
            shown["applications"].setdefault(app, {"state": "", "detail": ""})["local_port"] = port
    return shown


def event_json(event: str, session: SessionId, snapshot: SessionSnapshot | None, **more: object) -> dict[str, Any]:
    """Return an event about a session, with all that is known of it."""
    about = session_json(snapshot) if snapshot else {"id": session.task, "account": session.account}
    return {"event": event, **more, **about}
