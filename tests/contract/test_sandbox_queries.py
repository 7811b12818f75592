"""What clients look for on the sandbox's server: filters, pages, projections, and the log."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox_server import Refused, Rig, rig, running_task


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        yield made


# --- finding --------------------------------------------------------------------------------------------------------


def test_get_all_honours_every_filter_that_clients_use(server: Rig) -> None:
    parent = server.task(name="parent", tags=["outer"])
    tasks_ = {
        "plain": server.task(name="plain one"),
        "tagged": server.task(name="tagged one", system_tags=["sessiondock", "x"], parent=parent),
        "old": server.task(name="old one", system_tags=["sessiondock", "archived"]),
        "hidden": server.task(name="hidden one", system_tags=["hidden"]),
        "running": running_task(server),
    }

    def found(**body: Any) -> set[str]:
        ids = {task["id"] for task in server.call("tasks.get_all", only_fields=["id"], **body)["tasks"]}
        return {name for name, task in tasks_.items() if task in ids}

    assert found() == set(tasks_) - {"hidden"}
    assert found(search_hidden=True) == set(tasks_)
    assert found(id=[tasks_["hidden"]]) == {"hidden"}
    assert found(id=["-" + tasks_["old"]], system_tags=["sessiondock"]) == {"tagged"}
    assert found(id=[tasks_["plain"], "0" * 32]) == {"plain"}
    assert found(status=["in_progress"]) == {"running"}
    assert found(system_tags=["sessiondock"]) == {"tagged", "old"}
    assert found(system_tags=["sessiondock", "-archived"]) == {"tagged"}
    assert found(system_tags=["-sessiondock"]) == {"plain", "running"}
    assert found(system_tags=["__$all", "sessiondock", "x"]) == {"tagged"}
    assert found(parent=parent) == {"tagged"}
    assert found(name="^(plain|old) one$") == {"plain", "old"}
    assert found(name="PLAIN") == set()
    assert found(_any_={"fields": ["name", "comment"], "pattern": "PLAIN"}) == {"plain"}
    for wrong, code in (
        ({"name": "("}, (400, 21)),
        ({"tags": ["__$not"]}, (400, 16)),
        ({"id": {"$gt": ""}}, (400, 16)),
    ):
        with pytest.raises(Refused) as refused:
            found(**wrong)
        assert refused.value.code == code


def test_pages_follow_each_other_in_order_of_update(server: Rig) -> None:
    made = []
    for number in range(5):
        server.clock.advance(1)
        made.append(server.task(name=f"task {number}"))
    pages = [
        server.call("tasks.get_all", page=page, page_size=2, order_by=["-last_update"], only_fields=["id"])["tasks"]
        for page in range(4)
    ]
    assert [[task["id"] for task in page] for page in pages] == [made[4:2:-1], made[2:0:-1], made[:1], []]


def test_only_fields_takes_dotted_paths_and_gives_nothing_else(server: Rig) -> None:
    task = server.task(runtime={"a": {"b": 1}, "c": 2})
    fields = ["status", "runtime.a.b", "runtime.absent", "execution.artifacts", "parent", "comment"]
    found = server.call("tasks.get_all", id=[task], only_fields=fields)["tasks"]
    assert found == [{"status": "created", "runtime": {"a": {"b": 1}}, "execution": {"artifacts": []}}]
    absent = server.call("tasks.get_all", id=[task], only_fields=["runtime._abort_callback_timeout"])["tasks"]
    assert absent == [{"runtime": {}}]
    script = server.call("tasks.get_all", id=[task], only_fields=["script.requirements"])["tasks"]
    assert script == [{"script": {"requirements": {}}}]


@pytest.mark.parametrize(("names", "code"), [
    (["id", "absent"], (400, 14)),
    (["name.first"], (400, 14)),
    ("id", (400, 14)),
    (["runtime", "runtime.a"], (500, 1)),
    (["hyperparams.a.b", "hyperparams.a"], (500, 1)),
    (["hyperparams.a.b.c.d"], (400, 12)),
])  # fmt: skip
def test_fields_that_a_real_server_cannot_answer_are_refused(server: Rig, names: Any, code: tuple[int, int]) -> None:
    with pytest.raises(Refused) as refused:
        server.call("tasks.get_all", only_fields=names)
    assert refused.value.code == code


def test_an_order_by_an_unknown_field_is_refused(server: Rig) -> None:
    for kind in ("tasks", "queues", "projects", "users"):
        with pytest.raises(Refused) as refused:
            server.call(f"{kind}.get_all", order_by=["absent"])
        assert refused.value.code == (400, 14)


# --- log ------------------------------------------------------------------------------------------------------------


def test_the_log_is_paged_from_its_end_and_from_its_start(server: Rig) -> None:
    task = server.task()
    server.log(task, *"abcdef")

    def page(**body: Any) -> str:
        answer = server.call("events.get_task_log", task=task, **body)
        assert (answer["total"], answer["returned"]) == (6, len(answer["events"]))
        return "".join(event["msg"] for event in answer["events"])

    assert page(batch_size=2, navigate_earlier=True, order="asc") == "ef"
    assert page(batch_size=2) == "fe"
    assert page(batch_size=2, navigate_earlier=False) == "ab"
    assert page(batch_size=2, navigate_earlier=False, order="desc") == "ba"


def test_the_log_can_be_followed_by_time_without_losing_a_line(server: Rig) -> None:
    task = server.task()
    server.log(task, "a", "b")
    server.log(task, "A", "B", "C")  # the first two at the same two milliseconds
    seen, since = "", 0
    for _ in range(5):
        body: dict[str, Any] = {"from_timestamp": since} if since else {}
        answer = server.call("events.get_task_log", task=task, batch_size=1, navigate_earlier=False, **body)
        for event in answer["events"]:
            seen, since = seen + event["msg"], event["timestamp"]
    assert seen == "aAbBC"


def test_events_of_unknown_tasks_are_counted_as_errors(server: Rig) -> None:
    task = server.task()
    line = '{{"type": "log", "task": "{}", "msg": "x", "timestamp": 1}}'
    headers = {"Authorization": "", "Content-Type": "application/json-lines"}
    token = server.call("auth.login")["token"]
    headers["Authorization"] = f"Bearer {token}"
    both = "\n".join(line.format(key) for key in (task, "0" * 32))
    answer = server.client.post("/events.add_batch", data=both, headers=headers).get_json()
    assert (answer["data"]["added"], answer["data"]["errors"]) == (1, 1)
    assert server.client.post("/events.add_batch", data=line.format("0"), headers=headers).status_code == 400


def test_stamps_are_iso_times_with_an_offset_in_order(server: Rig) -> None:
    stamps = []
    for _ in range(3):
        server.clock.advance(0.25)
        stamps.append(server.look(server.task())["created"])
    assert all(stamp.endswith("+00:00") and len(stamp) == len(stamps[0]) for stamp in stamps)
    assert all(first < second for first, second in pairwise(stamps))
