"""One thread per attached session that makes its connection and keeps it. Decision 0014.

Everything that happens to the connection comes through one mailbox: the transport broke, the server's facts changed,
the user wants to reconnect, we detach. Local ports are bound once, before the first dial, and stay across redials.
While the server says that the session is up, lost connections are redialled for ever; what needs the user stops at
once.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from enum import Enum

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server
from desktop_app.domain.files.disk import disk_problem
from desktop_app.domain.problems import AppError, Cancelled, Problem, Retry, failure, problem
from desktop_app.domain.sessions.reducer import AttachRequested, Detached, LinkBlocked, TunnelLost
from desktop_app.domain.sessions.runs import why_over
from desktop_app.domain.sessions.snapshot import WAITING, Remote, SessionId
from desktop_app.services.connection.session.local_ports import LocalPorts
from desktop_app.services.connection.session.session_tunnel import SessionTunnel
from desktop_app.services.connection.session.supervised import CONNECTABLE, RedialPauses, SupervisedSession
from desktop_app.services.state.store import SessionStore
from remote_bootstrap import contract

_log = logging.getLogger(__name__)


class Mail(Enum):
    """A message to the supervisor."""

    LOST = "the transport ended"
    CHANGED = "the server's facts changed"
    REDIAL = "the user wants to connect now"
    CHECK = "the computer woke or its network changed"
    STOP = "detach"


_NOW = (Mail.REDIAL, Mail.CHECK)


class Supervisor:
    """Owns one session's tunnel from ``start`` until ``cancel`` or the session's end; then calls ``ended`` once."""

    def __init__(
        self,
        session: SessionId,
        store: SessionStore,
        outside: Outside,
        server: Callable[[Cancel], Server],
        ports: LocalPorts,
        ended: Callable[[SessionId], None],
    ) -> None:
        self.session = session
        self._store = store
        self._outside = outside
        self._ended = ended
        self._mail: queue.SimpleQueue[Mail] = queue.SimpleQueue()
        self.tunnel = SessionTunnel(session, store, outside, server, ports, lambda: self.post(Mail.LOST))
        self._cancel = Cancel()
        self._cancel.on_cancel(self.tunnel.cancel_dial)
        self._now = SupervisedSession(session, store, self._cancel)
        self._pauses = RedialPauses(outside)
        self._end_told = False
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"tunnel-{session.task[:8]}", daemon=True)

    # -- from any thread

    @property
    def name(self) -> str:
        return self._thread.name

    def start(self) -> None:
        self._thread.start()
        self._begun.set()

    def post(self, mail: Mail) -> None:
        """Leave a message; never blocks. A dial that began before REDIAL or CHECK may hang: it begins again."""
        self._mail.put(mail)
        if mail in _NOW:
            self.tunnel.cancel_dial()

    def cancel(self) -> None:
        """Begin to detach. Never blocks."""
        self._cancel.cancel()
        self.post(Mail.STOP)

    def join(self, seconds: float) -> bool:
        """True if the thread ended within ``seconds`` and the local ports are free again. It may be about to start."""
        if self._thread is threading.current_thread():
            return False
        deadline = time.monotonic() + max(0.0, seconds)
        if not self._begun.wait(max(0.0, seconds)):
            return False
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    # -- the thread

    def _run(self) -> None:
        try:
            self._wait_until_up()
            self.tunnel.bind(self._next_mail)
            while self._now.is_wanted():
                self._round() if self._now.is_connectable() else self._wait_for_the_next_run()
        except Cancelled:
            pass
        except AppError as error:  # no port is free, or a settings file can't be written
            self._store.apply(self.session, LinkBlocked(error.problem))
        except Exception as error:  # thread boundary
            disk_trouble = disk_problem(error)
            if disk_trouble is None:
                _log.exception("the supervisor of %s failed", self.session.text)
            self._store.apply(
                self.session, LinkBlocked(disk_trouble or problem("internal", cause=type(error).__name__))
            )
        finally:
            self._close()

    def _close(self) -> None:
        self.tunnel.close()
        if self._cancel.cancelled:
            self._store.apply(self.session, Detached())
        self._ended(self.session)

    def _wait_until_up(self) -> None:
        """Wait for a session that was attached before it is up."""
        while self._now.is_coming():
            self._next_mail(None)

    def _wait_for_the_next_run(self) -> None:
        """Wait while the task does not run, or runs anew; its local ports are kept for what comes."""
        self._pauses.start_over()
        why = ""
        self._store.apply(self.session, AttachRequested(fresh=True))
        while self._now.is_coming() and (snapshot := self._now.snapshot) is not None:
            why = why_over(snapshot.facts) if snapshot.remote in WAITING or not why else why
            self.tunnel.forget_run(why)
            self._next_mail(None)
        if self._now.is_connectable():
            self._store.apply(self.session, AttachRequested())

    def _next_mail(self, seconds: float | None) -> Mail | None:
        """Return the next message, None after ``seconds``. Raises Cancelled when we detach."""
        try:
            mail = self._mail.get(timeout=seconds)
        except queue.Empty:
            mail = None
        self._cancel.check()
        return mail

    # -- connecting

    def _round(self) -> None:
        """Dial, and keep the connection until it ends."""
        try:
            self.tunnel.connect(self._cancel)
            self._pauses.connected()
            self._end_told = False
            self._watch()
        except AppError as error:
            self._down(error.problem)
        except Cancelled:
            self._cancel.check()  # not ours: the account's server was replaced under the dial
            self._down(problem("ssh.lost", address=self.tunnel.address))

    def _down(self, why: Problem) -> None:
        self.tunnel.connection.disconnect()
        if self._now.is_ending():
            self._wait_for_the_end()
        elif self._now.is_connectable():
            self._wait_to_redial(why)

    def _wait_for_the_end(self) -> None:
        """Wait for the server's word: a session that shuts down closes its SSH server first, which is no lost link."""
        while self._now.is_ending() and self._now.is_connectable():
            self._next_mail(None)

    def _watch(self) -> None:
        """Wait for the end of the connection, and make sure that a silent link is noticed. Problems: ssh.lost"""
        clock, pace, over = self._outside.clock, self._outside.pace, ""
        due = clock() + pace.probe_every_s
        while self._now.is_wanted():
            mail = self._next_mail(max(0.0, due - clock()))
            if mail is Mail.LOST:
                raise failure("ssh.lost", address=self.tunnel.address)
            if mail is None or mail in _NOW:
                self.tunnel.control.probe(Cancel(pace.check_s if mail else pace.probe_s))
                due = clock() + pace.probe_every_s
            self._pass_on_the_end()
            snapshot = self._now.snapshot
            if snapshot is None or snapshot.remote is Remote.ENDED:
                return
            if snapshot.remote not in CONNECTABLE:  # what still runs may be of use until it is ended
                over = why_over(snapshot.facts) if snapshot.remote in WAITING or not over else over
            elif over and not self.tunnel.is_of(snapshot.facts):
                self.tunnel.connection.disconnect()
                self.tunnel.forget_run(over)
                self._store.apply(self.session, AttachRequested(fresh=True))
                return
            self._follow()

    def _pass_on_the_end(self) -> None:
        """Tell the session, once per connection, what its server says: it asks that seldom, and is here to be told."""
        snapshot = self._now.snapshot
        if self._end_told or snapshot is None or snapshot.remote is not Remote.STOPPING:
            return
        if snapshot.facts.clearml_session is not None:
            return
        self._end_told = True
        try:
            self.tunnel.control.request(contract.OP_SHUTDOWN, {}, Cancel(self._outside.pace.reread_s))
        except AppError as error:  # it is ending already, or hears of it from the server
            _log.info("session %s was not told of its end: %s", self.session.text, error)

    def _follow(self) -> None:
        try:
            self.tunnel.follow(Cancel(self._outside.pace.reread_s))
        except AppError as error:  # the connection is as good as before; the next round asks again
            _log.info("session %s: %s", self.session.text, error)

    def _wait_to_redial(self, why: Problem) -> None:
        _log.info("session %s: %s [%s]", self.session.text, why.title, why.cause or why.code)
        if why.retry is not Retry.AUTO:
            self._store.apply(self.session, LinkBlocked(why))
            self._wait_for_the_user()
            return
        delay = self._pauses.next()
        at = self._outside.now() + timedelta(seconds=delay)
        self._store.apply(self.session, TunnelLost(why, self._pauses.attempt, at))
        record = self._now.record
        end = self._outside.clock() + delay
        while (left := end - self._outside.clock()) > 0 and self._now.is_connectable() and self._now.record == record:
            if self._next_mail(left) in _NOW:
                self._pauses.attempt = 0
                return

    def _wait_for_the_user(self) -> None:
        """Wait until the user reconnects, or the session publishes another record."""
        record = self._now.record
        while self._now.is_connectable() and self._now.record == record:
            if self._next_mail(None) is Mail.REDIAL:
                self._store.apply(self.session, AttachRequested())
                return
