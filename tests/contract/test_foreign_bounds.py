"""What members of a workspace can write is bounded where it comes in: every text of everything that the client answers.

The server here says half a million characters wherever a text can stand, and numbers that no number is.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from operator import attrgetter
from typing import Any

import httpx
import pytest

from desktop_app.adapters.clearml.documents.bounds import MAX_FEW, MAX_LINE, MAX_NAME, MAX_PATH, bounded
from desktop_app.adapters.clearml.lookups.pages import MOST
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.accounts.account import LogLine
from desktop_app.domain.problems import MAX_TOLD, AppError, problem
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.snapshot import Remote, ServerFacts
from remote_bootstrap import contract
from remote_bootstrap.contract import clearml_session
from tests.support.scripted_server import client, envelope, normal

HUGE = "<b>x</b> " * 55_556
LARGE = {"message": contract.MAX_SENTENCE, "record_error": contract.MAX_SENTENCE, "folder": MAX_PATH, "text": MAX_LINE}
WIDE = 10**30
TASK = "a" * 32
SHORT = ServerFacts(Remote.READY, "a name", tags=("one",))


def hostile_task(tag: str) -> dict[str, Any]:
    parameters = {HUGE: {"value": HUGE}, "store_workspace": {"value": HUGE}, "ssh_password": {"value": HUGE}}
    return {
        "id": TASK, "name": HUGE, "status": "in_progress", "status_reason": HUGE, "status_message": HUGE, "user": HUGE,
        "tags": [HUGE], "system_tags": [tag, HUGE], "project": HUGE, "created": HUGE, "started": HUGE,
        "completed": HUGE, "last_worker": HUGE, "last_worker_report": HUGE,
        "execution": {"queue": HUGE, "artifacts": [{"key": "workspace", "timestamp": HUGE}]},
        "runtime": dict.fromkeys(
            (contract.RUNTIME_RECORD, contract.RUNTIME_REPORT, *(f"{n}" for n in range(9)),
             clearml_session.RUNTIME_ADDRESS, clearml_session.RUNTIME_USER, clearml_session.RUNTIME_PORT), HUGE),
        "hyperparams": dict.fromkeys(
            (contract.SECTION, clearml_session.SECTION, clearml_session.PROPERTIES), parameters
        ),
        "container": {"image": HUGE, "arguments": HUGE},
        "script": {"requirements": {"pip": HUGE}},
    }  # fmt: skip


def hostile(tag: str) -> Callable[[str, dict[str, Any]], httpx.Response]:
    """A server whose every word is too long."""
    name = {"id": HUGE, "name": HUGE, "tags": [HUGE], "system_tags": [HUGE], "entries": [{}] * 3}
    worker = {"id": HUGE, "task": {"name": HUGE}, "last_report_time": "2027-01-15T08:00:00+00:00",
              "last_activity_time": HUGE, "queues": [{"id": HUGE}]}  # fmt: skip
    answers: dict[str, dict[str, Any]] = {
        "users.get_current_user": {"user": {"id": HUGE, "name": HUGE, "company": {"name": HUGE}}},
        "queues.get_all": {"queues": [name]},
        "projects.get_all": {"projects": [name]},
        "users.get_all": {"users": [name]},
        "workers.get_all": {"workers": [worker]},
        "tasks.get_all": {"tasks": [hostile_task(tag)]},
        "events.get_task_log": {"events": [{"timestamp": at, "msg": HUGE, "level": HUGE} for at in (1, WIDE)]},
    }

    def answer(endpoint: str, body: dict[str, Any]) -> httpx.Response:
        return envelope(answers[endpoint]) if endpoint in answers else normal(endpoint, body)

    return answer


def texts_of(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text with the name of the field that it stands in."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from texts_of(key, place)
            yield from texts_of(one, place)
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from texts_of(one, place)
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts_of(getattr(value, field.name), field.name)


@pytest.mark.parametrize("tag", [contract.SYSTEM_TAG, clearml_session.SYSTEM_TAG])
@pytest.mark.parametrize(
    "ask",
    [
        "user.whoami",
        "queues.all",
        "sessions.living",
        "sessions.of_all_users",
        "sessions.get",
        "sessions.finished",
        "tasks.log",
    ],
)
def test_no_text_of_an_answer_is_longer_than_its_kind(ask: str, tag: str) -> None:
    server, _script = client(hostile(tag))
    arguments: dict[str, tuple[Any, ...]] = {
        "sessions.living": ((TASK,),),
        "sessions.get": (TASK,),
        "tasks.log": (TASK, 0),
    }
    found = attrgetter(ask)(server)(*arguments.get(ask, ()), Cancel(30))
    texts = list(texts_of(found))
    assert texts or (ask == "sessions.of_all_users" and tag == clearml_session.SYSTEM_TAG)
    for place, text in texts:
        assert len(text) <= LARGE.get(place, MAX_NAME), place
    cut = [text for _place, text in texts if len(text) == MAX_NAME]
    assert all(text.endswith("…") for text in cut)
    server.close()


def test_lists_numbers_and_what_is_of_no_use_in_part() -> None:
    assert len(bounded(ServerFacts(Remote.READY, tags=(HUGE,) * 500)).tags) == MAX_FEW
    assert bounded(LogLine(WIDE, "x")).timestamp == 2**53
    assert bounded(FinishedSession("t", "n", stored=float("inf"))).stored == 0.0
    assert bounded(SHORT) == SHORT, "what fits is handed on as it is"
    with pytest.raises(contract.ContractError):
        contract.Record.loads(json.dumps({"task": HUGE}))


def test_an_endless_list_has_an_end() -> None:
    rows = [{"id": f"q{number}", "name": "q"} for number in range(500)]

    def answer(endpoint: str, body: dict[str, Any]) -> httpx.Response:
        if endpoint == "queues.get_all":
            return envelope({"queues": rows})
        return normal(endpoint, body) if endpoint != "workers.get_all" else envelope({"workers": []})

    server, script = client(answer)
    assert len(server.queues.all(Cancel(60))) == MOST
    assert script.endpoints().count("queues.get_all") == MOST // 500
    server.close()


def test_a_refusal_and_every_problem_tell_as_much_as_a_person_reads() -> None:
    def refuses(endpoint: str, body: dict[str, Any]) -> httpx.Response:
        return normal(endpoint, body) if endpoint == "auth.login" else envelope(code=400, subcode=12, message=HUGE)

    server, _script = client(refuses)
    with pytest.raises(AppError) as caught:
        server.queues.all(Cancel(30))
    told = caught.value.problem
    assert len(told.title) + len(told.detail) + len(told.cause) < 4 * MAX_TOLD
    server.close()
    assert len(problem("ssh.refused", why=HUGE, cause=HUGE).detail) < 2 * MAX_TOLD
