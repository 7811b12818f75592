"""One session and lists of sessions as the user reads them. Pure.

Programs read --json; what is here may change.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from desktop_app.cli.terminal.tables import age, clock, table, when
from desktop_app.domain.launch.option_checks import clean_line
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionSnapshot, Status, local_address
from remote_bootstrap.contract.apps import BY_KEY

_CONNECTION = {
    Link.OFF.value: "none on this computer",
    Link.CONNECTING.value: "connecting",
    Link.UP.value: "up",
    Link.RETRYING.value: "lost; dialling again",
    Link.BLOCKED.value: "needs you",
}


def session_table(
    rows: Sequence[tuple[SessionSnapshot, Mapping[str, Any]]],
    accounts: Mapping[str, str],
    *,
    owners: bool,
    width: int = 0,
    now: datetime | None = None,
) -> str:
    """Return a table of sessions. ``rows``: each with its ``session_json``; ``accounts``: id -> name, shown if there
    are several; ``owners``: the users that they belong to are shown, too."""
    now = now or datetime.now(UTC)
    head, lines = ["ID", "NAME", "STATUS", "AGE"], []
    head += ["OWNER"] * owners + ["ACCOUNT"] * (len(accounts) > 1) + ["NOW"]
    for snapshot, shown in rows:
        line = [snapshot.id.task[:8], snapshot.name, shown["status"], age(snapshot.facts.created, now)]
        line += [snapshot.facts.owner or "you"] * owners
        line += [accounts.get(snapshot.id.account, snapshot.id.account)] * (len(accounts) > 1)
        as_of = f"as of {clock(snapshot.stale_since)}" if snapshot.stale_since else ""
        lines.append([*line, " · ".join(text for text in (_news(shown), as_of) if text)])
    return table(head, lines, width)


def _news(shown: Mapping[str, Any]) -> str:
    """Return what the status does not say already."""
    return "" if shown["progress"] in (shown["status"], Status.READY.value) else shown["progress"]


def finished_table(sessions: Sequence[FinishedSession], *, width: int = 0, now: datetime | None = None) -> str:
    """Return a table of sessions that have ended."""
    now = now or datetime.now(UTC)
    rows = [(s.task[:8], s.name, when(s.ended, now), s.folder if s.stored else "") for s in sessions]
    return table(("ID", "NAME", "ENDED", "STORED WORKSPACE"), rows, width)


def describe(
    snapshot: SessionSnapshot,
    shown: Mapping[str, Any],
    account: str,
    *,
    full: bool = False,
    now: datetime | None = None,
) -> str:
    """Return the lines about one session. ``shown``: its ``session_json`` and what ``info`` adds; ``full``: with the
    whole ssh command."""
    now = now or datetime.now(UTC)
    facts = snapshot.facts
    progress = _news(shown)
    lines = [
        ("Session", snapshot.name),
        ("Id", snapshot.id.task),
        ("Account", account),
        ("Owner", facts.owner),
        ("Status", f"{shown['status']}: {progress}" if progress else shown["status"]),
        ("As of", clock(snapshot.stale_since) if snapshot.stale_since else ""),
        ("Project", facts.project),
        ("Tags", ", ".join(facts.tags)),
        ("Queue", facts.queue),
        ("Agent", facts.worker or ("none yet" if snapshot.remote is not Remote.ENDED else "")),
        ("Created", when(facts.created, now)),
        ("Started", when(facts.started, now)),
        ("Connection", _connection(snapshot, shown)),
    ]
    if snapshot.remote is not Remote.ENDED:
        lines += [(app_label(app), _application(app, state)) for app, state in shown["applications"].items()]
    lines.append(("Terminal", shown.get("ssh_short") or ""))
    lines.append(("ssh command", (shown.get("ssh_command") or "") if full else ""))
    for key in ("problem", "notice"):
        if shown[key]:
            lines.append((key.capitalize(), f"{shown[key]['title']}. {shown[key]['detail']}"))
    lines = [(label, clean_line(value)) for label, value in lines if value]
    longest = max(len(label) for label, _ in lines)
    return "\n".join(f"{label:<{longest}}  {value}" for label, value in lines)


def connection_text(shown: Mapping[str, Any]) -> str:
    """Return the state of the connection in words, by ``session_json`` or by the process that holds it."""
    return _CONNECTION.get(shown.get("link", ""), "unknown")


def _connection(snapshot: SessionSnapshot, shown: Mapping[str, Any]) -> str:
    if snapshot.remote is Remote.ENDED:
        return ""
    text = connection_text(shown)
    if shown["held_by"]:
        return f"{text}, held by process {shown['held_by']}"
    return f"{text}; sessiondock attach {snapshot.id.task[:8]}" if snapshot.remote is Remote.READY else text


def app_label(app: str) -> str:
    """Return the name of an application by its key; another version of ours may know more of them."""
    return BY_KEY[app].label if app in BY_KEY else app


def _application(app: str, state: Mapping[str, Any]) -> str:
    address = local_address(app, state.get("local_port") or 0)
    detail = f" ({state['detail']})" if state["detail"] else ""
    return f"{state['state'] or 'connected'}{detail}{address and ', '}{address}"
