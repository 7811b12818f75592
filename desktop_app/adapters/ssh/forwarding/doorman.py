"""Whose the connections of one session are. ``ask`` belongs to the forwarding loop's thread.

Where the kernel can't tell at once (macOS, Windows, Linux without sock_diag), a thread of its own asks the system,
begun with the first such connection: the loop must not wait. Decision 0037.
"""

import logging
import queue
import socket
import threading
from collections.abc import Callable
from functools import partial

from desktop_app.adapters.loopback_peer import Peer, glance, whose

WAITING = 128  # connections; who comes then is refused

log = logging.getLogger(__name__)

Then = Callable[[Peer], None]
Later = Callable[[Callable[[], None]], None]


class Doorman:
    """``glance`` and ``whose`` are those of loopback_peer."""

    def __init__(
        self,
        name: str,
        glance: Callable[[socket.socket], Peer | None] = glance,
        whose: Callable[[socket.socket], Peer] = whose,
    ) -> None:
        self._name = name
        self._glance = glance
        self._whose = whose
        self._waiting: queue.Queue[tuple[socket.socket, Then, Later] | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def ask(self, client: socket.socket, then: Then, later: Later) -> None:
        """Call ``then`` with whose the connection is: now, or through ``later``, which brings it to the caller's
        thread."""
        peer = self._glance(client)
        if peer is not None:
            then(peer)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"door-{self._name}", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait((client, then, later))
        except queue.Full:
            log.warning("too many programs came to the forwarded ports at once")
            then(Peer.GONE)

    def close(self, seconds: float) -> None:
        """End the thread; who still waits is let go."""
        self._ended.set()
        if self._thread is not None:
            try:
                self._waiting.put_nowait(None)
            except queue.Full:
                log.debug("the queue at the door is full: its thread is awake")
            self._thread.join(seconds)
        while not self._waiting.empty():
            if (left := self._waiting.get_nowait()) is not None:
                left[0].close()

    def _run(self) -> None:
        while (asked := self._waiting.get()) is not None and not self._ended.is_set():
            client, then, later = asked
            try:
                peer = self._whose(client)
            except Exception:
                # This thread's boundary: without it nobody would be let in any more.
                log.exception("it could not be found out whose a connection is")
                peer = Peer.GONE
            later(partial(then, peer))
        if asked is not None:
            asked[0].close()
