"""The sandbox answers as a real ClearML server did: every recorded scenario, on real sockets.

What is left out is a row of ``recorded/left_out.py`` with its reason; a row that would pass by now fails the test.
"""

from pathlib import Path

import pytest

from tests.contract.recorded.left_out import LEFT_OUT, is_left_out, steps_of
from tests.contract.recorded.replay import CORPUS, Json, play, scenarios
from tests.support.recorded_server import recorded_server

RECORDED = scenarios(CORPUS)
BAR = 0.03  # the share of steps that may be left out
SHOWN = 20  # differences in a failure's text


@pytest.mark.parametrize("scenario", RECORDED, ids=[scenario["scenario"] for scenario in RECORDED])
def test_the_sandbox_answers_as_recorded(scenario: Json, tmp_path: Path) -> None:
    with recorded_server(tmp_path) as server:
        outcomes = list(play(server, scenario))
    name = scenario["scenario"]
    wrong = [
        f"{outcome.label}: {problem}"
        for outcome in outcomes
        if not is_left_out(name, outcome.number)
        for problem in outcome.problems
    ]
    stale = [outcome.label for outcome in outcomes if is_left_out(name, outcome.number) and not outcome.problems]
    assert wrong[:SHOWN] == []
    assert stale == [], "passes by now: take it out of left_out.py"


def test_nearly_nothing_is_left_out() -> None:
    total = sum(len(scenario["steps"]) for scenario in RECORDED)
    left = sum(len(steps_of(row.steps)) for row in LEFT_OUT)
    assert left <= total * BAR, f"{left} of {total}"


def test_every_row_names_recorded_steps_and_a_reason() -> None:
    known = {scenario["scenario"]: len(scenario["steps"]) for scenario in RECORDED}
    for row in LEFT_OUT:
        assert row.scenario in known
        assert max(steps_of(row.steps)) <= known[row.scenario]
        assert len(row.reason.split()) > 3, row
