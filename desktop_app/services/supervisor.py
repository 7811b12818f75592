"""Supervisor: one thread per attached session that makes its connection and keeps it.

Everything that happens to the connection comes through one mailbox: the transport broke, the server's facts changed, a
person wants to reconnect, we detach. Local ports are bound once, before the first dial, and stay across redials. While
the server says that the session is up, lost connections are redialled for ever; what needs a person stops at once.
"""

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import Enum

from desktop_app.domain import backoff
from desktop_app.domain.problems import AppError, Cancelled, Problem, Retry, failure, problem
from desktop_app.domain.reducer import (
    AttachRequested,
    Detached,
    LinkBlocked,
    Noticed,
    ReportArrived,
    ServerSaw,
    TunnelLost,
    TunnelUp,
)
from desktop_app.domain.secrets import CLIENT_KEY
from desktop_app.domain.session import Remote, ServerFacts, SessionId, SessionSnapshot
from desktop_app.ports import BoundPort, Cancel, Server, Target
from desktop_app.services.local_ports import LocalPorts
from desktop_app.services.outside import Outside
from desktop_app.services.store import SessionStore
from desktop_app.services.trust import RecordTrust
from remote_bootstrap import contract
from remote_bootstrap.apps import APPS, BY_KEY, SSH

_log = logging.getLogger(__name__)


class Mail(Enum):
    """What the mailbox holds."""

    LOST = "the transport ended"
    CHANGED = "the server's facts changed"
    REDIAL = "a person wants to connect now"
    STOP = "detach"


