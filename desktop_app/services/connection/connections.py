"""Links: the connections that this process holds, and the way to those that another one holds. Any thread.

One supervisor per attached session; ``ownership`` makes sure that a session has one owner on this computer. What other
processes of ours may ask (``questions``) is answered on ownership's threads.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.computer import SystemEvent
from desktop_app.boundary.connection import Target
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.peers import WINDOW, owned_by
from desktop_app.boundary.server import Server
from desktop_app.domain.problem import problem_words
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.reducer import AttachRequested, Detached, HeldElsewhere
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionId, SessionSnapshot, openable
from desktop_app.services.connection import peers
from desktop_app.services.connection.local_ports import LocalPorts
from desktop_app.services.connection.peer_requests import PeerRequests
from desktop_app.services.connection.peers import Peers
from desktop_app.services.connection.pending import PendingAttaches
from desktop_app.services.connection.session_tunnel import SessionTunnel
from desktop_app.services.connection.supervisor import Mail, Supervisor
from desktop_app.services.runtime.jobs import JobPool
from desktop_app.services.runtime.system_watch import SystemWatch
from desktop_app.services.state.store import SessionStore
from desktop_app.services.state.task_failure import explained
from remote_bootstrap.contract.apps import BY_KEY, SSH

DETACH_S = 3.0

_log = logging.getLogger(__name__)


class Connections:
    """Attach, detach, and what only the holder of a tunnel can do. ``others``: questions to other processes."""

    def __init__(
        self,
        outside: Outside,
        store: SessionStore,
        server: Callable[[str, Cancel], Server],
        jobs: JobPool,
        role: str,
        woke: Callable[[], None] = lambda: None,
    ) -> None:
        """``woke()``: the computer woke or its network changed."""
        self._woke = woke
        self._outside = outside
        self._store = store
        self._server = server
        self._lock = threading.RLock()
        self._supervisors: dict[SessionId, Supervisor] = {}
        self._closing = False
        self._ports = LocalPorts(outside.profiles)
        self._watch = SystemWatch(outside.watch_system, self.check)
        self.questions = PeerRequests(lambda session: session in self._supervisors)
        self._add_questions()
        self.ownership = outside.hold_names(role, self.questions.answer)
        self.others = Peers(self.ownership)
        self.pending = PendingAttaches(store, jobs, self.attach)
        self._unsubscribe = store.subscribe(self._on_change)

    def _on_change(self, old: SessionSnapshot | None, new: SessionSnapshot | None) -> None:
        """On the writer's thread: wake the supervisor whose session's facts changed."""
        changed = new or old
        if changed is None or (old and new and (old.facts, old.stop_requested) == (new.facts, new.stop_requested)):
            return
        supervisor = self._supervisors.get(changed.id)
        if supervisor is not None:
            supervisor.post(Mail.CHANGED)

    # -- attach and detach

    def attach(self, session: SessionId, cancel: Cancel) -> None:
        """Take the tunnel and start connecting; returns before it is up. Problems: task.gone, tunnel.owned"""
        mine = self._supervisors.get(session)
        if mine is not None:
            mine.post(Mail.REDIAL)
            return
        if self._store.get(session) is None:
            server = self._server(session.account, cancel)
            facts = server.session(session.task, cancel).facts
            self._store.see(session, explained(server, session.task, facts, cancel))
        window = self.others.window()
        if window is not None and self.ownership.role != WINDOW:
            self.others.window_attaches(window, session)
            self._store.apply(session, HeldElsewhere(window.pid))
            return
        refusing = self.others.take(session)
        if refusing is not None:
            self._store.apply(session, HeldElsewhere(refusing.pid))
            raise owned_by(refusing.pid)
        self._start(session)

    def _start(self, session: SessionId) -> None:
        with self._lock:
            if self._closing or session in self._supervisors:
                return
            if not self.ownership.claim(session.text):  # an earlier supervisor of ours gave it up just now
                raise owned_by(0)
            supervisor = Supervisor(
                session,
                self._store,
                self._outside,
                lambda cancel: self._server(session.account, cancel),
                self._ports,
                self._ended,
            )
            self._supervisors[session] = supervisor
            self._watch.start()
        try:
            if self.ownership.role == WINDOW:
                self._outside.profiles.save_attached(session.text, True)
            self._store.apply(session, AttachRequested())
            supervisor.start()
        except BaseException:
            self._ended(session)
            raise

    def _ended(self, session: SessionId) -> None:
        """On the supervisor's thread, its last act."""
        with self._lock:
            self._supervisors.pop(session, None)
            self.ownership.release(session.text)
        try:
            self._outside.profiles.save_attached(session.text, False)
        except AppError as error:
            _log.warning("%s", error)

    def detach(self, session: SessionId) -> None:
        """Close our half, wherever on this computer it lives."""
        self.pending.drop(session)
        mine = self._supervisors.get(session)
        if mine is not None:
            mine.cancel()
            mine.join(DETACH_S)
            return
        holder = self.others.of(session)
        if holder is not None:
            self.others.detach(holder, session)
            self._store.apply(session, HeldElsewhere(0))
        elif (now := self._store.get(session)) is not None and now.link is not Link.OFF:
            self._store.apply(session, Detached())

    def detach_all(self, account: str) -> None:
        """Whatever of that account is attached on this computer."""
        for snapshot in self._store.of_account(account):
            self.detach(snapshot.id)

    def reconnect(self, session: SessionId) -> None:
        """Redial now, or attach where this process does not hold the tunnel. Quick."""
        if not self.redial(session):
            self.pending.attach_soon(session)

    def redial(self, session: SessionId) -> bool:
        """Redial now; False when this process does not hold the tunnel. Quick."""
        supervisor = self._supervisors.get(session)
        if supervisor is not None:
            supervisor.post(Mail.REDIAL)
        return supervisor is not None

    def watch_system(self) -> None:
        """Quick: hear of wake and network changes also while nothing is attached."""
        with self._lock:
            self._watch.start()

    def check(self, event: SystemEvent) -> None:
        """On the watch's thread: every connection has to prove itself now."""
        with self._lock:
            supervisors = tuple(self._supervisors.values())
        _log.info("%s; connections to be checked: %d", event.value, len(supervisors))
        for supervisor in supervisors:
            supervisor.post(Mail.CHECK)
        self._woke()

    def ask_reconnect(self, session: SessionId) -> bool:
        """Redial now, whichever process holds the tunnel; False when nobody does. Problems: tunnel.owned"""
        return self.redial(session) or self.others.reconnect(session)

    def free_ports(self, account: str) -> None:
        """After a poll that worked: sessions that are not there any more need no ports."""
        try:
            self._ports.free(account, self._has_ended)
        except AppError as error:
            _log.warning("%s", error)

    def _has_ended(self, session: SessionId) -> bool:
        now = self._store.get(session)
        ended = now is None or now.remote is Remote.ENDED
        return ended and session not in self._supervisors and self.others.of(session) is None

    def note_holders(self, account: str) -> None:
        """Tell the store which sessions other processes hold; runs after each poll, so a killed owner is noticed."""
        for snapshot in self._store.of_account(account):
            if snapshot.remote is Remote.ENDED or snapshot.id in self._supervisors:
                pid = 0
            else:
                holder = self.others.of(snapshot.id)
                pid = holder.pid if holder else 0
            self._store.apply(snapshot.id, HeldElsewhere(pid))

    def target(self, session: SessionId) -> Target | None:
        """Quick: where this process holds the session's connection to."""
        supervisor = self._supervisors.get(session)
        return supervisor.tunnel.target if supervisor is not None else None

    def is_held(self, session: SessionId) -> bool:
        """By this process or by another one of ours on this computer."""
        return session in self._supervisors or self.others.of(session) is not None

    def others_hold(self, account: str) -> bool:
        """Whether other processes of ours are connected to a session of this account."""
        of_account = (one for one in map(SessionId.parse, self._outside.profiles.sessions()) if one.account == account)
        return any(self.others.of(session) is not None for session in of_account)

    # -- what only the holder can do

    def login_page(self, session: SessionId, app: str) -> str:
        """A single-use address that logs a browser in. Problems: open.not_ready, tunnel.owned"""
        mine = self._supervisors.get(session)
        if mine is None:
            return self.others.login_page(session, app)
        now = self._store.get(session)
        spec = BY_KEY.get(app)
        endpoint = now.endpoint(app) if now else None
        if now is None or spec is None or endpoint is None or not openable(now, app):
            state = endpoint.state if endpoint else "not part of this session"
            why = endpoint.detail if endpoint and endpoint.detail else "Open it once it is ready and connected."
            raise failure("open.not_ready", app=spec.label if spec else app, state=state, why=why)
        origin = f"http://127.0.0.1:{endpoint.local_port}"
        return self._outside.login_page(spec.login, origin, mine.tunnel.app_secret(app))

    def ssh_command(self, session: SessionId) -> tuple[str, ...]:
        """The argv of an ssh that gets in without a prompt. Problems: open.not_ready, ssh.agent, tunnel.owned"""
        mine = self._supervisors.get(session)
        if mine is None:
            return self.others.ssh_command(session)
        now, target = self._store.get(session), mine.tunnel.login_target
        if target is None and mine.tunnel.no_login is not None:
            raise AppError(mine.tunnel.no_login)
        endpoint = now.endpoint(SSH.key) if now else None
        if now is None or now.link is not Link.UP or endpoint is None or not endpoint.local_port or target is None:
            raise failure("open.not_ready", app=SSH.label, state="not connected", why="Attach the session first.")
        return tuple(self._outside.ssh_access.command(session.text, target, endpoint.local_port))

    def login_target(self, session: SessionId) -> Target | None:
        """Quick: what ssh gets in with, where this process holds the connection."""
        supervisor = self._supervisors.get(session)
        return supervisor.tunnel.login_target if supervisor is not None else None

    def held(self, session: SessionId) -> SessionTunnel | None:
        """Its tunnel, if this process has it."""
        mine = self._supervisors.get(session)
        return mine.tunnel if mine else None

    def all_held(self) -> tuple[SessionId, ...]:
        return tuple(self._supervisors)

    def status(self, session: SessionId) -> Mapping[str, Any]:
        """Link and local ports, asked from the holder if that is another process; {} when nobody holds it."""
        now = self._store.get(session)
        if session not in self._supervisors or now is None:
            return self.others.status(session)
        return {
            "link": now.link.value,
            "ports": {e.app: e.local_port for e in now.endpoints if e.local_port},
            "problem": now.problem.title if now.problem else "",
            "why": problem_words(now.problem) if now.problem else {},
        }

    # -- other processes

    def claim_window(self) -> bool:
        """Become the one window; False after showing the one that there is."""
        if self.ownership.claim(WINDOW):
            return True
        self.others.show_window()
        return False

    def _add_questions(self) -> None:
        """What this file answers; ``attach`` and the like come from the window, a command line or another start."""
        to_all, to_holder = self.questions.add_for_all, self.questions.add
        to_all(peers.OP_ATTACH, lambda session, _args: self.attach(session, Cancel(peers.HAND_OVER_S)))
        to_all(peers.OP_DETACH, lambda session, _args: self._let_go(session, peers.OP_DETACH))
        to_all(peers.OP_GIVE_UP, lambda session, _args: self._let_go(session, peers.OP_GIVE_UP))
        to_all(peers.OP_RECONNECT, lambda session, _args: {"redialled": self.redial(session)})
        to_all(peers.OP_STATUS, lambda session, _args: self.status(session) if self.held(session) else {})
        to_holder(
            peers.OP_LOGIN_PAGE, lambda session, args: {"url": self.login_page(session, str(args.get("app", "")))}
        )
        to_holder(peers.OP_SSH_COMMAND, lambda session, _args: {"argv": list(self.ssh_command(session))})

    def _let_go(self, session: SessionId, op: str) -> None:
        if session in self._supervisors:  # else it ended in this very moment
            _log.info("%s: another SessionDock asks to %s", session.text, op)
            self.detach(session)

    # -- the end

    def cancel(self) -> None:
        """Quick: begin to detach everything."""
        with self._lock:
            self._closing = True
            supervisors = tuple(self._supervisors.values())
        self._unsubscribe()
        self.pending.close()
        self._watch.cancel()
        for supervisor in supervisors:
            supervisor.cancel()

    def close(self, seconds: float) -> tuple[str, ...]:
        """Detach everything; returns the names of threads that outlive ``seconds``."""
        self.cancel()
        deadline = time.monotonic() + seconds
        with self._lock:
            supervisors = tuple(self._supervisors.values())
        late = tuple(s.name for s in supervisors if not s.join(deadline - time.monotonic()))
        late += self._watch.close(deadline - time.monotonic())
        self.ownership.close()
        return late
