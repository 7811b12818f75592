"""SFTP's messages over one SSH channel: requests with numbers, answers that come in any order. One thread at a time.

The other side may mean harm: what it sends without being asked, or more of it than we can have asked for, ends the
connection instead of filling this computer's memory.

Raises SftpError for what the server refuses and AppError(ssh.lost) or Cancelled for the rest.
"""

import struct
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from paramiko import Channel

from desktop_app.adapters.ssh.transfer.steps import Message, Step
from desktop_app.adapters.ssh.transfer.wire import (
    DATA,
    EOF,
    FAILURE,
    INIT,
    SftpError,
    check,
)
from desktop_app.adapters.ssh.transport.wire import TICK_SECONDS, WIRE_ERRORS, describe
from desktop_app.adapters.ssh.wire_format import Reader
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import failure

SILENCE_SECONDS = 30.0  # without a byte either way the connection counts as lost
MESSAGE_LIMIT = 4 * 1024 * 1024
EARLY_LIMIT = 128 * 1024 * 1024  # bytes of answers that wait for those in front; small files are 8 MB at once
STEPS_AT_ONCE = 256  # each may hold one file open there, where a process may often have no more than 1,024
PACKET = 32 * 1024  # bytes of requests that go off in one piece; more would only let the server wait for us

NEVER = Cancel()  # for what doesn't wait

T = TypeVar("T")


class Messages:
    """One conversation. ``address`` is for the sentence that says that it broke."""

    def __init__(self, channel: Channel, address: str) -> None:
        self._channel = channel
        self._address = address
        self._chunk = memoryview(b"")  # what was received
        self._at = 0  # how much of it is used
        self._unread = 0  # bytes of the present message that nobody took yet
        self._last_id = 0
        self._owed: set[int] = set()  # numbers of the requests that have no answer yet
        self._early: dict[int, tuple[int, bytes]] = {}  # answers that came before those in front of them
        self._early_bytes = 0
        self._torn = False  # a request was sent in part
        channel.settimeout(TICK_SECONDS)

    def hello(self, cancel: Cancel) -> tuple[int, int, Reader]:
        """Open the conversation; return the kind of the first message, SFTP's version, and what follows."""
        self.send(struct.pack(">IBI", 5, INIT, 3), cancel)
        size, kind, version = self._first_head(cancel)  # the version stands where other messages have their number
        return kind, version, Reader(self._take(size, cancel))

    def run(self, step: Step[T], cancel: Cancel) -> T:
        """Return the result of one step alone. Raises SftpError."""
        (found,) = self.together([step], cancel, lambda _index: None)
        if isinstance(found, SftpError):
            raise found
        return found

    def together(self, steps: Sequence[Step[T]], cancel: Cancel, done: Callable[[int], object]) -> list[T | SftpError]:
        """Return the results of all steps, run as many at once as is useful. ``done(index)``: that one succeeded."""
        return _Together(self, steps, done).run(cancel)

    def packed(self, requests: Sequence[Message], packet: bytearray) -> list[int]:
        """Add the requests to ``packet``, which is to be sent; return their numbers."""
        first = self._last_id + 1
        for kind, body in requests:
            self._last_id += 1
            packet += struct.pack(">IBI", 5 + len(body), kind, self._last_id)
            packet += body
        numbers = range(first, self._last_id + 1)
        self._owed.update(numbers)
        return list(numbers)

    def do(self, kind: int, body: bytes, cancel: Cancel) -> None:
        """Send a request that is answered with a status, and wait for it. Raises SftpError."""
        check(*self.answer(self.request(kind, body, cancel), cancel))

    def ask(self, kind: int, body: bytes, cancel: Cancel, wanted: int) -> Reader:
        """Send a request and return its answer, which is of the kind ``wanted``. Raises SftpError."""
        got, answer = self.answer(self.request(kind, body, cancel), cancel)
        if got != wanted:
            check(got, answer)
            raise SftpError(FAILURE, f"unexpected answer {got}")
        return Reader(answer)

    def request(self, kind: int, body: bytes, cancel: Cancel, data: bytes = b"") -> int:
        """Send a request; return its number."""
        self._last_id += 1
        self._owed.add(self._last_id)
        head = struct.pack(">IBI", 5 + len(body) + len(data), kind, self._last_id)
        self.send(head + body + data, cancel)
        return self._last_id

    def answer(self, number: int, cancel: Cancel) -> tuple[int, bytes]:
        """Wait for the answer to that request; return its kind and body."""
        while number not in self._early:
            self._keep(*self._head(cancel), cancel)
        return self._taken(number)

    def here(self, number: int) -> bool:
        """True if the answer can be had without waiting, as far as what was received already tells."""
        while number not in self._early and not self._unread:
            left = len(self._chunk) - self._at
            if left < 9 or left - 4 < struct.unpack_from(">I", self._chunk, self._at)[0]:
                break
            self._keep(*self._head(NEVER), NEVER)
        return number in self._early

    def pour(self, number: int, sink: Callable[[bytes | memoryview], object], cancel: Cancel) -> int:
        """Hand an answer's data on as it comes, valid during the call of ``sink``; return its bytes, 0 at the end."""
        while number not in self._early:
            size, kind, found = self._head(cancel)
            if kind == DATA and found == number:
                (count,) = struct.unpack(">I", self._take(4, cancel))
                self._unread = size - 4
                while self._unread:
                    sink(self._piece(self._unread, cancel))
                return int(count)
            self._keep(size, kind, found, cancel)
        kind, body = self._taken(number)
        if kind == DATA:
            sink(body[4:])
            return len(body) - 4
        try:
            check(kind, body)
        except SftpError as error:
            if error.code != EOF:
                raise
        return 0

    def _keep(self, size: int, kind: int, number: int, cancel: Cancel) -> None:
        self._early_bytes += size
        if self._early_bytes > EARLY_LIMIT:
            raise self._lost("more answers than there can be")
        self._early[number] = kind, self._take(size, cancel)

    def _taken(self, number: int) -> tuple[int, bytes]:
        kind, body = self._early.pop(number)
        self._early_bytes -= len(body)
        return kind, body

    def _head(self, cancel: Cancel) -> tuple[int, int, int]:
        """Return of the next answer the bytes that follow, its kind, and the number of the request."""
        size, kind, number = self._first_head(cancel)
        if number not in self._owed:
            raise self._lost("an answer to no request")
        self._owed.remove(number)
        return size, kind, number

    def _first_head(self, cancel: Cancel) -> tuple[int, int, int]:
        """Return the same of the next message, which may answer no request."""
        while self._unread:  # of a message whose reader gave up
            self._piece(self._unread, cancel)
        length, kind, number = struct.unpack(">IBI", self._take(9, cancel))
        if not 5 <= length <= MESSAGE_LIMIT:
            raise self._lost("a message of an impossible length")
        return length - 5, kind, number

    def _take(self, count: int, cancel: Cancel) -> bytes:
        """Return exactly so many bytes."""
        self._unread, found = count, []
        while self._unread:
            found.append(bytes(self._piece(self._unread, cancel)))
        return found[0] if len(found) == 1 else b"".join(found)

    def _piece(self, at_most: int, cancel: Cancel) -> memoryview:
        """Return between one and ``at_most`` bytes, without copying them."""
        if self._at == len(self._chunk):
            self._chunk = memoryview(self._receive(cancel))
            self._at = 0
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

    def send(self, data: bytes | bytearray, cancel: Cancel) -> None:
        """Send everything; blocks while the channel takes nothing. Problems: ssh.lost"""
        if self._torn:
            raise self._lost("a request was sent in part")
        left, end = memoryview(data), time.monotonic() + SILENCE_SECONDS
        try:
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
        finally:
            self._torn = 0 < len(left) < len(data)

    def _lost(self, cause: str) -> Exception:
        return failure("ssh.lost", address=self._address, cause=cause)


