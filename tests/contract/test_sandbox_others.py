"""What others do to a task on the sandbox's server: archive, reset, move, delete; and what older clients see.

The recorded scenarios hold most of it; these are the rules beyond them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox_server import Refused, Rig, basic, rig, running_task


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        yield made


def _old(server: Rig, version: str, endpoint: str, **body: Any) -> dict[str, Any]:
    """The data that a client of an older API version gets."""
    headers = {"Authorization": basic(server.pair)}
    return dict(server.client.post(f"/v{version}/{endpoint}", json=body, headers=headers).get_json()["data"])


def _waiting(server: Rig, *names: str) -> tuple[str, dict[str, str]]:
    queue = str(server.call("queues.create", name="a queue")["id"])
    made = {name: server.task(name=f"task {name}") for name in names}
    for task in made.values():
        server.call("tasks.enqueue", task=task, queue=queue)
    return queue, made


def _order(server: Rig, queue: str) -> list[str]:
    return [entry["task"] for entry in server.call("queues.get_by_id", queue=queue)["queue"]["entries"]]


@pytest.mark.parametrize(("move", "count", "order", "position"), [
    ("to_front", None, "cabd", 0),
    ("to_back", None, "abdc", 3),
    ("forward", None, "acbd", 1),
    ("forward", 9, "cabd", 0),
    ("backward", 1, "abdc", 3),
    ("backward", 9, "abdc", 3),
])  # fmt: skip
def test_entries_move_inside_their_queue(server: Rig, move: str, count: int | None, order: str, position: int) -> None:
    queue, tasks = _waiting(server, *"abcd")
    body: dict[str, Any] = {"count": count} if count is not None else {}
    assert server.call(f"queues.move_task_{move}", queue=queue, task=tasks["c"], **body) == {"position": position}
    assert _order(server, queue) == [tasks[name] for name in order]
    assert server.call("queues.get_next_task", queue=queue)["entry"]["task"] == tasks[order[0]]


def test_a_task_that_does_not_wait_cannot_be_moved(server: Rig) -> None:
    queue, _ = _waiting(server, "a")
    for endpoint in ("queues.move_task_to_front", "queues.remove_task"):
        with pytest.raises(Refused) as refused:
            server.call(endpoint, queue=queue, task=server.task())
        assert refused.value.code == (400, 703)


def test_a_queue_is_answered_with_so_many_entries(server: Rig) -> None:
    queue, tasks = _waiting(server, *"abc")
    for endpoint in ("queues.get_all", "queues.get_all_ex"):
        found = server.call(endpoint, id=[queue], max_task_entries=2)["queues"][0]["entries"]
        assert len(found) == 2
    named = server.call("queues.get_all", id=[queue], only_fields=["entries.task"])["queues"]
    assert named == [{"entries": [{"task": task} for task in tasks.values()]}]


def test_an_entry_outlives_its_tasks_end_and_brings_it_back(server: Rig) -> None:
    queue, tasks = _waiting(server, *"abc")
    for name, action in (("a", "stopped"), ("b", "failed"), ("c", "completed")):
        server.call(f"tasks.{action}", task=tasks[name], force=True)
    assert [server.call("queues.get_next_task", queue=queue)["entry"]["task"] for _ in "abc"] == list(tasks.values())
    assert [server.look(task)["status"] for task in tasks.values()] == ["queued", "failed", "completed"]


def test_enqueueing_ends_a_tasks_development(server: Rig) -> None:
    task = server.task(system_tags=["development", "interactive"])
    server.call("tasks.enqueue", task=task)
    assert server.look(task)["system_tags"] == ["interactive"]


def test_what_is_archived_is_taken_back_and_can_be_deleted(server: Rig) -> None:
    _, tasks = _waiting(server, "a")
    running, ended = running_task(server), server.task()
    server.call("tasks.completed", task=ended, force=True)
    every = [tasks["a"], running, ended]
    assert server.call("tasks.archive", tasks=every, status_reason="tidy")["archived"] == 3
    found = [server.look(task) for task in every]
    assert [task["status"] for task in found] == ["created", "stopped", "completed"]
    assert {task["status_reason"] for task in found} == {"tidy"}
    assert all("archived" in task["system_tags"] for task in found)
    assert server.call("tasks.unarchive", tasks=[running])["unarchived"] == 1
    with pytest.raises(Refused) as refused:
        server.call("tasks.delete", task=running)
    assert refused.value.code == (400, 123)
    assert server.call("tasks.delete", task=ended)["deleted"] is True


def test_a_reset_leaves_what_was_to_run_and_no_entry(server: Rig) -> None:
    queue, tasks = _waiting(server, "a")
    item = {"section": "Args", "name": "n", "value": "v"}
    server.call("tasks.edit", task=tasks["a"], force=True, runtime={"r": 1}, hyperparams={"Args": {"n": item}})
    server.call("tasks.started", task=tasks["a"])
    server.log(tasks["a"], "line")
    assert server.call("tasks.reset", task=tasks["a"], clear_all=True)["dequeued"] == {}
    found = server.look(tasks["a"])
    assert (found["status"], found["runtime"], found["hyperparams"]) == ("created", {}, {"Args": {"n": item}})
    assert not {"started", "completed", "last_worker", "active_duration"} & set(found)
    assert server.call("events.get_task_log", task=tasks["a"])["total"] == 0
    assert _order(server, queue) == []


def test_a_published_task_is_neither_reset_nor_published_again_without_force(server: Rig) -> None:
    task = server.task()
    server.call("tasks.publish", task=task, force=True)
    for endpoint in ("tasks.reset", "tasks.publish", "tasks.close"):
        with pytest.raises(Refused) as refused:
            server.call(endpoint, task=task)
        assert refused.value.code == (400, 110)


def test_a_call_for_many_says_what_succeeded_and_what_failed(server: Rig) -> None:
    task, queue = server.task(), server.queue()
    answer = server.call("tasks.enqueue_many", ids=[task, "0" * 32], queue=queue, verify_watched_queue=True)
    assert (answer["succeeded"][0]["id"], answer["succeeded"][0]["queued"]) == (task, True)
    assert answer["queue_watched"] is False
    assert answer["failed"][0]["error"]["codes"] == [400, 101]
    assert server.call("tasks.reset_many", ids=[task])["succeeded"][0]["dequeued"] is True
    assert server.call("tasks.delete_many", ids=[task])["failed"] == []


def test_the_same_name_of_two_users_is_two_workers(server: Rig) -> None:
    other = server.user("Bob Other")
    for by in (server.pair, other):
        server.call("workers.status_report", by=by, worker="a1:0", timestamp=0, queues=[server.queue()])
    found = server.call("workers.get_all")["workers"]
    assert [worker["id"] for worker in found] == ["a1:0", "a1:0"]
    assert len({worker["key"] for worker in found}) == 2
    server.call("workers.unregister", worker="a1:0")
    assert [worker["user"]["name"] for worker in server.call("workers.get_all")["workers"]] == ["Bob Other"]


def test_an_older_client_finds_things_where_it_knows_them(server: Rig) -> None:
    body = {"name": "old", "type": "testing", "execution": {"parameters": {"a": 1}, "docker_cmd": "image -e X=1"}}
    task = _old(server, "2.2", "tasks.create", system_tags=["s"], tags=["t"], **body)["id"]
    assert server.look(task)["container"] == {"image": "image", "arguments": "-e X=1"}
    old = _old(server, "2.2", "tasks.get_by_id", task=task)["task"]
    assert (old["tags"], old["execution"]["parameters"]) == (["s", "t"], {"a": "1"})
    assert old["execution"]["docker_cmd"] == "image -e X=1"
    assert server.look(task)["tags"] == ["t"]
    with pytest.raises(Refused) as refused:
        server.call("tasks.get_all", only_fields=["hyperparams", "execution.parameters"])
    assert refused.value.code == (500, 1)


def test_fields_with_a_minus_are_left_out(server: Rig) -> None:
    task = server.task(runtime={"a": 1, "b": 2})
    found = server.call("tasks.get_all", id=[task], only_fields=["-script", "-runtime.a"])["tasks"][0]
    assert "script" not in found
    assert found["runtime"] == {"b": 2}
    assert found["name"] == "a task"


def test_a_scroll_goes_on_where_it_was(server: Rig) -> None:
    for number in range(5):
        server.task(name=f"task {number}")
    seen, scroll = [], None
    for _ in range(3):
        answer = server.call("tasks.get_all", scroll_id=scroll, size=2, order_by=["name"], only_fields=["name"])
        scroll = answer["scroll_id"]
        seen.append([task["name"][-1] for task in answer["tasks"]])
    assert seen == [["0", "1"], ["2", "3"], ["4"]]


def test_an_earlier_sandboxs_file_is_read(tmp_path: Path) -> None:
    with rig(tmp_path) as first:
        task = first.task()
        found = first.store.get("task", task) or {}
        first.store.put("task", {**found, "project": None, "status_reason": "", "enqueue_status": None})
        first.store.put("worker", {"id": "a1:0", "last_activity_time": found["created"], "timeout": 600})
        first.store._db.execute("pragma user_version = 0")
    with rig(tmp_path) as second:
        assert second.call("workers.get_all")["workers"] == []
        assert "project" not in second.look(task)
        second.call("tasks.enqueue", task=task)
        assert second.call("tasks.dequeue", task=task)["fields"]["status"] == "created"
