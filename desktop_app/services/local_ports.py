"""LocalPorts: which port on 127.0.0.1 each application of each session wants. Any thread.

A session keeps the ports that it once had, for as long as it exists; a new one takes the documented ports, or the next
ones that no session of ours has.
"""

import threading
from collections.abc import Callable, Iterable, Mapping

from desktop_app.domain.session import SessionId
from desktop_app.services.outside import Profiles
from remote_bootstrap.apps import BY_KEY

FIRST_PORT = 8900  # of an application without a documented port


class LocalPorts:
    """``living``: the sessions whose ports are not free for others."""

    def __init__(self, profiles: Profiles, living: Callable[[], Iterable[SessionId]]) -> None:
        self._profiles = profiles
        self._living = living
        self._lock = threading.Lock()

    def wanted(self, session: SessionId, apps: Iterable[str]) -> dict[str, int]:
        """Application key -> the port to ask for; remembered at once, so that no other session asks for the same."""
        with self._lock:
            mine = dict(self._profiles.ports(session.text))
            used = {port for other in self._living() if other != session for port in self._others(other)}
            for app in apps:
                if app not in mine:
                    mine[app] = self._free(app, used | set(mine.values()))
            wanted = {app: mine[app] for app in apps}
            self._profiles.save_ports(session.text, mine)
            return wanted

    def _others(self, session: SessionId) -> Iterable[int]:
        return self._profiles.ports(session.text).values()

    def _free(self, app: str, used: set[int]) -> int:
        spec = BY_KEY.get(app)
        port = spec.local_port if spec else FIRST_PORT
        while port in used:
            port += 1
        return port

    def keep(self, session: SessionId, ports: Mapping[str, int]) -> None:
        """The ports that it really got."""
        with self._lock:
            self._profiles.save_ports(session.text, {**self._profiles.ports(session.text), **ports})
