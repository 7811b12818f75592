"""Questions: what other SessionDock processes of this user may ask this one. Answered on ownership's threads.

Whoever can answer a question adds it; the asking side is ``holders``.
"""

from collections.abc import Callable, Mapping
from typing import Any

from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.connection import peers

# About one session: arguments in, result out, both JSON.
Question = Callable[[SessionId, Mapping[str, Any]], Mapping[str, Any] | None]


class PeerRequests:
    """The table of questions. ``held``: whether this process has that session's tunnel."""

    def __init__(self, held: Callable[[SessionId], bool]) -> None:
        self._held = held
        self._to_anybody: dict[str, Question] = {}
        self._to_holder: dict[str, Question] = {}
        self._on_activate: Callable[[], None] = lambda: None

    def add(self, op: str, question: Question) -> None:
        """One that only the holder of the session's tunnel can answer."""
        self._to_holder[op] = question

    def add_for_all(self, op: str, question: Question) -> None:
        """One that needs no tunnel."""
        self._to_anybody[op] = question

    def on_activate(self, callback: Callable[[], None]) -> None:
        """What to do when another start of the program wants the window."""
        self._on_activate = callback

    def answer(self, op: str, name: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """Problems: open.not_ready, and those of the question."""
        if op == peers.OP_ACTIVATE:
            self._on_activate()
            return {}
        session = SessionId.parse(name)
        question = self._to_anybody.get(op)
        if question is None:
            if not self._held(session):
                raise failure(
                    "open.not_ready", app="The session", state="not attached", why="It was detached just now."
                )
            question = self._to_holder.get(op)
        return (question(session, args) if question else None) or {}
