"""Queries for tasks: which ones, and with which fields. Any thread."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from desktop_app.adapters.clearml.documents import facts
from desktop_app.adapters.clearml.documents.fields import joined
from desktop_app.adapters.clearml.lookups.pages import every_page
from desktop_app.adapters.clearml.wire.connection import Connection
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import failure

TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # it becomes part of file names


class TaskSearch:
    """Finds tasks of one server, newest first."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, selection: Mapping[str, Any], fields: Sequence[str], cancel: Cancel) -> list[dict[str, Any]]:
        """Return these fields of the selected tasks. Problems: server.*"""
        body = {**selection, "only_fields": list(fields), "order_by": ["-created"], "search_hidden": True}
        tasks = every_page(self._connection, "tasks.get_all", body, "tasks", cancel)
        return [task for task in tasks if TASK_ID.fullmatch(str(task.get("id") or ""))]

    def whole(self, selection: Mapping[str, Any], cancel: Cancel, more: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Return the selected tasks with what ``facts.task_facts`` reads, and ``more`` fields. Problems: server.*"""
        return self.rows(selection, joined(facts.TASK_FIELDS, more), cancel)

    def session(self, task: str, cancel: Cancel, more: Sequence[str] = ()) -> dict[str, Any]:
        """Return the whole task of one session. Problems: task.gone, task.foreign"""
        tasks = self.whole({"id": [task]}, cancel, more)
        if not tasks:
            raise failure("task.gone")
        if not facts.is_session(tasks[0]):
            raise failure("task.foreign", task=task)
        return tasks[0]
