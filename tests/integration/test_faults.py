"""Twenty faults and a hundred redials while a person works: always back, never a wrong answer, nothing left behind.

``make soak`` does the same for half an hour.
"""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fault_scene import FAULTS, SHORT, Scene, footprint
from tests.support.waiting import wait_until

SEED = 20_261_125
NUMBER = 20


def sample() -> list[str]:
    """Every kind once, then any."""
    chance = random.Random(SEED)
    names = [fault.name for fault in FAULTS]
    return [*names, *chance.choices(names, k=NUMBER - len(names))]


@pytest.mark.slow
@pytest.mark.parity("N5", "N6", "N7", "H5", "H6")
def test_twenty_faults_under_load(tmp_path: Path) -> None:
    with Scene(tmp_path, seed=SEED) as scene:
        for name in sample():
            scene.fault(name)
    assert scene.wrong() == []


@pytest.mark.slow
def test_a_hundred_redials_leave_nothing(tmp_path: Path) -> None:
    with Scene(tmp_path, replace(SHORT, steady_s=0.0)) as scene:  # a connection that is cut at once counts as held
        for worker in scene.workers:
            worker.close()
        for _ in range(10):
            scene.redial()
        before = footprint()
        for _ in range(90):
            scene.redial()
        wait_until(lambda: footprint().threads <= before.threads, f"the threads to end: {before}", 15)
        wait_until(lambda: footprint().files <= before.files, f"the sockets to be closed: {before}", 15)
        assert footprint().rss_mb - before.rss_mb < 25
