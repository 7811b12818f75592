"""Whether a queue holds what says that it waits: the client against answers as a real server gave them (recorded/)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from desktop_app.adapters.clearml.lookups.places import ENTRIES_EVERY_S, LASTING_S, Places
from desktop_app.adapters.clearml.server import ClearMLServer
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import TaskDraft
from desktop_app.domain.sessions.snapshot import Remote, ServerFacts, why_unplaced
from remote_bootstrap import contract
from tests.support.scripted_server import NOW, client, envelope, normal, soon
from tests.support.server_rigs import HttpRig

TASK, QUEUE = "a" * 32, "c" * 32
BOB = {"id": "u2", "name": "Bob"}


def ago(seconds: float) -> str:
    return datetime.fromtimestamp(NOW - seconds, UTC).isoformat()


class Web:
    """One task and one queue; what other people do to them is what the test sets."""

    def __init__(self) -> None:
        self.task: dict[str, Any] = {
            "id": TASK, "name": "a session", "status": "queued", "status_reason": "", "status_message": "",
            "system_tags": [contract.SYSTEM_TAG], "user": "u1", "created": ago(600), "execution": {"queue": QUEUE},
            "status_changed": ago(500), "last_changed_by": "u1", "runtime": {},
        }  # fmt: skip
        self.queues = [{"id": QUEUE, "name": "gpu", "entries": [{"task": TASK}], "last_update": ago(400)}]
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, endpoint: str, body: dict[str, Any]) -> Any:
        self.asked.append((endpoint, body))
        answers: dict[str, dict[str, Any]] = {
            "tasks.get_all": {"tasks": [self.task]},
            "queues.get_all": {"queues": self.queues},
            "users.get_all": {"users": [BOB]},
            "projects.get_all": {"projects": []},
            "workers.get_all": {"workers": []},
        }
        data = answers.get(endpoint)
        return normal(endpoint, body) if data is None else envelope(data)

    def look(self, server: ClearMLServer | None = None) -> ServerFacts:
        """As a process that has just started sees it."""
        return (server or client(self)[0]).sessions.get(TASK, soon()).facts


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status_reason": "reset", "status_message": "reset", "execution": {}}, "was reset on the ClearML server by"),
        ({"status_reason": f"Queue {QUEUE} was deleted", "execution": {}}, f"says (changed by Bob): Queue {QUEUE} was"),
        ({"status_reason": f"Queue {QUEUE} was cleared"}, "was cleared"),
        ({"status_reason": f"Task was removed from the queue {QUEUE}"}, "Task was removed from the queue"),
        ({}, "was taken out of the queue “gpu” by Bob"),
        ({"system_tags": ["archived", contract.SYSTEM_TAG]}, "was archived on the ClearML server by Bob"),
    ],
)  # fmt: skip
def test_created_is_not_queued(fields: dict[str, Any], said: str) -> None:
    web = Web()
    web.task.update(status="created", last_changed_by="u2", **fields)
    found = web.look()
    assert found.remote is Remote.CREATED and found.unplaced
    assert said in why_unplaced(found)


def test_who_wrote_into_a_task_after_its_reset_did_not_reset_it() -> None:
    web = Web()
    reset = {"status_reason": "reset", "status_message": "reset", "execution": {}}
    web.task.update(status="created", last_changed_by="u2", last_change=ago(500), **reset)
    assert "was reset on the ClearML server by Bob, which" in why_unplaced(web.look())
    web.task.update(last_change=ago(490))  # the agent that ran it, say
    assert "was reset on the ClearML server, which" in why_unplaced(web.look())
    web.task.update(system_tags=["archived", contract.SYSTEM_TAG])  # which is no change of status
    assert "was archived on the ClearML server by Bob" in why_unplaced(web.look())


def test_a_queue_that_was_deleted_is_called_by_the_name_that_was_known() -> None:
    web = Web()
    server, _ = client(web)
    assert not web.look(server).unplaced
    web.task.update(status="created", status_reason=f"Queue {QUEUE} was deleted", execution={}, last_changed_by="u1")
    assert "Queue “gpu” was deleted" in why_unplaced(web.look(server))
    assert "changed by you" in why_unplaced(web.look(server))


def test_a_task_that_is_being_launched_is_not_lost() -> None:
    web = Web()
    web.task.update(status="created", created=ago(2), execution={})
    assert not web.look().unplaced


def test_a_task_that_its_queue_holds_waits() -> None:
    assert not Web().look().unplaced


def test_queued_in_a_queue_that_does_not_hold_it_is_in_no_queue() -> None:
    """queues.remove_task leaves the status: recorded in queues.delete, step 21."""
    web = Web()
    web.queues[0]["entries"] = [{"task": "b" * 32}]
    found = web.look()
    assert found.remote is Remote.QUEUED and found.unplaced
    assert "“gpu” does not hold it any more" in why_unplaced(found)


def test_queued_in_a_queue_that_is_not_there_is_in_no_queue() -> None:
    web = Web()
    web.queues = []
    assert web.look().unplaced


@pytest.mark.parametrize("fresh", ["status_changed", "last_update"])
def test_one_that_an_agent_takes_at_this_moment_is_not_lost(fresh: str) -> None:
    """get_next_task takes the entry; the agent says a moment later that the task has started."""
    web = Web()
    web.queues[0].update(entries=[], **({fresh: ago(1)} if fresh == "last_update" else {}))
    web.task.update({fresh: ago(1)} if fresh == "status_changed" else {})
    assert not web.look().unplaced


def test_no_field_that_is_asked_for_holds_another_one() -> None:
    """A real server answers a path collision with an error."""
    web = Web()
    web.look()
    for _, body in web.asked:
        names = body.get("only_fields", [])
        assert not [one for one in names for other in names if other.startswith(f"{one}.")]


def test_polls_look_into_the_queues_once_a_minute() -> None:
    looks: list[Sequence[str]] = []

    def read(ids: Sequence[str], _cancel: Cancel) -> list[dict[str, Any]]:
        looks.append(ids)
        return [{"id": QUEUE, "entries": [{"task": TASK}], "last_update": ago(400)}]

    places = Places(read)
    for _ in range(5):
        assert places.lost([Web().task], NOW, True, soon()) == frozenset()
    assert looks == [[QUEUE]] and ENTRIES_EVERY_S >= 2 * LASTING_S
    places.lost([Web().task, {**Web().task, "id": "b" * 32}], NOW, True, soon())
    assert len(looks) == 2, "one that is new has to be looked for"
    places.lost([{**Web().task, "status": "in_progress"}], NOW, False, soon())
    assert len(looks) == 2


# -- the sandbox, which is held to the recording


@pytest.fixture
def http(tmp_path: Path) -> Iterator[HttpRig]:
    rig = HttpRig(tmp_path)
    yield rig
    rig.close()


def waiting(http: HttpRig) -> tuple[str, str]:
    """A session in the queue “gpu”, and that queue's id."""
    http.sandbox.clock.now -= 120  # what happens then has lasted by now: the client goes by the server's Date
    http.add_queue("gpu", "agent-1")
    task = http.server.tasks.create(TaskDraft("a session", "Project", "", (), {}), soon())
    http.server.tasks.enqueue(task, "gpu", soon())
    queue = http.sandbox.call("queues.get_all", name="^gpu$")["queues"][0]["id"]
    assert not http.server.sessions.get(task, soon()).facts.unplaced
    return task, queue


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("tasks.reset", "was reset on the ClearML server"),
        ("tasks.dequeue", "was taken out of the queue “gpu”"),
        ("tasks.archive", "was archived on the ClearML server"),
        ("queues.clear_queue", "Queue “gpu” was cleared"),
        ("queues.delete", "Queue “gpu” was deleted"),
        ("queues.remove_task", "“gpu” does not hold it any more"),
    ],
)
def test_what_others_do_to_a_waiting_session_is_told_and_undone(http: HttpRig, call: str, said: str) -> None:
    task, queue = waiting(http)
    bodies: dict[str, dict[str, Any]] = {
        "tasks.archive": {"tasks": [task]},
        "queues.clear_queue": {"queue": queue},
        "queues.delete": {"queue": queue, "force": True},
        "queues.remove_task": {"queue": queue, "task": task},
    }
    http.sandbox.call(call, **bodies.get(call, {"task": task}))
    http.sandbox.clock.now += 120
    found = http.server.sessions.get(task, soon()).facts
    assert found.unplaced and said in why_unplaced(found)
    if call == "queues.delete":
        http.add_queue("gpu", "agent-1")
    http.server.tasks.enqueue(task, "gpu", soon())
    again = http.server.sessions.get(task, soon()).facts
    assert again.remote is Remote.QUEUED and not again.unplaced


def test_a_running_session_that_is_reset_is_in_no_queue(http: HttpRig) -> None:
    task, _ = waiting(http)
    http.agent_takes(task)
    http.sandbox.call("tasks.reset", task=task, force=True)
    found = http.server.sessions.get(task, soon()).facts
    assert found.remote is Remote.CREATED and found.unplaced and found.record is None
