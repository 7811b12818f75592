"""The process that owns our tunnel in ``make bench-tunnel``: Qt's event loop on the main thread, as in the product.

Reads one JSON command per line from standard input, answers each with one JSON line. A second thread does that; the
main thread only turns Qt's loop, and while a measurement of its lateness runs, ticks every ``TICK_MS``.
"""

import json
import os
import sys
import threading
import time
from typing import Any

import psutil
from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Destination, Target
from remote_bootstrap.contract import Record

TICK_MS = 10
DIAL_SECONDS = 60.0


class Ticker(QObject):
    """A timer of the GUI thread that remembers how late each of its ticks came, in milliseconds."""

    switch = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.late: list[float] = []
        self._due = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self.switch.connect(self._switch)

    def _switch(self, on: bool) -> None:
        if on:
            self.late = []
            self._due = time.perf_counter() + TICK_MS / 1e3
            self._timer.start()
        else:
            self._timer.stop()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late.append(max(0.0, (now - self._due) * 1e3))
        self._due = now + TICK_MS / 1e3


class Owner:
    """The commands."""

    def __init__(self, ticker: Ticker) -> None:
        self._ticker = ticker
        self._tunnel = SshTunnel("bench")
        self._process = psutil.Process()

    def connect(self, record: dict[str, Any], key: str, port: int) -> int:
        """The local port of what listens on ``port`` over there."""
        (bound,) = self._tunnel.forwards.bind({"bench": 0})
        self._tunnel.connect(Target(Record.loads(json.dumps(record)), key), Cancel(DIAL_SECONDS))
        self._tunnel.forwards.set_app_ports({"bench": port})
        return bound.port

    def forward(self, port: int) -> int:
        """The local port of a guarded forward to the same: each new connection is asked whose it is."""
        return self._tunnel.forwards.forward(f"tcp:{port}", 0, Destination(port)).port

    def usage(self) -> dict[str, float]:
        """Bytes of memory and seconds of CPU so far, and threads."""
        times = self._process.cpu_times()
        threads = self._process.num_threads()
        return {"rss": self._process.memory_info().rss, "cpu": times.user + times.system, "threads": threads}

    def tick(self, on: bool) -> list[float]:
        """Start, or stop and get, the lateness of each tick."""
        self._ticker.switch.emit(on)
        return [] if on else self._ticker.late

    def close(self) -> None:
        self._tunnel.close()


def serve(owner: Owner) -> None:
    for line in sys.stdin:
        command = json.loads(line)
        answer = getattr(owner, command.pop("do"))(**command)
        print(json.dumps(answer), flush=True)
    owner.close()
    QCoreApplication.quit()


def main() -> None:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    application = QApplication([])
    owner = Owner(Ticker())
    threading.Thread(target=serve, args=(owner,), daemon=True).start()
    application.exec()


if __name__ == "__main__":
    main()
