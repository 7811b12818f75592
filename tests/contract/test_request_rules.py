"""The rules for our requests, held to the recorded corpus: what the real server refused they refuse, and nothing else.

A request is refused for its form (a missing field, a wrong type, an unknown name, a path collision) or for the state of
what it is about (an unknown task, a status); the rules know only the form.
"""

import itertools
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from desktop_app.sandbox.rules.auth import Credential
from tests.support.request_guard import Judge
from tests.support.request_rules import ENDPOINTS, EVENTS, faults
from tests.support.sandbox_server import basic, own_sandbox

CORPUS = Path(__file__).parent / "recorded" / "clearml-recorded.jsonl"
# Subcodes of 400 that are about the form. 16 also says that something is not there; see STATE.
FORM = {0, 11, 12, 14, 16, 17, 21, 131, 407, 409, 800}
# Refused for what is, or is not, on the server: nothing in the request tells.
STATE = {
    "tasks.create.refused#29": "a project that is not there",
    "tasks.create.refused#32": "a parent that is not there",
    "tasks.reset_and_delete#21": "a parent that is not there any more",
    "tasks.edit.replace_and_merge#41": "a project that is not there",
    "tasks.edit.replace_and_merge#46": "a parent that is not there",
    "events.add#7": "a task that is not there",
    "app.lost_tasks#24": "a task that is not there any more",
    "tasks.enqueue.watched#16": "the task is in no queue",
}
RAW = object()  # a body that is no JSON


class Step:
    """One recorded request to an endpoint that has a row."""

    def __init__(self, where: str, step: Mapping[str, Any]) -> None:
        self.where = where
        self.endpoint = str(step["call"])
        self.note = str(step.get("note") or "")
        self.lines = _filled(step["lines"]) if "lines" in step else None
        self.body = _body(step)
        answer = step["answer"]
        self.code, self.subcode = answer.get("result_code"), answer.get("result_subcode")

    @property
    def refused(self) -> bool:
        """For its form."""
        if self.code == 500:
            return True
        return self.code == 400 and self.subcode in FORM and self.where not in STATE

    def found(self, *, rewritten: bool) -> list[str]:
        each = faults(self.endpoint, self.body, self.lines)
        return [fault.what for fault in each if fault.rewritten is rewritten]


def _filled(value: Any) -> Any:
    """Names of saved values become texts, ``$repeat`` the long text that it means."""
    if isinstance(value, dict):
        if set(value) == {"$repeat"}:
            return value["$repeat"][0] * value["$repeat"][1]
        return {key: _filled(item) for key, item in value.items()}
    return [_filled(item) for item in value] if isinstance(value, list) else value


def _body(step: Mapping[str, Any]) -> Any:
    if "raw" not in step:
        return _filled(step.get("body", {}))
    try:
        return json.loads(step["raw"]) if step["raw"].strip() else {}
    except ValueError:
        return RAW


def _steps() -> Iterator[Step]:
    for line in CORPUS.read_text("utf-8").splitlines():
        scenario = json.loads(line)
        for index, step in enumerate(scenario["steps"]):
            plain = not step.get("parallel") and step["answer"].get("result_code") in (200, 400, 500)
            form = "urlencoded" in str(step.get("headers"))  # not what any of our clients sends
            if plain and not form and step.get("call") in {*ENDPOINTS, EVENTS}:
                yield Step(f"{scenario['scenario']}#{index}", step)


STEPS = tuple(_steps())


def test_what_the_real_server_refused_is_refused() -> None:
    passed = [
        f"{step.where} {step.endpoint} {step.body!r:.100} ({step.code}/{step.subcode})"
        for step in STEPS
        if step.refused and not step.found(rewritten=False)
    ]
    assert passed == []
    assert sum(step.refused for step in STEPS) > 140


def test_what_the_real_server_took_is_not_refused() -> None:
    wrong = [
        f"{step.where} {step.endpoint} {step.body!r:.200}: {step.found(rewritten=False)}"
        for step in STEPS
        if not step.refused and step.found(rewritten=False)
    ]
    assert wrong == []
    assert sum(step.code == 200 for step in STEPS) > 1300


def test_every_exception_is_a_recorded_step() -> None:
    assert STATE.keys() <= {step.where for step in STEPS}


@pytest.mark.parametrize("endpoint", sorted({*ENDPOINTS, EVENTS}))
def test_each_row_was_recorded(endpoint: str) -> None:
    assert any(step.endpoint == endpoint and step.code == 200 for step in STEPS)


def test_keys_that_edit_runtime_stores_under_another_name_are_told() -> None:
    """Each recorded key, and what a read answered after it was written."""
    scenario = next(
        found
        for found in map(json.loads, CORPUS.read_text("utf-8").splitlines())
        if found["scenario"] == "tasks.runtime.odd_keys.edit_runtime"
    )
    steps = scenario["steps"]
    looked = 0
    for written, read in itertools.pairwise(steps):
        added = (written.get("body") or {}).get("add_or_update")
        if not added or written["answer"]["result_code"] != 200:
            continue
        changed = read["answer"]["data"]["tasks"][0]["runtime"].keys() != added.keys()
        told = any(fault.rewritten for fault in faults("tasks.edit_runtime", written["body"]))
        assert told is changed, added
        looked += 1
    assert looked > 10


@pytest.mark.parametrize("sent", ["A a a//Bbb", "/Lead", "Tail/", " Blank / inner "])
def test_a_project_that_is_stored_under_another_name_is_told(sent: str) -> None:
    assert [fault.rewritten for fault in faults("projects.create", {"name": sent})] == [True]


def test_a_misspelt_field_of_a_body_is_told() -> None:
    found = faults("tasks.stop", {"task": "t", "status_raeson": "x"})
    assert [(fault.rewritten, "status_raeson" in fault.what) for fault in found] == [(True, True)]


def test_an_endpoint_that_nobody_recorded_is_told() -> None:
    assert faults("tasks.nosuch", {})


def judged(judge: Judge, endpoint: str, body: Any) -> list[str]:
    judge.see(endpoint, body)
    return judge.take()


def test_the_judge_hears_of_a_bad_request_in_this_process(request_guard: Judge) -> None:
    sys.audit("sessiondock.request", "tasks.get_all", {"only_fields": ["runtime", "runtime.x"]})
    assert [text.partition(":")[0] for text in request_guard.take()] == ["tasks.get_all"]


def test_the_judge_reads_the_record_of_a_sandbox(request_guard: Judge) -> None:
    """A program of ours and a stock client ask another process's server the same bad thing."""
    with own_sandbox("--no-agent") as sandbox:
        body = {"id": ["x"], "only_fields": ["nosuch"]}
        headers = {"Authorization": basic(Credential(sandbox.access_key, sandbox.secret_key))}
        for client in ("sessiondock-0", "clearml-2.1.12"):
            httpx.post(f"{sandbox.api_url}/tasks.get_all", json=body, headers={**headers, "X-ClearML-Client": client})
            expected = 1 if client.startswith("sessiondock") else 0
            assert len(request_guard.take()) == expected


def test_a_refusal_that_was_announced_is_none_and_one_that_never_came_is(request_guard: Judge) -> None:
    request_guard.expected.append("no field 'nosuch'")
    assert judged(request_guard, "tasks.get_all", {"only_fields": ["nosuch"]}) == []
    request_guard.expected.append("no field 'nosuch'")
    assert judged(request_guard, "tasks.get_all", {"only_fields": ["id"]}) != []
