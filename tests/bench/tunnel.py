"""``make bench-tunnel``: our tunnel against OpenSSH's client, in pairs and rounds, over one sshd.

Every tunnel is up all the time, between the same programs; each round measures one after the other, forth and back in
turns, and a ratio is the median of the rounds' ratios. Random data, which no compression shortens. ssh has an idle
session beside its forwarding, as our tunnel has: without one sshd delays small packets, which made ssh's new
connections look six times slower than they are (tunnel_ways.Ssh). Then the same through a slow link (tunnel_slow),
which needs root. Prints progress on standard error, a table on standard output, and one JSON object as the last line.
Guarded forwards, whose every connection is asked whose it is, are compared by themselves (tunnel_guarded). Some five
minutes; ``--rounds`` and ``--scale`` make it longer and steadier.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import tunnel_guarded, tunnel_slow
from tests.bench.tunnel_ways import SSH_SETTINGS, Ours, Program, Ssh, Way
from tests.support.ssh_server import SshServer

MEGABYTE = 1_000_000
OURS = "ours"


@dataclass(frozen=True)
class Figure:
    """One thing to measure. ``slow`` is what is asked of the compressing setting, which is some ten times slower."""

    key: str
    title: str
    job: str
    ask: Mapping[str, int]
    slow: Mapping[str, int]


def figures(scale: float) -> tuple[Figure, ...]:
    large, small, each = ({"size": int(size * scale * MEGABYTE)} for size in (150, 10, 3))
    fifty = {"count": 50}
    return (
        Figure("down", "one download, MB/s", "down", large, small),
        Figure("up", "one upload, MB/s", "up", large, small),
        Figure("par50", "50 downloads at once, MB/s", "parallel", each | fifty, {"size": MEGABYTE} | fifty),
        Figure("rtt", "round trip of 200 bytes, p50 in us", "round_trip", {"count": 2000}, {"count": 500}),
        Figure("newconn", "new connections per second", "connections", {"count": 500}, {"count": 200}),
    )  # fmt: skip


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Bench:
    """All ways over one sshd on loopback, and what was measured: figure -> way -> one value per round."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        server = SshServer(folder / "machine")
        stack.callback(server.kill)
        server.start()
        remote = stack.enter_context(closing(Program("tests.bench.tunnel_programs", "serve")))
        port = int(remote.read())
        self.client = stack.enter_context(closing(Program("tests.bench.tunnel_programs", "ask")))
        self.ours = stack.enter_context(closing(Ours(server, "127.0.0.1", port, ())))
        self.ways: dict[str, Way] = {OURS: self.ours}
        for setting in SSH_SETTINGS:
            self.ways[setting] = stack.enter_context(closing(Ssh(setting, server, "127.0.0.1", port, ())))
        self.idle = self.ours.usage()["rss"] / MEGABYTE
        self.values: dict[str, dict[str, list[float]]] = {}
        self.cpu: dict[str, list[float]] = {name: [] for name in self.ways}
        self.memory: dict[str, list[float]] = {name: [] for name in self.ways}

    def round(self, number: int, wanted: tuple[Figure, ...]) -> None:
        names = list(self.ways)[:: -1 if number % 2 else 1]  # ours beside its strongest rival, before it or after it
        for figure in wanted:
            for name in names:
                value = self._measure(figure, name)
                self.values.setdefault(figure.key, {}).setdefault(name, []).append(value)
        say(f"round {number + 1}: " + ", ".join(f"{f.key} {self.values[f.key][OURS][-1]:.0f}" for f in wanted))

    def _measure(self, figure: Figure, name: str) -> float:
        way = self.ways[name]
        ask = figure.slow if name == "compressed" else figure.ask
        before = way.usage()
        with peak(way) if figure.key == "par50" else nullcontext([0.0]) as rss:
            value = float(self.client.ask(job=figure.job, port=way.port, **ask))
        if figure.key == "down":
            self.cpu[name].append((way.usage()["cpu"] - before["cpu"]) / ask["size"] * 1e9)
        elif figure.key == "par50":
            self.memory[name].append(max(rss) / MEGABYTE)
        return value

    def lateness(self, name: str, seconds: float, wanted: tuple[Figure, ...]) -> list[float]:
        """Milliseconds, of every tick of the GUI of our process while the downloads of one way run at full speed."""
        self.ours.program.ask(do="tick", on=True)
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            for figure in wanted:
                if figure.key in ("down", "par50"):
                    self.client.ask(job=figure.job, port=self.ways[name].port, **figure.ask)
        return list(self.ours.program.ask(do="tick", on=False))

    def ratio(self, figure: str, other: str) -> float:
        pairs = zip(self.values[figure][OURS], self.values[figure][other], strict=True)
        return round(statistics.median(ours / theirs for ours, theirs in pairs), 3)


