"""What another member of the workspace can write into a task stays small enough to be drawn, whatever it is."""

import json
from typing import Any

import pytest

from desktop_app.adapters.clearml.documents.facts import log_lines, task_facts, time_of
from desktop_app.adapters.clearml.documents.finished import finished_of
from desktop_app.cli.views.as_json import ended_json
from remote_bootstrap import contract

HUGE = "\u202e<img src=x>\x1b[31m" * 500


@pytest.mark.parametrize(("large", "many", "is_read"), [(HUGE[:3000], 20, True), (HUGE, 999, False)])
def test_nothing_that_a_task_says_fills_the_window(large: str, many: int, is_read: bool) -> None:
    """A report that is larger than any of ours is not even read."""
    app = {"state": large, "detail": large, "port": 1}
    report = {
        "phase": large,
        "detail": large,
        "sequence": 1,
        "notices": [large] * many,
        "seconds": {f"{n}{large}": 1 for n in range(many)},
        "apps": {f"{n}{large[:1000]}": app for n in range(9)} | {str(n): {"state": "ready"} for n in range(many * 5)},
    }
    task = {
        "id": "t",
        "name": HUGE,
        "status": "in_progress",
        "status_reason": HUGE,
        "tags": [HUGE] * 999,
        "system_tags": [contract.SYSTEM_TAG],
        "runtime": {contract.RUNTIME_REPORT: json.dumps(report)},
    }
    facts = task_facts(task)
    assert (facts.report is not None) is is_read
    assert len(repr(facts)) < 300_000
    assert max(len(facts.name), len(facts.message), *(len(tag) for tag in facts.tags)) <= contract.MAX_SENTENCE
    if facts.report is not None:
        assert len(facts.report.apps) == contract.MAX_APPS
        assert max(len(key) for key in (*facts.report.apps, *facts.report.seconds)) <= contract.MAX_WORD


def test_a_log_that_announces_a_novel_is_told_in_a_line() -> None:
    found = contract.fingerprints_in_log([contract.FINGERPRINT_LOG_PREFIX + "A" * 1_000_000])
    assert [len(one) for one in found] == [contract.MAX_FINGERPRINT]


@pytest.mark.parametrize(
    "when", [10**400, -(10**400), 1e300, float("nan"), float("inf"), 10**15, -1, "1", None, True, 0]
)
def test_a_time_that_is_none_does_not_hide_what_it_stands_by(when: Any) -> None:
    """Of a stored workspace and of a line of the log: every member can write both."""
    kept = {"key": "workspace", "timestamp": when}
    found = finished_of(
        {"id": "t", "name": "n", "completed": "9999-12-31T23:59:59", "execution": {"artifacts": [kept]}}
    )
    assert found.stored == 1.0 and found.ended is None
    assert json.loads(json.dumps(ended_json("a", found)))["workspace_stored"].startswith("1970-01-01")
    lines = log_lines([{"timestamp": when, "msg": "theirs"}, {"timestamp": 5, "msg": "ours"}], 1)
    assert "ours" in [line.text for line in lines]


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01", "9999-12-31"])
def test_the_ends_of_time_are_no_times(text: str) -> None:
    """At some place of the world each of them is a moment that no calendar has."""
    assert time_of(text) is None
    assert time_of("2026-11-29T20:00:00+00:00") is not None
