"""The loop's side of one transport: sends channel data, and makes its readers pause while the wire takes no more.

All on the loop's thread. Decision 0027.
"""

import contextlib
import socket
from typing import Protocol

from desktop_app.adapters.ssh.forwarding.loop import Loop
from desktop_app.adapters.ssh.forwarding.poller import WRITE
from desktop_app.adapters.ssh.transport.channels import Channels


class Paused(Protocol):
    """A reader that the wire made pause."""

    def resume(self) -> None: ...


class Uplink:
    """``wire`` is the transport's socket; while something waits for it, the loop watches a copy of its own."""

    def __init__(self, loop: Loop, channels: Channels, wire: socket.socket) -> None:
        self.channels = channels
        self._loop = loop
        self._wire = wire
        self._copy: socket.socket | None = None
        self._paused: list[Paused] = []
        self._flushing = False
        channels.set_listeners(on_open=lambda: loop.call_soon(self._relieve), on_idle=loop.wake)

    def send(self, remote: int, room: memoryview, size: int, limit: int) -> bool:
        """Send channel data, as StreamPacketizer.send_data; True for a transport that ended, which tells by itself."""
        try:
            return self.channels.packets.send_data(remote, room, size, limit)
        except (OSError, EOFError):
            return True

    def soon(self) -> Channels:
        """Return the channels, for a message that is sent with all others of this turn of the loop, at its end."""
        if not self._flushing:
            self._flushing = True
            self._loop.defer(self._flush)
        return self.channels

    def pause(self, reader: Paused) -> None:
        """Call ``reader.resume`` as soon as the wire takes data again."""
        self._paused.append(reader)
        if self.channels.packets.outbox.waiting:
            self._watch_wire()
        elif self.channels.packets.ready:
            self._loop.call_soon(self._relieve)  # it changed meanwhile

    def end(self) -> None:
        """Let go of a transport that ended: no reader waits for it any more."""
        if self._copy is not None:
            self._loop.watch(self._copy, WRITE, 0, self._writable)
            self._copy.close()
            self._copy = None
        self._relieve()

    def _flush(self) -> None:
        self._flushing = False
        self.channels.flush()

    def _watch_wire(self) -> None:
        if self._copy is None:
            try:
                self._copy = self._wire.dup()
                self._loop.watch(self._copy, 0, WRITE, self._writable)
            except OSError:  # the transport ended, which its flows learn from it
                self._copy = None

    def _writable(self, _mask: int) -> None:
        packets = self.channels.packets
        with contextlib.suppress(OSError, EOFError):
            packets.outbox.flush()
            if packets.outbox.waiting:
                return
        self.end()

    def _relieve(self) -> None:
        paused, self._paused = self._paused, []
        for reader in paused:
            reader.resume()
