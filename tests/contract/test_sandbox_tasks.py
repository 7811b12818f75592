"""Tasks in the sandbox's server: their life, what stopping means, and how their fields are edited. As recorded."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from desktop_app.sandbox.handlers import status, task_life
from tests.support.sandbox_server import Refused, Rig, rig, running_task


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        yield made


def _force_into(server: Rig, task: str, wanted: str) -> None:
    document = server.store.get("task", task)
    assert document is not None
    server.store.put("task", {**document, "status": wanted})


ALLOWED = {
    "created": {"queued", "in_progress"},
    "queued": {"created", "in_progress", "stopped"},
    "in_progress": {"stopped", "failed", "created", "completed"},
    "stopped": {"closed", "created", "queued", "in_progress", "failed", "completed", "publishing", "published"},
    "closed": {"created", "failed", "stopped", "publishing", "published"},
    "failed": {"created", "stopped", "queued", "publishing", "published"},
    "completed": {"in_progress", "created", "publishing", "published"},
    "publishing": {"published"},
    "published": set(),
}
MOVES = {
    "in_progress": "tasks.started",
    "stopped": "tasks.stopped",
    "failed": "tasks.failed",
    "completed": "tasks.completed",
}


def test_the_transition_table_is_the_recorded_one() -> None:
    assert {old: set(new) for old, new in status.TRANSITIONS.items()} == ALLOWED


@pytest.mark.parametrize(("old", "new"), list(product(ALLOWED, MOVES)))
def test_each_move_is_allowed_or_refused_by_the_table(server: Rig, old: str, new: str) -> None:
    task = server.task()
    _force_into(server, task, old)
    if new in ALLOWED[old] or new == old:
        server.call(MOVES[new], task=task)
    else:
        with pytest.raises(Refused) as refused:
            server.call(MOVES[new], task=task, force=False)
        assert refused.value.code == (400, 110)
        assert server.look(task)["status"] == old
        server.call(MOVES[new], task=task, force=True)
    assert server.look(task)["status"] == new


def test_a_new_task_has_every_field_that_clients_take_for_granted(server: Rig) -> None:
    task = server.look(server.task(system_tags=["development"]))
    for field in ("id", "name", "type", "user", "company", "created", "last_update", "last_changed_by"):
        assert isinstance(task[field], str), field
    for field in ("container", "output", "hyperparams", "configuration", "runtime", "script", "execution", "models"):
        assert isinstance(task[field], dict), field
    assert task["status"] == "created"
    said_by_nobody = {"status_reason", "status_message", "status_changed", "comment", "project", "enqueue_status"}
    assert not said_by_nobody & set(task)
    assert task["execution"]["artifacts"] == []
    assert task["system_tags"] == ["development"]
    assert {"binary", "repository", "entry_point", "requirements"} <= set(task["script"])


@pytest.mark.parametrize(("body", "code"), [
    ({"name": "ab", "type": "testing"}, (400, 800)),
    ({"type": "testing"}, (400, 12)),
    ({"name": "no type"}, (400, 12)),
    ({"name": "odd type", "type": "Testing"}, (400, 12)),
    ({"name": 5, "type": "testing"}, (400, 12)),
    ({"name": "no project", "type": "testing", "project": "0" * 32}, (400, 16)),
    ({"name": "no parent", "type": "testing", "parent": "0" * 32}, (400, 16)),
    ({"name": "text", "type": "testing", "runtime": "text"}, (400, 16)),
    ({"name": "text", "type": "testing", "comment": 5}, (400, 800)),
    ({"name": "dollar", "type": "testing", "runtime": {"a": {"$b": 1}}}, (400, 800)),
    ({"name": "unknown", "type": "testing", "script": {"language": "x"}}, (400, 12)),
    ({"name": "tags", "type": "testing", "tags": "text"}, (400, 800)),
])  # fmt: skip
def test_unusable_new_tasks_are_refused(server: Rig, body: dict[str, Any], code: tuple[int, int]) -> None:
    with pytest.raises(Refused) as refused:
        server.call("tasks.create", **body)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "name", ["two words", "quo\"te's", "ünïcödé 名前 🚢", "line\nbreak", "tab\t; drop table documents;--"]
)
def test_names_come_back_as_they_were_given(server: Rig, name: str) -> None:
    assert server.look(server.task(name=name))["name"] == name


UNKNOWN = {
    "tasks.get_by_id": 101,
    "tasks.started": 10,
    "tasks.stop": 101,
    "tasks.edit": 101,
    "tasks.enqueue": 101,
    "tasks.delete": 101,
    "tasks.clone": 101,
    "tasks.reset": 101,
    "events.get_task_log": 101,
}


@pytest.mark.parametrize("endpoint", UNKNOWN)
def test_an_unknown_task_and_a_missing_one_are_told_apart(server: Rig, endpoint: str) -> None:
    with pytest.raises(Refused) as unknown:
        server.call(endpoint, task="0" * 32)
    with pytest.raises(Refused) as missing:
        server.call(endpoint)
    assert (unknown.value.code, missing.value.code) == ((400, UNKNOWN[endpoint]), (400, 12))


def test_a_ping_of_a_task_that_is_gone_says_nothing(server: Rig) -> None:
    assert server.call("tasks.ping", task="0" * 32) == {}


def test_started_sets_the_message_or_empties_it(server: Rig) -> None:
    task = server.task()
    first = server.call("tasks.started", task=task, force=True, status_message="pulled by agent")
    assert first["started"] == 1
    assert first["fields"]["status_message"] == "pulled by agent"
    assert "started" in first["fields"]
    second = server.call("tasks.started", task=task, status_reason="again")
    assert "started" not in second["fields"]
    found = server.look(task)
    assert (found["status_message"], found["status_reason"]) == ("", "again")


def test_the_end_of_a_task_is_stamped(server: Rig) -> None:
    task = server.task()
    server.call("tasks.started", task=task)
    server.clock.advance(5)
    fields = server.call("tasks.failed", task=task, status_reason="why")["fields"]
    assert fields["completed"] == fields["last_update"] == fields["status_changed"]
    assert server.look(task)["status_reason"] == "why"


# --- stopping -------------------------------------------------------------------------------------------------------


def test_stop_asks_the_agent_of_a_running_task(server: Rig) -> None:
    task = running_task(server)
    server.clock.advance(599)
    fields = server.call("tasks.stop", task=task, force=True, status_reason="abort request", status_message="ignored")[
        "fields"
    ]
    assert (fields["status"], fields["status_message"]) == ("in_progress", "stopping")
    assert server.look(task)["status_reason"] == "abort request"


@pytest.mark.parametrize(("worker", "tags", "age"), [(None, (), 0), ("a1:0", ("development",), 0), ("a1:0", (), 600)])
def test_stop_ends_the_record_at_once_where_no_agent_would_hear(
    server: Rig, worker: str | None, tags: tuple[str, ...], age: float
) -> None:
    task = running_task(server, worker=worker, tags=tags)
    server.clock.advance(age)
    fields = server.call("tasks.stop", task=task)["fields"]
    assert (fields["status"], fields["status_message"]) == ("stopped", "Stopped by You")


def test_each_stop_renews_the_wait_for_a_lost_agent(server: Rig) -> None:
    task = running_task(server)
    for _ in range(3):
        server.clock.advance(400)
        assert server.call("tasks.stop", task=task)["fields"]["status"] == "in_progress"
    server.clock.advance(600)
    assert server.call("tasks.stop", task=task)["fields"]["status"] == "stopped"


def test_stopping_a_queued_task_takes_it_out_of_the_queue(server: Rig) -> None:
    task = server.task()
    server.call("tasks.enqueue", task=task)
    assert server.call("tasks.stop", task=task)["fields"]["status"] == "stopped"
    assert server.call("queues.get_next_task", queue=server.queue()) == {}


def test_a_draft_is_not_stopped_without_force(server: Rig) -> None:
    task = server.task()
    with pytest.raises(Refused) as refused:
        server.call("tasks.stop", task=task)
    assert refused.value.code == (400, 110)


def test_the_watchdog_stops_what_nobody_touched_for_two_hours(server: Rig) -> None:
    quiet, pinged, draft = running_task(server), running_task(server), server.task()
    server.clock.advance(7199)
    assert task_life.stop_forgotten(server.store, server.clock(), server.limits.watchdog_after) == []
    server.call("tasks.ping", task=pinged)
    server.clock.advance(1)
    assert task_life.stop_forgotten(server.store, server.clock(), server.limits.watchdog_after) == [quiet]
    assert [server.look(t)["status"] for t in (quiet, pinged, draft)] == ["stopped", "in_progress", "created"]
    assert server.look(quiet)["status_reason"] == "Forced stop (non-responsive)"


# --- editing --------------------------------------------------------------------------------------------------------


def test_edit_replaces_dictionaries_and_merges_script_and_execution(server: Rig) -> None:
    task = server.task(runtime={"a": 1}, script={"binary": "python3", "entry_point": "x.py"})
    server.call("tasks.edit", task=task, runtime={"b": 2}, script={"diff": "print()"}, execution={"queue": "q"})
    found = server.look(task)
    assert found["runtime"] == {"b": 2}
    defaults = {"repository": "", "requirements": {}}
    assert found["script"] == {**defaults, "binary": "python3", "entry_point": "x.py", "diff": "print()"}
    assert found["execution"]["artifacts"] == []
    assert found["execution"]["queue"] == "q"


def test_edit_wants_force_once_the_task_is_no_draft(server: Rig) -> None:
    task = running_task(server)
    with pytest.raises(Refused) as refused:
        server.call("tasks.edit", task=task, comment="late")
    assert refused.value.code == (400, 110)
    server.call("tasks.edit", task=task, comment="late", force=True)
    assert server.look(task)["comment"] == "late"


def test_tags_names_and_comments_do_not_count_as_an_update(server: Rig) -> None:
    task = server.task()
    before = server.look(task)["last_update"]
    server.clock.advance(10)
    server.call("tasks.edit", task=task, system_tags=["interactive"])
    assert server.look(task)["last_update"] == before
    server.call("tasks.edit", task=task, comment="x", name="another name")
    assert server.look(task)["last_update"] == before
    server.call("tasks.edit", task=task, container={"image": "x"})
    assert server.look(task)["last_update"] > before


def test_edit_runtime_changes_single_properties(server: Rig) -> None:
    task = server.task(runtime={"keep": "1", "drop": "2", "change": "3"})
    server.call("tasks.started", task=task)
    server.call(
        "tasks.edit_runtime",
        task=task,
        add_or_update={"change": "4", "new": "5"},
        remove=["drop", "absent"],
        force=True,
    )
    assert server.look(task)["runtime"] == {"keep": "1", "change": "4", "new": "5"}


@pytest.mark.parametrize(("replace", "left"), [
    ("none", {"one": {"a", "b"}, "two": {"x", "y"}}),
    ("section", {"one": {"a", "b"}, "two": {"y"}}),
    ("all", {"two": {"y"}}),
])  # fmt: skip
def test_edit_hyper_params_replaces_as_much_as_asked(server: Rig, replace: str, left: dict[str, set[str]]) -> None:
    def item(section: str, name: str) -> dict[str, str]:
        return {"section": section, "name": name, "value": "v", "type": "str"}

    task = server.task(hyperparams={"one": {n: item("one", n) for n in "ab"}, "two": {"x": item("two", "x")}})
    server.call("tasks.edit_hyper_params", task=task, hyperparams=[item("two", "y")], replace_hyperparams=replace)
    assert {section: set(values) for section, values in server.look(task)["hyperparams"].items()} == left


def test_edit_hyper_params_refuses_a_running_task_without_force_except_for_properties(server: Rig) -> None:
    task = running_task(server)
    general = {"section": "sessiondock", "name": "contract", "value": "1"}
    with pytest.raises(Refused) as refused:
        server.call("tasks.edit_hyper_params", task=task, hyperparams=[general])
    assert refused.value.code == (400, 110)
    server.call("tasks.edit_hyper_params", task=task, hyperparams=[general], force=True)
    server.call("tasks.edit_hyper_params", task=task, hyperparams=[{**general, "section": "properties"}])
    assert set(server.look(task)["hyperparams"]) == {"sessiondock", "properties"}


def test_artifacts_are_replaced_by_key_and_mode(server: Rig) -> None:
    task = server.task()
    first = [{"key": "a", "type": "custom", "uri": "1"}, {"key": "a", "type": "custom", "uri": "2", "mode": "input"}]
    server.call("tasks.add_or_update_artifacts", task=task, artifacts=first)
    server.call("tasks.add_or_update_artifacts", task=task, artifacts=[{**first[0], "uri": "3"}], force=True)
    found = server.look(task)["execution"]["artifacts"]
    assert sorted((a["key"], a["mode"], a["uri"]) for a in found) == [("a", "input", "2"), ("a", "output", "3")]


def test_set_requirements_keeps_the_rest_of_the_script(server: Rig) -> None:
    task = server.task(script={"binary": "python3", "diff": "x", "requirements": {"pip": "clearml"}})
    server.call("tasks.set_requirements", task=task, requirements={"org_pip": "clearml", "pip": ["clearml==2.1.12"]})
    assert server.look(task)["script"] == {
        "binary": "python3", "diff": "x", "requirements": {"org_pip": "clearml", "pip": ["clearml==2.1.12"]},
        "repository": "", "entry_point": "",
    }  # fmt: skip


def test_clone_copies_what_went_in_and_not_what_came_out(server: Rig) -> None:
    artifacts = [{"key": key, "type": "custom", "mode": mode} for key, mode in (("out", "output"), ("in", "input"))]
    source = server.task(tags=["t"], system_tags=["s"], script={"diff": "x"}, runtime={"secret": "1"})
    server.call("tasks.add_or_update_artifacts", task=source, artifacts=artifacts)
    server.call("tasks.enqueue", task=source)
    copy = server.look(server.call("tasks.clone", task=source, new_task_name="a copy", new_task_parent=source)["id"])
    assert (copy["name"], copy["parent"], copy["status"], copy["runtime"]) == ("a copy", source, "created", {})
    assert (copy["tags"], copy["system_tags"], copy["script"]["diff"]) == (["t"], ["s"], "x")
    assert [artifact["key"] for artifact in copy["execution"]["artifacts"]] == ["in"]
    assert "queue" not in copy["execution"]


def test_delete_takes_the_log_and_the_queue_entry_along(server: Rig) -> None:
    task = server.task()
    server.log(task, "line")
    server.call("tasks.enqueue", task=task)
    with pytest.raises(Refused) as refused:
        server.call("tasks.delete", task=task)
    assert refused.value.code == (400, 123)
    assert server.call("tasks.delete", task=task, force=True)["deleted"] is True
    assert server.store.events(task, "log", newest_first=True, limit=9) == ([], 0)
    assert server.call("queues.get_next_task", queue=server.queue()) == {}
    with pytest.raises(Refused):
        server.look(task)
