"""SFTP with a server that means harm: what it sends does not fill this computer's memory."""

import struct
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from paramiko import Channel

from desktop_app.adapters.ssh.transfer import messages, steps
from desktop_app.adapters.ssh.transfer.sftp import Sftp
from desktop_app.adapters.ssh.transfer.wire import (
    ATTRS,
    CLOSE,
    DATA,
    HANDLE,
    NAME,
    OPENDIR,
    READDIR,
    STATUS,
    SftpError,
)
from desktop_app.adapters.ssh.wire_format import string
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import AppError

MEGABYTE = 1024 * 1024
Answers = Callable[[int, int], Iterator[tuple[int, int, bytes]]]  # kind and number of a request -> answers


class Hostile(Channel):
    """A channel without a connection, whose other side answers as the test says."""

    def __init__(self, answers: Answers) -> None:
        super().__init__(0)
        self._answers = answers
        self._said: deque[Iterator[tuple[int, int, bytes]]] = deque()
        self.asked: list[int] = []

    def send(self, s: bytes | bytearray) -> int:
        data, at = bytes(s), 0
        while at < len(data):
            length, kind, number = struct.unpack_from(">IBI", data, at)
            at += 4 + length
            self.asked.append(kind)
            self._said.append(self._answers(kind, number))
        return len(data)

    def recv(self, nbytes: int) -> bytes:
        while self._said:
            for kind, number, body in self._said[0]:
                return struct.pack(">IBI", 5 + len(body), kind, number) + body
            self._said.popleft()
        return b""


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    """No test holds much more than the limits allow."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < messages.EARLY_LIMIT + 32 * MEGABYTE


@pytest.mark.parametrize("number", ["one that nobody used", "one that was answered"])
def test_answers_that_nobody_asked_for_end_the_connection(number: str) -> None:
    def flood(_kind: int, asked: int) -> Iterator[tuple[int, int, bytes]]:
        for more in range(1, 400):
            yield DATA, asked + (more if number == "one that nobody used" else 0), bytes(4 * MEGABYTE - 5)
        yield ATTRS, asked, struct.pack(">I", 0)

    sftp = Sftp(Hostile(flood), "its address")
    with pytest.raises(AppError) as caught:
        with suppress(SftpError):  # the first, useless answer was for that request
            sftp.messages.run(steps.stat("/a"), Cancel(10))
        sftp.messages.run(steps.stat("/b"), Cancel(10))
    assert caught.value.problem.code == "ssh.lost"
    assert "an answer to no request" in caught.value.problem.cause


def test_answers_that_are_asked_for_but_far_too_long_end_it_as_well() -> None:
    numbers: list[int] = []

    def late(_kind: int, asked: int) -> Iterator[tuple[int, int, bytes]]:
        numbers.append(asked)
        if len(numbers) == 200:
            for number in reversed(numbers):
                yield ATTRS, number, bytes(4 * MEGABYTE - 5)

    with pytest.raises(AppError) as caught:
        Sftp(Hostile(late), "its address").messages.together(
            [steps.stat(f"/{one}") for one in range(200)], Cancel(10), lambda _index: None
        )
    assert caught.value.problem.code == "ssh.lost"


@pytest.mark.parametrize("count", [0, 2, 100])
def test_a_folder_without_end_is_refused_and_closed(count: int) -> None:
    entries = struct.pack(">I", count) + b"".join(
        string(b"file %d" % one) + string(b"") + struct.pack(">I", 0) for one in range(count)
    )
    answers = {OPENDIR: (HANDLE, string(b"h")), READDIR: (NAME, entries), CLOSE: (STATUS, struct.pack(">I", 0))}

    def endless(kind: int, asked: int) -> Iterator[tuple[int, int, bytes]]:
        yield answers[kind][0], asked, answers[kind][1]

    channel = Hostile(endless)
    with pytest.raises(SftpError, match="more than 5,000 names"):
        Sftp(channel, "its address").messages.run(steps.names("/a", most=5000), Cancel(10))
    assert channel.asked[-1] == CLOSE and len(channel.asked) < 5000 / max(1, count) + 10
