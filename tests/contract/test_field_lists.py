"""Every list of fields that we ask for, held to what the server's documents have (tests/support/request_rules)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from desktop_app.adapters.clearml.documents import copy, facts, finished
from desktop_app.adapters.clearml.documents.fields import joined
from desktop_app.adapters.clearml.server import ClearMLServer
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import TaskDraft
from remote_bootstrap import contract
from remote_bootstrap.contract import clearml_session
from remote_bootstrap.steps import snapshots
from tests.support.request_rules import faults
from tests.support.server_rigs import HttpRig

LISTS = {
    "the poll": joined(facts.TASK_FIELDS),
    "how it was launched": joined(facts.TASK_FIELDS, facts.LAUNCH_FIELDS),
    "finished sessions": joined(facts.TASK_FIELDS, finished.FIELDS),
    "the source of a copy": joined(["id"], copy.SOURCE_FIELDS),
    "snapshots": snapshots.FIELDS,
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_what_the_server_knows(name: str) -> None:
    assert faults("tasks.get_all", {"only_fields": LISTS[name]}) == []


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ((["a", "a.b"],), ["a"]),
        ((["a.b", "a"],), ["a"]),
        ((["a.b"], ["c", "a"]), ["c", "a"]),
        ((["a.b.c", "a.b"], ["a.bc", "ab"]), ["a.b", "a.bc", "ab"]),
        ((["a.b", "a.c"], ["a.b"]), ["a.b", "a.c"]),
        (([],), []),
    ],
)
def test_a_part_is_never_beside_its_whole(lists: Sequence[list[str]], expected: list[str]) -> None:
    assert joined(*lists) == expected


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[HttpRig]:
    made = HttpRig(tmp_path)
    yield made
    made.close()


def test_every_question_about_a_task_is_one_that_the_server_takes(rig: HttpRig) -> None:
    """The guard of all tests judges what is sent here: running and ended sessions, ours and clearml-session's."""
    server, soon = rig.server, Cancel(20.0)
    assert isinstance(server, ClearMLServer)
    draft = TaskDraft("a session", "DevOps", "print(1)", (), {"contract": "1"}, compatible={"jupyterlab": "True"})
    task = server.tasks.create(draft, soon)
    server.tasks.write_runtime(task, {clearml_session.RUNTIME_PASSWORD: "p"}, soon)
    rig.add_queue("gpu")
    server.tasks.enqueue(task, "gpu", soon)
    assert server.tasks.parameters(task, soon) == {"contract": "1"}
    assert server.tasks.launched(task, soon).parameters == {"contract": "1"}
    assert server.tasks.clearml_session_login(task, soon).password == "p"
    seen = (*server.sessions.living([task], soon), *server.sessions.of_all_users(soon))
    assert [session.task for session in seen] == [task, task]
    server.tasks.stop(task, soon)
    assert [one.task for one in server.sessions.finished(soon)] == [task]
    assert server.sessions.get(task, soon).task == task
    copied = server.tasks.create(TaskDraft("a copy", "DevOps", "print(2)", (), {}, source=task), soon)
    assert server.sessions.get(copied, soon).facts.name == "a copy"
    server.tasks.remove(task, soon)
    assert contract.SYSTEM_TAG in facts.SESSION_TAGS
