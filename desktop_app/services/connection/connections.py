"""The connections that this process holds, and the way to those that another one holds. Any thread.

One supervisor per attached session; ``ownership`` makes sure that a session has one owner on this computer. What other
processes of ours may ask (``requests``) is answered on the threads of the peers adapter.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.computer import SystemEvent
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.peers import WINDOW, owned_by
from desktop_app.boundary.server import Server
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.problems.problem import problem_words
from desktop_app.domain.sessions.reducer import AttachRequested, Detached, HeldElsewhere
from desktop_app.domain.sessions.snapshot import Link, SessionId, SessionSnapshot
from desktop_app.services.connection import peers
from desktop_app.services.connection.peer_requests import Args, Operation, PeerRequests
from desktop_app.services.connection.peers import Peers
from desktop_app.services.connection.pending import PendingAttaches
from desktop_app.services.connection.session.local_ports import LocalPorts
from desktop_app.services.connection.session.session_tunnel import SessionTunnel
from desktop_app.services.connection.session.supervisor import Mail, Supervisor
from desktop_app.services.runtime.jobs import JobPool
from desktop_app.services.runtime.system_watch import SystemWatch
from desktop_app.services.state.store import SessionStore
from desktop_app.services.state.task_failure import explained

DETACH_S = 3.0

T = TypeVar("T")
Status = Mapping[str, Any]

_log = logging.getLogger(__name__)


class Connections:
    """Attach, detach, and ``call`` what only the holder of a connection can do. ``peers``: our other processes."""

    def __init__(
        self,
        outside: Outside,
        store: SessionStore,
        server: Callable[[str, Cancel], Server],
        jobs: JobPool,
        role: str,
        woke: Callable[[], None] = lambda: None,
    ) -> None:
        """Hold nothing yet. ``woke()`` is called when the computer woke or its network changed."""
        self._woke = woke
        self._outside = outside
        self._store = store
        self._server = server
        self._lock = threading.RLock()
        self._supervisors: dict[SessionId, Supervisor] = {}
        self._closing = False
        self._ports = LocalPorts(outside.memory.sessions)
        self._watch = SystemWatch(outside.watch_system, self.check)
        self.requests = PeerRequests(lambda session: session in self._supervisors)
        self._answer_peers()
        self._redial = self.requests.add(
            Operation(
                "reconnect",
                lambda session, _args, _cancel: self.redial_here(session),
                lambda redialled: {"redialled": redialled},
                lambda row: bool(row["redialled"]),
                needs_connection=False,
            )
        )
        self._status: Operation[Status] = self.requests.add(
            Operation(
                "status",
                lambda session, _args, _cancel: _status_of(store.get(session) if self.tunnel(session) else None),
                lambda status: status,
                lambda row: row,
                needs_connection=False,
            )
        )
        self.ownership = outside.hold_names(role, self.requests.answer)
        self.peers = Peers(self.ownership)
        self.pending = PendingAttaches(store, jobs, self.attach)
        self._unsubscribe = store.subscribe(self._on_change)

    def _on_change(self, old: SessionSnapshot | None, new: SessionSnapshot | None) -> None:
        """Wake the supervisor whose session's facts changed. On the writer's thread."""
        changed = new or old
        if changed is None or (old and new and (old.facts, old.stop_requested) == (new.facts, new.stop_requested)):
            return
        supervisor = self._supervisors.get(changed.id)
        if supervisor is not None:
            supervisor.post(Mail.CHANGED)

    # -- attach and detach

    def attach(self, session: SessionId, cancel: Cancel) -> None:
        """Take the tunnel and start connecting; returns before it is up. Problems: task.gone, tunnel.owned"""
        if self.redial_here(session):
            return
        if self._store.get(session) is None:
            server = self._server(session.account, cancel)
            facts = server.sessions.get(session.task, cancel).facts
            self._store.see(session, explained(server, session.task, facts, cancel))
        window = self.peers.window()
        if window is not None and self.ownership.role != WINDOW:
            self.peers.window_attaches(window, session)
            self._store.apply(session, HeldElsewhere(window.pid))
            return
        refusing = self.peers.take(session)
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
                self._outside.memory.sessions.save_attached(session.text, True)
            self._store.apply(session, AttachRequested())
            supervisor.start()
        except BaseException:
            self._ended(session)
            raise

    def _ended(self, session: SessionId) -> None:
        """Give the session up. On the supervisor's thread, its last act."""
        with self._lock:
            self._supervisors.pop(session, None)
            self.ownership.release(session.text)
        try:
            self._outside.memory.sessions.save_attached(session.text, False)
        except AppError as error:
            _log.warning("%s", error)

    def detach(self, session: SessionId) -> None:
        """Close our half of the connection, whichever process on this computer holds it. Problems: tunnel.owned"""
        self.pending.drop(session)
        supervisor = self._supervisors.get(session)
        if supervisor is not None:
            supervisor.cancel()
            supervisor.join(DETACH_S)
            return
        holder = self.peers.of(session)
        if holder is not None:
            self.peers.detach(holder, session)
            self._store.apply(session, HeldElsewhere(0))
        elif (snapshot := self._store.get(session)) is not None and snapshot.link is not Link.OFF:
            self._store.apply(session, Detached())

    def reconnect(self, session: SessionId) -> None:
        """Dial again now, or attach by a job where this process does not hold the connection. Never blocks."""
        if not self.redial_here(session):
            self.pending.attach_soon(session)

    def redial(self, session: SessionId, cancel: Cancel) -> bool:
        """Have the process that holds the connection dial again now; False when none does. Problems: tunnel.owned"""
        return self.call(session, self._redial, {}, cancel)

    def redial_here(self, session: SessionId) -> bool:
        """Dial again now; False when this process does not hold the connection. Never blocks."""
        supervisor = self._supervisors.get(session)
        if supervisor is not None:
            supervisor.post(Mail.REDIAL)
        return supervisor is not None

    def watch_system(self) -> None:
        """Hear of wake and network changes also while nothing is attached. Never blocks."""
        with self._lock:
            self._watch.start()

    def check(self, event: SystemEvent) -> None:
        """Have every connection prove itself now. On the system watch's thread."""
        with self._lock:
            supervisors = tuple(self._supervisors.values())
        _log.info("%s; connections to be checked: %d", event.value, len(supervisors))
        for supervisor in supervisors:
            supervisor.post(Mail.CHECK)
        self._woke()

    # -- here, or at the process that holds the connection

    def call(self, session: SessionId, operation: Operation[T], args: Args, cancel: Cancel) -> T:
        """Return what that operation returns where the session's connection is held: here, or in another process.

        Problems: session.not_attached (no process holds it), tunnel.owned (its holder does not answer), the operation's
        """
        holder = None if session in self._supervisors else self.peers.of(session)
        if holder is not None:
            return operation.read(self.peers.ask(holder, operation.name, session, args))
        if operation.needs_connection and session not in self._supervisors:
            raise failure("session.not_attached", task=session.task[:8])
        return operation.run(session, args, cancel)

    def tunnel(self, session: SessionId) -> SessionTunnel | None:
        """Return the session's tunnel, None where this process does not hold it. Never blocks."""
        supervisor = self._supervisors.get(session)
        return supervisor.tunnel if supervisor is not None else None

    def held_here(self) -> tuple[SessionId, ...]:
        """Return the sessions whose connections this process holds. Never blocks."""
        return tuple(self._supervisors)

    def is_held_anywhere(self, session: SessionId) -> bool:
        """True if this process or another one of ours on this computer holds the session's connection."""
        return session in self._supervisors or self.peers.of(session) is not None

    def status(self, session: SessionId) -> Status:
        """Return link, local ports and problem as the holder knows them; {} when no process holds the connection."""
        return self.call(session, self._status, {}, Cancel())

    # -- other processes

    def _answer_peers(self) -> None:
        """Add what this file answers; messages come from the window, a command line or another start."""
        requests = self.requests
        requests.on_message(peers.OP_ATTACH, lambda session, _args: self.attach(session, Cancel(peers.HAND_OVER_S)))
        requests.on_message(peers.OP_DETACH, lambda session, _args: self._let_go(session, peers.OP_DETACH))
        requests.on_message(peers.OP_GIVE_UP, lambda session, _args: self._let_go(session, peers.OP_GIVE_UP))

    def _let_go(self, session: SessionId, op: str) -> None:
        if session in self._supervisors:  # else it ended in this very moment
            _log.info("%s: another SessionDock asks to %s", session.text, op)
            self.detach(session)

    # -- the end

    def cancel(self) -> None:
        """Begin to detach everything. Never blocks."""
        with self._lock:
            self._closing = True
            supervisors = tuple(self._supervisors.values())
        self._unsubscribe()
        self.pending.close()
        self._watch.cancel()
        for supervisor in supervisors:
            supervisor.cancel()

    def close(self, seconds: float) -> tuple[str, ...]:
        """Detach everything; return the names of threads that outlive ``seconds``."""
        self.cancel()
        deadline = time.monotonic() + seconds
        with self._lock:
            supervisors = tuple(self._supervisors.values())
        late = tuple(s.name for s in supervisors if not s.join(deadline - time.monotonic()))
        late += self._watch.close(deadline - time.monotonic())
        self.ownership.close()
        return late


def _status_of(snapshot: SessionSnapshot | None) -> Status:
    if snapshot is None:
        return {}
    return {
        "link": snapshot.link.value,
        "ports": {endpoint.app: endpoint.local_port for endpoint in snapshot.endpoints if endpoint.local_port},
        "problem": snapshot.problem.title if snapshot.problem else "",
        "why": problem_words(snapshot.problem) if snapshot.problem else {},
    }