class _Together(Generic[T]):
    """Drives steps: what they ask for is collected and sent in large packets, since each packet costs a change between
    our thread and the transport's, and a round trip where somebody waits for its answer."""

    def __init__(self, messages: Messages, steps: Sequence[Step[T]], done: Callable[[int], object]) -> None:
        self._messages = messages
        self._steps = steps
        self._done = done
        self._waiting: deque[tuple[int, list[int]]] = deque()  # step, numbers of its requests; the oldest first
        self._packet = bytearray()
        self._found: dict[int, T | SftpError] = {}

    def run(self, cancel: Cancel) -> list[T | SftpError]:
        fresh = iter(range(len(self._steps)))
        while True:
            while len(self._waiting) < STEPS_AT_ONCE and (index := next(fresh, None)) is not None:
                self._go(index, None, cancel)
            if not self._waiting:
                return [self._found[index] for index in range(len(self._steps))]
            index, numbers = self._waiting.popleft()
            if not self._messages.here(numbers[-1]):
                self._flush(cancel)
            self._go(index, [self._messages.answer(number, cancel) for number in numbers], cancel)

    def _go(self, index: int, answers: Sequence[Message] | None, cancel: Cancel) -> None:
        step = self._steps[index]
        try:
            requests = next(step) if answers is None else step.send(answers)
        except StopIteration as end:
            self._found[index] = end.value
            self._done(index)
            return
        except SftpError as error:
            self._found[index] = error
            return
        self._waiting.append((index, self._messages.packed(requests, self._packet)))
        if len(self._packet) >= PACKET:
            self._flush(cancel)

    def _flush(self, cancel: Cancel) -> None:
        packet, self._packet = self._packet, bytearray()
        self._messages.send(packet, cancel)
