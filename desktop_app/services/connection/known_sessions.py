"""What is known of sessions while no server can be asked (``core.known``). Blocking (files, questions); any thread.

Other processes of ours know what they saw last: the window everything, an ``attach`` its account's sessions. Where none
of them runs, this computer remembers each session as it was when it was connected last.
"""

import logging
from collections.abc import Mapping
from typing import Any

from desktop_app.boundary.outside import Outside
from desktop_app.boundary.peers import Holder
from desktop_app.domain.problems import AppError, Problem
from desktop_app.domain.sessions.known import Known, is_away, known_json, read_known
from desktop_app.domain.sessions.reducer import ServerUnreachable
from desktop_app.domain.sessions.snapshot import Link, Remote, ServerFacts, SessionId, SessionSnapshot
from desktop_app.services.connection.account_connections import AccountConnections
from desktop_app.services.connection.connections import Connections
from desktop_app.services.connection.peers import OP_LOOK, Peers
from desktop_app.services.runtime.jobs import JobPool, log_problem
from desktop_app.services.state.store import SessionStore

OP_KNOWN = "known"

_log = logging.getLogger(__name__)


class KnownSessions:
    """Thread-safe."""

    def __init__(
        self,
        outside: Outside,
        store: SessionStore,
        connections: Connections,
        of_account: AccountConnections,
        jobs: JobPool,
    ) -> None:
        self._outside = outside
        self._store = store
        self._connections = connections
        self._of_account = of_account
        self._jobs = jobs
        connections.requests.on_message(OP_KNOWN, lambda session, _args: self._answer(session.account))
        self._unsubscribe = store.subscribe(self._on_change)

    def close(self) -> None:
        """Remember nothing more. Never blocks."""
        self._unsubscribe()

    # -- while the server is away

    def recall(self, account: str) -> bool:
        """Put what is known of this account's sessions into the store, as of when that was; whether there is any."""
        known_sessions = {session: known for session, known in self._remembered().items() if session.account == account}
        for session, known in self._told(account).items():
            if session not in known_sessions or known.as_of >= known_sessions[session].as_of:
                known_sessions[session] = known
        for session, known in known_sessions.items():
            if self._store.get(session) is None:
                self._store.see(session, known.facts)
                self._store.apply(session, ServerUnreachable(known.as_of))
        self._of_account.note_holders(account)
        return bool(known_sessions)

    def facts(self, session: SessionId, why: Problem) -> ServerFacts | None:
        """Return where the session's machine is, as far as is known, when the server does not say for this reason."""
        snapshot = self._store.get(session)
        if not is_away(why) or snapshot is None or snapshot.facts.record is None or snapshot.remote is not Remote.READY:
            return None
        return snapshot.facts

    def _remembered(self) -> dict[SessionId, Known]:
        rows = {SessionId.parse(text): read_known(row) for text, row in self._outside.memory.sessions.known().items()}
        return {session: known for session, known in rows.items() if known is not None}

    def _told(self, account: str) -> dict[SessionId, Known]:
        """Return what the other processes of ours know that can know it."""
        found: dict[SessionId, Known] = {}
        for holder in self._living(self._connections.peers, account):
            try:
                answer = self._connections.peers.ask(holder, OP_KNOWN, SessionId(account, ""))
            except AppError as error:  # it is just ending, or of another version
                _log.info("process %d was not asked what it knows: %s", holder.pid, error)
                continue
            for task, row in dict(answer.get("sessions") or {}).items():
                known = read_known(row)
                if known is not None:
                    found[SessionId(account, str(task))] = known
        return found

    def tell_others(self, account: str) -> None:
        """Have every process of ours that has to do with this account look at it now: its keys have changed, say."""
        for holder in self._living(self._connections.peers, account):
            try:
                self._connections.peers.ask(holder, OP_LOOK, SessionId(account, ""))
            except AppError as error:  # it is just ending, or looks by itself in a while
                _log.info("process %d was not told to look: %s", holder.pid, error)

    def _living(self, peers: Peers, account: str) -> tuple[Holder, ...]:
        texts = (text for text in self._outside.memory.sessions.all() if SessionId.parse(text).account == account)
        holders = [peers.window(), *(peers.of(SessionId.parse(text)) for text in texts)]
        return tuple({holder.pid: holder for holder in holders if holder is not None and holder.address}.values())

    def _answer(self, account: str) -> Mapping[str, Any]:
        """Return what this process knows, for another one."""
        now = self._outside.now()
        rows = {
            snapshot.id.task: known_json(Known(snapshot.facts, snapshot.stale_since or now))
            for snapshot in self._store.of_account(account)
            if snapshot.remote is not Remote.ENDED and snapshot.facts.mine
        }
        return {"sessions": rows}

    def polled(self, account: str, problem: Problem | None) -> None:
        """Follow each look at the server: a window that starts while it is away begins with what is known."""
        if problem is None:
            self._confirm(account)
        elif not self._store.of_account(account):
            self.recall(account)

    # -- while it answers

    def _confirm(self, account: str) -> None:
        """Forget sessions that the server, which has just answered, does not name any more."""
        for session in self._remembered():
            if session.account != account:
                continue
            snapshot = self._store.get(session)
            if snapshot is None or snapshot.remote is Remote.ENDED:
                self._save(session, {})

    def _on_change(self, old: SessionSnapshot | None, new: SessionSnapshot | None) -> None:
        """Remember a connected session, by a job. On a writer's thread."""
        if new is None or new.link is not Link.UP or new.stale_since is not None:
            return
        if old is None or old.link is not Link.UP or _place(old) != _place(new):
            row = known_json(Known(new.facts, self._outside.now()))
            self._jobs.submit(f"remember {new.name}", lambda _cancel: self._save(new.id, row), log_problem)

    def _save(self, session: SessionId, row: Mapping[str, Any]) -> None:
        try:
            self._outside.memory.sessions.save_known(session.text, row)
        except AppError as error:
            _log.warning("%s", error)


def _place(snapshot: SessionSnapshot) -> tuple[object, ...]:
    return snapshot.facts.record, snapshot.facts.clearml_session, snapshot.facts.name, snapshot.remote
