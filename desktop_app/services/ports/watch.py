"""PortWatch: forwards the services that a rule names as soon as they listen. One thread, ``ports-watch``, which starts
with the first connected session; it asks a session only while there is a rule.
"""

import logging
import threading

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.domain.problems import AppError, Cancelled
from desktop_app.domain.sessions.snapshot import Link, SessionId, SessionSnapshot
from desktop_app.services.connection.connections import Connections
from desktop_app.services.ports.access import Ports
from desktop_app.services.ports.view import PortsView
from desktop_app.services.state.store import SessionStore

ASK_S = 15.0

_log = logging.getLogger(__name__)


class PortWatch:
    """Works until ``close``."""

    def __init__(self, ports: Ports, outside: Outside, store: SessionStore, connections: Connections) -> None:
        self._ports = ports
        self._outside = outside
        self._store = store
        self._connections = connections
        self._stop = Cancel()
        self._asking = Cancel()
        self._offered: dict[tuple[SessionId, int], int] = {}  # port -> process; the user may have stopped it since
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._unsubscribe = store.subscribe(self._on_change)

    def _on_change(self, _old: SessionSnapshot | None, new: SessionSnapshot | None) -> None:
        """Begin with the first session that we are connected to. On the writer's thread."""
        if new is None or new.link is not Link.UP:
            return
        with self._lock:
            if self._thread is None and not self._stop.cancelled:
                self._thread = threading.Thread(target=self._run, name="ports-watch", daemon=True)
                self._thread.start()

    def cancel(self) -> None:
        """Begin to end. Never blocks."""
        self._unsubscribe()
        self._stop.cancel()
        self._asking.cancel()

    def close(self, seconds: float) -> tuple[str, ...]:
        """End; return the names of threads that outlive ``seconds``."""
        self.cancel()
        with self._lock:
            thread = self._thread
        if thread is None:
            return ()
        thread.join(seconds)
        return (thread.name,) if thread.is_alive() else ()

    def _run(self) -> None:
        while not self._stop.wait(self._outside.pace.ports_every_s):
            for session in self._connections.held_here() if self._outside.memory.forwards.always() else ():
                self._visit(session)

    def _visit(self, session: SessionId) -> None:
        snapshot = self._store.get(session)
        if snapshot is None or snapshot.link is not Link.UP:
            return
        self._asking = Cancel(ASK_S)
        try:
            self._stop.check()  # only now: a stop that comes later finds this question and ends it
            self._apply(session, self._ports.look(session, self._asking))
        except (AppError, Cancelled) as error:  # the link went down, or the session is of an older version
            _log.debug("no look at the ports of %s: %s", session.text, error)
        except Exception:  # thread boundary: the rules of the other sessions still count
            _log.exception("the ports of %s could not be looked at", session.text)

    def _apply(self, session: SessionId, view: PortsView) -> None:
        for row in view.ports:
            wanted = row.always and row.session and not row.local_port
            if wanted and self._offered.get((session, row.port)) != row.pid:
                self._offered[session, row.port] = row.pid
                here = self._ports.forward(session, row.port, self._asking)
                _log.info("%s on port %d is at 127.0.0.1:%d", row.label, row.port, here.local_port)
