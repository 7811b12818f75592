"""Cleanup (``core.cleanup``): deletes finished sessions that are of no more use, if the user wants it. Blocking."""

import logging
from collections.abc import Callable, Iterable

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.finished import FinishedSession, removable
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.secrets.forgetting import forget_session
from desktop_app.services.state.store import SessionStore

_log = logging.getLogger(__name__)


class Cleanup:
    """Lists and deletes. Nothing is deleted that ``look`` did not list for the user. Thread-safe."""

    def __init__(self, outside: Outside, store: SessionStore, server: Callable[[str, Cancel], Server]) -> None:
        self._outside = outside
        self._store = store
        self._server = server

    def look(self, account: str, cancel: Cancel) -> tuple[FinishedSession, ...]:
        """Return what could be deleted, the newest first. Problems: server.*"""
        return removable(self._server(account, cancel).sessions.finished(cancel))

    def delete(self, account: str, tasks: Iterable[str], cancel: Cancel) -> int:
        """Delete these and return how many were; one that fails does not keep the others. Problems: server.*"""
        server = self._server(account, cancel)
        deletable = {session.task for session in removable(server.sessions.finished(cancel))}
        deleted = 0
        for task in tasks:
            cancel.check()
            if task in deletable:
                deleted += self._delete(server, SessionId(account, task), cancel)
        return deleted

    def _delete(self, server: Server, session: SessionId, cancel: Cancel) -> bool:
        try:
            server.tasks.remove(session.task, cancel)
        except AppError as error:
            _log.warning("the finished session %s is kept: %s", session.text, error)
            return False
        self._store.remove(session)
        forget_session(self._outside, session)
        return True
