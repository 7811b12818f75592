"""One session's tunnel together with what dialling it takes. Runs on the session's supervisor thread.

It binds the local ports, reads and checks the connection record, fetches the key and connects. When to dial is the
supervisor's affair; where the applications are is ``session_apps``'.
"""

import logging
from collections.abc import Callable, Sequence

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import BoundPort, LoginDoor, Target
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server
from desktop_app.domain.access.loops import is_loopback
from desktop_app.domain.problems import AppError, Problem, failure, problem
from desktop_app.domain.sessions.known import is_away
from desktop_app.domain.sessions.reducer import AttachRequested, Noticed, ServerSaw, TunnelUp
from desktop_app.domain.sessions.snapshot import Remote, ServerFacts, SessionId
from desktop_app.services.accounts.routes import begins_here, route_of
from desktop_app.services.connection.session.clearml_session import ClearmlSessionAccess
from desktop_app.services.connection.session.forwards import SessionForwards
from desktop_app.services.connection.session.key_access import key_of
from desktop_app.services.connection.session.local_ports import LocalPorts
from desktop_app.services.connection.session.session_apps import SessionApps
from desktop_app.services.connection.session.trust import RecordTrust
from desktop_app.services.state.store import SessionStore
from desktop_app.services.state.task_failure import explained
from remote_bootstrap import contract
from remote_bootstrap.contract.apps import APPS, BY_KEY, SSH

_log = logging.getLogger(__name__)


