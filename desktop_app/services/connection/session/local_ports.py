"""LocalPorts: which port on 127.0.0.1 each application of each session wants. Any thread.

A session keeps the ports that it once had, for as long as it exists: across redials, detaching, other starts of the app
and reboots. A new one takes the documented ports, or the next ones that no session of ours has, whether or not this
process has seen that session.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from desktop_app.boundary.memory import SessionMemory
from desktop_app.domain.sessions.snapshot import SessionId
from remote_bootstrap.contract.apps import BY_KEY

FIRST_PORT = 8900  # of an application without a documented port


class LocalPorts:
    """What is remembered of sessions, as one table of who has which port."""

    def __init__(self, memory: SessionMemory) -> None:
        self._memory = memory
        self._lock = threading.Lock()

    def wanted(
        self, session: SessionId, apps: Iterable[str], preferred: Mapping[str, int] = MappingProxyType({})
    ) -> dict[str, int]:
        """Return application key -> the port to ask for; remembered at once, so that no other session asks for the
        same.

        ``preferred``: the first port to try for keys that are no applications.
        """
        with self._lock:
            mine = dict(self._memory.ports(session.text))
            others = (other for other in self._memory.all() if other != session.text)
            used = {port for other in others for port in self._memory.ports(other).values()}
            for app in apps:
                if app not in mine:
                    mine[app] = self._free(app, preferred.get(app, 0), used | set(mine.values()))
            wanted = {app: mine[app] for app in apps}
            self._memory.save_ports(session.text, mine)
            return wanted

    def _free(self, app: str, preferred: int, used: set[int]) -> int:
        spec = BY_KEY.get(app)
        port = preferred or (spec.local_port if spec else FIRST_PORT)
        while port in used:
            port += 1
        return port

    def is_kept_for_another(self, port: int, session: SessionId) -> bool:
        """True if another session of ours has or had that port here."""
        return any(port in self._memory.ports(text).values() for text in self.sessions() if text != session.text)

    def sessions(self) -> tuple[str, ...]:
        """Return every session that has or had ports here."""
        return tuple(self._memory.all())

    def keep(self, session: SessionId, ports: Mapping[str, int]) -> None:
        """Remember the ports that it really got."""
        with self._lock:
            self._memory.save_ports(session.text, {**self._memory.ports(session.text), **ports})

    def free(self, account: str, ended: Callable[[SessionId], bool]) -> None:
        """Give back the ports of this account's sessions that have ended. Problems: file.unwritable"""
        for text in self._memory.all():
            session = SessionId.parse(text)
            if session.account == account and self._memory.ports(text) and ended(session):
                with self._lock:
                    self._memory.save_ports(text, {})
