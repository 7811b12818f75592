"""Links: the connections that this process holds, and the way to those that another one holds. Any thread.

One supervisor per attached session; ``ownership`` makes sure that a session has one owner on this computer. Questions
of other processes of ours (``answer``) arrive on ownership's threads.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.reducer import AttachRequested, Detached, HeldElsewhere
from desktop_app.domain.session import Link, Remote, SessionId, SessionSnapshot, openable
from desktop_app.ports import Cancel, Server, SystemEvent, Target
from desktop_app.services import holders
from desktop_app.services.holders import Holders
from desktop_app.services.local_ports import LocalPorts
from desktop_app.services.outside import Outside
from desktop_app.services.ownership import WINDOW, Ownership
from desktop_app.services.session_tunnel import SessionTunnel
from desktop_app.services.store import SessionStore
from desktop_app.services.supervisor import Mail, Supervisor
from desktop_app.services.system_watch import SystemWatch
from remote_bootstrap.apps import BY_KEY, SSH

DETACH_S = 3.0

# What another process asks about a session that we hold: arguments in, result out, both JSON.
Question = Callable[[SessionId, Mapping[str, Any]], Mapping[str, Any]]

_log = logging.getLogger(__name__)


class Links:
    """Attach, detach, and what only the holder of a tunnel can do. ``others``: questions to other processes."""

    def __init__(
        self, outside: Outside, store: SessionStore, server: Callable[[str, Cancel], Server], role: str
    ) -> None:
        self._outside = outside
        self._store = store
        self._server = server
        self._lock = threading.RLock()
        self._supervisors: dict[SessionId, Supervisor] = {}
        self._closing = False
        self._ports = LocalPorts(outside.profiles)
        self._watch = SystemWatch(outside.watch_system, self.check)
        self._on_activate: Callable[[], None] = lambda: None
        self._on_look: Callable[[str], None] = lambda _account: None
        self.ownership = Ownership(outside.runtime_dir, role, self.answer)
        self.others = Holders(self.ownership)
        self._more: dict[str, Question] = {}
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
            self._store.see(session, self._server(session.account, cancel).session(session.task, cancel).facts)
        window = self.others.window()
        if window is not None and self.ownership.role != WINDOW:
            self.others.window_attaches(window, session)
            self._store.apply(session, HeldElsewhere(window.pid))
            return
        refusing = self.others.take(session)
        if refusing is not None:
            self._store.apply(session, HeldElsewhere(refusing.pid))
            raise failure("tunnel.owned", pid=refusing.pid or "unknown")
        self._start(session)

    def _start(self, session: SessionId) -> None:
        with self._lock:
            if self._closing or session in self._supervisors:
                return
            if not self.ownership.claim(session.text):  # an earlier supervisor of ours gave it up just now
                raise failure("tunnel.owned", pid="unknown")
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

    def reconnect(self, session: SessionId) -> bool:
        """Quick: redial now; False when this process does not hold the tunnel."""
        supervisor = self._supervisors.get(session)
        if supervisor is not None:
            supervisor.post(Mail.REDIAL)
        return supervisor is not None

    def check(self, event: SystemEvent) -> None:
        """On the watch's thread: every connection has to prove itself now."""
        with self._lock:
            supervisors = tuple(self._supervisors.values())
        _log.info("%s; connections to be checked: %d", event.value, len(supervisors))
        for supervisor in supervisors:
            supervisor.post(Mail.CHECK)

    def ask_reconnect(self, session: SessionId) -> bool:
        """Redial now, whichever process holds the tunnel; False when nobody does. Problems: tunnel.owned"""
        return self.reconnect(session) or self.others.reconnect(session)

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
        now, target = self._store.get(session), mine.tunnel.target
        if target is not None and target.foreign:
            raise failure("session.foreign")
        endpoint = now.endpoint(SSH.key) if now else None
        if now is None or now.link is not Link.UP or endpoint is None or not endpoint.local_port or target is None:
            raise failure("open.not_ready", app=SSH.label, state="not connected", why="Attach the session first.")
        return tuple(self._outside.ssh_access.command(session.text, target, endpoint.local_port))

    def held(self, session: SessionId) -> SessionTunnel | None:
        """Its tunnel, if this process has it."""
        mine = self._supervisors.get(session)
        return mine.tunnel if mine else None

    def all_held(self) -> tuple[SessionId, ...]:
        return tuple(self._supervisors)

    def also_answer(self, op: str, question: Question) -> None:
        """Another service's questions, besides those of ``answer``; asked with ``others.ask_who_holds``."""
        self._more[op] = question

    def status(self, session: SessionId) -> Mapping[str, Any]:
        """Link and local ports, asked from the holder if that is another process; {} when nobody holds it."""
        now = self._store.get(session)
        if session not in self._supervisors or now is None:
            return self.others.status(session)
        return {
            "link": now.link.value,
            "ports": {e.app: e.local_port for e in now.endpoints if e.local_port},
            "problem": now.problem.title if now.problem else "",
        }

    # -- other processes

    def claim_window(self) -> bool:
        """Become the one window; False after showing the one that there is."""
        if self.ownership.claim(WINDOW):
            return True
        self.others.show_window()
        return False

    def on_look(self, callback: Callable[[str], None]) -> None:
        """Another process of ours changed something on that account's server; called on a thread of ownership's."""
        self._on_look = callback

    def on_activate(self, callback: Callable[[], None]) -> None:
        """What to do when another start of the program wants the window; called on a thread of ownership."""
        self._on_activate = callback

    def answer(self, op: str, name: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """A question of another process of ours."""
        if op == holders.OP_ACTIVATE:
            self._on_activate()
            return {}
        session = SessionId.parse(name)
        if op == holders.OP_LOOK:
            self._on_look(session.account)
        elif op == holders.OP_ATTACH:
            self.attach(session, Cancel(holders.HAND_OVER_S))
        elif op in (holders.OP_DETACH, holders.OP_GIVE_UP):
            self._let_go(session, op)
        elif op == holders.OP_RECONNECT:
            self.reconnect(session)
        elif op == holders.OP_STATUS:
            return self.status(session) if session in self._supervisors else {}
        elif session not in self._supervisors:
            raise failure("open.not_ready", app="The session", state="not attached", why="It was detached just now.")
        elif op in self._more:
            return self._more[op](session, args)
        elif op == holders.OP_LOGIN_PAGE:
            return {"url": self.login_page(session, str(args.get("app", "")))}
        elif op == holders.OP_SSH_COMMAND:
            return {"argv": list(self.ssh_command(session))}
        return {}

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
