"""What the command line prints: tables and lines for people on a terminal, JSON for programs. Pure but for print.

No text of a server or a person can break a line or act on the terminal: control characters become blanks in tables,
escapes in JSON, and are left out elsewhere.
"""

import json
import os
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from desktop_app.domain.access.terminal import plain_text
from desktop_app.domain.launch.option_checks import clean_line
from desktop_app.domain.problems import Problem, failure
from desktop_app.domain.problems.problem import read_problem
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionSnapshot, progress_of, status_of

WIDEST = 48
LEAST_NAME, LEAST_LAST = 12, 8


def set_up_streams() -> None:
    """Print what the terminal can't show as escapes instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """A line for the person, apart from the result; where nothing takes it, it is left out."""
    if sys.stderr is None:
        return
    try:
        print(plain_text(text), file=sys.stderr, flush=True)
    except BrokenPipeError:
        raise
    except OSError:  # a full disk: there is no other place to say so
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def result(text: str) -> None:
    """Problems: output.unwritable. Raises BrokenPipeError when whoever read it has seen enough."""
    _emit(plain_text(text))


def json_line(value: object) -> None:
    """One JSON value on one line of pure ASCII. As ``result``."""
    _emit(json.dumps(value, sort_keys=False))


def _emit(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:  # a full disk
        close_output()
        raise failure("output.unwritable", why=error.strerror or str(error)) from None


def close_output() -> None:
    """Nothing more can be written; what is left in the buffer goes nowhere, instead of failing at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def width(text: str) -> int:
    """Columns on a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def shorten(text: str, columns: int) -> str:
    """One line of at most that many columns."""
    line = clean_line(text)
    if width(line) <= columns:
        return line
    while line and width(line) > columns - 1:
        line = line[:-1]
    return line + "…"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], columns: int = 0) -> str:
    """Aligned columns; the last one is as long as it likes. With ``columns`` the whole is to fit into as many: first
    the last column gives way, then the second, which holds names."""
    cells = [[shorten(cell, WIDEST) for cell in row[:-1]] + [clean_line(row[-1])] for row in (head, *rows)]
    widths = [max(width(row[i]) for row in cells) for i in range(len(head))]
    if columns:
        for i, least in ((len(head) - 1, LEAST_LAST), (1, LEAST_NAME)):
            over = sum(widths) + 2 * (len(head) - 1) - columns
            widths[i] -= max(0, min(over, widths[i] - max(least, width(head[i]))))
        cells = [[shorten(cell, widths[i]) for i, cell in enumerate(row)] for row in cells]
    return "\n".join(
        "  ".join(cell + " " * (widths[i] - width(cell)) for i, cell in enumerate(row)).rstrip() for row in cells
    )


def problem_json(found: Problem) -> dict[str, Any]:
    return {
        "code": found.code,
        "title": found.title,
        "detail": found.detail,
        "remedies": [remedy.value for remedy in found.remedies],
        "cause": found.cause,
    }


def _time(value: datetime | None) -> str | None:
    return value.isoformat() if value else None


def clock(value: datetime) -> str:
    """A time of today as 12:03, else with its date; on this computer's clock."""
    local = value.astimezone()
    return f"{local:%H:%M}" if local.date() == datetime.now(UTC).astimezone().date() else f"{local:%Y-%m-%d %H:%M}"


def age(since: datetime | None, now: datetime) -> str:
    """How long ago, in the two largest units that say something; "" when that is not known."""
    if since is None:
        return ""
    seconds = max(0, int((now - since).total_seconds()))
    minutes = seconds // 60
    if not minutes:
        return f"{seconds} s"
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def ended_json(account: str, found: FinishedSession) -> dict[str, Any]:
    """One session that has ended, as a list of them shows it."""
    return {
        "id": found.task,
        "account": account,
        "name": found.name,
        "ended": _time(found.ended),
        "workspace": found.folder or None,
        "workspace_stored": _time(datetime.fromtimestamp(found.stored, UTC)) if found.stored else None,
    }


def said_by(holder: Mapping[str, Any]) -> Problem | None:
    """What is wrong with the connection, by the word of the process that holds it."""
    return read_problem(dict(holder.get("why") or {}))


def session_json(snapshot: SessionSnapshot, holder: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One session as --json shows it. No secret is in a snapshot. ``holder``: what the tunnel's owner says."""
    if holder:
        why = snapshot.problem or said_by(holder)
        snapshot = replace(snapshot, link=Link(holder.get("link", snapshot.link.value)), problem=why)
    facts = snapshot.facts
    found: dict[str, Any] = {
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
            found["applications"].setdefault(app, {"state": "", "detail": ""})["local_port"] = port
    return found
