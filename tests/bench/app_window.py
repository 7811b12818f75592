"""A part of ``make bench-app``: the window over a world in memory, with as many sessions as asked. Some are attached
through real connections to real SSH servers of this machine, or all of them change at once.

``python -m tests.bench.app_window --sessions 60 [--attached 20] [--changing SECONDS]``. Prints one JSON line when all
is there ({"ready": true}), and with --changing the event loop's lateness at the end. Ends by SIGTERM.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from desktop_app import compose  # noqa: F401  loaded in the product, so it counts here
from desktop_app.boundary.outside import Pace
from desktop_app.domain.accounts.secrets import API_SECRET
from desktop_app.domain.sessions.snapshot import Link, SessionId
from desktop_app.services.core import Core
from desktop_app.ui.program.app import run
from remote_bootstrap.contract import fingerprint_line
from tests.fakes.outside import ACCOUNT, record_of, report_of
from tests.support.fault_scene import RealWorld
from tests.support.ssh_server import SshServer, sign
from tests.support.waiting import wait_until

CHANGE_EVERY_S = 0.1  # each session, ten times a second
LOOK_MS = 10
UP_S = 120.0


class Lateness(QObject):
    """How late the GUI thread is: a timer that should come every ten milliseconds. ``begin`` and ``end`` from any
    thread; then it prints its line, and the program ends."""

    begin = Signal()
    end = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._late: list[float] = []
        self._last = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._look)
        self.begin.connect(self._begin)
        self.end.connect(self._end)

    def _begin(self) -> None:
        self._last = time.monotonic()
        self._timer.start(LOOK_MS)

    def _look(self) -> None:
        now = time.monotonic()
        self._late.append(max(0.0, now - self._last - LOOK_MS / 1000))
        self._last = now

    def _end(self) -> None:
        self._timer.stop()
        p99_ms = sorted(self._late)[int(len(self._late) * 0.99)] * 1000
        print(json.dumps({"late_p99_ms": round(p99_ms, 1)}), flush=True)
        QApplication.quit()


class Source:
    """The window's core, over the world."""

    def __init__(self, sessions: int, attached: int, changing_s: float, folder: Path) -> None:
        self._sessions, self._attached, self._changing_s = sessions, attached, changing_s
        self._folder = folder
        self._world = RealWorld(pace=Pace())
        self._world.memory.accounts.save(ACCOUNT)
        self._world.secrets.set(API_SECRET, ACCOUNT.id, "the-api-secret")
        self._servers: list[SshServer] = []
        self._lateness = Lateness()
        self._work = threading.Thread(target=self._go_on, daemon=True)

    def make(self) -> Core:
        """Return a core whose account has the sessions."""
        server = self._world.server(ACCOUNT.id)
        report = report_of(jupyterlab="ready", vscode="ready")
        for number in range(self._sessions):
            task = server.create_running(f"session {number}", report)
            server.write_log(task, "starting\n")
            server.publish(task, record_of(task), report)
        core = self._core = Core(self._world.outside(), "window")
        self._work.start()
        return core

    def on_activate(self, _bring_up: Callable[[], None]) -> None:
        """No second start comes here."""

    def _go_on(self) -> None:
        """Attach or change sessions, and say so. On a thread of its own."""
        core = self._core
        wait_until(lambda: len(core.store.all()) >= self._sessions, "the sessions", UP_S)
        for number in range(self._attached):
            self._attach(core, number)
        print(json.dumps({"ready": True}), flush=True)
        if self._changing_s:
            self._lateness.begin.emit()
            self._change(core)
            self._lateness.end.emit()

    def _attach(self, core: Core, number: int) -> None:
        """One of the sessions gets an SSH server of its own, and we connect to it."""
        fake = self._world.server(ACCOUNT.id)
        session = core.store.all()[number].id
        machine = SshServer(self._folder / f"machine-{number}")
        machine.start()
        self._servers.append(machine)
        report = report_of(jupyterlab="ready", vscode="ready")
        (machine.folder / "task").write_text(session.task)
        (machine.folder / "report").write_text(report.dumps())
        self._world.secrets.entries[f"client-key/{session.text}"] = (machine.folder / "client").read_text()
        fake.write_log(session.task, fingerprint_line(machine.host_key) + "\n")
        record = machine.record(task=session.task)
        fake.publish(session.task, replace(record, signature=sign(record, machine.folder / "host")), report)
        wait_until(lambda: self._polled(core, session, machine.port), "the record", UP_S)
        core.jobs.submit("attach", lambda cancel: core.connections.attach(session, cancel), lambda _outcome: None)
        wait_until(lambda: self._is_up(core, session), "the connection", UP_S)

    @staticmethod
    def _polled(core: Core, session: SessionId, port: int) -> bool:
        core.polling.poke(ACCOUNT.id)
        snapshot = core.store.get(session)
        record = snapshot.facts.record if snapshot else None
        return record is not None and record.port == port

    @staticmethod
    def _is_up(core: Core, session: SessionId) -> bool:
        snapshot = core.store.get(session)
        return snapshot is not None and snapshot.link is Link.UP

    def _change(self, core: Core) -> None:
        end, turn = time.monotonic() + self._changing_s, 0
        while time.monotonic() < end:
            turn += 1
            for snapshot in core.store.all():
                facts = replace(snapshot.facts, name=f"session {turn}", queue=f"queue {turn % 7}")
                core.store.see(snapshot.id, facts)
            time.sleep(CHANGE_EVERY_S)

    def close(self) -> None:
        """End the SSH servers."""
        for machine in self._servers:
            machine.kill()


def main() -> int:
    """Run the window until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=60)
    parser.add_argument("--attached", type=int, default=0)
    parser.add_argument("--changing", type=float, default=0.0, help="seconds")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sessiondock-bench-") as folder:
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
        source = Source(arguments.sessions, arguments.attached, arguments.changing, Path(folder))
        try:
            return run(source, sys.argv[:1])
        finally:
            source.close()


if __name__ == "__main__":
    sys.exit(main())
