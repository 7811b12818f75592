"""The two directions of a forwarded connection, each with its own flow control. Decision 0027.

Down (remote to local), the transport's thread writes to the local socket itself, without waiting; what the socket
doesn't take is queued, and from then on the loop's thread writes. The queue is bounded by the channel's window, since
only what the local side has taken is credited to the remote. Up, the loop's thread reads only while the remote's
window is open and the wire takes what it gets. So whoever is slow stops its own sender, and nobody else.
"""

import contextlib
import socket
import threading
from collections.abc import Callable

from paramiko import SSHException

from desktop_app.adapters.ssh.forwarding.loop import Loop
from desktop_app.adapters.ssh.forwarding.uplink import Uplink
from desktop_app.adapters.ssh.transport.channels import CREDIT, WINDOW
from desktop_app.adapters.ssh.transport.sealing import BATCH, HEAD

PACKET_DATA = 32 * 1024  # what OpenSSH takes at once
EARLY = 16 * 1024  # what we read before the other side has opened the channel


class Downstream:
    """Remote to local. ``on_change`` is called, on the transport's thread, when the loop has to look."""

    def __init__(self, client: socket.socket, on_change: Callable[[], None]) -> None:
        self.queue = bytearray()
        self.broken = False  # the local side takes no more
        self.lock = threading.Lock()  # between both threads
        self._client = client
        self._credit: Callable[[int], None] = _nothing  # so many bytes more may come
        self._on_change = on_change
        self._expected = WINDOW  # bytes that may still come
        self._taken = 0  # bytes that the local side took since the last credit
        self._shut = False

    def opened(self, credit: Callable[[int], None]) -> None:
        """Credit what the local side takes by that function. On the transport's thread, before any data."""
        self._credit = credit

    def feed(self, data: memoryview) -> None:
        """Write or queue what came. On the transport's thread. Raises SSHException for more than the window."""
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
        """Write once from the queue. True if that is empty now, or never will be. On the loop's thread."""
        with self.lock:
            with memoryview(self.queue) as view:
                sent = self._write(view[:BATCH])
            del self.queue[:sent]
            self._take(sent)
            return not self.queue or self.broken

    def finish(self) -> bool:
        """Tell the local side that nothing more will come, once it has all; False while it has not. Any thread."""
        with self.lock:
            if not (self.queue or self.broken or self._shut):
                self._shut = True
                with contextlib.suppress(OSError):  # it left
                    self._client.shutdown(socket.SHUT_WR)
            return not self.queue

    def close(self) -> None:
        """Close the socket. What still comes is dropped, and nothing is credited. The lock is held."""
        self.broken = True
        self.queue = bytearray()
        self._on_change = _nobody  # no cycle is left for the garbage collector
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
            self._credit(credit)


class Upstream:
    """Local to remote, on the loop's thread (but for ``opened`` and ``grant``). ``on_change`` is called when it wants
    to be watched in another way, or has ended."""

    def __init__(self, loop: Loop, client: socket.socket, on_change: Callable[[], None]) -> None:
        self.ended = False  # the local side has said all
        self.broken = False  # the local side is gone
        self._loop = loop
        self._client = client
        self._on_change = on_change
        self._uplink: Uplink | None = None
        self._remote = 0
        self._limit = PACKET_DATA
        self._lock = threading.Lock()  # _granted, _early, and what is said because of them
        self._granted = 0
        self._early = b""  # read before the channel was open
        self._end_due = False  # the remote has to be told of the end
        self._stash = b""  # read, but not sent: keys were being exchanged
        self._paused = False

    def opened(self, uplink: Uplink, remote: int, window: int, packet: int) -> bool:
        """Send what was read before the channel was open, without a detour through the loop; True if the loop has to
        look. On the transport's thread, once."""
        with self._lock:
            stopped = len(self._early) >= EARLY
            self._remote = remote
            self._limit = max(1, min(packet, PACKET_DATA))
            self._granted = window
            self._send_early(uplink)
            self._uplink = uplink  # last: from now on the loop's thread sends
        return stopped

    def grant(self, size: int) -> bool:
        """Open the remote's window by ``size`` bytes; True if the loop has to look. On the transport's thread."""
        with self._lock:
            waited = self._granted == 0
            self._granted += size
            if self._early and self._uplink is not None:
                self._send_early(self._uplink)
        return waited

    @property
    def through(self) -> bool:
        """True if all that the local side has said is on its way."""
        return self.ended and not self._early

    @property
    def wanted(self) -> bool:
        """True if there is anything to do with what the local side says."""
        if self._paused or self.ended or self.broken:
            return False
        return self._granted > 0 and not self._early if self._uplink is not None else len(self._early) < EARLY

    def readable(self) -> None:
        """Read once, and send what came. On the loop's thread."""
        uplink = self._uplink
        if uplink is None:
            self._read_early()
        elif not self.wanted:
            self._on_change()
        elif not uplink.channels.packets.ready:
            self._pause(uplink)
        elif got := self._read(min(BATCH, self._granted)):
            self._send(uplink, got)
        elif got == 0 or self.broken:
            self._end_due = not self.broken
            self.ended = self._end_due
            self._on_change()

    def send_end(self) -> None:
        """Tell the remote that the local side has said all; the channel stays open for what comes down."""
        if self._end_due and self._uplink is not None:
            self._end_due = False
            self._uplink.soon().send_eof(self._remote)

    def close(self) -> bool:
        """Send nothing more, as on a channel that we close. True if the local side's end was not told yet."""
        with self._lock:
            self.broken = True
            self._stash = b""
            self._early = b""
        self._on_change = _nobody
        return self._end_due

    def resume(self) -> None:
        """Go on: the wire takes data again."""
        self._paused = False
        if self._stash and self._uplink is not None:
            stash, self._stash = self._stash, b""
            self._loop.room[HEAD : HEAD + len(stash)] = stash
            self._send(self._uplink, len(stash))
        self._on_change()

    def _read(self, size: int) -> int | None:
        """Read into the loop's room; return the bytes, None when nothing came or the local side is gone."""
        try:
            return self._client.recv_into(self._loop.room[HEAD : HEAD + size])
        except BlockingIOError:
            return None
        except OSError:
            self.broken = True
            return None

    def _read_early(self) -> None:
        """Read while the channel is being opened: most clients speak first."""
        with self._lock:
            room = EARLY - len(self._early)
            if self._uplink is not None or not room:
                return  # it was opened meanwhile: what can be read is told again
            got = self._read(room)
            if got:
                self._early += self._loop.room[HEAD : HEAD + got]
            self.ended = got == 0
        if self.ended or self.broken or got == room:
            self._on_change()

    def _send_early(self, uplink: Uplink) -> None:
        """Send of what was read early as much as the remote's window takes. The transport's thread, under the lock."""
        while self._early and self._granted:
            part = self._early[: min(self._limit, self._granted)]
            self._granted -= len(part)
            uplink.channels.send_data(self._remote, part)
            self._early = self._early[len(part) :]  # only now: until then the loop's thread sends nothing
        if self.ended and not self._early and not self.broken:
            uplink.channels.send_eof(self._remote)
            uplink.channels.flush()

    def _send(self, uplink: Uplink, size: int) -> None:
        """Send what lies in the loop's room."""
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


def _nobody() -> None:
    pass