class Supervisor:
    """Owns one session's tunnel from ``start`` until ``stop`` or the session's end."""

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
        self._pace = outside.pace
        self._server = server
        self._ports = ports
        self._ended = ended
        self._tunnel = outside.new_tunnel(session.task[:8])
        self._tunnel.on_report(self._on_report)
        self._tunnel.on_lost(lambda: self.post(Mail.LOST))
        self._trust = RecordTrust(session, outside)
        self._mail: queue.SimpleQueue[Mail] = queue.SimpleQueue()
        self._cancel = Cancel()
        self._dial = Cancel()
        self._attempt = 0
        self._private_key = ""
        self._target: Target | None = None
        self._app_secrets: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name=f"tunnel-{session.task[:8]}", daemon=True)

    # -- from any thread

    @property
    def name(self) -> str:
        return self._thread.name

    def start(self) -> None:
        self._thread.start()

    def post(self, mail: Mail) -> None:
        """Quick."""
        self._mail.put(mail)

    def cancel(self) -> None:
        """Quick: begin to detach."""
        self._cancel.cancel()
        self._dial.cancel()
        self.post(Mail.STOP)

    def join(self, seconds: float) -> bool:
        """True when the thread has ended and the local ports are free again."""
        if self._thread is not threading.current_thread():
            self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def app_secret(self, app: str) -> str:
        """The token or password of an application, as the control channel told; "" when it has none."""
        return self._app_secrets.get(app, "")

    @property
    def target(self) -> Target | None:
        """Where it is (or was last) connected to, key included."""
        return self._target

    # -- the thread

    def _run(self) -> None:
        try:
            self._wait_until_up()
            self._bind()
            while self._wanted():
                self._round()
        except Cancelled:
            pass
        except AppError as error:  # no port is free, or a settings file can't be written
            self._store.apply(self.session, LinkBlocked(error.problem))
        except Exception as error:  # thread boundary
            _log.exception("the supervisor of %s failed", self.session.text)
            self._store.apply(self.session, LinkBlocked(problem("internal", cause=type(error).__name__)))
        finally:
            self._close()

    def _close(self) -> None:
        self._tunnel.close()
        self._outside.ssh_access.revoke(self.session.text)
        self._app_secrets.clear()
        if self._cancel.cancelled:
            self._store.apply(self.session, Detached())
        self._ended(self.session)

    def _snapshot(self) -> SessionSnapshot | None:
        return self._store.get(self.session)

    def _wanted(self) -> bool:
        """Whether there is still something to connect to."""
        now = self._snapshot()
        return not self._cancel.cancelled and now is not None and now.remote in (Remote.READY, Remote.STOPPING)

    def _wait_until_up(self) -> None:
        """Attach may be asked for before the session is up."""
        while (now := self._snapshot()) is not None and now.remote in (Remote.CREATED, Remote.QUEUED, Remote.STARTING):
            self._next_mail(None)

    def _next_mail(self, seconds: float | None) -> Mail | None:
        """The next message, None after ``seconds``. Raises Cancelled when we detach."""
        try:
            mail = self._mail.get(timeout=seconds)
        except queue.Empty:
            mail = None
        self._cancel.check()
        return mail

    # -- binding

    def _bind(self) -> None:
        wanted = self._ports.wanted(self.session, self._applications())
        bound = self._tunnel.bind(wanted)
        self._ports.keep(self.session, {one.app: one.port for one in bound})
        self._store.apply(self.session, AttachRequested(tuple((one.app, one.port) for one in bound)))
        for one in bound:
            if one.port != one.wanted:
                self._store.apply(self.session, Noticed(_moved(one)))

    def _applications(self) -> tuple[str, ...]:
        """What the session serves; a report may be a moment behind the record."""
        patience = Cancel(self._pace.report_wait_s)
        while not patience.expired:
            now = self._snapshot()
            report = now.facts.report if now else None
            if report is not None and report.apps:
                return tuple(dict.fromkeys((*(key for key in report.apps if key in BY_KEY), SSH.key)))
            self._next_mail(patience.remaining(0.5))
        return tuple(spec.key for spec in APPS)

    # -- connecting

    def _round(self) -> None:
        """From one dial to the next."""
        try:
            self._connect()
            self._attempt = 0
            self._watch()
        except AppError as error:
            self._tunnel.disconnect()
            if self._is_ending():
                self._wait_for_the_end()
            elif self._wanted():
                self._wait_to_redial(error.problem)

    def _is_ending(self) -> bool:
        now = self._snapshot()
        return now is not None and (now.remote is Remote.STOPPING or now.stop_requested)

    def _wait_for_the_end(self) -> None:
        """A session that shuts down closes its SSH server first; that is no lost connection."""
        while self._is_ending() and self._wanted():
            self._next_mail(None)

    def _connect(self) -> None:
        server = self._server(self._cancel)
        record = self._trust.believed(self._facts(server), server, self._cancel)
        self._target = Target(record, self._key())
        self._dial = Cancel(self._pace.dial_s)
        self._cancel.check()
        self._tunnel.connect(self._target, self._dial)
        self._route({SSH.key: record.port})
        self._probe()
        self._store.apply(self.session, TunnelUp())

    def _facts(self, server: Server) -> ServerFacts:
        """The newest facts; when the server is away, the last known ones (the session's machine may well be up)."""
        now = self._snapshot()
        known = now.facts if now else None
        try:
            seen = server.session(self.session.task, Cancel(self._pace.reread_s))
        except AppError as error:
            if known is None or known.record is None or error.problem.retry is not Retry.AUTO:
                raise
            return known
        self._store.apply(self.session, ServerSaw(seen.facts))
        if seen.facts.remote is Remote.ENDED:
            raise failure("ssh.lost", address="the session's machine")
        return seen.facts

    def _key(self) -> str:
        if not self._private_key:
            self._private_key = self._outside.secrets.get(CLIENT_KEY, self.session.text) or ""
        if not self._private_key:
            raise failure("ssh.no_key")
        return self._private_key

    def _probe(self) -> None:
        self._tunnel.probe(Cancel(self._pace.probe_s))

    def _watch(self) -> None:
        """While connected: wait for the end, and make sure that a silent link is noticed."""
        clock, every = self._outside.clock, self._pace.probe_every_s
        due = clock() + every
        while self._wanted():
            mail = self._next_mail(max(0.0, due - clock()))
            if mail is Mail.LOST:
                raise failure("ssh.lost", address=self._address())
            if mail is None or mail is Mail.REDIAL:
                self._probe()
                due = clock() + every

    def _address(self) -> str:
        return self._target.record.address if self._target else "the session's machine"

    def _wait_to_redial(self, why: Problem) -> None:
        _log.info("session %s: %s [%s]", self.session.text, why.title, why.cause or why.code)
        if why.retry is not Retry.AUTO:
            self._store.apply(self.session, LinkBlocked(why))
            self._wait_for_a_person()
            return
        self._attempt += 1
        pace = self._pace
        delay = backoff.delay(self._attempt, self._outside.jitter(), pace.redial_first_s, pace.redial_last_s)
        at = self._outside.now() + timedelta(seconds=delay)
        self._store.apply(self.session, TunnelLost(why, self._attempt, at))
        end = self._outside.clock() + delay
        while (left := end - self._outside.clock()) > 0 and self._wanted():
            if self._next_mail(left) is Mail.REDIAL:
                self._attempt = 0
                return

    def _wait_for_a_person(self) -> None:
        """Until somebody reconnects, or the session publishes another record."""
        record = self._record()
        while self._wanted() and self._record() == record:
            if self._next_mail(None) is Mail.REDIAL:
                now = self._snapshot()
                ports = tuple((e.app, e.local_port) for e in now.endpoints if e.local_port) if now else ()
                self._store.apply(self.session, AttachRequested(ports))
                return

    def _record(self) -> contract.Record | None:
        now = self._snapshot()
        return now.facts.record if now else None

    # -- on the transport's thread

    def _on_report(self, report: contract.Report) -> None:
        for app, state in report.apps.items():
            if state.secret:
                self._outside.register_secret(state.secret)
                self._app_secrets[app] = state.secret
        self._route({app: state.port for app, state in report.apps.items() if state.port})
        self._store.apply(self.session, ReportArrived(report))

    def _route(self, ports: Mapping[str, int]) -> None:
        record = self._target.record if self._target else None
        ssh = {SSH.key: record.port} if record else {}
        self._tunnel.route({**ssh, **ports})


def _moved(bound: BoundPort) -> Problem:
    spec = BY_KEY.get(bound.app)
    program = bound.taken_by or "another program"
    return problem(
        "port.taken", wanted=bound.wanted, program=program, app=spec.label if spec else bound.app, port=bound.port
    )
