"""Sweeping: forgets what this computer keeps of sessions that ended without it. Their keys and passwords go when their
server says that they have ended, and all of it when it does not know them any more. On a job's thread, seldom.

A session that is ended or cleaned up here is forgotten by that command; this is for those that ended elsewhere, or
while no process of ours ran.
"""

import logging
import threading
from collections.abc import Callable

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server
from desktop_app.domain.accounts.secrets import SESSION_KINDS
from desktop_app.domain.problems import AppError, Problem
from desktop_app.domain.sessions.snapshot import Remote, SessionId
from desktop_app.services.runtime.jobs import JobPool, Outcome
from desktop_app.services.secrets.forgetting import forget_session
from desktop_app.services.secrets.stored import ids_of, owners_of
from desktop_app.services.state.store import SessionStore

EVERY_S = 6 * 3600.0

_log = logging.getLogger(__name__)


class Sweeping:
    """Forgets what ended elsewhere. Thread-safe.

    ``problem(account)``: what keeps its server from answering. ``release(name)`` removes what is left of a lock.
    """

    def __init__(
        self,
        outside: Outside,
        store: SessionStore,
        server: Callable[[str, Cancel], Server],
        problem: Callable[[str], Problem | None],
        release: Callable[[str], None],
        jobs: JobPool,
    ) -> None:
        self._outside = outside
        self._store = store
        self._server = server
        self._problem = problem
        self._release = release
        self._jobs = jobs
        self._lock = threading.Lock()
        self._swept: dict[str, float] = {}  # account -> when, by the clock

    def polled(self, account: str) -> None:
        """Begin to forget, where something is due, after a look at the account's server. On the poller's thread."""
        if self._problem(account) is None and self.is_due(account):
            self._jobs.submit("forget what has ended", lambda cancel: self.run(account, cancel), _told)

    def is_due(self, account: str) -> bool:
        """True, once in a while, if something is kept of sessions that are not among those that live."""
        with self._lock:
            now = self._outside.clock()
            if account in self._swept and now - self._swept[account] < EVERY_S:
                return False
            if not self._kept(account):
                return False
            self._swept[account] = now
            return True

    def run(self, account: str, cancel: Cancel) -> None:
        """Ask the server about each by its id, and forget. Problems: server.*, keyring.*, file.unwritable"""
        kept = self._kept(account)
        if not kept:
            return
        server = self._server(account, cancel)
        seen = {one.task: one.facts for one in server.sessions.living([one.task for one in kept], cancel)}
        for session in kept:
            cancel.check()
            facts = seen.get(session.task)
            if facts is None and _is_gone(server, session, cancel):
                forget_session(self._outside, session)
            elif facts is not None and facts.remote is Remote.ENDED:
                for kind in SESSION_KINDS:
                    for owner in owners_of(self._outside, session):
                        self._outside.secrets.delete(kind, owner)
                self._outside.memory.sessions.end(session.text)
            else:
                continue
            self._release(session.text)
            _log.info("what was kept of session %s, which has ended, is gone", session.text)

    def _kept(self, account: str) -> tuple[SessionId, ...]:
        """Return the sessions of the account of which something is kept and that no poll saw alive."""
        ids = ids_of(self._outside, account)
        alive = {one.id.task for one in self._store.of_account(account) if one.remote is not Remote.ENDED}
        held = set(self._outside.memory.sessions.attached())
        sessions = (SessionId.parse(text) for text in self._outside.memory.sessions.open() if text not in held)
        return tuple(session for session in sessions if session.account in ids and session.task not in alive)


def _is_gone(server: Server, session: SessionId, cancel: Cancel) -> bool:
    """True if the task was deleted, not only its tag that makes it a session, which any member can take away."""
    try:
        server.sessions.get(session.task, cancel)
    except AppError as error:
        if error.problem.code == "task.gone":
            return True
        if error.problem.code != "task.foreign":
            raise
    return False


def _told(outcome: Outcome) -> None:
    """Log why nothing was forgotten; the next time comes."""
    if outcome.problem is not None:
        _log.info("what is kept of sessions that have ended stays for now: %s", outcome.problem)
