"""The two directions of a forwarded connection, each with its own flow control.

Down (remote to local), the transport's thread writes to the local socket itself, without waiting; what the socket
doesn't take is queued, and from then on the loop's thread writes. The queue is bounded by the channel's window, since
only what the local side has taken is credited to the remote. Up, the loop's thread reads only while the remote's
window is open and the wire takes what it gets. So whoever is slow stops its own sender, and nobody else.
"""

import socket
import threading
from collections.abc import Callable

from paramiko import SSHException

from desktop_app.adapters.ssh.channels import CREDIT, WINDOW
from desktop_app.adapters.ssh.forwarding.loop import Loop
from desktop_app.adapters.ssh.forwarding.uplink import Uplink
from desktop_app.adapters.ssh.packets import BATCH, HEAD

PACKET_DATA = 32 * 1024  # what OpenSSH takes at once


class Downstream:
    """Remote to local. ``on_change`` is called, on the transport's thread, when the loop has to look."""

    def __init__(self, client: socket.socket, on_change: Callable[[], None]) -> None:
        self.credit: Callable[[int], None] = _nothing  # so many bytes more may come
        self.queue = bytearray()
        self.broken = False  # the local side takes no more
        self.lock = threading.Lock()  # between both threads
        self._client = client
        self._on_change = on_change
        self._expected = WINDOW  # bytes that may still come
        self._taken = 0  # bytes that the local side took since the last credit

    def feed(self, data: memoryview) -> None:
        """The transport's thread. Raises SSHException for more than the window."""
        size = len(data)
        with self.lock:
            self._expected -= size
            if self._expected < 0:
                raise SSHException("the other side sent more than a channel's window")
            if self.broken:
                return
            if self.queue:
                self.queue += data
                return
            sent = self._write(data)
            if sent < size:
                self.queue += data[sent:]
            self._take(sent)
        if sent < size:
            self._on_change()

    def flush(self) -> bool:
        """The loop's thread: one write. True when the queue is empty, or never will be."""
        with self.lock:
            with memoryview(self.queue) as view:
                sent = self._write(view[:BATCH])
            del self.queue[:sent]
            self._take(sent)
            return not self.queue or self.broken

    def end(self) -> None:
        """Close the socket. What still comes is dropped, and nothing is credited. The lock is held."""
        self.broken = True
        self.queue = bytearray()
        self._client.close()

    def _write(self, data: memoryview) -> int:
        try:
            return self._client.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self.broken = True
            return 0

    def _take(self, size: int) -> None:
        """Credit what the local side took, once it is worth a message. Under the lock: never after our CLOSE."""
        self._taken += size
        if self._taken >= CREDIT:
            credit, self._taken = self._taken, 0
            self._expected += credit
            self.credit(credit)


class Upstream:
    """Local to remote, on the loop's thread (but for ``grant``). ``on_change`` is called when it wants to be watched
    in another way, or has ended."""

    def __init__(self, loop: Loop, client: socket.socket, on_change: Callable[[], None]) -> None:
        self.ended = False  # the local side has said all, and it is on its way
        self.broken = False  # the local side is gone
        self._loop = loop
        self._client = client
        self._on_change = on_change
        self._uplink: Uplink | None = None
        self._remote = 0
        self._limit = PACKET_DATA
        self._lock = threading.Lock()  # _granted: the transport's thread adds
        self._granted = 0
        self._stash = b""  # read, but not sent: keys were being exchanged
        self._paused = False

    def begin(self, uplink: Uplink, remote: int, window: int, packet: int) -> None:
        """The transport's thread, once: the channel is open."""
        self._uplink, self._remote = uplink, remote
        self._limit = max(1, min(packet, PACKET_DATA))
        self._granted = window

    def grant(self, size: int) -> bool:
        """The transport's thread. True when the loop has to look."""
        with self._lock:
            waited = self._granted == 0
            self._granted += size
        return waited

    @property
    def wanted(self) -> bool:
        """Whether there is anything to do with what the local side says."""
        return self._granted > 0 and not (self._paused or self.ended or self.broken)

    def readable(self) -> None:
        uplink = self._uplink
        if uplink is None:
            return
        if not uplink.channels.packets.ready:
            self._pause(uplink)
            return
        try:
            got = self._client.recv_into(self._loop.room[HEAD : HEAD + min(BATCH, self._granted)])
        except BlockingIOError:
            return
        except OSError:
            self.broken = True
            self._on_change()
            return
        if got:
            self._send(uplink, got)
        else:
            self.ended = True
            uplink.channels.finish(self._remote)
            self._on_change()

    def end(self) -> None:
        """Nothing may be sent on a channel that we close."""
        self.broken = True
        self._stash = b""

    def resume(self) -> None:
        """The wire takes data again."""
        self._paused = False
        if self._stash and self._uplink is not None:
            stash, self._stash = self._stash, b""
            self._loop.room[HEAD : HEAD + len(stash)] = stash
            self._send(self._uplink, len(stash))
        self._on_change()

    def _send(self, uplink: Uplink, size: int) -> None:
        """What lies in the loop's room."""
        room = self._loop.room
        if not uplink.send(self._remote, room, size, self._limit):
            self._stash = bytes(room[HEAD : HEAD + size])
            self._pause(uplink)
            return
        with self._lock:
            self._granted -= size
            shut = self._granted == 0
        if shut:
            self._on_change()

    def _pause(self, uplink: Uplink) -> None:
        self._paused = True
        uplink.pause(self)
        self._on_change()


def _nothing(_size: int) -> None:
    pass
