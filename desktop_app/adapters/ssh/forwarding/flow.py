"""One forwarded connection: a local socket on one side, an SSH channel on the other, and all that may end either.
Decision 0027.

A connection that doesn't end as TCP connections do (transport lost, channel closed without an end of data, no
destination in time) is reset: a clean close would pass half an answer off as a whole one.
"""

import contextlib
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from desktop_app.adapters.ssh.forwarding.loop import Loop
from desktop_app.adapters.ssh.forwarding.poller import READ, WRITE
from desktop_app.adapters.ssh.forwarding.streams import Downstream, Upstream
from desktop_app.adapters.ssh.forwarding.uplink import Uplink
from desktop_app.boundary.connection import Destination

_RESET = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # SO_LINGER: drop what is unsent, send RST


@dataclass(slots=True)  # not frozen: one is made for each connection, and that takes three times as long
class Arrival:
    """A local connection that was accepted, before it has a channel."""

    app: str
    client: socket.socket
    origin: tuple[str, int]
    destination: Destination | None  # set: it leads there whatever its listener says
    deadline: float  # monotonic; until then it may wait for a destination and a channel


class Owner(Protocol):
    """Who keeps the connections. On the loop's thread."""

    def forget(self, connection: "Connection") -> None:
        """Forget a connection that has ended."""

    def dispatch(self, connection: "Connection") -> None:
        """Try again with a connection whose transport was lost before its channel was open."""


class Connection:
    """A Flow of its channel. ``update`` runs on the loop's thread whenever something may have changed."""

    def __init__(self, loop: Loop, arrival: Arrival, owner: Owner) -> None:
        client = arrival.client
        self.arrival = arrival
        self.remote = 0
        self.uplink: Uplink | None = None
        self._owner = owner
        self._loop = loop
        self._client = client
        self._down = Downstream(client, self._update_now)
        self._up = Upstream(loop, client, self.update)
        self.feed: Callable[[memoryview], None] = self._down.feed  # one call less for each piece of data
        # what the transport's thread was told; it sets, and makes the loop look at what it can't do itself
        self._open = False
        self._refused = False
        self._lost = False
        self._remote_eof = False
        self._remote_closed = False
        self._noted = False  # the loop is going to look
        # the loop's thread only
        self._watched = 0
        self._done = False
        client.setblocking(False)
        with contextlib.suppress(OSError):  # macOS refuses when the other side left already
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # ---- the transport's thread

    def opened(self, remote: int, window: int, packet: int) -> None:
        uplink = self.uplink
        if uplink is None:
            return
        self.remote = remote
        self._down.opened(partial(uplink.channels.send_credit, remote))
        if self._up.opened(uplink, remote, window, packet):
            self._update_soon()
        with self._down.lock:
            self._open = True
            left = self._down.broken
        if left:  # nobody waited that long
            uplink.channels.send_close(remote)
            uplink.channels.flush()

    def refused(self) -> None:
        self._refused = True
        self._update_soon()

    def grant(self, size: int) -> None:
        if self._up.grant(size):
            self._update_soon()

    def finished(self) -> None:
        self._remote_eof = True
        if not self._down.finish() or self._up.through:
            self._update_soon()

    def closed(self) -> None:
        self._remote_closed = True
        if not self._done:
            self._update_soon()

    def lost(self) -> None:
        self._lost = True
        self._update_soon()

    def _update_soon(self) -> None:
        if not self._noted:
            self._noted = True
            self._loop.defer(self.update)

    def _update_now(self) -> None:
        """Wake the loop: data waits, and the local side may have room before all that came was handed on."""
        self._update_soon()
        self._loop.wake()

    # ---- the loop's thread

    @property
    def waiting(self) -> bool:
        """True if no transport was asked for a channel yet."""
        return self.uplink is None and not self._done

    @property
    def is_settled(self) -> bool:
        """True if its channel is open, or it has ended."""
        return self._open or self._done

    def update(self) -> None:
        """Draw the conclusions from all that happened."""
        self._noted = False  # before anything is looked at: what changes later is looked at again
        if self._done:
            return
        if self._lost and not self._open and not self._refused:
            self.uplink = None
            self._lost = False
            self._owner.dispatch(self)
        elif (
            self._lost
            or self._refused
            or self._up.broken
            or self._down.broken
            or (self._remote_closed and not self._remote_eof)
        ):
            self.abort()
        elif self._remote_eof and not self._down.queue and self._finish():
            self._discard_input()
            self._close()
        else:
            self._up.send_end()
            read = READ if self._up.wanted else 0
            write = WRITE if self._down.queue else 0
            self._watched = self._loop.watch(self._client, self._watched, read | write, self._ready)

    def abort(self) -> None:
        """Reset the local side. A FIN must not go out: it would look like a complete answer."""
        if not self._done:
            _reset_on_close(self._client)
            self._close()

    def _ready(self, mask: int) -> None:
        if mask & WRITE and self._down.flush():
            self.update()
        if mask & READ and not self._done:
            self._up.readable()

    def _finish(self) -> bool:
        """Tell the local side, which has all, of the remote's end. True if nothing more can go the other way."""
        if self._remote_closed or self._up.through:
            return True
        self._down.finish()
        return False

    def _discard_input(self) -> None:
        """Read what came: closing a socket with unread bytes resets it, and its program may lose what was sent."""
        with contextlib.suppress(OSError):  # BlockingIOError: that was all
            while not self._up.ended and self._client.recv_into(self._loop.room):
                pass

    def _close(self) -> None:
        """Close both sides."""
        self._done = True
        self._watched = self._loop.watch(self._client, self._watched, 0, self._ready)
        with self._down.lock:
            is_open = self._open
            self._down.close()
        untold = self._up.close()
        if is_open and self.uplink is not None:
            channels = self.uplink.soon()
            if untold:
                channels.send_eof(self.remote)
            channels.send_close(self.remote)
        self._owner.forget(self)


def reset(client: socket.socket) -> None:
    """Close it so that nobody takes that for a complete answer."""
    _reset_on_close(client)
    client.close()


def _reset_on_close(client: socket.socket) -> None:
    with contextlib.suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
