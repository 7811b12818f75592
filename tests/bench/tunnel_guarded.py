"""Guarded forwards of ours against ``ssh -L`` with its fastest cipher: to ask whose each new connection is must cost
little.

In pairs and rounds, as the rest of the bench; used from its thread. The threads that knock while a round trip is
measured are a process of their own: in the measuring one they would slow both ways alike and hide a difference.
"""

import statistics
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from tests.bench.tunnel_ways import Ours, Program, Way

MEGABYTE = 1_000_000
KNOCKERS = 4
TITLES = {
    "newconn": "new connections per second",
    "par50": "50 downloads at once, MB/s",
    "rtt_busy": f"round trip beside {KNOCKERS} that open, us",
}


class Guarded:
    """The figures, each through the tunnel that has this local port."""

    def __init__(self, client: Program, other: Program, scale: float) -> None:
        self._client = client
        self._other = other
        self._scale = scale

    def newconn(self, port: int) -> float:
        return float(self._client.ask(job="connections", port=port, count=500))

    def par50(self, port: int) -> float:
        size = int(3 * self._scale * MEGABYTE)
        return float(self._client.ask(job="parallel", port=port, size=size, count=50))

    def rtt_busy(self, port: int) -> float:
        with self._knocking(port):
            return float(self._client.ask(job="round_trip", port=port, count=1000))

    @contextmanager
    def _knocking(self, port: int) -> Iterator[None]:
        self._other.ask(job="start", port=port, count=KNOCKERS)
        try:
            yield
        finally:
            self._other.ask(job="stop")


def measure(
    ours: Ours, ssh: Way, rounds: int, scale: float, say: Callable[[str], None]
) -> tuple[list[str], dict[str, float]]:
    """Lines for people, and the ratios ours / ssh's (medians of the rounds' ratios) for the JSON object."""
    values: dict[str, list[tuple[float, float]]] = {key: [] for key in TITLES}
    with (
        closing(Program("tests.bench.tunnel_programs", "ask")) as client,
        closing(Program("tests.bench.tunnel_programs", "ask")) as other,
    ):
        guarded = Guarded(client, other, scale)
        for number in range(rounds):
            for key, pairs in values.items():
                job: Callable[[int], float] = getattr(guarded, key)
                if number % 2:
                    theirs, mine = job(ssh.port), job(ours.guarded)
                else:
                    mine, theirs = job(ours.guarded), job(ssh.port)
                pairs.append((mine, theirs))
            say(f"guarded, round {number + 1}: " + ", ".join(f"{key} {values[key][-1][0]:.0f}" for key in TITLES))
    lines = [f"{'guarded forwards':36}{'ours':>12}{'ssh':>12}"]
    for key, title in TITLES.items():
        medians = [statistics.median(pair[side] for pair in values[key]) for side in (0, 1)]
        lines.append(f"{title:36}{medians[0]:12,.0f}{medians[1]:12,.0f}")
    found = {f"guarded_{key}_vs_ssh": round(statistics.median(a / b for a, b in values[key]), 3) for key in TITLES}
    return lines, found
