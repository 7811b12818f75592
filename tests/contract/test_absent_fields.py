"""A real server leaves out what a task has not got: what we make of a task may rely on nothing but its id.

The documents are those that a real server answered to the desktop's own questions (tests/contract/recorded).
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from desktop_app.adapters.clearml.documents import copy, facts, finished
from desktop_app.adapters.clearml.lookups.places import Places
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import TaskDraft
from desktop_app.domain.sessions.snapshot import Remote
from remote_bootstrap.steps import snapshots

CORPUS = Path(__file__).parent / "recorded" / "clearml-recorded.jsonl"
DRAFT = TaskDraft("a copy", "DevOps", "print(1)\n", (), {}, debug=True)


def _tasks() -> Iterator[Mapping[str, Any]]:
    """Each recorded document of a task, by its fields: one of each shape."""
    seen = set()
    for line in CORPUS.read_text("utf-8").splitlines():
        for step in json.loads(line)["steps"]:
            data = step["answer"].get("data") if isinstance(step["answer"], dict) else None
            found = data.get("tasks") if isinstance(data, dict) else None
            for task in found if isinstance(found, list) else ():
                shape = isinstance(task, dict) and json.dumps([sorted(task), task.get("status")])
                if shape and "id" in task and shape not in seen:
                    seen.add(shape)
                    yield task


TASKS = tuple(_tasks())


def read_everything(task: Mapping[str, Any]) -> None:
    """All that we make of a task's document."""
    found = facts.task_facts(task)
    assert found.remote in Remote
    facts.launched(task)
    facts.clearml_session_login(task)
    facts.worker_lost_s(task, {}, 0.0)
    facts.is_session(task)
    facts.is_clearml_session(task)
    finished.finished_of(task)
    copy.changes(task, DRAFT)
    copy.parameters(task, DRAFT)
    snapshots._snapshots(dict(task))
    snapshots._folder_text(dict(task))
    Places(lambda _ids, _cancel: ()).lost([task], 0.0, False, Cancel(1.0))


def test_every_recorded_task_can_be_read() -> None:
    assert len(TASKS) > 15
    for task in TASKS:
        read_everything(task)


@pytest.mark.parametrize("status", ["created", "queued", "in_progress", "stopped", "failed", "completed"])
def test_a_task_of_nothing_but_its_id_can_be_read(status: str) -> None:
    read_everything({"id": "t1"})
    read_everything({"id": "t1", "status": status})


def test_a_task_that_lacks_any_one_field_can_be_read() -> None:
    largest = max(TASKS, key=len)
    for name in largest.keys() - {"id"}:
        read_everything({key: value for key, value in largest.items() if key != name})
        read_everything({**largest, name: None})
