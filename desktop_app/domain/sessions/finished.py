"""Which finished sessions may be deleted. Pure data and one rule, any thread."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FinishedSession:
    """One of our user's sessions that has ended. ``stored``: when its newest snapshot of the workspace ``folder`` was
    made, in seconds since 1970; 0 = it holds none."""

    task: str
    name: str
    ended: datetime | None = None
    folder: str = ""
    stored: float = 0.0


def removable(finished: Iterable[FinishedSession]) -> tuple[FinishedSession, ...]:
    """Return all but those that hold the newest snapshot of a workspace: those are what a next session goes on with."""
    sessions = tuple(finished)
    newest: dict[str, float] = {}
    for session in sessions:
        if session.stored:
            newest[session.folder] = max(session.stored, newest.get(session.folder, 0.0))
    return tuple(
        session
        for session in sessions
        if not session.stored or (session.folder and session.stored < newest[session.folder])
    )
