"""Projects on the way to the server: found under whatever way of writing them, made once, whoever else makes them.

The requests themselves are judged by the guard of all tests (tests/support/request_guard).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from desktop_app.boundary.server import TaskDraft
from desktop_app.domain.problems import AppError
from tests.support.scripted_server import client, envelope, normal, soon
from tests.support.server_rigs import HttpRig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[HttpRig]:
    made = HttpRig(tmp_path)
    yield made
    made.close()


def draft(project: str, source: str = "") -> TaskDraft:
    return TaskDraft("a session", project, "print(1)", (), {"contract": "1"}, source=source)


@pytest.mark.parametrize("typed", ["Team A//Lab", "Team A / Lab", "/Team A/Lab/", " Team A/ /Lab"])
def test_a_second_launch_finds_the_project_of_the_first(typed: str, rig: HttpRig) -> None:
    tasks = [rig.server.tasks.create(draft(name), soon()) for name in (typed, "Team A/Lab", typed)]
    tasks.append(rig.server.tasks.create(draft(typed, source=tasks[0]), soon()))  # a copy of a task goes there, too
    assert len({rig.sandbox.look(task)["project"] for task in tasks}) == 1
    assert {seen.facts.project for seen in rig.server.sessions.living(tasks, soon())} == {"Team A/Lab"}


def answers(*lists: list[dict[str, str]], refusal: httpx.Response) -> Any:
    """A server whose look-ups answer these, one after the other, and that makes no project."""
    left = list(lists)

    def answer(endpoint: str, body: dict[str, Any]) -> httpx.Response:
        if endpoint == "projects.get_all":
            return envelope({"projects": left.pop(0)})
        if endpoint == "projects.create":
            return refusal
        return envelope({"id": "t1"}) if endpoint == "tasks.create" else normal(endpoint, body)

    return answer


EXISTS = envelope(code=400, subcode=801, message="Project with the same name already exists")


def test_a_project_that_somebody_else_makes_at_the_same_moment_is_used() -> None:
    server, script = client(answers([], [{"id": "p1", "name": "Team A"}], refusal=EXISTS))
    assert server.tasks.create(draft("Team A"), soon()) == "t1"
    assert next(body for endpoint, body, _ in script.requests if endpoint == "tasks.create")["project"] == "p1"


def test_a_project_that_can_not_be_made_is_told_with_the_servers_words() -> None:
    server, _ = client(answers([], [], refusal=envelope(code=400, subcode=409, message="Too deep: max_depth=10")))
    with pytest.raises(AppError, match="Too deep: max_depth=10"):
        server.tasks.create(draft("Team A"), soon())
