"""Sessions (``core.sessions``): reads sessions of the server, ends, moves and forgets them. Any thread; all but
``forget`` block. The snapshots of all known sessions are in ``core.store``.
"""

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.domain.accounts.account import LogLine
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.reducer import ServerSaw, StopRequested, advance
from desktop_app.domain.sessions.snapshot import SessionId, SessionSnapshot
from desktop_app.services.accounts.polling import Polling
from desktop_app.services.accounts.servers import Servers
from desktop_app.services.connection.account_connections import AccountConnections
from desktop_app.services.connection.peers import Peers
from desktop_app.services.launching.placing import Placing
from desktop_app.services.runtime.jobs import JobPool, log_problem
from desktop_app.services.secrets.forgetting import forget_session
from desktop_app.services.state.account_store import AccountStore
from desktop_app.services.state.store import SessionStore
from desktop_app.services.state.task_failure import explained


class Sessions:
    """What can be done with a session without being connected to it."""

    def __init__(
        self,
        outside: Outside,
        store: SessionStore,
        jobs: JobPool,
        accounts: AccountStore,
        servers: Servers,
        polling: Polling,
        peers: Peers,
        of_account: AccountConnections,
    ) -> None:
        self._outside = outside
        self._store = store
        self._jobs = jobs
        self._accounts = accounts
        self._servers = servers
        self._polling = polling
        self._peers = peers
        self._of_account = of_account
        self._placing = Placing(outside, store, servers.of)

    # -- reading

    def look(self, account: str, cancel: Cancel) -> None:
        """Read the sessions of this account into the store once, for a face that does not stay.

        A sandbox that does not run has no session, unless it died and one is still attached. Problems:
        server.no_sandbox, server.*
        """
        known = self._accounts.find(account)
        if known.sandbox and not self._outside.sandbox.address() and self._of_account.held_by_peers(known.id):
            raise failure("server.no_sandbox")
        self._polling.look(known, cancel)

    def of_all_users(self, account: str, cancel: Cancel) -> tuple[SessionSnapshot, ...]:
        """Return the living sessions of all users of this account's workspace; the store keeps only the user's own."""
        seen = self._servers.of(account, cancel).sessions.of_all_users(cancel)
        return tuple(advance(SessionSnapshot(SessionId(account, task.task)), ServerSaw(task.facts)) for task in seen)

    def fetch(self, session: SessionId, cancel: Cancel) -> SessionSnapshot:
        """Read one session, an ended one too, into the store. Problems: task.gone, task.foreign"""
        server = self._servers.of(session.account, cancel)
        facts = server.sessions.get(session.task, cancel).facts
        self._store.see(session, explained(server, session.task, facts, cancel))
        return self._store.get(session) or SessionSnapshot(session)

    def log(self, session: SessionId, since: int, cancel: Cancel) -> tuple[LogLine, ...]:
        """Return the lines of the session's log that are newer than ``since`` (a line's timestamp)."""
        return self._servers.of(session.account, cancel).tasks.log(session.task, since, cancel)

    # -- changing

    def stop(self, session: SessionId, cancel: Cancel) -> None:
        """Shut down a running session, or cancel a waiting one. Problems: server.*"""
        self._store.apply(session, StopRequested())
        try:
            self._servers.of(session.account, cancel).tasks.stop(session.task, cancel)
        except BaseException:
            self._store.apply(session, StopRequested(undone=True))
            raise
        self.announce(session)

    def end_anyway(self, session: SessionId, cancel: Cancel) -> None:
        """End its task on the server, without waiting for its agent or machine.

        Problems: task.gone, task.foreign, server.*
        """
        self._servers.of(session.account, cancel).tasks.end_anyway(session.task, cancel)
        self.announce(session)

    def move_to_queue(self, session: SessionId, queue: str, cancel: Cancel) -> None:
        """Put a session that no agent has taken into this queue. Problems: queue.unknown, queue.not_waiting"""
        self._placing.put(session, queue, cancel)
        self.announce(session)

    def forget(self, session: SessionId) -> None:
        """Take an ended session off the list, and by a job its key out of the keyring. Quick."""
        self._store.remove(session)
        self._jobs.submit("forget a session", lambda _cancel: forget_session(self._outside, session), log_problem)

    def announce(self, session: SessionId) -> None:
        """Have this process and the window look at the session's server now: something has changed there."""
        self._polling.poke(session.account)
        self._peers.tell_window(session)
