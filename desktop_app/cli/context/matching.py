"""Which sessions a text names, and what to say where that is none or several. Pure, any thread."""

from collections.abc import Sequence

from desktop_app.cli.terminal.tables import shorten
from desktop_app.domain.launch.option_checks import clean_line
from desktop_app.domain.nearest import nearest
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import Remote, SessionSnapshot

SHORTEST_PREFIX = 4
TASK_LENGTH = 32
MOST_NAMED = 10
NAME_COLUMNS = 40


def matching(sessions: Sequence[SessionSnapshot], text: str) -> list[SessionSnapshot]:
    """Return those with that whole id, else that name, else an id that begins so; with no text all that live.

    Blanks around a name don't count: the server cuts them off.
    """
    text = text.strip()
    if not text:
        return [s for s in sessions if s.remote is not Remote.ENDED]
    for fits in (
        lambda s: text in (s.id.task, s.id.text),
        lambda s: s.name.strip() == text,
        lambda s: len(text) >= SHORTEST_PREFIX and s.id.task.startswith(text),
    ):
        chosen = [s for s in sessions if fits(s)]
        if chosen:
            return chosen
    return []


def owner_of(session: SessionSnapshot) -> str:
    """Return whose session it is, for a sentence."""
    return clean_line(session.facts.owner) or "another user"


def others_session(session: SessionSnapshot) -> AppError:
    """Return the error for a session that belongs to another user."""
    return failure("session.others", name=shorten(session.name, 60), owner=owner_of(session))


def others_ambiguous(sessions: Sequence[SessionSnapshot]) -> AppError:
    """Return the error for a name that several sessions of other users have."""
    rows = [f"{_short_name(s)} ({s.id.task[:8]}), which belongs to {owner_of(s)}" for s in sessions]
    return failure("session.ambiguous", known=", ".join(rows[:MOST_NAMED]))


def unknown_session(text: str, known: Sequence[SessionSnapshot]) -> AppError:
    """Return the error for a text that names none of the known sessions, or more than one."""
    names = ", ".join(f"{_short_name(s)} ({_told_apart_by(s, known)})" for s in known[:MOST_NAMED])
    names += ", …" if len(known) > MOST_NAMED else ""
    fitting = matching(known, text)
    if not fitting and not text:
        return failure("session.none")
    if len(fitting) > 1:
        return failure("session.ambiguous", known=names)
    near = nearest(text, [_short_name(s) for s in known])
    return failure("session.unknown", name=shorten(text, 60), known=names or "none", near=near)


def _told_apart_by(session: SessionSnapshot, known: Sequence[SessionSnapshot]) -> str:
    """Return what names this one alone: two accounts on one server both know each session there."""
    twice = sum(other.id.task == session.id.task for other in known) > 1
    return f"--account {session.id.account}" if twice else session.id.task[:8]


def _short_name(session: SessionSnapshot) -> str:
    return shorten(session.name, NAME_COLUMNS)
