"""The engine of the tests cleans up after those that were killed before they could."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.engine import bridge_of, end_abandoned
from tests.support.paths import CACHE, REPOSITORY
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.slow]

HOLD = """
import threading
from tests.support.engine import Engine
made = Engine()
made.__enter__()
made.docker("run", "-d", "sessiondock-test:base", "sleep", "600")
print(made.base, flush=True)
threading.Event().wait(600)
"""


def named(text: str) -> list[int]:
    return [
        one.pid for one in psutil.process_iter(["cmdline"]) if any(text in word for word in one.info["cmdline"] or ())
    ]


def test_what_a_killed_run_left_is_taken_away_by_the_next_one() -> None:
    env = {**os.environ, "XDG_CACHE_HOME": str(CACHE.parent)}  # where the image is
    run = subprocess.Popen([sys.executable, "-c", HOLD], cwd=REPOSITORY, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert run.stdout is not None
        base = Path(run.stdout.readline().strip())
        assert base.name.startswith("sd-engine-") and named(str(base))
        end_abandoned(base.parent)
        assert base.exists() and named(str(base)), "its run lives"
    finally:
        run.kill()
        run.wait()
    end_abandoned(base.parent)
    wait_until(lambda: not named(str(base)), "the engine's processes to end", 10)
    assert not base.exists() and not Path("/sys/class/net", bridge_of(run.pid)).exists()
    assert str(base) not in Path("/proc/self/mountinfo").read_text("utf-8")
