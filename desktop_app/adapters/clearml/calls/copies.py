"""Sessions that begin as a copy of another task. Any thread."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from desktop_app.adapters.clearml.documents import copy, facts
from desktop_app.adapters.clearml.documents.fields import joined
from desktop_app.adapters.clearml.lookups.pages import every_page
from desktop_app.adapters.clearml.lookups.projects import Projects
from desktop_app.adapters.clearml.lookups.together import Question, ask
from desktop_app.adapters.clearml.wire.connection import Connection
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import TaskDraft
from desktop_app.domain.launch.option_checks import project_path
from desktop_app.domain.problems import AppError, Cancelled, failure
from remote_bootstrap.contract import clearml_session as session_fields

CLEAN_UP_S = 10.0

_log = logging.getLogger(__name__)


def edit_parameters(connection: Connection, task: str, items: Sequence[Mapping[str, str]], cancel: Cancel) -> None:
    """Set these hyper-parameters of a task, and no others. Problems: server.*, task.gone"""
    body = {"task": task, "hyperparams": list(items), "replace_hyperparams": "none", "force": True}
    if items:  # the server refuses to change nothing
        connection.call("tasks.edit_hyper_params", body, cancel)


class Copies:
    """Makes the task of a session from another task."""

    def __init__(self, connection: Connection, projects: Projects) -> None:
        self._connection = connection
        self._projects = projects

    def make(self, draft: TaskDraft, cancel: Cancel) -> str:
        """Copy the draft's source and return the copy's id. Problems: task.no_source"""
        self._connection.sign_in(cancel)
        name = project_path(draft.project)
        source = Question("source", lambda: self._source(draft.source, cancel))
        project = Question("project", lambda: self._projects.named(name, cancel))
        ask(source, project)
        return self._copy(source.answer, draft, project.answer or self._projects.make(name, cancel), cancel)

    def _source(self, task: str, cancel: Cancel) -> dict[str, Any]:
        body = {"id": [task], "only_fields": joined(["id"], copy.SOURCE_FIELDS), "search_hidden": True}
        tasks = every_page(self._connection, "tasks.get_all", body, "tasks", cancel)
        if not tasks:
            raise failure("task.no_source", task=task, server=self._connection.api_url)
        return tasks[0]

    def _copy(self, source: Mapping[str, Any], draft: TaskDraft, project: str, cancel: Cancel) -> str:
        """Let the server copy, so that nothing of the source is lost on the way; a copy that can't be finished goes."""
        cloned = {"task": source["id"], "new_task_name": draft.name, "new_task_project": project}
        task = str(self._connection.call("tasks.clone", cloned, cancel)["id"])
        try:
            self._make_a_session(task, source, draft, cancel)
        except BaseException:
            self._take_back(task)
            raise
        return task

    def _make_a_session(self, task: str, source: Mapping[str, Any], draft: TaskDraft, cancel: Cancel) -> None:
        tags = facts.system_tags(draft)
        body = {"task": task, "force": True, "system_tags": tags, **copy.changes(source, draft)}
        self._connection.call("tasks.edit", body, cancel)
        ours = {**draft.parameters, **copy.parameters(source, draft)}
        edit_parameters(self._connection, task, facts.parameters(ours), cancel)
        if draft.compatible:
            fields = facts.parameters(draft.compatible, session_fields.SECTION)
            edit_parameters(self._connection, task, fields, cancel)

    def _take_back(self, task: str) -> None:
        """Delete a half-made copy; the user is told why it is half-made, not that deleting it failed."""
        try:
            self._connection.call("tasks.delete", {"task": task, "force": True}, Cancel(CLEAN_UP_S))
        except (AppError, Cancelled) as error:
            _log.warning("the half-made copy %s is left behind: %s", task, error)
