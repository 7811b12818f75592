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
from desktop_app.ports import Cancel, Server
from desktop_app.services.local_ports import LocalPorts
from desktop_app.services.outside import Outside
from desktop_app.services.ownership import WINDOW, Holder, Ownership, wait_claim
from desktop_app.services.store import SessionStore
from desktop_app.services.supervisor import Mail, Supervisor
from remote_bootstrap.apps import BY_KEY, SSH

HAND_OVER_S = 5.0
DETACH_S = 3.0

OP_ATTACH = "attach"
OP_DETACH = "detach"
OP_GIVE_UP = "give-up"  # a window asks a command line to hand its tunnel over
OP_STATUS = "status"
OP_LOGIN_PAGE = "login-page"
OP_SSH_COMMAND = "ssh-command"
OP_ACTIVATE = "activate"

_log = logging.getLogger(__name__)


class Links:
    """Attach, detach, and what only the holder of a tunnel can do."""

    def __init__(
        self, outside: Outside, store: SessionStore, server: Callable[[str, Cancel], Server], role: str
    ) -> None:
        self._outside = outside
        self._store = store
        self._server = server
        self._lock = threading.RLock()
        self._supervisors: dict[SessionId, Supervisor] = {}
        self._closing = False
        self._ports = LocalPorts(outside.profiles, self._living)
        self._on_activate: Callable[[], None] = lambda: None
        self.ownership = Ownership(outside.runtime_dir, role, self._answer)
        self._unsubscribe = store.subscribe(self._on_change)

    def _living(self) -> tuple[SessionId, ...]:
        return tuple(s.id for s in self._store.all() if s.remote is not Remote.ENDED)

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
        with self._lock:
            mine = self._supervisors.get(session)
        if mine is not None:
            mine.post(Mail.REDIAL)
            return
        if self._store.get(session) is None:
            self._store.see(session, self._server(session.account, cancel).session(session.task, cancel).facts)
        window = self.window()
        if window is not None and self.ownership.role != WINDOW:
            self._ask(window, OP_ATTACH, session)
            self._store.apply(session, HeldElsewhere(window.pid))
            return
        self._claim(session)
        self._start(session)

    def _claim(self, session: SessionId) -> None:
        if self.ownership.claim(session.text):
            return
        holder = self.ownership.holder(session.text)
        if holder is not None and self.ownership.role == WINDOW and holder.role != WINDOW:
            self._ask(holder, OP_GIVE_UP, session)
        if not wait_claim(self.ownership, session.text, HAND_OVER_S if holder else 1.0):
            self._store.apply(session, HeldElsewhere(holder.pid if holder else 0))
            raise failure("tunnel.owned", pid=holder.pid if holder else "unknown")

    def _start(self, session: SessionId) -> None:
        with self._lock:
            if self._closing or session in self._supervisors:
                return
            supervisor = Supervisor(
                session,
                self._store,
                self._outside,
                lambda cancel: self._server(session.account, cancel),
                self._ports,
                self._ended,
            )
            self._supervisors[session] = supervisor
        if self.ownership.role == WINDOW:
            self._outside.profiles.save_attached(session.text, True)
        self._store.apply(session, AttachRequested())
        supervisor.start()

    def _ended(self, session: SessionId) -> None:
        """On the supervisor's thread, its last act."""
        with self._lock:
            self._supervisors.pop(session, None)
        self.ownership.release(session.text)
        self._outside.profiles.save_attached(session.text, False)

    def detach(self, session: SessionId) -> None:
        """Close our half, wherever on this computer it lives."""
        with self._lock:
            mine = self._supervisors.get(session)
        if mine is not None:
            mine.cancel()
            mine.join(DETACH_S)
            return
        holder = self.ownership.holder(session.text)
        if holder is not None:
            self._ask(holder, OP_DETACH, session)
            self._store.apply(session, HeldElsewhere(0))
        elif (now := self._store.get(session)) is not None and now.link is not Link.OFF:
            self._store.apply(session, Detached())

    def reconnect(self, session: SessionId) -> None:
        """Quick: redial now."""
        supervisor = self._supervisors.get(session)
        if supervisor is not None:
            supervisor.post(Mail.REDIAL)

    def holds(self, session: SessionId) -> bool:
        """Quick: whether this process holds the tunnel."""
        return session in self._supervisors

    def note_holders(self, account: str) -> None:
        """Tell the store which sessions other processes hold; runs after each poll, so a killed owner is noticed."""
        for snapshot in self._store.of_account(account):
            if snapshot.remote is Remote.ENDED or snapshot.id in self._supervisors:
                pid = 0
            else:
                holder = self.ownership.holder(snapshot.id.text)
                pid = holder.pid if holder else 0
            self._store.apply(snapshot.id, HeldElsewhere(pid))

    # -- what only the holder can do

    def login_page(self, session: SessionId, app: str) -> str:
        """A single-use address that logs a browser in. Problems: open.not_ready, tunnel.owned"""
        mine = self._supervisors.get(session)
        if mine is not None:
            return self._own_login_page(mine, app)
        return str(self._ask_holder(OP_LOGIN_PAGE, session, {"app": app}).get("url", ""))

    def _own_login_page(self, supervisor: Supervisor, app: str) -> str:
        now = self._store.get(supervisor.session)
        spec = BY_KEY.get(app)
        endpoint = now.endpoint(app) if now else None
        label = spec.label if spec else app
        if now is None or spec is None or endpoint is None or not openable(now, app):
            state = endpoint.state if endpoint else "not part of this session"
            why = endpoint.detail if endpoint and endpoint.detail else "Open it once it is ready and connected."
            raise failure("open.not_ready", app=label, state=state, why=why)
        origin = f"http://127.0.0.1:{endpoint.local_port}"
        return self._outside.login_page(spec.login, origin, supervisor.app_secret(app))

    def ssh_command(self, session: SessionId) -> tuple[str, ...]:
        """The argv of an ssh that gets in without a prompt. Problems: open.not_ready, open.*"""
        mine = self._supervisors.get(session)
        if mine is None:
            answer = self._ask_holder(OP_SSH_COMMAND, session, {}).get("argv") or ()
            return tuple(str(word) for word in answer)
        now = self._store.get(session)
        endpoint = now.endpoint(SSH.key) if now else None
        if now is None or now.link is not Link.UP or endpoint is None or not endpoint.local_port or not mine.target:
            raise failure("open.not_ready", app=SSH.label, state="not connected", why="Attach the session first.")
        return tuple(self._outside.ssh_access.command(session.text, mine.target, endpoint.local_port))

    def status(self, session: SessionId) -> Mapping[str, Any]:
        """Link and local ports, asked from the holder if that is another process; {} when nobody holds it."""
        if session in self._supervisors:
            return self._own_status(session)
        holder = self.ownership.holder(session.text)
        return self._ask(holder, OP_STATUS, session) if holder else {}

    def _own_status(self, session: SessionId) -> dict[str, Any]:
        now = self._store.get(session)
        if now is None:
            return {}
        return {
            "link": now.link.value,
            "ports": {e.app: e.local_port for e in now.endpoints if e.local_port},
            "problem": now.problem.title if now.problem else "",
        }

    # -- other processes

    def window(self) -> Holder | None:
        """The living window of another process."""
        return self.ownership.holder(WINDOW)

    def claim_window(self) -> bool:
        """Become the one window; False after showing the one that there is."""
        if self.ownership.claim(WINDOW):
            return True
        window = self.window()
        if window is not None:
            self.ownership.ask(window, OP_ACTIVATE, WINDOW)
        return False

    def on_activate(self, callback: Callable[[], None]) -> None:
        """What to do when another start of the program wants the window; called on a thread of ownership."""
        self._on_activate = callback

    def _ask_holder(self, op: str, session: SessionId, args: Mapping[str, Any]) -> dict[str, Any]:
        holder = self.ownership.holder(session.text)
        if holder is None:
            raise failure("open.not_ready", app="The session", state="not attached", why="Attach it first.")
        return self._ask(holder, op, session, args)

    def _ask(
        self, holder: Holder, op: str, session: SessionId, args: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        if not holder.address:
            raise failure("tunnel.owned", pid=holder.pid or "unknown")
        return self.ownership.ask(holder, op, session.text, args)

    def _answer(self, op: str, name: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        if op == OP_ACTIVATE:
            self._on_activate()
            return {}
        session = SessionId.parse(name)
        if op == OP_ATTACH:
            self.attach(session, Cancel(HAND_OVER_S))
        elif op in (OP_DETACH, OP_GIVE_UP):
            self._let_go(session, op)
        elif op == OP_STATUS:
            return self._own_status(session)
        elif op == OP_LOGIN_PAGE:
            return {"url": self.login_page(session, str(args.get("app", "")))}
        elif op == OP_SSH_COMMAND:
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
        for supervisor in supervisors:
            supervisor.cancel()

    def close(self, seconds: float) -> tuple[str, ...]:
        """Detach everything; returns the names of threads that outlive ``seconds``."""
        self.cancel()
        deadline = time.monotonic() + seconds
        with self._lock:
            supervisors = tuple(self._supervisors.values())
        late = tuple(s.name for s in supervisors if not s.join(deadline - time.monotonic()))
        try:
            self.ownership.close()
        except AppError as error:
            _log.warning("closing: %s", error)
        return late
