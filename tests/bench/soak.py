"""``make soak``: half an hour of faults and redials under load, at the product's own pace; ends with one JSON line.

``python -m tests.bench.soak --minutes 3`` is a shorter one: as many of the 200 faults and 1,000 redials as fit.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from desktop_app.boundary.outside import Pace
from tests.support.fault_scene import FAULTS, Figures, Footprint, Scene, footprint

NUMBER_OF_FAULTS = 200
REDIALS_PER_FAULT = 5
WARM_UP = 20  # redials before anything is counted as growth
LATE_GROWTH_MB = 15.0
# The product's pace, but for one thing: here a connection that is cut at once counts as one that held.
PACE = replace(Pace(), steady_s=0.0, poll_calm_s=1.0)


@dataclass(frozen=True)
class Plan:
    """What to break, and for how long at most."""

    seconds: float
    seed: int

    def faults(self) -> list[str]:
        """Every kind equally often, in any order."""
        chance = random.Random(self.seed)
        names = [fault.name for fault in FAULTS] * (NUMBER_OF_FAULTS // len(FAULTS) + 1)
        chance.shuffle(names)
        return names[:NUMBER_OF_FAULTS]


def soak(plan: Plan, folder: Path) -> dict[str, object]:
    """Run the plan; what it measured."""
    end = time.monotonic() + plan.seconds
    with Scene(folder, PACE, plan.seed, freeze_s=5.0) as scene:
        for _ in range(WARM_UP):
            scene.redial()
        scene.wait_for_work()
        before, began = footprint(), len(scene.figures.redials)
        memory = [round(before.rss_mb, 1)]
        for number, name in enumerate(plan.faults()):
            if time.monotonic() > end:
                break
            print(f"{number + 1:3} {name}: {scene.fault(name):.1f} s", flush=True)
            for _ in range(REDIALS_PER_FAULT):
                scene.redial()
            memory.append(round(footprint().rss_mb, 1))
        scene.wait_for_work()
        after = footprint()
        answers = {worker.name: worker.good for worker in scene.workers}
        wrong = scene.wrong()
    return {
        "seed": plan.seed,
        "minutes": round(plan.seconds / 60, 1),
        **summary(scene.figures, began),
        "answers": answers,
        "wrong_answers": len(wrong),
        **growth(before, after),
        "rss_growth_late_mb": late_growth(memory),
        "rss_series_mb": memory[:: max(1, len(memory) // 20)],
    }


def summary(figures: Figures, began: int) -> dict[str, object]:
    """Times in seconds until the tunnel was back."""
    redials = figures.redials[began:]
    by_fault = {name: [round(statistics.median(t), 2), round(max(t), 2)] for name, t in figures.faults.items()}
    return {
        "faults": sum(len(times) for times in figures.faults.values()),
        "redials": len(redials),
        "redial_p50_s": round(statistics.median(redials), 3) if redials else None,
        "redial_max_s": round(max(redials), 2) if redials else None,
        "back_max_s": round(figures.worst, 2),
        "back_p50_and_max_s": by_fault,
    }


def growth(before: Footprint, after: Footprint) -> dict[str, object]:
    return {
        "rss_mb": round(after.rss_mb, 1),
        "rss_growth_mb": round(after.rss_mb - before.rss_mb, 1),
        "threads_growth": after.threads - before.threads,
        "files_growth": after.files - before.files,
    }


def late_growth(memory: Sequence[float]) -> float:
    """The second half's highest against the first half's: a leak shows here, caches that fill up do not."""
    half = len(memory) // 2
    return round(max(memory[half:]) - max(memory[:half] or memory), 1)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parsed = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="sd-") as folder:
        found = soak(Plan(parsed.minutes * 60, parsed.seed), Path(folder))
    ok = not found["wrong_answers"] and float(str(found["rss_growth_late_mb"])) < LATE_GROWTH_MB
    print(json.dumps({"ok": ok, **found}))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
