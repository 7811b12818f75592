"""Poller: one named thread per account that keeps the store true to the server.

``schedule`` says when it asks; it backs off while the server is away, and ``poke`` makes it ask
now. It is the only reader of a server's session list.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import SeenTask, Server
from desktop_app.domain import backoff
from desktop_app.domain.accounts.account import SANDBOX_ID
from desktop_app.domain.files.disk import disk_problem
from desktop_app.domain.problems import AppError, Cancelled, Problem, Retry, problem
from desktop_app.domain.sessions.reducer import Noticed, ServerUnreachable
from desktop_app.domain.sessions.snapshot import End, Remote, ServerFacts, SessionId
from desktop_app.services.state.schedule import Schedule
from desktop_app.services.state.stops import Abandoned, Stops, gone
from desktop_app.services.state.store import SessionStore
from desktop_app.services.state.task_failure import explained

FAILURE_LOG_S = 15.0
SANDBOX_AGENT_COMES = timedelta(seconds=30)

_log = logging.getLogger(__name__)


def with_grace(account: str, facts: ServerFacts, now: datetime) -> ServerFacts:
    """Return the facts with the queue of a sandbox that was just started as served: its agent is on its way."""
    young = facts.created is not None and now - facts.created < SANDBOX_AGENT_COMES
    if account == SANDBOX_ID and facts.remote is Remote.QUEUED and not facts.queue_watched and young:
        return replace(facts, queue_watched=True)
    return facts


class Poller:
    """Polls one account from ``start`` to ``close``."""

    def __init__(
        self,
        account: str,
        server: Callable[[Cancel], Server],
        store: SessionStore,
        outside: Outside,
        after_poll: Callable[[str], None] = lambda _account: None,
    ) -> None:
        self._account = account
        self._server = server
        self._store = store
        self._outside = outside
        self._after_poll = after_poll
        self._schedule = Schedule(outside.clock, outside.jitter, outside.pace)
        self._stops = Stops(outside.clock, outside.pace.stop_again_s)
        self._abandoned = Abandoned(outside.clock, outside.pace.abandoned_s)
        self._cancel = Cancel()
        self._wake = threading.Event()
        self._cancel.on_cancel(self._wake.set)
        self._problem: Problem | None = None
        self._failures = 0
        self._away_since: datetime | None = None
        self._polled = threading.Condition()
        self._polls = 0
        self._began = outside.clock() - outside.pace.glance_s  # the last poll
        self._thread = threading.Thread(target=self._run, name=f"poll-{account}", daemon=True)

    @property
    def problem(self) -> Problem | None:
        """Return what the last poll failed with. Quick."""
        return self._problem

    def start(self) -> None:
        self._thread.start()

    def poke(self) -> None:
        """Poll now. Quick."""
        self._wake.set()

    def glance(self) -> None:
        """Poll now, unless that was done just now. Quick."""
        if self._outside.clock() - self._began >= self._outside.pace.glance_s:
            self.poke()

    def cancel(self) -> None:
        """Begin to end. Quick."""
        self._cancel.cancel()

    def join(self, seconds: float) -> bool:
        """Wait up to ``seconds``; True when the thread has ended."""
        if self._thread.is_alive():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def name(self) -> str:
        return self._thread.name

    def wait_polled(self, seconds: float) -> bool:
        """Block until a poll that began after this call has ended; False after ``seconds``."""
        with self._polled:
            wanted = self._polls + 2  # the one that may be under way does not count
            self.poke()
            while self._polls < wanted and not self._cancel.cancelled:
                if not self._polled.wait(seconds):
                    return False
                if self._polls < wanted:
                    self.poke()
        return not self._cancel.cancelled

    def _run(self) -> None:
        while not self._cancel.cancelled:
            self._wake.clear()
            self._began = self._outside.clock()
            self._poll_once()
            with self._polled:
                self._polls += 1
                self._polled.notify_all()
            self._wake.wait(self.pause())

    def pause(self) -> float:
        """Return the seconds until the next poll."""
        pace = self._outside.pace
        if self._failures:
            if self._problem is not None and self._problem.retry is not Retry.AUTO:
                return self._schedule.off(pace.poll_user_s)
            return backoff.delay(self._failures, self._outside.jitter(), pace.poll_first_s, pace.poll_last_s)
        return self._schedule.pause(self._store.of_account(self._account))

    def _poll_once(self) -> None:
        try:
            self._poll()
        except Cancelled:
            return
        except AppError as error:
            self._failed(error.problem)
        except Exception as error:  # thread boundary
            full = disk_problem(error)
            if full is None:
                _log.exception("polling account %s failed", self._account)
            self._failed(full or problem("internal", cause=type(error).__name__))

    def _poll(self) -> None:
        server = self._server(self._cancel)
        before = self._store.of_account(self._account)
        known = [s.id.task for s in before if s.remote is not Remote.ENDED]
        seen = server.sessions.living(known, self._cancel)
        self._problem, self._failures, self._away_since = None, 0, None
        for one in seen:
            self._store.see(SessionId(self._account, one.task), self._explained(server, one))
        for task in set(known) - {one.task for one in seen}:
            self._drop(SessionId(self._account, task))
        for session in self._stops.due(self._store.of_account(self._account)):
            self._stop_again(server, session)
        for snapshot in self._abandoned.due(self._store.of_account(self._account)):
            self._store.apply(snapshot.id, Noticed(gone(snapshot)))
        self._after_poll(self._account)

    def _stop_again(self, server: Server, session: SessionId) -> None:
        _log.info("asking again to stop %s", session.text)
        try:
            server.tasks.stop(session.task, self._cancel)
        except AppError as error:  # it may have ended in between; the next poll tells
            _log.info("%s was not stopped: %s", session.text, error)

    def _explained(self, server: Server, seen: SeenTask) -> ServerFacts:
        """Return the facts; of a session that just failed, with the lines of its log that say why."""
        facts = with_grace(self._account, seen.facts, self._outside.now())
        old = self._store.get(SessionId(self._account, seen.task))
        if facts.end is not End.FAILED:
            return facts
        if old is not None and old.remote is Remote.ENDED:  # known already
            return replace(facts, message=old.facts.message, exit_code=old.facts.exit_code)
        return explained(server, seen.task, facts, Cancel(FAILURE_LOG_S))

    def _drop(self, session: SessionId) -> None:
        """End the session of a deleted task, for the process that holds it, and take it off the list."""
        old = self._store.get(session)
        if old is not None:
            self._store.see(session, replace(old.facts, remote=Remote.ENDED, end=End.DELETED))
            self._store.remove(session)

    def _failed(self, why: Problem) -> None:
        if self._failures == 0:
            _log.warning("account %s: %s [%s]", self._account, why.title, why.cause or why.code)
        self._problem = why
        self._failures += 1
        self._away_since = self._away_since or self._outside.now()
        for snapshot in self._store.of_account(self._account):
            self._store.apply(snapshot.id, ServerUnreachable(self._away_since))
        self._after_poll(self._account)
