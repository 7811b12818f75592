"""What is done to one session's task. Any thread.

What a body may hold and what an answer means: the API reference of ClearML server, and what was recorded of one.
"""

from collections.abc import Mapping
from typing import Any

from desktop_app.adapters.clearml.calls.copies import Copies, edit_parameters
from desktop_app.adapters.clearml.calls.queues import QueueCalls
from desktop_app.adapters.clearml.calls.search import TaskSearch
from desktop_app.adapters.clearml.calls.user import UserCalls
from desktop_app.adapters.clearml.documents import facts
from desktop_app.adapters.clearml.lookups import leftovers
from desktop_app.adapters.clearml.lookups.leftovers import ENDED_STATUSES
from desktop_app.adapters.clearml.lookups.pages import dicts
from desktop_app.adapters.clearml.lookups.projects import Projects
from desktop_app.adapters.clearml.lookups.together import Question, ask
from desktop_app.adapters.clearml.wire.connection import Connection
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import TaskDraft, Tasks
from desktop_app.domain.accounts.account import LogLine
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions import clearml_session
from desktop_app.domain.sessions.again import LaunchedTask
from desktop_app.domain.sessions.clearml_session import ClearmlSessionLogin
from remote_bootstrap import contract
from remote_bootstrap.contract import clearml_session as session_fields

LOG_BATCH = 500
STOP_REASON = "shut down from SessionDock"
FORCED_REASON = "ended from SessionDock without an answer of its agent"
LOGIN_FIELDS = (session_fields.RUNTIME_PASSWORD, session_fields.RUNTIME_TOKEN, *clearml_session.EXPOSED)


class TaskCalls(Tasks):
    """The tasks of one account's server."""

    def __init__(self, connection: Connection, user: UserCalls, queues: QueueCalls, search: TaskSearch) -> None:
        self._connection = connection
        self._user = user
        self._queues = queues
        self._search = search
        self._projects = Projects(connection)
        self._copies = Copies(connection, self._projects)

    # -- making one

    def create(self, draft: TaskDraft, cancel: Cancel) -> str:
        if draft.source:
            return self._copies.make(draft, cancel)
        body = facts.task_body(draft, self._projects.id_of(draft.project, cancel))
        return str(self._connection.call("tasks.create", body, cancel)["id"])

    def write_parameters(self, task: str, values: Mapping[str, str], cancel: Cancel) -> None:
        edit_parameters(self._connection, task, facts.parameters(values), cancel)

    def write_runtime(self, task: str, values: Mapping[str, str], cancel: Cancel) -> None:
        known = self._search.session(task, cancel, ("runtime",)).get("runtime")
        runtime = {**(known if isinstance(known, dict) else {}), **values}
        self._connection.call("tasks.edit", {"task": task, "runtime": runtime, "force": True}, cancel)

    def enqueue(self, task: str, queue: str, cancel: Cancel) -> bool:
        queue_id = self._queues.id_of(queue, cancel)
        body = {"task": task, "queue": queue_id, "verify_watched_queue": True}
        answer = Question("enqueue", lambda: self._connection.call("tasks.enqueue", body, cancel))
        workers = Question("agents", lambda: self._queues.agents.all(cancel))
        ask(answer, workers)
        # The server counts a killed agent as watching until it times out; a list of agents that report is better.
        watched = bool(facts.watchers(workers.answer, self._connection.server_now()).get(queue_id))
        return watched and bool(answer.answer.get("queue_watched", True))

    def dequeue(self, task: str, cancel: Cancel) -> None:
        self._connection.call("tasks.dequeue", {"task": task}, cancel)

    # -- reading it

    def parameters(self, task: str, cancel: Cancel) -> dict[str, str]:
        return facts.parameter_values(self._search.session(task, cancel, (f"hyperparams.{contract.SECTION}",)))

    def launched(self, task: str, cancel: Cancel) -> LaunchedTask:
        return facts.launched(self._search.session(task, cancel, facts.LAUNCH_FIELDS))

    def clearml_session_login(self, task: str, cancel: Cancel) -> ClearmlSessionLogin:
        fields = [f"runtime.{name}" for name in LOGIN_FIELDS]
        return facts.clearml_session_login(self._search.session(task, cancel, fields))

    def log(self, task: str, since: int, cancel: Cancel) -> tuple[LogLine, ...]:
        body: dict[str, Any] = {"task": task, "batch_size": LOG_BATCH, "navigate_earlier": False, "order": "asc"}
        if since > 0:
            body["from_timestamp"] = since
        return facts.log_lines(dicts(self._connection.call("events.get_task_log", body, cancel).get("events")), since)

    # -- ending it

    def stop(self, task: str, cancel: Cancel) -> None:
        """End a queued or running session; one that was never enqueued is deleted, since nothing of it is of use."""
        document = self._search.session(task, cancel)
        status = document.get("status")
        if status == "created":
            self._connection.call("tasks.delete", {"task": task, "force": True}, cancel)
        elif status in facts.LIVE_STATUSES:
            self._connection.call("tasks.stop", {"task": task, "force": False, "status_reason": STOP_REASON}, cancel)
        else:
            leftovers.take_out(self._connection, [document], self._user.id(cancel), cancel)

    def end_anyway(self, task: str, cancel: Cancel) -> None:
        """End a waiting session as ``stop`` does. A running one that lives after all looks at its task and ends."""
        if self._search.session(task, cancel).get("status") == "in_progress":
            body = {"task": task, "force": True, "status_reason": FORCED_REASON, "status_message": FORCED_REASON}
            self._connection.call("tasks.stopped", body, cancel)
        else:
            self.stop(task, cancel)

    def remove(self, task: str, cancel: Cancel) -> None:
        """Delete a session that has ended, looked at again by its id: it may have been started anew."""
        document = self._search.session(task, cancel)
        if document.get("user") != self._user.id(cancel) or document.get("status") not in ENDED_STATUSES:
            raise failure("task.foreign", task=task)
        self._connection.call("tasks.delete", {"task": task, "force": True, "delete_external_artifacts": True}, cancel)
