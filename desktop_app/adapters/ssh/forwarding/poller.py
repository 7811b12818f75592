"""What the forwarding loop waits with: epoll itself where there is one, else what ``selectors`` finds.

``selectors`` spends some ten lines of Python on each event and each change, and the loop does little else. One thread
at a time; who makes it closes it. Decision 0027.
"""

import select
import selectors
import socket
from collections.abc import Callable
from typing import Protocol

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
Ready = Callable[[int], None]


class Poller(Protocol):
    def watch(self, sock: socket.socket, before: int, now: int, ready: Ready) -> int:
        """Change what ``sock`` is watched for; return ``now`` for the next ``before``."""

    def wait(self, seconds: float | None) -> list[tuple[Ready, int]]:
        """Return who is ready, and for what."""

    def close(self) -> None: ...


class AnyPoller(Poller):
    """macOS, Windows."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def watch(self, sock: socket.socket, before: int, now: int, ready: Ready) -> int:
        if now == before:
            pass
        elif not before:
            self._selector.register(sock, now, ready)
        elif now:
            self._selector.modify(sock, now, ready)
        else:
            self._selector.unregister(sock)
        return now

    def wait(self, seconds: float | None) -> list[tuple[Ready, int]]:
        return [(key.data, mask) for key, mask in self._selector.select(seconds)]

    def close(self) -> None:
        self._selector.close()


class Epoll(Poller):
    """Linux. An error or a hang-up counts as ready for whatever is watched: reading or writing tells which it is."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._ready: dict[int, tuple[Ready, int]] = {}
        self._masks = {READ: select.EPOLLIN, WRITE: select.EPOLLOUT, READ | WRITE: select.EPOLLIN | select.EPOLLOUT}

    def watch(self, sock: socket.socket, before: int, now: int, ready: Ready) -> int:
        if now == before:
            return now
        number = sock.fileno()
        if not now:
            del self._ready[number]
            self._epoll.unregister(number)
            return now
        if before:
            self._epoll.modify(number, self._masks[now])
        else:
            self._epoll.register(number, self._masks[now])
        self._ready[number] = ready, now
        return now

    def wait(self, seconds: float | None) -> list[tuple[Ready, int]]:
        found = []
        for number, events in self._epoll.poll(seconds):
            ready, wanted = self._ready[number]
            mask = READ if events & ~select.EPOLLOUT else 0
            if events & ~select.EPOLLIN:
                mask |= WRITE
            found.append((ready, mask & wanted))
        return found

    def close(self) -> None:
        self._epoll.close()


def poller() -> Poller:
    return Epoll() if hasattr(select, "epoll") else AnyPoller()
