"""The forwarded connections' channels on one SSH transport: RFC 4254, section 5, as far as TCP forwarding needs it.

Our channels have numbers that paramiko never gives to its own (the control channel, SFTP), so that both share one
connection: what is for one of ours is taken here, on the transport's thread, before paramiko sees it. A Flow is one
channel's other half. Decision 0027.
"""

import contextlib
import itertools
import struct
import threading
from collections.abc import Callable
from typing import Protocol

from paramiko import SSHException

from desktop_app.adapters.ssh.transport.packets import PACKET, Handlers, StreamPacketizer
from desktop_app.adapters.ssh.wire_format import string

WINDOW = 4 * 1024 * 1024  # bytes that one stalled connection can cost us; 100 MB/s at 40 ms round trip
CREDIT = WINDOW // 8  # what we have taken before we tell
FIRST = 1 << 24  # paramiko's numbers stay below

OPEN, CONFIRMATION, REFUSAL = 90, 91, 92
WINDOW_ADJUST, DATA, EXTENDED_DATA, EOF, CLOSE, REQUEST = range(93, 99)
FAILURE = 100

Handler = Callable[["Channels", "Flow", memoryview], None]


class Flow(Protocol):
    """What a channel's data is for. Called on the transport's thread, one call at a time; none may block."""

    remote: int  # the other side's number
    feed: Callable[[memoryview], None]  # data, valid during the call

    def opened(self, remote: int, window: int, packet: int) -> None: ...

    def refused(self) -> None: ...

    def grant(self, size: int) -> None: ...

    def finished(self) -> None:
        """Hear that no more data will come."""

    def closed(self) -> None:
        """Hear that nothing more will come at all."""

    def lost(self) -> None:
        """Hear that the transport ended."""


class Channels:
    """Numbers and messages. ``open`` and the other senders: any thread, never blocking. What begins or ends a channel
    is sent with the next ``flush``, if nothing else is sent before."""

    def __init__(self, packets: StreamPacketizer) -> None:
        self.packets = packets
        self._lock = threading.Lock()
        self._flows: dict[int, Flow] = {}
        self._numbers = itertools.count(FIRST)
        self._ended = False
        self.set_listeners(_nothing, _nothing)

    def open(self, flow: Flow, host: str, port: int, origin: tuple[str, int]) -> bool:
        """Ask for a connection to ``host``; the answer is ``opened`` or ``refused``. False: the transport ended."""
        with self._lock:
            if self._ended:
                return False
            number = next(self._numbers)
            self._flows[number] = flow
        words = _OPENING + struct.pack(">III", number, WINDOW, PACKET)
        where = (
            string(host.encode()) + port.to_bytes(4, "big") + string(origin[0].encode()) + origin[1].to_bytes(4, "big")
        )
        self.packets.queue(words + where)
        return True

    def set_listeners(self, on_open: Callable[[], None], on_idle: Callable[[], None]) -> None:
        """Call ``on_open()``: data can be sent again, on any thread; ``on_idle()``: all that came was handed on, on the
        transport's thread."""
        self.packets.handlers = Handlers(self.take, on_open, on_idle)

    def flush(self) -> None:
        """Send what begins or ends channels now."""
        self._post()

    def end(self) -> None:
        """Tell every flow that the transport ended; its thread's last act."""
        with self._lock:
            self._ended = True
            flows, self._flows = list(self._flows.values()), {}
        for flow in flows:
            flow.lost()
        self.packets.handlers.idle()

    def send_data(self, remote: int, data: bytes) -> None:
        """Send a little data, in one packet."""
        self._post(b"%b%b" % (struct.pack(">BII", DATA, remote, len(data)), data))

    def send_credit(self, remote: int, size: int) -> None:
        """Tell that so many bytes were delivered: as many more may come."""
        self._post(struct.pack(">BII", WINDOW_ADJUST, remote, size))

    def send_eof(self, remote: int) -> None:
        self.packets.queue(struct.pack(">BI", EOF, remote))

    def send_close(self, remote: int) -> None:
        self.packets.queue(struct.pack(">BI", CLOSE, remote))

    def _post(self, *payloads: bytes) -> None:
        # The transport's thread finds out by itself that the connection ended, and tells every flow.
        with contextlib.suppress(OSError, EOFError):
            self.packets.send_now(*payloads)

    # ---- the transport's thread

    def take(self, command: int, payload: memoryview) -> bool:
        """True if the message was for one of ours."""
        if not CONFIRMATION <= command <= FAILURE:
            return False
        number = int.from_bytes(payload[1:5], "big")
        if number < FIRST:
            return False
        flow = self._flows.get(number)
        if flow is None:
            raise SSHException("a message for a channel that does not exist")
        if command == DATA:
            data = payload[9:]
            if len(data) != int.from_bytes(payload[5:9], "big"):
                raise SSHException("channel data of the wrong length")
            flow.feed(data)
        elif handler := _HANDLERS.get(command):
            handler(self, flow, payload[5:])
            if command in (CLOSE, REFUSAL):
                with self._lock:
                    self._flows.pop(number, None)
        return True

    def _answer(self, flow: Flow, body: memoryview) -> None:
        """Refuse what sshd asks now and then, only to see that we are alive."""
        size = int.from_bytes(body[:4], "big")
        if any(body[4 + size : 5 + size]):  # it wants an answer
            self._post(struct.pack(">BI", FAILURE, flow.remote))


_HANDLERS: dict[int, Handler] = {
    CONFIRMATION: lambda _, flow, body: flow.opened(*struct.unpack(">III", body[:12])),
    REFUSAL: lambda _, flow, body: flow.refused(),
    WINDOW_ADJUST: lambda _, flow, body: flow.grant(int.from_bytes(body[:4], "big")),
    EOF: lambda _, flow, body: flow.finished(),
    CLOSE: lambda _, flow, body: flow.closed(),
    REQUEST: Channels._answer,
}


_OPENING = bytes((OPEN,)) + string(b"direct-tcpip")


def _nothing() -> None:
    pass
