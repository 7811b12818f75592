"""One forwarded connection: a local socket on one side, an SSH channel on the other, and all that may end either.

Downward (remote to local) the transport's thread writes to the socket itself, without waiting; what the socket doesn't
take is queued, and from then on the loop's thread writes. The queue is bounded by the channel's window, since only
what the local side has taken is credited to the remote. Upward, the loop's thread reads only while the remote's window
is open and the wire takes what it gets. So whoever is slow stops its own sender, and nobody else.

A connection that doesn't end as TCP connections do (transport lost, channel closed without an end of data, no way in
time) is reset: a clean close would pass half an answer off as a whole one.
"""

import contextlib
import socket
import struct
import sys
import threading
from collections.abc import Callable

from paramiko import SSHException

from desktop_app.adapters.ssh_channels import CREDIT, WINDOW
from desktop_app.adapters.ssh_loop import READ, WRITE, Loop
from desktop_app.adapters.ssh_packets import BATCH, HEAD
from desktop_app.adapters.ssh_uplink import Uplink
from desktop_app.ports import Way

PACKET_DATA = 32 * 1024  # what OpenSSH takes at once
_RESET = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # SO_LINGER: drop what is unsent, send RST


class Connection:
    """See the module. ``settle`` runs on the loop's thread whenever something may have changed."""

    def __init__(self, loop: Loop, app: str, client: socket.socket, origin: tuple[str, int]) -> None:
        self.app = app
        self.origin = origin
        self.way: Way | None = None  # where it leads whatever its listener's way is
        self.remote = 0
        self.deadline = 0.0  # monotonic; until then it may wait for a way
        self.uplink: Uplink | None = None
        self.on_done: Callable[[Connection], None] = lambda _: None
        self.on_lost: Callable[[Connection], None] = lambda _: None
        self._loop = loop
        self._client = client
        self._lock = threading.Lock()  # between both threads: all below
        self._queue = bytearray()
        self._open = self._refused = self._lost = self._broken = False
        self._remote_eof = self._remote_closed = False
        self._grant = 0  # bytes that may still go up
        self._expected = 0  # bytes that may still come down
        self._taken = 0  # bytes that the local side took since the last credit
        # the loop's thread only
        self._limit = PACKET_DATA
        self._stash = b""  # read, but the gate was shut
        self._watched = 0
        self._paused = self._local_eof = self._shut = self._close_sent = self._done = False
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # ---- the transport's thread

    def opened(self, remote: int, window: int, packet: int) -> None:
        with self._lock:
            self.remote = remote
            self._grant = window
            self._limit = max(1, min(packet, PACKET_DATA))
            self._expected = WINDOW
            self._open = True
            left = self._broken
        if left and self.uplink is not None:  # nobody waited that long
            self.uplink.channels.close(remote)
        self._loop.call(self.settle)

    def refused(self) -> None:
        with self._lock:
            self._refused = True
        self._loop.call(self.settle)

    def feed(self, data: memoryview) -> None:
        size = len(data)
        with self._lock:
            self._expected -= size
            if self._expected < 0:
                raise SSHException("the other side sent more than a channel's window")
            if self._broken:
                return
            if self._queue:
                self._queue += data
                return
            sent = self._write(data)
            credit = self._credit(sent)
            self._queue += data[sent:]
            waits = sent < size
        if credit and self.uplink is not None:
            self.uplink.channels.credit(self.remote, credit)
        if waits:
            self._loop.call(self.settle)

    def grant(self, size: int) -> None:
        with self._lock:
            waiting = self._grant == 0
            self._grant += size
        if waiting:
            self._loop.call(self.settle)

    def finished(self) -> None:
        with self._lock:
            self._remote_eof = True
        self._loop.call(self.settle)

    def closed(self) -> None:
        with self._lock:
            self._remote_closed = True
        self._loop.call(self.settle)

    def lost(self) -> None:
        with self._lock:
            self._lost = True
        self._loop.call(self.settle)

    # ---- both: the lock is held

    def _write(self, data: memoryview) -> int:
        """What the socket takes now."""
        try:
            return self._client.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self._broken = True
            return 0

    def _credit(self, size: int) -> int:
        """Bytes to credit to the remote now that ``size`` more were taken."""
        self._taken += size
        if self._taken < CREDIT or self._remote_eof:
            return 0
        credit, self._taken = self._taken, 0
        self._expected += credit
        return credit

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
        if self._done:
            return
        with self._lock:
            empty = not self._queue
            lost, broken = self._lost, self._broken
        if lost and not self._open and not self._refused:
            self.uplink, self._lost = None, False
            self.on_lost(self)
        elif lost or self._refused or broken or (self._remote_closed and not self._remote_eof):
            self.abort()
        elif empty and self._remote_eof and self._finish():
            self._discard_input()
            self._leave()
        else:
            self._watch()

    def _finish(self) -> bool:
        """The remote has said all, and the local side has it. True when the local side has finished, too."""
        if not self._shut:
            self._shut = True
            with contextlib.suppress(OSError):  # it left
                self._client.shutdown(socket.SHUT_WR)
        return self._remote_closed or (self._local_eof and not self._stash)

    def resume(self) -> None:
        """The wire takes data again."""
        self._paused = False
        if self._done:
            return
        if self._stash and self.uplink is not None:
            stash, self._stash = self._stash, b""
            self._loop.room[HEAD : HEAD + len(stash)] = stash
            self._send(len(stash))
            if not self._stash and self._local_eof:
                self._say_eof()
        self.settle()

    def abort(self) -> None:
        """Reset the local side. A FIN must not go out: it would look like a complete answer."""
        if not self._done:
            with contextlib.suppress(OSError):
                self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._leave()

    def _discard_input(self) -> None:
        """To close a socket that holds unread bytes resets it, and the other program may lose what it has not read."""
        with contextlib.suppress(OSError):  # BlockingIOError: that was all
            while not self._local_eof and self._client.recv_into(self._loop.room):
                pass

    def _leave(self) -> None:
        """Close both sides. What the remote still sends is dropped when it comes."""
        self._done = True
        self._watched = self._loop.watch(self._client, self._watched, 0, self._ready)
        with self._lock:
            self._broken = True
            self._queue = bytearray()
            self._client.close()
        if self._open and not self._close_sent and self.uplink is not None:
            self._close_sent = True
            self.uplink.channels.close(self.remote)
        self.on_done(self)

    def _watch(self) -> None:
        read = self._open and self._grant > 0 and not (self._paused or self._local_eof or self._stash)
        events = (READ if read else 0) | (WRITE if self._queue else 0)
        self._watched = self._loop.watch(self._client, self._watched, events, self._ready)

    def _ready(self, mask: int) -> None:
        if mask & WRITE:
            self._downward()
        if mask & READ and not self._done:
            self._upward()

    def _downward(self) -> None:
        with self._lock:
            with memoryview(self._queue) as view:
                sent = self._write(view[:BATCH])
            del self._queue[:sent]
            credit = self._credit(sent)
            ended = not self._queue or self._broken
        if credit and self.uplink is not None:
            self.uplink.channels.credit(self.remote, credit)
        if ended:
            self.settle()

    def _upward(self) -> None:
        uplink = self.uplink
        if uplink is None:
            return
        if not uplink.channels.packets.ready:
            self._pause(uplink)
            return
        try:
            got = self._client.recv_into(self._loop.room[HEAD : HEAD + min(BATCH, self._grant)])
        except BlockingIOError:
            return
        except OSError:
            self._broken = True
            self.settle()
            return
        if got:
            self._send(got)
        else:
            self._local_eof = True
            self._say_eof()
            self.settle()

    def _send(self, size: int) -> None:
        """What lies in the loop's room."""
        uplink = self.uplink
        assert uplink is not None
        room = self._loop.room
        if not uplink.send(self.remote, room, size, self._limit):
            self._stash = bytes(room[HEAD : HEAD + size])
            self._pause(uplink)
            return
        with self._lock:
            self._grant -= size
            shut = self._grant == 0
        if shut:
            self._watch()

    def _pause(self, uplink: Uplink) -> None:
        self._paused = True
        uplink.pause(self)
        self._watch()

    def _say_eof(self) -> None:
        if self.uplink is not None and not self._stash:
            self.uplink.channels.finish(self.remote)
