"""``make bench-app``: how fast the window is there and what it costs, always beside a bare PySide6 window.

Both run on a private desktop with a screen of its own, in turn, each round the other way round; figures are medians of
the rounds, ratios of those. *first_paint*: from exec until the window's pixels are on the screen, read out of the
screen's frame buffer. *list_60*: ``--demo 60``, until the rows are painted. *rss*: the resident memory; *idle* with one
account of a real server that is polled, *attached* that plus what 1 or 20 connections to real SSH servers add to a
window over a world in memory. *cpu_idle*: 60 launched sessions listed. *late_p99*: the event loop while 60 sessions
change ten times a second. *api_calls_per_hour*: as ``make bench-api`` counts them. *built_…*: the executable in dist/.

Needs root for the connections' SSH servers, and with --api a network to PyPI. Prints progress on standard error and
one JSON line on standard output.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from desktop_app.sandbox import launch
from desktop_app.sandbox.launch import SandboxInfo
from tests.bench import api
from tests.bench.bare_window import ROWS
from tests.bench.frame_buffer import FrameBuffer, seconds_until
from tests.bench.launch import OURS, our_account, say
from tests.support import counted_sandbox
from tests.support.counted_sandbox import noted
from tests.support.desktop_rig import Rig, RigOptions
from tests.support.paths import REPOSITORY
from tests.support.sandbox_server import RealApi
from tests.support.waiting import wait_until

BARE = [sys.executable, "-m", "tests.bench.bare_window"]
BUILT = REPOSITORY / "dist" / "sessiondock" / "sessiondock"
WORLD = [sys.executable, "-m", "tests.bench.app_window"]
PAINT_S = 60.0
END_S = 20.0
INSIDE = ((60, 400), (200, 650), (700, 400), (1000, 700))  # of both windows, which lie at the screen's top left
LAST_ROWS = (20, 560, 300, 180)  # where the last rows are that fit into the window
FEWEST_COLOURS = 6  # letters have more, grounds fewer
SETTLE_S = 20.0
QUEUE = "nobody-serves-this"
MEGABYTE = 1024.0  # of kB, as the kernel counts


class AppBench:
    """Runs programs on a private desktop and keeps what it measures by name."""

    def __init__(self, rig: Rig, screen: FrameBuffer, rounds: int, settle_s: float) -> None:
        self._rig, self._screen = rig, screen
        self._rounds, self._settle_s = rounds, settle_s
        # Assistive technology is not what is measured, and the bare window has none either.
        self._env = {key: value for key, value in rig.env.items() if key != "QT_LINUX_ACCESSIBILITY_ALWAYS_ON"}
        self.figures: dict[str, float] = {}

    def keep(self, name: str, value: float, digits: int = 3) -> None:
        """Note a figure."""
        self.figures[name] = round(value, digits)
        say(f"{name}: {self.figures[name]}")

    # -- painting

    def paint(self, prefix: str, ours: list[str]) -> None:
        """Measure the first frames of both in turn."""
        mine, bare = self._in_turn(ours, lambda: self._screen.is_painted(INSIDE))
        self.keep(f"{prefix}first_paint_s", mine)
        self.keep(f"{prefix}bare_first_paint_s", bare)
        self.keep(f"{prefix}first_paint_ratio", mine / bare)

    def rows(self, prefix: str, ours: list[str]) -> None:
        """Measure until the rows of a list of 60 are painted, both in turn."""
        mine, bare = self._in_turn(ours, lambda: self._screen.colours(*LAST_ROWS) >= FEWEST_COLOURS)
        self.keep(f"{prefix}list_60_s", mine)
        self.keep(f"{prefix}list_60_ratio", mine / bare)

    def _in_turn(self, ours: list[str], painted: Callable[[], bool]) -> tuple[float, float]:
        """Return the medians of ours and of the bare window. A round before them fills the disk's caches."""
        took: dict[bool, list[float]] = {True: [], False: []}
        for number in range(self._rounds + 1):
            for is_ours in (True, False) if number % 2 else (False, True):
                with self.running(ours if is_ours else BARE) as (_process, began):
                    took[is_ours].append(seconds_until(painted, began, PAINT_S))
        return statistics.median(took[True][1:]), statistics.median(took[False][1:])

    @contextmanager
    def running(self, command: list[str], output: int = subprocess.DEVNULL) -> Iterator[tuple[psutil.Popen, float]]:
        """Run a program on an empty screen; it, and when it was started (time.monotonic)."""
        wait_until(lambda: not self._screen.is_painted(INSIDE[:1]), "an empty screen", END_S)
        began = time.monotonic()
        process = psutil.Popen(command, env=self._env, cwd=REPOSITORY, stdout=output, stderr=subprocess.DEVNULL)
        try:
            yield process, began
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(END_S)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait()

    # -- memory and time

    def memory(self, prefix: str, ours: list[str]) -> None:
        """Measure what both have resident, once they have settled."""
        mine, bare = self._resident(ours), self._resident(BARE)
        self.keep(f"{prefix}rss_idle_mb", mine, 1)
        self.keep(f"{prefix}rss_bare_mb", bare, 1)
        self.keep(f"{prefix}rss_idle_ratio", mine / bare)

    def _resident(self, command: list[str]) -> float:
        values = []
        for _ in range(max(1, self._rounds // 3)):
            with self.running(command) as (process, began):
                seconds_until(lambda: self._screen.is_painted(INSIDE), began, PAINT_S)
                time.sleep(self._settle_s)
                values.append(resident_mb(process.pid))
        return statistics.median(values)

    def attached(self) -> None:
        """Measure what connections add."""
        none = self._attached(0)
        for count in (1, 20):
            self.keep(f"rss_attached_{count}_mb", self.figures["rss_idle_mb"] + self._attached(count) - none, 1)
        self.keep("rss_attached_1_ratio", self.figures["rss_attached_1_mb"] / self.figures["rss_bare_mb"])

    def _attached(self, count: int) -> float:
        with self.running([*WORLD, "--sessions", "20", "--attached", str(count)], subprocess.PIPE) as (process, _began):
            self._line_of(process)
            time.sleep(self._settle_s)
            return resident_mb(process.pid)

    def lateness(self, seconds: float) -> None:
        """Measure how late the event loop is while sessions change."""
        with self.running([*WORLD, "--sessions", "60", "--changing", str(seconds)], subprocess.PIPE) as (
            process,
            _began,
        ):
            self._line_of(process)
            self.keep("late_p99_ms", float(self._line_of(process)["late_p99_ms"]), 1)

    @staticmethod
    def _line_of(process: psutil.Popen) -> dict[str, float]:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the window over a world in memory ended")
        return dict(json.loads(line))

    def calm(self, prefix: str, ours: list[str], seconds: float) -> None:
        """Measure the processor time of a window that nobody touches."""
        with self.running(ours) as (process, began):
            seconds_until(lambda: self._screen.colours(*LAST_ROWS) >= FEWEST_COLOURS, began, PAINT_S)
            time.sleep(self._settle_s)
            before, since = sum(process.cpu_times()[:2]), time.monotonic()
            time.sleep(seconds)
            used = sum(process.cpu_times()[:2]) - before
            self.keep(f"{prefix}cpu_idle_pct", 100 * used / (time.monotonic() - since))


def resident_mb(pid: int) -> float:
    """Return a process's resident memory."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Rss:")) / MEGABYTE


def launch_sessions(rig: Rig, info: SandboxInfo, account: str, count: int) -> None:
    """Put sessions into a queue that no agent serves."""
    RealApi(info).call("queues.create", name=QUEUE)
    for number in range(count):
        command = [
            *OURS,
            "launch",
            "--account",
            account,
            "--queue",
            QUEUE,
            "--no-attach",
            "--session-name",
            f"bench {number}",
        ]
        done = rig.run([*command, "--json"])
        if done.returncode != 0:
            raise RuntimeError(f"session {number} could not be launched: {done.stdout}{done.stderr}")


def calls_per_hour(window_s: float) -> dict[str, object]:
    """Return what ``make bench-api`` counts of ours."""
    base = Path(tempfile.mkdtemp(prefix="sessiondock-bench-", dir="/var/tmp"))
    try:
        bench = api.Bench(base, window_s)
        bench.idle_and_waiting()
        bench.connected()
        rows = {"idle": "ours_idle", "watching": "ours_waiting", "connected": "ours_connected"}
        calls = {state: bench.rows[row].calls for state, row in rows.items()}
        return {"api_calls_per_hour": calls, "api_bytes_per_hour": {s: bench.rows[r].bytes for s, r in rows.items()}}
    finally:
        shutil.rmtree(base, ignore_errors=True)


def measure(bench: AppBench, rig: Rig, place: Path, quick: bool) -> None:
    """Measure all that needs the private desktop."""
    programs: dict[str, list[str]] = {"": list(OURS)} | ({"built_": [str(BUILT)]} if BUILT.is_file() else {})
    info = counted_sandbox.start(place, ["--no-agent", "--idle", "7200"])
    try:
        account = our_account(info, rig)
        for prefix, ours in programs.items():
            bench.paint(prefix, ours)
            bench.memory(prefix, ours)
        for prefix, ours in programs.items():
            bench.rows(prefix, [*ours, "--demo", str(ROWS)])
        bench.attached()
        bench.lateness(5 if quick else 30)
        launch_sessions(rig, info, account, 8 if quick else ROWS)
        for prefix, ours in programs.items():
            bench.calm(prefix, ours, 15 if quick else 60)
        say(f"calls of the desktop: {counted_sandbox.by_endpoint(noted(place))}")
    finally:
        launch.stop(place)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="of each program (default 9)")
    parser.add_argument("--quick", action="store_true", help="three rounds and short waits, no API calls: two minutes")
    parser.add_argument("--api-window", type=float, default=120.0, help="seconds of the API's measurements, 0 = none")
    arguments = parser.parse_args()
    rounds = 3 if arguments.quick else arguments.rounds
    load = os.getloadavg()[0]
    with Rig(RigOptions(frame_buffer=True)) as rig, FrameBuffer(rig.screen_folder) as screen:
        bench = AppBench(rig, screen, rounds, 6.0 if arguments.quick else SETTLE_S)
        measure(bench, rig, rig.base / "sandbox", arguments.quick)
    line: dict[str, object] = {"ok": True, "rounds": rounds, **bench.figures}
    if not arguments.quick and arguments.api_window:
        line |= calls_per_hour(arguments.api_window)
    line["load_before_and_after"] = [round(load, 1), round(os.getloadavg()[0], 1)]
    print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
