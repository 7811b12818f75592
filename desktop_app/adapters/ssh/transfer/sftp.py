"""SFTP, version 3 (draft-ietf-secsh-filexfer-02), over one SSH channel: large files, with many requests under way.
Names and small files are in ``steps``.

paramiko's own client decodes names as UTF-8 and waits for each answer of most calls; here names are the remote's bytes
(in ``str`` with surrogates for what is no UTF-8) and reads and writes are pipelined. One thread at a time; raises
SftpError for what the server refuses and AppError(ssh.lost) or Cancelled for the rest.
"""

import struct
from collections import deque
from collections.abc import Callable, Iterable

from paramiko import Channel

from desktop_app.adapters.ssh.transfer.messages import Messages
from desktop_app.adapters.ssh.transfer.wire import (
    CLOSE,
    FLAG_CREATE,
    FLAG_READ,
    FLAG_TRUNCATE,
    FLAG_WRITE,
    FSETSTAT,
    HANDLE,
    OPEN,
    READ,
    VERSION,
    WRITE,
    attributes,
    check,
)
from desktop_app.adapters.ssh.wire_format import name_string, string
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import failure

BLOCK = 255 * 1024  # OpenSSH takes packets of 256 KiB
UNDER_WAY = 32  # blocks: 8 MB cover 100 MB/s at 80 ms

Sink = Callable[[bytes | memoryview], object]


class Sftp:
    """One SFTP conversation. ``address`` is for the sentence that says that it broke; steps go to ``messages``."""

    def __init__(self, channel: Channel, address: str) -> None:
        self.messages = Messages(channel, address)
        self.block = BLOCK  # bytes that the server carries at once, as far as we know
        self.extensions: set[str] = set()

    def start(self, cancel: Cancel) -> None:
        """Agree on the version, and learn the server's extensions. Problems: files.unsupported, ssh.lost"""
        kind, version, answer = self.messages.hello(cancel)
        if kind != VERSION or version < 3:
            raise failure("files.unsupported", cause=f"SFTP answered with message {kind}, version {version}")
        while answer.more:
            self.extensions.add(answer.name())
            answer.string()

    # -- contents

    def read(self, path: str, offset: int, sink: Sink, cancel: Cancel) -> None:
        """Hand on everything from ``offset`` on, in order, in pieces that are valid during the call only."""
        handle = self.messages.ask(
            OPEN, name_string(path) + struct.pack(">I", FLAG_READ) + attributes(), cancel, HANDLE
        ).string()
        pending: deque[tuple[int, int, int]] = deque()
        try:
            self._read_all(handle, offset, pending, sink, cancel)
        finally:
            for number, _offset, _length in pending:
                self.messages.answer(number, cancel)
            self._close(handle, cancel)

    def _read_all(
        self, handle: bytes, offset: int, pending: deque[tuple[int, int, int]], sink: Sink, cancel: Cancel
    ) -> None:
        ahead = 1  # grows, so that a small file costs no dozens of requests
        while True:
            if len(pending) <= ahead // 2:
                offset = self._ask_ahead(handle, offset, ahead - len(pending), pending, cancel)
            number, at, length = pending.popleft()
            got = self.messages.pour(number, sink, cancel)
            while 0 < got < length:  # a shorter answer than asked for: the end, or the server's own limit
                self.block = min(self.block, max(got, 4096))
                at, length = at + got, length - got
                rest: deque[tuple[int, int, int]] = deque()
                self._ask_ahead(handle, at, 1, rest, cancel, length)
                got = self.messages.pour(rest[0][0], sink, cancel)
            if not got:
                return
            ahead = min(UNDER_WAY, ahead * 2)

    def _ask_ahead(
        self,
        handle: bytes,
        offset: int,
        count: int,
        pending: deque[tuple[int, int, int]],
        cancel: Cancel,
        length: int = 0,
    ) -> int:
        """Send many requests in one packet: each packet costs a change between our thread and the transport's."""
        length, packet = length or self.block, bytearray()
        end = offset + count * length
        offsets = range(offset, end, length)
        numbers = self.messages.packed(
            [(READ, string(handle) + struct.pack(">QI", at, length)) for at in offsets], packet
        )
        pending += [(number, at, length) for number, at in zip(numbers, offsets, strict=True)]
        self.messages.send(packet, cancel)
        return end

    def write(
        self, path: str, offset: int, blocks: Iterable[bytes], done: Callable[[int], None], cancel: Cancel
    ) -> None:
        """Keep the first ``offset`` bytes of the file, drop the rest, append. ``done(bytes)``: the server has them."""
        flags = struct.pack(">I", FLAG_WRITE | FLAG_CREATE | (0 if offset else FLAG_TRUNCATE))
        handle = self.messages.ask(OPEN, name_string(path) + flags + attributes(mode=0o600), cancel, HANDLE).string()
        pending: deque[tuple[int, int]] = deque()
        try:
            if offset:
                self.messages.do(FSETSTAT, string(handle) + attributes(size=offset), cancel)
            for block in blocks:
                while len(pending) >= UNDER_WAY:
                    self._written(pending, done, cancel)
                head = string(handle) + struct.pack(">QI", offset, len(block))
                pending.append((self.messages.request(WRITE, head, cancel, block), len(block)))
                offset += len(block)
            while pending:
                self._written(pending, done, cancel)
        finally:
            for number, _length in pending:
                self.messages.answer(number, cancel)
            self._close(handle, cancel)

    def _written(self, pending: deque[tuple[int, int]], done: Callable[[int], None], cancel: Cancel) -> None:
        number, length = pending.popleft()
        check(*self.messages.answer(number, cancel))
        done(length)

    def _close(self, handle: bytes, cancel: Cancel) -> None:
        """Close the file there, unless we gave up: then the whole channel goes."""
        if not cancel.cancelled:
            self.messages.do(CLOSE, string(handle), cancel)
