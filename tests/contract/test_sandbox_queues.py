"""Queues, workers and projects in the sandbox's server. As recorded."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandbox_server import Refused, Rig, rig


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        yield made


def test_tasks_leave_a_queue_in_the_order_they_came(server: Rig) -> None:
    queue = server.queue()
    made = [server.task() for _ in range(3)]
    for task in made:
        server.clock.advance(1)
        answer = server.call("tasks.enqueue", task=task, queue=queue)
        assert answer["queued"] == 1
        assert answer["fields"]["execution.queue"] == queue
    pulled = [server.call("queues.get_next_task", queue=queue)["entry"] for _ in made]
    assert [entry["task"] for entry in pulled] == made
    assert server.call("queues.get_next_task", queue=queue) == {}
    assert server.look(made[0])["execution"]["queue"] == queue


def test_a_queued_task_is_not_queued_again(server: Rig) -> None:
    task = server.task()
    server.call("tasks.enqueue", task=task)
    with pytest.raises(Refused) as refused:
        server.call("tasks.enqueue", task=task)
    assert refused.value.code == (400, 706)


def test_a_running_task_is_not_queued(server: Rig) -> None:
    task = server.task()
    server.call("tasks.started", task=task)
    with pytest.raises(Refused) as refused:
        server.call("tasks.enqueue", task=task)
    assert refused.value.code == (400, 110)
    assert server.call("queues.get_next_task", queue=server.queue()) == {}


def test_dequeue_puts_a_task_back_to_draft_or_where_asked(server: Rig) -> None:
    first, second = server.task(), server.task()
    for task in (first, second):
        server.call("tasks.enqueue", task=task)
    assert server.call("tasks.dequeue", task=first)["fields"]["status"] == "created"
    answer = server.call("tasks.dequeue", task=second, new_status="in_progress")
    assert (answer["dequeued"], answer["fields"]["enqueue_status"]) == (1, None)
    assert server.call("queues.get_next_task", queue=server.queue()) == {}


def test_the_agents_dequeue_of_a_task_that_runs_already_is_fine(server: Rig) -> None:
    task = server.task()
    server.call("tasks.enqueue", task=task)
    server.call("queues.get_next_task", queue=server.queue())
    server.call("tasks.started", task=task, force=True, status_message="pulled by agent")
    assert server.call("tasks.dequeue", task=task, new_status="in_progress")["fields"]["status"] == "in_progress"


def test_a_name_in_place_of_an_id_is_701(server: Rig) -> None:
    with pytest.raises(Refused) as refused:
        server.call("queues.get_by_id", queue="default")
    assert refused.value.code == (400, 701)
    with pytest.raises(Refused) as refused:
        server.call("tasks.enqueue", task=server.task(), queue="nowhere")
    assert refused.value.code == (400, 701)


def test_queue_names_are_regular_expressions_and_tags_exclude(server: Rig) -> None:
    server.call("queues.create", name="default-two", system_tags=["internal"])
    names = [q["name"] for q in server.call("queues.get_all", name="default", only_fields=["name"])["queues"]]
    assert names == ["default", "default-two"]
    assert [q["name"] for q in server.call("queues.get_all", name="^default$")["queues"]] == ["default"]
    assert [q["name"] for q in server.call("queues.get_all", system_tags=["-internal"])["queues"]] == ["default"]
    with pytest.raises(Refused) as refused:
        server.call("queues.create", name="default")
    assert refused.value.code == (400, 801)


def test_enqueue_tells_whether_anybody_serves_the_queue(server: Rig) -> None:
    queue = server.call("queues.create", name="unserved")["id"]
    body = {"queue": queue, "verify_watched_queue": True}
    assert server.call("tasks.enqueue", task=server.task(), **body)["queue_watched"] is False
    server.call("workers.register", worker="a1:0", queues=[queue])
    assert server.call("tasks.enqueue", task=server.task(), **body)["queue_watched"] is True
    server.clock.advance(600)
    assert server.call("tasks.enqueue", task=server.task(), **body)["queue_watched"] is False


def test_a_silent_worker_is_listed_for_ten_minutes(server: Rig) -> None:
    server.call("workers.register", worker="a1:0", queues=[server.queue()])
    server.clock.advance(599)
    assert [worker["id"] for worker in server.call("workers.get_all")["workers"]] == ["a1:0"]
    assert server.call("workers.get_all", last_seen=60)["workers"] == []
    server.clock.advance(1)
    assert server.call("workers.get_all")["workers"] == []
    server.call("workers.status_report", worker="a1:0", timestamp=0)
    assert [worker["id"] for worker in server.call("workers.get_all")["workers"]] == ["a1:0"]
    server.call("workers.unregister", worker="a1:0")
    server.call("workers.unregister", worker="a1:0")  # the agent says it twice
    assert server.call("workers.get_all")["workers"] == []


def test_a_report_touches_the_task_and_shows_up_at_the_worker(server: Rig) -> None:
    queue, task = server.queue(), server.task(name="being run")
    server.call("tasks.started", task=task)
    before = server.look(task)["last_update"]
    server.clock.advance(30)
    server.call(
        "workers.status_report", worker="a1:0", timestamp=0, task=task, queue=queue, queues=[queue], machine_stats=None
    )
    found = server.look(task)
    assert found["last_worker"] == "a1:0"
    assert found["last_update"] == found["last_worker_report"] > before
    worker = server.call("workers.get_all")["workers"][0]
    assert (worker["task"]["id"], worker["task"]["name"]) == (task, "being run")
    assert worker["queues"] == [{"id": queue, "name": "default", "num_tasks": 0}]
    server.call("workers.status_report", worker="a1:0", timestamp=0, queues=[queue])
    assert server.call("workers.get_all")["workers"][0].get("task") is None


def test_get_all_ex_shows_waiting_tasks_and_workers(server: Rig) -> None:
    queue, task = server.queue(), server.task(name="waiting")
    server.call("tasks.enqueue", task=task)
    server.call("workers.register", worker="a1:0", queues=[queue])
    found = server.call("queues.get_all_ex", name="^default$")["queues"][0]
    assert [entry["task"] for entry in found["entries"]] == [{"id": task, "name": "waiting"}]
    assert [worker["name"] for worker in found["workers"]] == ["a1:0"]


def test_projects_are_made_once_with_their_outer_projects(server: Rig) -> None:
    inner = server.call("projects.create", name="Team/Sub project", description="text")["id"]
    found = server.call("projects.get_by_id", project=inner)["project"]
    outer = server.call("projects.get_all", name="^Team$", only_fields=["id"])["projects"][0]["id"]
    assert (found["basename"], found["description"], found["path"]) == ("Sub project", "text", [outer])
    with pytest.raises(Refused) as refused:
        server.call("projects.create", name="Team")
    assert refused.value.code == (400, 801)
    with pytest.raises(Refused) as refused:
        server.call("projects.get_by_id", project="0" * 32)
    assert refused.value.code == (400, 401)
    assert server.call("projects.get_all", name="^Absent$")["projects"] == []
