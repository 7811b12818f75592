"""How long the server is left alone, on a clock that the test turns: what begins, waits, ends, is attached or rests."""

import itertools
import random
from dataclasses import replace
from typing import Any

import pytest

from desktop_app.boundary.outside import Pace
from desktop_app.domain.sessions.snapshot import End, Endpoint, Link, Remote, ServerFacts, SessionId, SessionSnapshot
from desktop_app.services.state.schedule import Schedule, is_busy, is_news
from remote_bootstrap import contract
from tests.fakes.outside import ACCOUNT, record_of, report_of

PACE = Pace()
HOUR = 3600.0


class Hours:
    """A schedule on a clock of its own."""

    def __init__(self, seed: int = 1) -> None:
        self.now = 0.0
        chance = random.Random(seed)
        self.schedule = Schedule(lambda: self.now, chance.random, PACE)

    def looks(self, seconds: float, *snapshots: SessionSnapshot) -> list[float]:
        """When the server was asked."""
        found, end = [], self.now + seconds
        while (pause := self.schedule.pause(snapshots)) + self.now <= end:
            self.now += pause
            found.append(self.now)
        self.now = end
        return found


def one(remote: Remote, link: Link = Link.OFF, number: int = 1, **facts: Any) -> SessionSnapshot:
    known = replace(ServerFacts(remote), **facts)
    return SessionSnapshot(SessionId(ACCOUNT.id, str(number) * 32), facts=known, link=link)


def attached(state: str = contract.APP_READY) -> SessionSnapshot:
    up = one(Remote.READY, Link.UP, report=report_of(vscode=state))
    return replace(up, endpoints=(Endpoint("vscode", state),))


@pytest.mark.parity("N8")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "snapshots",
    [
        (),
        (one(Remote.ENDED, end=End.FAILED),),
        (one(Remote.READY),),
        (one(Remote.READY, Link.BLOCKED),),
        (attached(),),
        (attached(contract.APP_INSTALLING),),  # the control channel tells
        tuple(replace(attached(), id=SessionId(ACCOUNT.id, str(n) * 32)) for n in range(9)),
    ],
)
def test_an_hour_in_which_nothing_moves_costs_at_most_100_looks(
    snapshots: tuple[SessionSnapshot, ...], seed: int
) -> None:
    assert 60 < len(Hours(seed).looks(HOUR, *snapshots)) <= 100


@pytest.mark.parity("N8")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sessions", [1, 7])
def test_an_hour_in_a_queue_costs_at_most_360_looks_and_a_start_shows_within_13_seconds(
    sessions: int, seed: int
) -> None:
    waiting = [one(Remote.QUEUED, number=n) for n in range(sessions)]
    looks = Hours(seed).looks(HOUR, *waiting)
    assert 250 < len(looks) <= 360
    assert max(after - before for before, after in zip([0.0, *looks], looks, strict=False)) < 13


def test_what_was_just_launched_is_looked_at_every_second() -> None:
    looks = [0.0, *Hours().looks(20, one(Remote.QUEUED))]
    assert max(after - before for before, after in itertools.pairwise(looks)) < 1.2


@pytest.mark.parametrize("remote", [Remote.STARTING, Remote.STOPPING])
def test_a_look_comes_at_most_two_hundredths_of_the_time_later_that_a_start_has_taken(remote: Remote) -> None:
    looks = [0.0, *Hours().looks(HOUR, one(remote))]
    for before, after in itertools.pairwise(looks):
        assert after - before <= max(1.1, 0.0225 * before)
    assert max(after - before for before, after in itertools.pairwise(looks)) < 13


def test_an_agent_that_takes_a_session_after_a_long_wait_makes_it_quick_again() -> None:
    hours = Hours()
    hours.looks(HOUR, one(Remote.QUEUED))
    assert hours.schedule.pause([one(Remote.STARTING)]) < 1.2


def test_progress_of_a_session_that_starts_keeps_it_quick() -> None:
    hours = Hours()
    hours.looks(600, one(Remote.STARTING, report=report_of()))
    assert hours.schedule.pause([one(Remote.STARTING, report=report_of())]) > 8
    assert hours.schedule.pause([one(Remote.STARTING, report=replace(report_of(), sequence=77))]) < 1.2


def test_a_connection_that_is_dialled_for_days_is_no_reason_to_ask_every_second() -> None:
    lost = one(Remote.READY, Link.RETRYING, record=record_of("1" * 32))
    hours = Hours()
    assert hours.schedule.pause([lost]) < 1.2
    assert len(hours.looks(HOUR, lost)) < 130


def test_one_that_moves_sets_the_pace_for_all_in_one_query() -> None:
    hours = Hours()
    assert hours.schedule.pause([one(Remote.READY), one(Remote.QUEUED, number=2)]) < 1.2


def test_no_two_computers_ask_in_step() -> None:
    assert len({round(Hours(seed).schedule.pause([]), 6) for seed in range(20)}) == 20


def test_applications_that_start_are_watched_closely_where_nobody_else_tells() -> None:
    starting = attached(contract.APP_INSTALLING)
    assert not is_busy(starting)
    assert is_busy(replace(starting, link=Link.OFF))


def test_a_session_that_says_that_it_ends_is_watched_until_it_has() -> None:
    assert is_busy(replace(attached(), facts=ServerFacts(Remote.READY, report=ending())))


def ending() -> contract.Report:
    return replace(report_of(), phase=contract.STOPPING)


def test_what_only_we_know_is_news() -> None:
    up = attached()
    for link in (Link.RETRYING, Link.BLOCKED):
        assert is_news(up, replace(up, link=link))
    assert is_news(up, replace(up, facts=replace(up.facts, report=ending())))
    assert not is_news(up, up)
    assert not is_news(replace(up, link=Link.CONNECTING), up)
    assert not is_news(up, replace(up, link=Link.OFF))  # detached
    assert not is_news(None, up)
    assert not is_news(up, None)
