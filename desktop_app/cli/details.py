"""One session and lists of sessions as people read them. Pure but for the size of the terminal.

Programs read --json; what is here may change.
"""

import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from desktop_app.cli.output import age, clock, table
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


def columns() -> int:
    """Of the terminal that the result goes to; 0 where it goes to no terminal and may be as wide as it likes."""
    return shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else 0


def when(value: datetime | None, now: datetime) -> str:
    """A time on this computer's clock, and how long ago that was; "" when it is not known."""
    return f"{value.astimezone():%Y-%m-%d %H:%M} ({age(value, now)} ago)" if value else ""


def session_table(
    rows: Sequence[tuple[SessionSnapshot, Mapping[str, Any]]],
    accounts: Mapping[str, str],
    *,
    owners: bool,
    width: int = 0,
    now: datetime | None = None,
) -> str:
    """``rows``: each with its ``session_json``; ``accounts``: id -> name, shown if there are several; ``owners``:
    whose sessions they are is shown, too."""
    now = now or datetime.now(UTC)
    head, lines = ["ID", "NAME", "STATUS", "AGE"], []
    head += ["OWNER"] * owners + ["ACCOUNT"] * (len(accounts) > 1) + ["NOW"]
    for snapshot, found in rows:
        line = [snapshot.id.task[:8], snapshot.name, found["status"], age(snapshot.facts.created, now)]
        line += [snapshot.facts.owner or "you"] * owners
        line += [accounts.get(snapshot.id.account, snapshot.id.account)] * (len(accounts) > 1)
        as_of = f"as of {clock(snapshot.stale_since)}" if snapshot.stale_since else ""
        lines.append([*line, " · ".join(text for text in (_news(found), as_of) if text)])
    return table(head, lines, width)


def _news(found: Mapping[str, Any]) -> str:
    """What the status does not say already."""
    return "" if found["progress"] in (found["status"], Status.READY.value) else found["progress"]


def finished_table(found: Sequence[FinishedSession], *, width: int = 0, now: datetime | None = None) -> str:
    now = now or datetime.now(UTC)
    rows = [(one.task[:8], one.name, when(one.ended, now), one.folder if one.stored else "") for one in found]
    return table(("ID", "NAME", "ENDED", "STORED WORKSPACE"), rows, width)


def describe(
    snapshot: SessionSnapshot,
    found: Mapping[str, Any],
    account: str,
    *,
    full: bool = False,
    now: datetime | None = None,
) -> str:
    """One session. ``found``: its ``session_json`` and what ``info`` adds; ``full``: the whole ssh command, too."""
    now = now or datetime.now(UTC)
    facts = snapshot.facts
    progress = _news(found)
    lines = [
        ("Session", snapshot.name),
        ("Id", snapshot.id.task),
        ("Account", account),
        ("Owner", facts.owner),
        ("Status", f"{found['status']}: {progress}" if progress else found["status"]),
        ("As of", clock(snapshot.stale_since) if snapshot.stale_since else ""),
        ("Project", facts.project),
        ("Tags", ", ".join(facts.tags)),
        ("Queue", facts.queue),
        ("Agent", facts.worker or ("none yet" if snapshot.remote is not Remote.ENDED else "")),
        ("Created", when(facts.created, now)),
        ("Started", when(facts.started, now)),
        ("Connection", _connection(snapshot, found)),
    ]
    if snapshot.remote is not Remote.ENDED:
        lines += [(_label(app), _application(app, state)) for app, state in found["applications"].items()]
    lines.append(("Terminal", found.get("ssh_short") or ""))
    lines.append(("ssh command", (found.get("ssh_command") or "") if full else ""))
    for key in ("problem", "notice"):
        if found[key]:
            lines.append((key.capitalize(), f"{found[key]['title']}. {found[key]['detail']}"))
    lines = [(label, clean_line(value)) for label, value in lines if value]
    longest = max(len(label) for label, _ in lines)
    return "\n".join(f"{label:<{longest}}  {value}" for label, value in lines)


def connection_text(found: Mapping[str, Any]) -> str:
    """How it is with the connection, by ``session_json`` or by the process that holds it."""
    return _CONNECTION.get(found.get("link", ""), "unknown")


def _connection(snapshot: SessionSnapshot, found: Mapping[str, Any]) -> str:
    if snapshot.remote is Remote.ENDED:
        return ""
    text = connection_text(found)
    if found["held_by"]:
        return f"{text}, held by process {found['held_by']}"
    return f"{text}; sessiondock attach {snapshot.id.task[:8]}" if snapshot.remote is Remote.READY else text


def _label(app: str) -> str:
    return BY_KEY[app].label if app in BY_KEY else app


def _application(app: str, state: Mapping[str, Any]) -> str:
    address = local_address(app, state.get("local_port") or 0)
    detail = f" ({state['detail']})" if state["detail"] else ""
    return f"{state['state'] or 'connected'}{detail}{address and ', '}{address}"