class SessionTunnel:
    """``lost`` is called, on the transport's thread, when the connection ended by itself."""

    def __init__(
        self,
        session: SessionId,
        store: SessionStore,
        outside: Outside,
        server: Callable[[Cancel], Server],
        ports: LocalPorts,
        lost: Callable[[], None],
    ) -> None:
        self._session = session
        self._store = store
        self._outside = outside
        self._server = server
        self._ports = ports
        self.connection = outside.new_tunnel(session.task[:8])
        self.control = self.connection.control
        self.agent = self.connection.agent
        self.apps = SessionApps(session, store, outside, self.connection.forwards)
        self.connection.on_report(self.apps.on_report)
        self.connection.on_lost(lost)
        self.connection.on_unanswered(self._on_unanswered)
        self.forwards = SessionForwards(session, outside.memory.forwards, ports, self.connection.forwards, self.is_here)
        self._trust = RecordTrust(session, outside)
        self._clearml_session = ClearmlSessionAccess(session, outside)
        self._dial = Cancel()
        self._private_key = ""
        self._target: Target | None = None
        self._door: LoginDoor | None = None  # of our server in a session of clearml-session

    # -- from any thread

    @property
    def target(self) -> Target | None:
        """Return where it is (or was last) connected to, key included."""
        return self._target

    @property
    def login_target(self) -> Target | None:
        """Return what the user's own ssh gets in with, None where only a password lets anybody in."""
        if self._target is not None and self._target.is_clearml_session:
            return self._clearml_session.login_target
        return self._target

    @property
    def no_login(self) -> Problem | None:
        """Return why ssh gets in by the password only, where it does."""
        return self._clearml_session.no_login

    @property
    def home(self) -> str:
        """Return the user's home folder over there, where no control channel tells it; "" if nothing did."""
        return self._door.home if self._door else ""

    @property
    def address(self) -> str:
        return self._target.record.address if self._target else "the session's machine"

    def cancel_dial(self) -> None:
        """End the dial that is under way, if one is. Never blocks."""
        self._dial.cancel()

    # -- local ports

    def bind(self, wait: Callable[[float], object]) -> None:
        """Open the local ports and say so in the store; ``wait(seconds)`` waits for news. Problems: port.none"""
        wanted = self._ports.wanted(self._session, self._applications(wait))
        bound = self.connection.forwards.bind(wanted)
        self._ports.keep(self._session, {listener.app: listener.port for listener in bound})
        self.forwards.restore()
        self._store.apply(self._session, AttachRequested(tuple((listener.app, listener.port) for listener in bound)))
        moved = [_moved(listener) for listener in bound if listener.port != listener.wanted]
        if moved:
            self._store.apply(self._session, Noticed(_together(moved)))

    def _applications(self, wait: Callable[[float], object]) -> tuple[str, ...]:
        """Return what the session serves; its report may be a moment behind its record."""
        time_limit = Cancel(self._outside.pace.report_wait_s)
        while not time_limit.expired:
            snapshot = self._store.get(self._session)
            report = snapshot.facts.report if snapshot else None
            if report is not None and report.apps:
                return tuple(dict.fromkeys((*(key for key in report.apps if key in BY_KEY), SSH.key)))
            wait(time_limit.remaining(0.5))
        return tuple(spec.key for spec in APPS)

    # -- the connection

    def forget_run(self, why: str) -> None:
        """Forget what the task's last run told: the server says that it starts over."""
        self._trust.run_is_over(why)
        self._target = None
        self._door = None
        self.apps.follow(None)
        self.apps.forget()

    def is_of(self, facts: ServerFacts) -> bool:
        """True if the connection leads to the run whose record these facts hold."""
        if self._target is None or self._target.is_clearml_session or facts.record is None:
            return True
        return facts.record.host_key == self._target.record.host_key

    def connect(self, cancel: Cancel) -> None:
        """Dial with the newest record; returns once a probe came back. Problems: ssh.*, server.*, keyring.*"""
        server = self._server(cancel)
        facts = self._facts(server)
        if facts.clearml_session is None:
            record = self._trust.believed(facts, server, cancel)
            key = self._key(server, cancel)
            if self._target is not None and self._target.record.host_key != record.host_key:
                self.apps.forget()
                self._store.apply(self._session, AttachRequested(fresh=True))
            self._target = Target(record, key, *route_of(self._outside, self._session.account))
        else:
            self._target = self._clearml_session.target(facts.clearml_session, server, cancel)
        self._dial = Cancel(self._outside.pace.dial_s)
        self._door = None
        self.apps.follow(self._target)
        cancel.check()
        try:
            self.connection.connect(self._target, self._dial)
        except AppError as error:
            raise self._named(self._trust.explained(error, self.address), server) from None
        self.apps.update()
        self.control.probe(Cancel(self._outside.pace.probe_s))
        if self._target.is_clearml_session:
            self.apps.set_secrets(self._clearml_session.secrets())
            self._open_login(self._target)
        else:
            self._trust.proved(facts)
        self._store.apply(self._session, TunnelUp())
        if self._target.is_clearml_session:
            self._store.apply(self._session, Noticed(self._clearml_session.warning()))

    def _open_login(self, target: Target) -> None:
        """Lead the local SSH port to a server of ours there, if it can be."""
        self._dial.check()
        self._dial = Cancel(self._outside.pace.dial_s)  # whatever the dial left of its own time
        self._door = self._clearml_session.login(self.connection, target, self._dial)
        if self._door is not None:
            self.apps.set_login_port(self._door.port)

    def is_here(self) -> bool:
        """True if the session runs on this computer, as far as its record and the route tell. Never blocks."""
        snapshot = self._store.get(self._session)
        record = snapshot.facts.record if snapshot is not None else None
        if record is None or not self._outside.is_own_address(record.address):
            return False
        # Behind a jump host or a proxy, 127.0.0.1 is theirs.
        return not is_loopback(record.address) or begins_here(self._outside, self._session.account)

    def follow(self, cancel: Cancel) -> None:
        """Read the server's news of a session without control channel: an application may have come up since.

        Asks only while one is there whose login is not known. Problems: server.*, ssh.record, ssh.unreachable
        """
        snapshot = self._store.get(self._session)
        if (
            self._target is None
            or not self._target.is_clearml_session
            or snapshot is None
            or snapshot.facts.clearml_session is None
        ):
            return
        self.apps.update()
        missing = self.apps.without_secret()
        if any(endpoint.ready and endpoint.app in missing for endpoint in snapshot.endpoints):
            self._clearml_session.target(snapshot.facts.clearml_session, self._server(cancel), cancel)
            self.apps.set_secrets(self._clearml_session.secrets())

    def _facts(self, server: Server) -> ServerFacts:
        """Return the newest facts; when the server is away or refuses our keys, the last known ones (the session's
        machine may well be up)."""
        snapshot = self._store.get(self._session)
        known = snapshot.facts if snapshot else None
        try:
            seen = server.sessions.get(self._session.task, Cancel(self._outside.pace.reread_s))
        except AppError as error:
            reachable = known is not None and (known.record is not None or known.clearml_session is not None)
            if known is None or not reachable or not is_away(error.problem):
                raise
            return known
        facts = explained(server, self._session.task, seen.facts, Cancel(self._outside.pace.reread_s))
        snapshot = self._store.apply(self._session, ServerSaw(facts))
        if snapshot is None or snapshot.remote not in (Remote.READY, Remote.STOPPING):  # ended, or it starts over
            raise failure("ssh.lost", address="the session's machine")
        return snapshot.facts

    def _key(self, server: Server, cancel: Cancel) -> str:
        if not self._private_key:
            self._private_key = key_of(self._outside, self._session, server, cancel)
        return self._private_key

    def _named(self, error: AppError, server: Server) -> AppError:
        """Return why the session refuses our key, where its task tells: a member wrote another one into it while it
        waited."""
        if error.problem.code != "ssh.auth" or self._target is None or self._target.is_clearml_session:
            return error
        try:
            told = server.tasks.parameters(self._session.task, Cancel(self._outside.pace.reread_s))
        except AppError as silent:
            _log.info("the key of session %s could not be compared: %s", self._session.text, silent)
            return error
        admitted = told.get(contract.PARAM_AUTHORIZED_KEY, "").split()[:2]
        ours = self._outside.public_of(self._target.private_key).split()[:2]
        return error if admitted in ([], ours) else failure("ssh.key_replaced", cause=error.problem.cause)

    def close(self) -> None:
        """Free everything, the user's own ssh included."""
        self.connection.close()
        self._outside.ssh_access.revoke(self._session.text)
        self.apps.clear_secrets()

    def _on_unanswered(self, remote: int, local: int) -> None:
        """Tell the user of a reverse forward that leads nowhere. On a thread of that connection."""
        self._store.apply(self._session, Noticed(problem("port.unanswered", remote=remote, local=local)))


def _moved(bound: BoundPort) -> Problem:
    spec = BY_KEY.get(bound.app)
    program = bound.taken_by or "another program"
    return problem(
        "port.taken", wanted=bound.wanted, program=program, app=spec.label if spec else bound.app, port=bound.port
    )


def _together(moved: Sequence[Problem]) -> Problem:
    """Return one notice for all moved ports: a session has one."""
    return moved[0] if len(moved) == 1 else problem("ports.taken", each=" ".join(notice.detail for notice in moved))
