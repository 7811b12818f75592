"""Sessions that others end while they wait: on a server as strict as a real one, no agent gets them any more."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.boundary.server import TaskDraft
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.snapshot import Remote
from tests.support.scripted_server import soon
from tests.support.server_rigs import HttpRig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[HttpRig]:
    made = HttpRig(tmp_path)
    made.add_queue("gpu", "agent-1")
    yield made
    made.close()


def waiting(rig: HttpRig) -> tuple[str, str]:
    """A session in the queue; its id and the queue's."""
    task = rig.server.tasks.create(TaskDraft("a session", "DevOps", "print(1)", (), {"contract": "1"}), soon())
    rig.server.tasks.enqueue(task, "gpu", soon())
    return task, rig.sandbox.queue("gpu")


@pytest.mark.parametrize("end", ["stopped", "failed", "completed"])
def test_an_agent_gets_no_session_that_ended_while_it_waited(end: str, rig: HttpRig) -> None:
    task, queue = waiting(rig)
    rig.sandbox.call(f"tasks.{end}", task=task, force=True)
    assert rig.sandbox.call("queues.get_by_id", queue=queue)["queue"]["entries"]  # the server itself leaves it there
    (seen,) = rig.server.sessions.living([task], soon())
    assert seen.facts.remote is Remote.ENDED
    assert rig.sandbox.call("queues.get_next_task", queue=queue) == {}
    assert rig.sandbox.look(task)["status"] == end


def test_shutting_down_one_that_has_ended_takes_its_entry(rig: HttpRig) -> None:
    task, queue = waiting(rig)
    rig.sandbox.call("tasks.stopped", task=task, force=True)
    rig.server.tasks.stop(task, soon())
    assert rig.sandbox.call("queues.get_next_task", queue=queue) == {}


def test_our_own_shut_down_leaves_no_entry(rig: HttpRig) -> None:
    task, queue = waiting(rig)
    rig.server.tasks.stop(task, soon())
    assert rig.sandbox.call("queues.get_next_task", queue=queue) == {}
    rig.server.tasks.stop(task, soon())  # again: there is none to take out, and nobody needs to know


def test_the_log_of_a_deleted_session_is_told_to_be_gone(rig: HttpRig) -> None:
    task, _ = waiting(rig)
    rig.delete(task)
    with pytest.raises(AppError) as caught:
        rig.server.tasks.log(task, 0, soon())
    assert caught.value.problem.code == "task.gone"