@contextmanager
def peak(way: Way) -> Iterator[list[float]]:
    """Bytes of memory, some twenty times a second, of the way's process while the block runs."""
    samples = [way.usage()["rss"]]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            samples.append(way.usage()["rss"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield samples
    finally:
        done.set()
        watcher.join()


def p99(values: list[float]) -> float:
    return round(sorted(values)[int(len(values) * 0.99)], 1)


def result(bench: Bench, late: Mapping[str, list[float]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for other in ("gcm", "default"):
        for key in bench.values:
            found[f"{key}_vs_{other}"] = bench.ratio(key, other)
    found["down_vs_compressed"] = bench.ratio("down", "compressed")
    found["rss_mb_50conn"] = round(statistics.median(bench.memory[OURS]), 1)
    found["rss_mb_idle"] = round(bench.idle, 1)  # Python, Qt and a tunnel that moved nothing yet
    found["cpu_s_per_gb"] = round(statistics.median(bench.cpu[OURS]), 3)
    found["cpu_s_per_gb_gcm"] = round(statistics.median(bench.cpu["gcm"]), 3)
    found["gui_late_p99_ms"] = p99(late[OURS])
    found["gui_late_max_ms"] = round(max(late[OURS]), 1)
    found["gui_late_p99_ms_while_ssh"] = p99(late["gcm"])  # the same process, idle, while ssh moves the bytes
    found["medians"] = {
        name: {key: round(statistics.median(values[name]), 1) for key, values in bench.values.items()}
        for name in bench.ways
    }
    return found


def table(bench: Bench, wanted: tuple[Figure, ...]) -> str:
    names = list(bench.ways)
    lines = [f"{'median of the rounds':36}" + "".join(f"{name:>12}" for name in names)]

    def line(title: str, values: Callable[[str], list[float]], digits: int) -> None:
        cells = "".join(f"{statistics.median(values(name)):12,.{digits}f}" for name in names)
        lines.append(f"{title:36}{cells}")

    for figure in wanted:
        line(figure.title, bench.values[figure.key].__getitem__, 0)
    if bench.cpu[OURS]:
        line("CPU of the tunnel, s per GB down", bench.cpu.__getitem__, 2)
    if bench.memory[OURS]:
        line("memory with 50 connections, MB", bench.memory.__getitem__, 0)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench-tunnel", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=10, help="rounds on loopback (10)")
    parser.add_argument("--scale", type=float, default=1.0, help="how much larger each transfer is (1.0)")
    parser.add_argument("--gui-seconds", type=float, default=8.0, help="how long to watch the GUI's ticks (8)")
    parser.add_argument("--link-rounds", type=int, default=2, help="rounds through the slow link, 0 for none (2)")
    parser.add_argument("--only", default="", help="figures to measure, as in down,rtt (all)")
    options = parser.parse_args()
    wanted = tuple(one for one in figures(options.scale) if one.key in (options.only or one.key).split(","))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-tunnel-")))
        bench = Bench(folder, stack)
        for number in range(options.rounds):
            bench.round(number, wanted)
        if options.only:  # for whoever works on one of them: no gaps in the JSON object
            print(table(bench, wanted))
            return
        late = {name: bench.lateness(name, options.gui_seconds, wanted) for name in (OURS, "gcm")}
        found = result(bench, late)
        print(table(bench, wanted))
        lines, guarded = tunnel_guarded.measure(bench.ours, bench.ways["gcm"], options.rounds, options.scale, say)
        print("\n".join(lines))
        found.update(guarded)
    if options.link_rounds:
        lines, slow = tunnel_slow.measure(options.link_rounds, say)
        print("\n".join(lines))
        found.update(slow)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
