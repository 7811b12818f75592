"""One forwarded connection: a local socket on one side, an SSH channel on the other, and all that may end either.

A connection that doesn't end as TCP connections do (transport lost, channel closed without an end of data, no
destination in time) is reset: a clean close would pass half an answer off as a whole one.
"""

import contextlib
import socket
import struct
import sys
from collections.abc import Callable
from functools import partial

from desktop_app.adapters.ssh.forwarding.loop import Loop
from desktop_app.adapters.ssh.forwarding.poller import READ, WRITE
from desktop_app.adapters.ssh.forwarding.streams import Downstream, Upstream
from desktop_app.adapters.ssh.forwarding.uplink import Uplink
from desktop_app.boundary.connection import Destination

_RESET = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # SO_LINGER: drop what is unsent, send RST


class Connection:
    """See the module. ``settle`` runs on the loop's thread whenever something may have changed."""

    def __init__(self, loop: Loop, app: str, client: socket.socket, origin: tuple[str, int]) -> None:
        self.app = app
        self.origin = origin
        self.destination: Destination | None = None  # set: it leads there whatever its listener says
        self.remote = 0
        self.deadline = 0.0  # monotonic; until then it may wait for a destination
        self.uplink: Uplink | None = None
        self.on_done: Callable[[Connection], None] = _nothing
        self.on_lost: Callable[[Connection], None] = _nothing  # before it was open: it may try again
        self._loop = loop
        self._client = client
        self._down = Downstream(client, self._hurry)
        self._up = Upstream(loop, client, self.settle)
        self.feed: Callable[[memoryview], None] = self._down.feed
        # what the transport's thread was told; it sets, and makes the loop look at what it can't do itself
        self._open = self._refused = self._lost = self._remote_eof = self._remote_closed = False
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
        self._down.credit = partial(uplink.channels.credit, remote)
        if self._up.begin(uplink, remote, window, packet):
            self._look()
        with self._down.lock:
            self._open = True
            left = self._down.broken
        if left:  # nobody waited that long
            uplink.channels.close(remote)
            uplink.channels.flush()

    def refused(self) -> None:
        self._refused = True
        self._look()

    def grant(self, size: int) -> None:
        if self._up.grant(size):
            self._look()

    def finished(self) -> None:
        self._remote_eof = True
        if not self._down.shut() or self._up.through:
            self._look()

    def closed(self) -> None:
        self._remote_closed = True
        if not self._done:
            self._look()

    def lost(self) -> None:
        self._lost = True
        self._look()

    def _look(self) -> None:
        if not self._noted:
            self._noted = True
            self._loop.note(self.settle)

    def _hurry(self) -> None:
        """Data waits, and whoever it is for may have room again before this thread has handed on all that came."""
        self._look()
        self._loop.nudge()

    # ---- the loop's thread

    @property
    def waiting(self) -> bool:
        """Nobody was asked for a channel yet."""
        return self.uplink is None and not self._done

    @property
    def settled(self) -> bool:
        """Its channel is open, or it ended."""
        return self._open or self._done

    def settle(self) -> None:
        """Draw the conclusions from all that happened."""
        self._noted = False  # before anything is looked at: what changes later is looked at again
        if self._done:
            return
        if self._lost and not self._open and not self._refused:
            self.uplink, self._lost = None, False
            self.on_lost(self)
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
            self._leave()
        else:
            self._up.tell_end()
            read = READ if self._up.wanted else 0
            write = WRITE if self._down.queue else 0
            self._watched = self._loop.watch(self._client, self._watched, read | write, self._ready)

    def abort(self) -> None:
        """Reset the local side. A FIN must not go out: it would look like a complete answer."""
        if not self._done:
            _reset_on_close(self._client)
            self._leave()

    def _ready(self, mask: int) -> None:
        if mask & WRITE and self._down.flush():
            self.settle()
        if mask & READ and not self._done:
            self._up.readable()

    def _finish(self) -> bool:
        """The remote has said all, and the local side has it. True when nothing more can go the other way."""
        if self._remote_closed or self._up.through:
            return True
        self._down.shut()
        return False

    def _discard_input(self) -> None:
        """To close a socket that holds unread bytes resets it, and the other program may lose what it has not read."""
        with contextlib.suppress(OSError):  # BlockingIOError: that was all
            while not self._up.ended and self._client.recv_into(self._loop.room):
                pass

    def _leave(self) -> None:
        """Close both sides."""
        self._done = True
        self._watched = self._loop.watch(self._client, self._watched, 0, self._ready)
        with self._down.lock:
            is_open = self._open
            self._down.end()
        untold = self._up.end()
        if is_open and self.uplink is not None:
            channels = self.uplink.soon()
            if untold:
                channels.finish(self.remote)
            channels.close(self.remote)
        self.on_done(self)


def reset(client: socket.socket) -> None:
    """Close it so that nobody takes that for a complete answer."""
    _reset_on_close(client)
    client.close()


def _reset_on_close(client: socket.socket) -> None:
    with contextlib.suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _nothing(_connection: Connection) -> None:
    pass
