"""SFTP's messages over one SSH channel: requests with numbers, answers that come in any order. One thread at a time.

Raises SftpError for what the server refuses and AppError(ssh.lost) or Cancelled for the rest.
"""

import struct
import time

from paramiko import Channel

from desktop_app.adapters.ssh.transfer.wire import FAILURE, Reader, SftpError, check
from desktop_app.adapters.ssh.wire import TICK_SECONDS, WIRE_ERRORS, describe
from desktop_app.domain.problems import failure
from desktop_app.ports import Cancel

SILENCE_SECONDS = 30.0  # without a byte either way the connection counts as lost
MESSAGE_LIMIT = 4 * 1024 * 1024


class Messages:
    """One conversation. ``address`` is for the sentence that says that it broke."""

    def __init__(self, channel: Channel, address: str) -> None:
        self._channel = channel
        self._address = address
        self._chunk, self._at = memoryview(b""), 0  # what was received, and how much of it is used
        self._unread = 0  # bytes of the present message that nobody took yet
        self._last_id = 0
        self._early: dict[int, tuple[int, bytes]] = {}  # answers that came before those in front of them
        channel.settimeout(TICK_SECONDS)

    def _do(self, kind: int, body: bytes, cancel: Cancel) -> None:
        check(*self._answer(self._request(kind, body, cancel), cancel))

    def _ask(self, kind: int, body: bytes, cancel: Cancel, wanted: int) -> Reader:
        got, answer = self._answer(self._request(kind, body, cancel), cancel)
        if got != wanted:
            check(got, answer)
            raise SftpError(FAILURE, f"unexpected answer {got}")
        return Reader(answer)

    def _request(self, kind: int, body: bytes, cancel: Cancel, data: bytes = b"") -> int:
        self._last_id += 1
        head = struct.pack(">IBI", 5 + len(body) + len(data), kind, self._last_id)
        self._send(head + body + data, cancel)
        return self._last_id

    def _answer(self, number: int, cancel: Cancel) -> tuple[int, bytes]:
        while number not in self._early:
            size, kind, found = self._head(cancel)
            self._early[found] = kind, self._take(size, cancel)
        return self._early.pop(number)

    def _head(self, cancel: Cancel) -> tuple[int, int, int]:
        """Of the next message: the bytes that follow, its kind, its number."""
        while self._unread:  # of a message whose reader gave up
            self._piece(self._unread, cancel)
        length, kind, number = struct.unpack(">IBI", self._take(9, cancel))
        if not 5 <= length <= MESSAGE_LIMIT:
            raise self._lost("a message of an impossible length")
        return length - 5, kind, number

    def _take(self, count: int, cancel: Cancel) -> bytes:
        """Exactly so many bytes."""
        self._unread, found = count, []
        while self._unread:
            found.append(bytes(self._piece(self._unread, cancel)))
        return found[0] if len(found) == 1 else b"".join(found)

    def _piece(self, at_most: int, cancel: Cancel) -> memoryview:
        """Between one and ``at_most`` bytes, without copying them."""
        if self._at == len(self._chunk):
            self._chunk, self._at = memoryview(self._receive(cancel)), 0
        piece = self._chunk[self._at : self._at + at_most]
        self._at += len(piece)
        self._unread -= len(piece)
        return piece

    def _receive(self, cancel: Cancel) -> bytes:
        end = time.monotonic() + SILENCE_SECONDS
        while True:
            cancel.check()
            try:
                data = self._channel.recv(1 << 20)
            except TimeoutError:
                if time.monotonic() > end or cancel.expired:
                    raise self._lost("no answer in time") from None
                continue
            except WIRE_ERRORS as error:
                raise self._lost(describe(error)) from None
            if not data:
                raise self._lost("the channel ended")
            return data

    def _send(self, data: bytes, cancel: Cancel) -> None:
        left, end = memoryview(data), time.monotonic() + SILENCE_SECONDS
        while left:
            cancel.check()
            try:
                sent = self._channel.send(left)  # type: ignore[arg-type]  # the stubs forget memoryview
            except TimeoutError:
                sent = 0
            except WIRE_ERRORS as error:
                raise self._lost(describe(error)) from None
            if sent:
                left, end = left[sent:], time.monotonic() + SILENCE_SECONDS
            elif self._channel.closed or time.monotonic() > end:
                raise self._lost("the channel takes nothing more")

    def _lost(self, cause: str) -> Exception:
        return failure("ssh.lost", address=self._address, cause=cause)
