"""Watch: what the user is told about one session, and when that is enough. Main thread.

Looked at about once a second and whenever something changed; it remembers what it has told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desktop_app.cli.context.context import Context
from desktop_app.cli.following.handover import hand_over_asked
from desktop_app.cli.following.outcome import DONE, FAILED, Outcome
from desktop_app.cli.following.typed import COMMANDS
from desktop_app.cli.terminal.output import json_line, say
from desktop_app.cli.views.as_json import problem_json, session_json
from desktop_app.domain.launch.option_checks import clean_line
from desktop_app.domain.problems import AppError, Problem, Retry
from desktop_app.domain.sessions.snapshot import (
    WAITING,
    End,
    Link,
    Remote,
    SessionSnapshot,
    local_address,
    openable,
    progress_of,
)
from remote_bootstrap.contract import APP_FAILED, APP_SETTLED, READY
from remote_bootstrap.contract.apps import APPS

_LINK_TEXT = {Link.CONNECTING: "Connecting", Link.RETRYING: "Reconnecting"}


@dataclass(frozen=True, slots=True)
class Until:
    """How long a command stays. ``hold``: until someone ends or detaches the session, not only until it is ready."""

    hold: bool
    link_only: bool = False  # until it is connected
    attaching: bool = True  # ready includes connected
    apps_elsewhere: bool = False  # where another process connects, wait for every application, too


class Watch:
    """Tells what happens to one session."""

    def __init__(self, context: Context, until: Until) -> None:
        self._context = context
        self._until = until
        self._told: set[str] = set()  # since the connection was last up: two problems may take turns
        self._told_last = ""
        self._told_notice = ""
        self._was_ready = False
        self._was_up = False
        self._says_ready = True  # once per run of the session
        self._was_held = False
        self._server_answers = True
        self._handed_over = False

    def look(self, snapshot: SessionSnapshot) -> Outcome | None:
        """Tell what is new; return how the command ends, None to go on. Problems: what ends or blocks the session"""
        self._was_held = self._was_held or snapshot.link is not Link.OFF
        self._server(snapshot)
        if snapshot.remote is Remote.ENDED:
            return self._ended(snapshot)
        if snapshot.held_by:
            return DONE if self._until.link_only else self._held_elsewhere(snapshot)
        if self._until.hold and self._was_held and snapshot.link is Link.OFF:
            self._say("detached", snapshot, f"“{snapshot.name}” was detached; it goes on running.")
            return DONE
        self._was_up = self._was_up or snapshot.link is Link.UP
        if (
            snapshot.link is Link.BLOCKED
            and snapshot.problem is not None
            and not self._may_be_accepted(snapshot.problem)
        ):
            raise AppError(snapshot.problem)
        self._progress(snapshot)
        self._hand_over_if_agreed(snapshot)
        if self._until.link_only:
            return DONE if snapshot.link is Link.UP else None
        if snapshot.notice is not None and snapshot.notice.code == "session.restarted":
            self._says_ready = True
        elif self._is_ready(snapshot) and self._says_ready:
            self._was_ready = True
            self._says_ready = False
            self._ready(snapshot)
        return DONE if self._was_ready and not self._until.hold else None

    def _may_be_accepted(self, problem: Problem) -> bool:
        """True for a new run of a session that we held: it is waited for until a user accepts it, here or elsewhere."""
        return problem.code == "ssh.new_run" and self._until.hold and self._was_up

    def _is_ready(self, snapshot: SessionSnapshot) -> bool:
        """True if every application is settled, and connected if we connect."""
        connected = snapshot.link is Link.UP or not self._until.attaching
        report = snapshot.facts.report  # its phase also waits for what comes before applications
        is_up = snapshot.remote is Remote.READY and report is not None and report.phase == READY
        return is_up and connected and _is_settled(snapshot)

    def _server(self, snapshot: SessionSnapshot) -> None:
        """Tell that the server went away or refuses our key, or is back; the connection does not need it."""
        problem = self._context.core.accounts.problem(snapshot.id.account) if snapshot.stale_since is not None else None
        answers = snapshot.stale_since is None
        if answers is self._server_answers or (problem is None and self._server_answers):
            return
        self._server_answers = answers
        if self._context.json:
            why = problem_json(problem) if problem else None
            json_line({"event": "server", "id": snapshot.id.task, "answers": answers, "problem": why})
        elif problem is not None:
            say(f"{problem} The session does not need it: the connection goes on.")
        else:
            say("The ClearML server answers again.")

    def _hand_over_if_agreed(self, snapshot: SessionSnapshot) -> None:
        """Give what the session asks for, once, if the user agreed with --yes; the machine is told."""
        asked = snapshot.notice is not None and snapshot.notice.code == "handover.asked"
        if asked and self._context.agreed and not self._handed_over:
            self._handed_over = True
            hand_over_asked(self._context, snapshot.id)

    def _progress(self, snapshot: SessionSnapshot) -> None:
        text = clean_line(progress_of(snapshot))
        stuck = snapshot.remote in WAITING or snapshot.link is Link.BLOCKED
        if stuck and snapshot.problem is not None and snapshot.problem.retry is Retry.USER:
            text = clean_line(str(snapshot.problem))  # nothing goes on until a user has read it
        if self._until.attaching and snapshot.remote is Remote.READY and snapshot.link is Link.OFF:
            return  # the connection begins in this very moment
        if snapshot.link in (Link.CONNECTING, Link.RETRYING):
            text = f"{_LINK_TEXT[snapshot.link]} ({text})"
        if self._is_news(snapshot, text):
            self._say("progress", snapshot, text)
        notice = clean_line(str(snapshot.notice)) if snapshot.notice else ""
        if notice != self._told_notice:
            self._told_notice = notice
            self._say("notice", snapshot, notice)

    def _is_news(self, snapshot: SessionSnapshot, text: str) -> bool:
        """True for a text that was not the last one, nor, while it is dialled again, one of the last problems."""
        if snapshot.link is not Link.RETRYING:
            self._told.clear()
        news = text != self._told_last and text not in self._told
        self._told_last = text
        self._told.add(text)
        return news

    def _ready(self, snapshot: SessionSnapshot) -> None:
        lines = [f"“{clean_line(snapshot.name)}” is ready."]
        for endpoint in snapshot.endpoints:
            if endpoint.state == APP_FAILED:
                lines.append(f"  {endpoint.label} failed: {clean_line(endpoint.detail)}")
            elif endpoint.local_port and self._until.hold:  # without, nothing answers there in a moment
                lines.append(f"  {endpoint.label}: {local_address(endpoint.app, endpoint.local_port)}")
        if self._until.hold:
            lines.append(f"{_what_next(snapshot)}. Ctrl-C disconnects.")
            if self._context.listens:
                lines.append(COMMANDS)
        else:
            lines.append(f"Connect: sessiondock attach {snapshot.id.task[:8]}")
        self._say("ready", snapshot, "\n".join(lines))

    def _held_elsewhere(self, snapshot: SessionSnapshot) -> Outcome | None:
        """Wait until the process that holds the connection has it up, and every application where that is awaited."""
        try:
            holder = self._context.core.connections.status(snapshot.id)
        except AppError:
            return None  # it let go in this very moment; the next look tells
        link = str(holder.get("link", Link.OFF.value))
        if link in (Link.OFF.value, Link.CONNECTING.value):
            return None
        if self._until.apps_elsewhere and not _is_settled(snapshot):
            return None
        self._say(
            "held", snapshot, f"Process {snapshot.held_by} on this computer holds the connection ({link}).", holder
        )
        return DONE

    def _ended(self, snapshot: SessionSnapshot) -> Outcome:
        text = f"“{clean_line(snapshot.name)}” has ended: {clean_line(progress_of(snapshot))}."
        if snapshot.facts.end is End.FAILED:
            if snapshot.problem is not None:
                raise AppError(snapshot.problem)
            return FAILED
        self._say("ended", snapshot, text)
        return DONE if self._was_ready else FAILED

    def _say(self, event: str, snapshot: SessionSnapshot, text: str, holder: Mapping[str, Any] | None = None) -> None:
        if self._context.json:
            problem = problem_json(snapshot.problem) if snapshot.problem else None
            if event == "progress":
                json_line({"event": event, "id": snapshot.id.task, "progress": text, "problem": problem})
            else:
                json_line({"event": event, **session_json(snapshot, holder)})
        elif text:
            say(text)


def _is_settled(snapshot: SessionSnapshot) -> bool:
    """True if there are applications and each is ready or has failed."""
    return bool(snapshot.endpoints) and all(endpoint.state in APP_SETTLED for endpoint in snapshot.endpoints)


def _what_next(snapshot: SessionSnapshot) -> str:
    if any(openable(snapshot, spec.key) for spec in APPS if spec.opens == "browser"):
        return f"Open an application, logged in: sessiondock open {snapshot.id.task[:8]}"
    return f"A shell in it: sessiondock --attach {snapshot.id.task[:8]} --shell"
