"""SessionForwards: what of one session's ports is forwarded right now, and what comes back with the next run.

Belongs to the session's tunnel; any thread, one change at a time.
"""

import logging
import threading
from collections.abc import Callable

from desktop_app.boundary.connection import BoundPort, Destination, Forwards
from desktop_app.boundary.memory import ForwardMemory
from desktop_app.domain.access.listening import LOOPBACK, Forward, Kind, local_key, preferred_port
from desktop_app.domain.access.loops import leads_back
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.connection.session.local_ports import LocalPorts

SOCKS_PORT = 1080  # registered for it
LOOP_TRIES = 50  # local ports one after the other, for a session on this computer

_log = logging.getLogger(__name__)


class SessionForwards:
    """The forwards of one attached session. The local port of each stays, even after it was stopped."""

    def __init__(
        self,
        session: SessionId,
        memory: ForwardMemory,
        ports: LocalPorts,
        forwards: Forwards,
        is_here: Callable[[], bool] = lambda: False,
    ) -> None:
        """Hold no forward yet. ``is_here``: whether the session's loopback is this computer's own."""
        self._session = session
        self._memory = memory
        self._ports = ports
        self._forwards = forwards
        self._is_here = is_here
        self._lock = threading.RLock()
        self._active: dict[str, Forward] = {}

    def all(self) -> tuple[Forward, ...]:
        with self._lock:
            return tuple(self._active.values())

    def restore(self) -> None:
        """Open what was open when this session was last attached; before the first dial, like every local port."""
        remembered = self._memory.of(self._session.text)
        with self._lock:
            self._active.update({forward.key: forward for forward in remembered})
        for forward in remembered:
            try:
                self._restore(forward)
            except AppError as error:
                _log.warning("%s could not be forwarded again: %s", forward.key, error)

    def _restore(self, forward: Forward) -> None:
        if forward.kind is Kind.LOCAL:
            self.local(forward.remote_port, forward.host)
        elif forward.kind is Kind.REVERSE:
            self.reverse(forward.remote_port, forward.local_port)
        else:
            self.socks()

    def reverse(self, remote_port: int, local_port: int) -> Forward:
        """Make a port of this computer reachable in the session. Problems: port.remote (the machine refuses)"""
        forward = Forward(Kind.REVERSE, local_port, remote_port)
        if self._leads_back(forward):
            mend = "A program of the session reaches that port as it is."
            raise failure("port.loop", remote=remote_port, local=local_port, mend=mend)
        with self._lock:
            if self._active.get(forward.key) not in (None, forward):
                self._forwards.unbind(forward.key)
        # Without the lock: the machine is asked, and nobody may wait for its answer just to look.
        self._forwards.reverse(forward.key, remote_port, local_port)
        with self._lock:
            self._set(forward)
        return forward

    def socks(self, wanted: int = 0) -> Forward:
        """Open a SOCKS5 proxy on this computer. Problems: port.none, port.busy"""
        key = Forward(Kind.SOCKS, SOCKS_PORT).key
        with self._lock:
            current = self._active.get(key)
            before = current if current is not None and wanted and wanted != current.local_port else None
            if before is not None:
                self._forwards.unbind(key)
            port = wanted or self._ports.wanted(self._session, (key,), {key: SOCKS_PORT})[key]
            try:
                bound = self._insisted(key, wanted, self._forwards.proxy(key, port))
            except AppError:
                if before is not None:
                    self.socks(before.local_port)
                raise
            self._ports.keep(self._session, {key: bound.port})
            forward = Forward(Kind.SOCKS, bound.port)
            self._set(forward)
            return forward

    def local(self, remote_port: int, host: str = LOOPBACK, wanted: int = 0) -> tuple[Forward, BoundPort]:
        """Make a port of the session reachable here; ``wanted`` is the local port to insist on.

        Problems: port.none, port.busy (the one that was insisted on is taken)
        """
        key = local_key(remote_port)
        with self._lock:
            current = self._active.get(key)
            before = current if current is not None and wanted and wanted != current.local_port else None
            if before is not None:
                self._forwards.unbind(key)
            try:
                bound = self._bind(key, remote_port, host, wanted)
            except AppError:
                if before is not None:  # what was asked for can't be had; what was there comes back
                    self.local(before.remote_port, before.host, before.local_port)
                raise
            forward = Forward(Kind.LOCAL, bound.port, remote_port, host)
            self._ports.keep(self._session, {key: bound.port})
            self._set(forward)
            return forward, bound

    def why_elsewhere(self, forward: Forward, bound: BoundPort) -> str:
        """Return why the local port is not the one of first choice, as a sentence; "" where it is."""
        first = preferred_port(forward.remote_port)
        if forward.local_port == first:
            return ""
        if bound.taken_by:
            return f"Port {bound.wanted} of this computer is taken by {bound.taken_by}."
        if self._leads_back(Forward(Kind.LOCAL, first, forward.remote_port, forward.host)):
            return f"Port {first} of this computer is the session's own, since it runs here."
        if self._ports.is_kept_for_another(first, self._session):
            return f"Port {first} of this computer is kept for another session."
        return "It keeps the local port that it had before."

    def _bind(self, key: str, remote_port: int, host: str, wanted: int) -> BoundPort:
        port = wanted or self._ports.wanted(self._session, (key,), {key: preferred_port(remote_port)})[key]
        for candidate in range(port, port + LOOP_TRIES):
            if not self._leads_back(Forward(Kind.LOCAL, candidate, remote_port, host)):
                bound = self._insisted(
                    key, wanted, self._forwards.forward(key, candidate, Destination(remote_port, host))
                )
                if not self._leads_back(Forward(Kind.LOCAL, bound.port, remote_port, host)):
                    return bound
                self._forwards.unbind(key)  # it moved to another one than was asked for
            if wanted:
                break
        mend = f"Programs here reach it at {LOOPBACK}:{remote_port} as it is."
        raise failure("port.loop", remote=remote_port, local=port, mend=mend)

    def _leads_back(self, forward: Forward) -> bool:
        """True if it would lead into itself, alone or by way of other forwards of this user's."""
        if not self._is_here():
            return False
        texts = (text for text in self._ports.sessions() if text != self._session.text)
        others = [other for text in texts for other in self._memory.of(text)]
        return leads_back(forward, (*others, *self.all()))

    def _insisted(self, key: str, wanted: int, bound: BoundPort) -> BoundPort:
        """Return what was bound, or no port at all where the user wants that one. Problems: port.busy"""
        if wanted and bound.port != wanted:
            self._forwards.unbind(key)
            self._drop(key)
            raise failure("port.busy", wanted=wanted, program=bound.taken_by or "another program")
        return bound

    def stop(self, key: str) -> bool:
        """End a forward; False when there was no such one."""
        with self._lock:
            self._forwards.unbind(key)
            return self._drop(key)

    def _set(self, forward: Forward) -> None:
        if self._active.get(forward.key) != forward:
            self._active[forward.key] = forward
            self._memory.save(self._session.text, self.all())

    def _drop(self, key: str) -> bool:
        dropped = self._active.pop(key, None)
        if dropped is not None:
            self._memory.save(self._session.text, self.all())
        return dropped is not None
