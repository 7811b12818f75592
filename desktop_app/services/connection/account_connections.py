"""The connections to all sessions of one account: who holds them, which ports they need. Any thread; blocking."""

import logging

from desktop_app.boundary.outside import Outside
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.reducer import HeldElsewhere
from desktop_app.domain.sessions.snapshot import Remote, SessionId
from desktop_app.services.connection.connections import Connections
from desktop_app.services.connection.session.local_ports import LocalPorts
from desktop_app.services.state.store import SessionStore

_log = logging.getLogger(__name__)


class AccountConnections:
    """Thread-safe."""

    def __init__(self, outside: Outside, store: SessionStore, connections: Connections) -> None:
        self._outside = outside
        self._store = store
        self._connections = connections
        self._ports = LocalPorts(outside.memory.sessions)

    def detach_all(self, account: str) -> None:
        """Detach all sessions of that account that are attached on this computer. Problems: tunnel.owned"""
        for snapshot in self._store.of_account(account):
            self._connections.detach(snapshot.id)

    def note_holders(self, account: str) -> None:
        """Tell the store which sessions other processes hold; after each poll, so that a killed holder is noticed."""
        for snapshot in self._store.of_account(account):
            holder = None
            if snapshot.remote is not Remote.ENDED and self._connections.tunnel(snapshot.id) is None:
                holder = self._connections.peers.of(snapshot.id)
            self._store.apply(snapshot.id, HeldElsewhere(holder.pid if holder else 0))

    def held_by_peers(self, account: str) -> bool:
        """True if other processes of ours are connected to a session of this account."""
        sessions = map(SessionId.parse, self._outside.memory.sessions.all())
        return any(self._connections.peers.of(session) for session in sessions if session.account == account)

    def free_ports(self, account: str) -> None:
        """Give the ports of ended sessions back; only after a look that worked."""
        try:
            self._ports.free(account, self._has_ended)
        except AppError as error:
            _log.warning("%s", error)

    def _has_ended(self, session: SessionId) -> bool:
        snapshot = self._store.get(session)
        ended = snapshot is None or snapshot.remote is Remote.ENDED
        return ended and not self._connections.is_held_anywhere(session)
