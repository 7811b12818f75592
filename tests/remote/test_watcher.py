"""When the task ends the session, and what asking costs: an hour of a clock that the test turns. As test_units.py:
Python 3.8, standard library and pytest only.
"""

import random
from typing import Any

import pytest

from remote_bootstrap.task.report import ServerError, TaskStatus
from remote_bootstrap.task.watcher import ABORTED, Watcher

HOUR = 3600.0


class Clocked:
    """A watcher on a clock of its own, with the server that it looks at."""

    def __init__(self, seed: int = 1) -> None:
        self.now = 0.0
        self.answer = TaskStatus("in_progress", "")
        self.down = False
        self.calls = 0
        self.said = []
        self.ended = []
        chance = random.Random(seed)
        itself: Any = self  # the part of a TaskServer that it uses
        self.watcher = Watcher(
            itself, self.ended.append, self.said.append, clock=lambda: self.now, jitter=chance.random
        )

    def status(self) -> TaskStatus:
        self.calls += 1
        if self.down:
            raise ServerError("down")
        return self.answer

    def ping(self) -> None:
        self.calls += 1

    def run(self, seconds: float) -> None:
        """As its thread does, until the session ends."""
        end = self.now + seconds
        while self.now + self.watcher.pause() <= end and not self.ended:
            self.now += self.watcher.pause()
            self.watcher.look()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (TaskStatus("in_progress", "stopping"), ABORTED),
        (TaskStatus("stopped", ""), "it was stopped in ClearML"),
        (TaskStatus("failed", ""), "its task was marked as failed in ClearML"),
        (TaskStatus("created", ""), "it was reset or taken out of its queue in ClearML"),
        (TaskStatus("unheard", ""), "its task is “unheard” in ClearML"),
        (TaskStatus("queued", ""), "it was put into a queue again in ClearML"),
    ],
)
def test_the_watcher_knows_when_to_end(status: TaskStatus, reason: str) -> None:
    clocked = Clocked()
    clocked.answer = status
    assert clocked.watcher.look()
    assert clocked.ended == [reason]


def test_the_word_of_an_agent_that_begins_does_not_end_it() -> None:
    clocked = Clocked()
    clocked.answer = TaskStatus("in_progress", "launch by agent")
    assert not clocked.watcher.look()
    assert clocked.ended == []


def test_a_deleted_task_ends_the_session_soon_but_one_odd_answer_does_not() -> None:
    clocked = Clocked()
    clocked.answer = TaskStatus("", "")
    assert [clocked.watcher.look() for _look in range(4)] == [False] * 4
    clocked.answer = TaskStatus("in_progress", "")
    assert not clocked.watcher.look()
    clocked.answer = TaskStatus("", "")
    clocked.run(60)
    assert clocked.ended == ["the task was deleted"]
    assert clocked.now < 35


@pytest.mark.parity("N8")
@pytest.mark.parametrize("seed", range(5))
def test_an_hour_with_nobody_attached_costs_at_most_240_calls(seed: int) -> None:
    clocked = Clocked(seed)
    clocked.run(HOUR)
    assert 180 < clocked.calls <= 240


@pytest.mark.parametrize(("desktops", "seconds"), [(0, 20.0), (1, 10.0), (3, 10.0)])
@pytest.mark.parametrize("seed", range(5))
def test_an_abort_is_noticed_in_time(desktops: int, seconds: float, seed: int) -> None:
    """Whenever it comes: no pause is longer, with half a second for the answer."""
    clocked = Clocked(seed)
    clocked.watcher.attached(desktops)
    for _look in range(200):
        assert clocked.watcher.pause() < seconds - 0.5
        clocked.watcher.look()
    clocked.answer = TaskStatus("in_progress", "stopping")
    clocked.run(seconds)
    assert clocked.ended == [ABORTED]


def test_who_attaches_brings_the_next_look_forward() -> None:
    clocked = Clocked()
    alone = clocked.watcher.pause()
    clocked.watcher.attached(1)
    attached = clocked.watcher.pause()
    clocked.watcher.attached(0)
    assert attached < 10 < alone == clocked.watcher.pause()


def test_a_changed_task_is_told_of_once() -> None:
    changes = []
    clocked = Clocked()
    server: Any = clocked
    watcher = Watcher(server, print, print, changed=lambda: changes.append(clocked.calls))
    for stamp in ("t1", "t1", "t1", "t2", "t2"):
        clocked.answer = TaskStatus("in_progress", "", stamp)
        watcher.look()
    assert changes == [1, 4]


def test_no_two_sessions_keep_one_beat() -> None:
    pauses = {round(Clocked(seed).watcher.pause(), 6) for seed in range(20)}
    assert len(pauses) == 20


def test_a_server_that_is_away_is_asked_ever_less_often() -> None:
    clocked = Clocked()
    clocked.down = True
    pauses = []
    for _look in range(8):
        clocked.watcher.look()
        pauses.append(clocked.watcher.pause())
    assert pauses[0] < 20 < 25 < pauses[1]
    assert pauses[-1] > 50
    assert max(pauses) < 66
    assert len(clocked.said) == 1
    clocked.down = False
    clocked.watcher.look()
    assert clocked.said[-1] == "The ClearML server answers again"
    assert clocked.watcher.pause() < 20


def test_the_task_is_kept_from_looking_dead() -> None:
    """The server ends tasks that are silent for two hours."""
    clocked = Clocked()
    pinged = []
    clocked.ping = lambda: pinged.append(clocked.now)  # type: ignore[method-assign]  # its own, watched
    clocked.run(2 * HOUR)
    pinged.append(clocked.now)
    assert len(pinged) > 10
    assert max(pinged[number] - pinged[number - 1] for number in range(1, len(pinged))) < 700
