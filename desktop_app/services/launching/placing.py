"""Placing: puts a session that no agent has taken into a queue, from another one or from none. Blocking."""

from collections.abc import Callable
from dataclasses import replace

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.reducer import ServerSaw
from desktop_app.domain.sessions.snapshot import WAITING, Remote, SessionId, SessionSnapshot, status_of
from desktop_app.services.finished.history import keep_queue
from desktop_app.services.state.store import SessionStore


class Placing:
    """Moves waiting sessions. ``server(account, cancel)`` returns the account's client. Thread-safe."""

    def __init__(self, outside: Outside, store: SessionStore, server: Callable[[str, Cancel], Server]) -> None:
        self._outside = outside
        self._store = store
        self._server = server

    def put(self, session: SessionId, queue: str, cancel: Cancel) -> None:
        """Put the session into this queue; where that fails, it waits in its old one again.

        Problems: queue.unknown, queue.not_waiting, server.*
        """
        server = self._server(session.account, cancel)
        old = server.sessions.get(session.task, cancel).facts
        if old.remote not in WAITING:
            status = status_of(replace(SessionSnapshot(session), facts=old))
            raise failure("queue.not_waiting", name=old.name, status=status.value)
        waited = old.remote is Remote.QUEUED and not old.unplaced
        if waited:
            server.tasks.dequeue(session.task, cancel)
        try:
            watched = server.tasks.enqueue(session.task, queue, cancel)
        except AppError:
            if waited and old.queue:
                server.tasks.enqueue(session.task, old.queue, cancel)
            raise
        keep_queue(self._outside, session, queue)
        moved = replace(old, remote=Remote.QUEUED, queue=queue, queue_watched=watched, unplaced=False, message="")
        self._store.apply(session, ServerSaw(moved))
