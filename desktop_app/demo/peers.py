"""Other SessionDock processes, played: who holds what, and what they answer. Thread-safe."""

import threading
from collections.abc import Mapping
from typing import Any

from desktop_app.boundary.peers import WINDOW, Handler, Holder, PeerNames, owned_by
from desktop_app.domain.problems import AppError, Cancelled


class FakePeers(PeerNames):
    """Names that live in this process only.

    Script: ``holders`` (name -> the other process that holds it), ``answers`` (operation -> result or error).
    """

    def __init__(self, role: str = WINDOW, handler: Handler | None = None) -> None:
        self.role = role
        self.holders: dict[str, Holder] = {}
        self.answers: dict[str, Mapping[str, Any] | AppError] = {}
        self._handler = handler
        self._lock = threading.Lock()
        self._held: set[str] = set()
        self._closed = False

    def claim(self, name: str, wait: float = 0.0) -> bool:
        with self._lock:
            if self._closed:
                raise Cancelled
            if name in self.holders:
                return False
            self._held.add(name)
            return True

    def release(self, name: str) -> None:
        with self._lock:
            self._held.discard(name)

    def release_for_good(self, name: str) -> None:
        self.release(name)

    def holder(self, name: str) -> Holder | None:
        with self._lock:
            return self.holders.get(name)

    def ask(self, holder: Holder, op: str, name: str, args: Mapping[str, Any] | None = None) -> dict[str, Any]:
        with self._lock:
            if op in LETS_GO:
                self.holders.pop(name, None)
            answer = self.answers.get(op, {})
        if isinstance(answer, AppError):
            raise answer
        if not holder.address:
            raise owned_by(holder.pid)
        return dict(answer)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._held.clear()


LETS_GO = ("detach", "give-up")  # what a command line answers by handing its connection over
