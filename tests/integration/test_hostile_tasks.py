"""What another member of the workspace can write into a task stays small enough to be drawn, whatever it is."""

import json

from desktop_app.adapters.clearml.facts import task_facts
from remote_bootstrap import contract

HUGE = "\u202e<img src=x>\x1b[31m" * 500


def test_nothing_that_a_task_says_fills_the_window() -> None:
    app = {"state": HUGE, "detail": HUGE, "port": 1}
    report = {
        "phase": HUGE,
        "detail": HUGE,
        "sequence": 1,
        "notices": [HUGE] * 999,
        "seconds": {f"{n}{HUGE}": 1 for n in range(999)},
        "apps": {f"{n}{HUGE[:1000]}": app for n in range(9)} | {str(n): {"state": "ready"} for n in range(9999)},
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
    assert facts.report is not None and len(facts.report.apps) == contract.MAX_APPS
    assert len(repr(facts)) < 300_000
    assert max(len(facts.name), len(facts.message), *(len(tag) for tag in facts.tags)) <= contract.MAX_SENTENCE
    assert max(len(key) for key in (*facts.report.apps, *facts.report.seconds)) <= contract.MAX_WORD


def test_a_log_that_announces_a_novel_is_told_in_a_line() -> None:
    found = contract.fingerprints_in_log([contract.FINGERPRINT_LOG_PREFIX + "A" * 1_000_000])
    assert [len(one) for one in found] == [contract.MAX_FINGERPRINT]
