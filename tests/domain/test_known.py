"""What is told about a session without its server: everything there and back, and nothing that could not be read."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from desktop_app.domain.problems import problem
from desktop_app.domain.sessions.clearml_session import ClearmlSession
from desktop_app.domain.sessions.known import Known, is_away, known_json, read_known
from desktop_app.domain.sessions.snapshot import End, Remote, ServerFacts
from tests.fakes.outside import record_of, report_of

NOON = datetime(2026, 11, 29, 12, 3, tzinfo=UTC)
FACTS = ServerFacts(
    Remote.READY, "Ünï\n会话", End.NONE, "gpu", "A / B", "", True, ("a", "b"), worker="w:0", worker_lost_s=3.5,
    queue_watched=False, message="m", created=NOON, started=NOON, record=record_of("a" * 32),
    report=report_of(jupyterlab="ready", vscode="failed").public(),
    clearml_session=ClearmlSession("10.0.0.7", 22, awaited=("jupyterlab",)),
)  # fmt: skip


def test_everything_comes_back() -> None:
    known = Known(FACTS, NOON)
    assert read_known(json.loads(json.dumps(known_json(known)))) == known
    blank = Known(ServerFacts(Remote.QUEUED), NOON)
    assert read_known(known_json(blank)) == blank


def test_what_was_written_under_an_earlier_name_is_read() -> None:
    row = known_json(Known(FACTS, NOON))
    row["facts"]["foreign"] = row["facts"].pop("clearml_session")
    assert read_known(row) == Known(FACTS, NOON)


def test_no_secret_goes_along() -> None:
    secret = replace(FACTS, report=report_of(secret="the-token", jupyterlab="ready"))
    assert "the-token" not in json.dumps(known_json(Known(secret, NOON)))


@pytest.mark.parametrize("wrong", [None, 7, "x", [], {"a": 1}, [1], "2026-13-01", float("nan"), "x" * 10_000])
@pytest.mark.parametrize("name", [field.name for field in fields(ServerFacts) if field.name != "remote"])
def test_what_is_no_such_thing_is_as_if_it_were_not_there(name: str, wrong: object) -> None:
    row = known_json(Known(FACTS, NOON))
    row["facts"][name] = wrong
    found = read_known(row)
    assert found is not None and found.facts.remote is Remote.READY
    value, usual = getattr(found.facts, name), getattr(FACTS, name)
    blank = getattr(ServerFacts(Remote.READY), name)
    assert type(value) in (type(usual), type(blank))


@pytest.mark.parametrize(
    "value", [None, [], {}, {"facts": {}}, {"as_of": NOON.isoformat(), "facts": {}}, {"as_of": "2026-11-29T12:03:00",
     "facts": {"remote": "ready"}}, {"as_of": NOON.isoformat(), "facts": {"remote": ["ready"]}}],
)  # fmt: skip
def test_without_the_least_there_is_nothing(value: object) -> None:
    assert read_known(value) is None


@pytest.mark.parametrize(
    ("code", "away"), [("server.unreachable", True), ("server.unauthorised", True), ("task.gone", False)]
)
def test_what_counts_as_away(code: str, away: bool) -> None:
    assert is_away(problem(code, server="x")) is away
