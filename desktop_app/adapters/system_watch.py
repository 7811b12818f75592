"""Tells when this computer woke or its network changed. Runs on its caller's thread.

It implements ``Outside.watch_system``. Three witnesses, since none is everywhere: what the system announces
(``adapters.os``), the clocks (a sleep is a jump), and the addresses of the network interfaces. A false alarm costs one
probe per session.
"""

import contextlib
import ipaddress
import logging
import selectors
import socket
import time
from collections.abc import Callable
from typing import Protocol

import psutil

from desktop_app.adapters import os as system
from desktop_app.boundary.cancel import Cancel, Clock
from desktop_app.boundary.computer import SystemEvent

TICK_S = 1.0
JUMP_S = 3.0  # a busy computer may be that late
REOPEN_S = 30.0  # after the system bus went away

Tell = Callable[[SystemEvent], None]


class Announcements(Protocol):
    """What ``adapters.os`` opens where the system announces such things."""

    def fileno(self) -> int:
        """Return the handle that is readable when there may be news."""

    def read(self) -> tuple[SystemEvent, ...]:
        """Return what happened; never waits. Raises OSError when the source has ended."""

    def close(self) -> None: ...


_log = logging.getLogger(__name__)


class SleepSense:
    """A sleep shows as a jump of the wall clock (Linux, macOS) or of the monotonic one (Windows)."""

    def __init__(self, wall: Clock = time.time, monotonic: Clock = time.monotonic) -> None:
        self._clocks = (wall, monotonic)
        self._last = (wall(), monotonic())

    def slept(self, at_most: float) -> bool:
        """True if far more than ``at_most`` seconds went by since the last call."""
        now = (self._clocks[0](), self._clocks[1]())
        gone, self._last = [new - old for new, old in zip(now, self._last, strict=True)], now
        return max(gone) > at_most + JUMP_S


class AddressSense:
    """Which addresses this computer has, loopback and link-local ones aside."""

    def __init__(self, addresses: Callable[[], frozenset[str]] | None = None) -> None:
        self._addresses = addresses or own_addresses
        self._last = self._addresses()

    def changed(self) -> bool:
        before, self._last = self._last, self._addresses()
        return before != self._last


def own_addresses() -> frozenset[str]:
    found = set()
    for interface in psutil.net_if_addrs().values():
        for one in interface:
            if one.family in (socket.AF_INET, socket.AF_INET6):
                address = ipaddress.ip_address(one.address.partition("%")[0])
                if not (address.is_loopback or address.is_link_local):
                    found.add(str(address))
    return frozenset(found)


class Watch:
    """The three witnesses and the wait for them."""

    def __init__(
        self,
        tell: Tell,
        cancel: Cancel,
        tick: float = TICK_S,
        open_announcements: Callable[[], Announcements | None] = system.open_announcements,
    ) -> None:
        self._open = open_announcements
        self._tell = tell
        self._cancel = cancel
        self._tick = tick
        self._sleep = SleepSense()
        self._addresses = AddressSense()
        self._wake, self._waker = socket.socketpair()
        cancel.on_cancel(self._stop)

    def _stop(self) -> None:
        with contextlib.suppress(OSError):  # ended already
            self._waker.send(b"x")

    def run(self) -> None:
        """Watch until cancelled."""
        with self._wake, self._waker:
            while not self._cancel.cancelled:
                announcements = self._open()
                if announcements is None:
                    self._wait(None, REOPEN_S)
                    continue
                with contextlib.closing(announcements):
                    self._wait(announcements, None)

    def _wait(self, announcements: "Announcements | None", seconds: float | None) -> None:
        """Wait until cancelled, the time is up, or the announcements end."""
        end = None if seconds is None else time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            if announcements is not None:
                selector.register(announcements, selectors.EVENT_READ)
            while not self._cancel.cancelled and (end is None or time.monotonic() < end):
                selector.select(self._tick)
                try:
                    said = announcements.read() if announcements is not None else ()
                except OSError as error:
                    _log.info("the system bus ended: %s", error)
                    return
                self._look(said)

    def _look(self, said: tuple[SystemEvent, ...]) -> None:
        slept, changed = self._sleep.slept(self._tick), self._addresses.changed()
        for event in SystemEvent:
            if event in said or (event is SystemEvent.WOKE and slept) or (event is SystemEvent.NETWORK and changed):
                self._tell(event)


def watch_system(tell: Tell, cancel: Cancel) -> None:
    """Watch the system, and block until cancelled."""
    Watch(tell, cancel).run()
