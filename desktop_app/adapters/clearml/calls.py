"""ServerCalls: ``ports.Server`` in terms of ClearML API calls. Any thread; ``lookups`` has who and what is named there.

What a body may hold and what an answer means: the API reference of ClearML server, and what was recorded of one.
"""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from desktop_app.adapters.clearml import copy, facts, leftovers, looks
from desktop_app.adapters.clearml.bounds import bounded
from desktop_app.adapters.clearml.fields import joined
from desktop_app.adapters.clearml.looks import Looks
from desktop_app.adapters.clearml.lookups import Lookups, dicts
from desktop_app.adapters.clearml.together import Question, ask
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import SeenTask, TaskDraft
from desktop_app.domain.accounts.account import LogLine
from desktop_app.domain.launch.option_checks import project_path
from desktop_app.domain.problems import AppError, Cancelled, failure
from desktop_app.domain.sessions import clearml_session
from desktop_app.domain.sessions.again import LaunchedTask
from desktop_app.domain.sessions.clearml_session import ClearmlSessionLogin
from desktop_app.domain.sessions.snapshot import ServerFacts
from remote_bootstrap import contract
from remote_bootstrap.contract import clearml_session as session_fields

LOG_BATCH = 500
TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # it becomes part of file names
CLEAN_UP_S = 10.0
STOP_REASON = "shut down from SessionDock"
FORCED_REASON = "ended from SessionDock without an answer of its agent"


_log = logging.getLogger(__name__)


class ServerCalls(Lookups):
    """``ports.Server`` but for the wire, which a subclass adds."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._looks = Looks()

    # -- making a task

    def create(self, draft: TaskDraft, cancel: Cancel) -> str:
        """Create the task (and its project); not yet enqueued."""
        if not draft.source:
            project = self._project_id(draft.project, cancel)
            return str(self.call("tasks.create", facts.task_body(draft, project), cancel)["id"])
        self.sign_in(cancel)
        name = project_path(draft.project)
        source = Question("source", lambda: self._source(draft.source, cancel))
        named = Question("project", lambda: self._project_named(name, cancel))
        ask(source, named)
        return self._copy(source.answer, draft, named.answer or self._new_project(name, cancel), cancel)

    def _source(self, task: str, cancel: Cancel) -> dict[str, Any]:
        body = {"id": [task], "only_fields": joined(["id"], copy.SOURCE_FIELDS), "search_hidden": True}
        found = self._list("tasks.get_all", body, "tasks", cancel)
        if not found:
            raise failure("task.no_source", task=task, server=self._address)
        return found[0]

    def _copy(self, source: Mapping[str, Any], draft: TaskDraft, project: str, cancel: Cancel) -> str:
        """The server copies, so that nothing of the source is lost on the way; a copy that can't be finished goes."""
        cloned = {"task": source["id"], "new_task_name": draft.name, "new_task_project": project}
        task = str(self.call("tasks.clone", cloned, cancel)["id"])
        try:
            tags = facts.system_tags(draft)
            body = {"task": task, "force": True, "system_tags": tags, **copy.changes(source, draft)}
            self.call("tasks.edit", body, cancel)
            ours = {**draft.parameters, **copy.parameters(source, draft)}
            self.write_parameters(task, ours, cancel)
            if draft.compatible:
                self._edit_parameters(task, facts.parameters(draft.compatible, session_fields.SECTION), cancel)
        except BaseException:
            self._take_back(task)
            raise
        return task

    def _take_back(self, task: str) -> None:
        """Delete a half-made copy; the reason that it is half-made is what the person is told."""
        try:
            self.call("tasks.delete", {"task": task, "force": True}, Cancel(CLEAN_UP_S))
        except (AppError, Cancelled) as error:
            _log.warning("the half-made copy %s is left behind: %s", task, error)

    def write_parameters(self, task: str, values: Mapping[str, str], cancel: Cancel) -> None:
        self._edit_parameters(task, facts.parameters(values), cancel)

    def _edit_parameters(self, task: str, items: Sequence[Mapping[str, str]], cancel: Cancel) -> None:
        body = {"task": task, "hyperparams": list(items), "replace_hyperparams": "none", "force": True}
        if items:  # the server refuses to change nothing
            self.call("tasks.edit_hyper_params", body, cancel)

    def write_runtime(self, task: str, values: Mapping[str, str], cancel: Cancel) -> None:
        known = self._ours(task, cancel, ("runtime",)).get("runtime")
        runtime = {**(known if isinstance(known, dict) else {}), **values}
        self.call("tasks.edit", {"task": task, "runtime": runtime, "force": True}, cancel)

    def clearml_session_login(self, task: str, cancel: Cancel) -> ClearmlSessionLogin:
        wanted = [
            f"runtime.{name}"
            for name in (session_fields.RUNTIME_PASSWORD, session_fields.RUNTIME_TOKEN, *clearml_session.EXPOSED)
        ]
        return facts.clearml_session_login(self._ours(task, cancel, wanted))

    def parameters(self, task: str, cancel: Cancel) -> dict[str, str]:
        found = self._ours(task, cancel, (f"hyperparams.{contract.SECTION}",))
        return facts.parameter_values(found)

    def launched(self, task: str, cancel: Cancel) -> LaunchedTask:
        return facts.launched(self._ours(task, cancel, facts.LAUNCH_FIELDS))

    def enqueue(self, task: str, queue: str, cancel: Cancel) -> bool:
        """Put the task into the queue with that name; True when an agent serves it."""
        queue_id = self._queue_id(queue, cancel)
        body = {"task": task, "queue": queue_id, "verify_watched_queue": True}
        answer = Question("enqueue", lambda: self.call("tasks.enqueue", body, cancel))
        workers = Question("agents", lambda: self._agents.all(cancel))
        ask(answer, workers)
        # The server counts a killed agent as watching until it times out; a list of agents that report is better.
        watched = bool(facts.watchers(workers.answer, self.server_now()).get(queue_id))
        return watched and bool(answer.answer.get("queue_watched", True))

    def dequeue(self, task: str, cancel: Cancel) -> None:
        self.call("tasks.dequeue", {"task": task}, cancel)

    # -- seeing

    def sessions(self, known: Sequence[str], cancel: Cancel) -> tuple[SeenTask, ...]:
        """One query of a few fields for all that live; another for those that moved, one for known ones that ended."""
        live = {
            "user": [self._user_id(cancel)],
            "system_tags": list(facts.SESSION_TAGS),
            "status": list(facts.LIVE_STATUSES),
        }
        first = self._looks.is_first
        rows = self._tasks(live, cancel, looks.FIELDS) if first else self._query(live, looks.FIELDS, cancel)
        missing = sorted(set(known) - {str(row["id"]) for row in rows})
        ended = Question("ended", lambda: self._whole(missing, cancel) if missing else [])
        moved = Question("tasks", lambda: self._complete(rows, first, cancel))
        ask(moved, *([ended] if missing else []))
        found = moved.answer
        if missing:
            leftovers.take_out(self.call, ended.answer, self._user_id(cancel), cancel)
            found.update({str(task["id"]): task for task in ended.answer})
        return self._seen([task for task in found.values() if facts.is_session(task)], cancel, polls=True)

    def _complete(self, rows: Sequence[dict[str, Any]], first: bool, cancel: Cancel) -> dict[str, dict[str, Any]]:
        if first:
            return self._looks.learn(rows)
        return self._looks.complete(rows, self.server_now(), lambda moved: self._whole(moved, cancel))

    def _whole(self, ids: Sequence[str], cancel: Cancel) -> list[dict[str, Any]]:
        return self._tasks({"id": list(ids)}, cancel, looks.FIELDS)

    def _tasks(self, selection: Mapping[str, Any], cancel: Cancel, more: Sequence[str] = ()) -> list[dict[str, Any]]:
        return self._query(selection, joined(facts.TASK_FIELDS, more), cancel)

    def _query(self, selection: Mapping[str, Any], fields: Sequence[str], cancel: Cancel) -> list[dict[str, Any]]:
        body = {**selection, "only_fields": list(fields), "order_by": ["-created"], "search_hidden": True}
        found = self._list("tasks.get_all", body, "tasks", cancel)
        return [task for task in found if TASK_ID.fullmatch(str(task.get("id") or ""))]

    def everybodys(self, cancel: Cancel) -> tuple[SeenTask, ...]:
        """The living sessions of all users, with their owners' names: five calls at most, however many there are."""
        live = {"system_tags": [contract.SYSTEM_TAG], "status": list(facts.LIVE_STATUSES)}
        self._user_id(cancel)
        found = [task for task in self._tasks(live, cancel) if facts.is_session(task)]
        return self._seen(found, cancel, owners={str(task.get("user") or "") for task in found})

    def _seen(
        self, tasks: Sequence[dict[str, Any]], cancel: Cancel, *, polls: bool = False, owners: Collection[str] = ()
    ) -> tuple[SeenTask, ...]:
        """With all that is asked of other things than tasks, at the same time. ``owners``: who is to be named."""
        queued = {facts.queue_id_of(task) for task in tasks if task.get("status") == "queued"}
        names = {
            "queues": {facts.queue_id_of(task) for task in tasks}
            - queued,  # the others' are learned with what they hold
            "projects": {str(task.get("project") or "") for task in tasks},
            "users": {*owners, *self._who_changed(tasks, cancel)},
        }
        lost = Question("places", lambda: self._places.lost(tasks, self.server_now(), polls, cancel))
        agents = Question("agents", lambda: self._agents.of(tasks, polls, cancel))
        unknown = [kind for kind, ids in names.items() if self._unknown(kind, ids)]
        ask(lost, agents, *(Question(kind, partial(self._learn_names, kind, names[kind], cancel)) for kind in unknown))
        self._learn_names("queues", queued, cancel)
        workers, at = agents.answer
        serving = facts.watchers(workers, at)
        named = {str(worker.get("id")): worker for worker in workers}  # once: there may be thousands of tasks
        return tuple(SeenTask(str(task["id"]), self._facts(task, named, at, serving, lost.answer)) for task in tasks)

    def _who_changed(self, tasks: Sequence[Mapping[str, Any]], cancel: Cancel) -> set[str]:
        """Of those that wait: somebody may have taken them out of their queue. Others than ourselves."""
        who = {facts.who_placed(task) for task in tasks} - {""}
        return who - {self._user_id(cancel)} if who else who

    def _changed_by(self, task: Mapping[str, Any]) -> str:
        who = facts.who_placed(task)
        if not who:
            return ""
        return "you" if who == self._user else self._name("users", who)

    def _facts(
        self,
        task: Mapping[str, Any],
        workers: Mapping[str, Mapping[str, Any]],
        at: float,
        serving: Mapping[str, object],
        lost: Collection[str],
    ) -> ServerFacts:
        queue_id = facts.queue_id_of(task)
        user = str(task.get("user") or "")
        found = facts.task_facts(
            task,
            queue=self._name("queues", queue_id),
            queue_watched=task.get("status") != "queued" or bool(serving.get(queue_id)),
            project=self._name("projects", str(task.get("project") or "")),
            owner=self._name("users", user),
            mine=not user or not self._user or user == self._user,
            lost_s=facts.worker_lost_s(task, workers, at),
            unplaced=facts.is_unplaced(task, self.server_now(), lost),
            changed_by=self._changed_by(task),
        )
        return bounded(replace(found, message=facts.with_names(found.message, self._names["queues"])))

    def session(self, task: str, cancel: Cancel) -> SeenTask:
        """One session; of another user's also whose it is. Problems: task.gone, task.foreign"""
        found = self._ours(task, cancel)
        user = str(found.get("user") or "")
        theirs = [user] if user and user != self._user_id(cancel) else []
        return self._seen([found], cancel, owners=theirs)[0]

    def _ours(self, task: str, cancel: Cancel, more: Sequence[str] = ()) -> dict[str, Any]:
        found = self._tasks({"id": [task]}, cancel, more)
        if not found:
            raise failure("task.gone")
        if not facts.is_session(found[0]):
            raise failure("task.foreign", task=task)
        return found[0]

    # -- ending and reading

    def stop(self, task: str, cancel: Cancel) -> None:
        """End a queued or running session; one that was never enqueued is deleted, since nothing of it is of use."""
        found = self._ours(task, cancel)
        status = found.get("status")
        if status == "created":
            self.call("tasks.delete", {"task": task, "force": True}, cancel)
        elif status in facts.LIVE_STATUSES:
            self.call("tasks.stop", {"task": task, "force": False, "status_reason": STOP_REASON}, cancel)
        else:
            leftovers.take_out(self.call, [found], self._user_id(cancel), cancel)

    def end_anyway(self, task: str, cancel: Cancel) -> None:
        """Of one that waits it is the ordinary stop. A session that lives after all looks at its task and ends."""
        if self._ours(task, cancel).get("status") == "in_progress":
            body = {"task": task, "force": True, "status_reason": FORCED_REASON, "status_message": FORCED_REASON}
            self.call("tasks.stopped", body, cancel)
        else:
            self.stop(task, cancel)

    def log(self, task: str, since: int, cancel: Cancel) -> tuple[LogLine, ...]:
        """Log events newer than ``since`` (ms since 1970), oldest first."""
        body: dict[str, Any] = {"task": task, "batch_size": LOG_BATCH, "navigate_earlier": False, "order": "asc"}
        if since > 0:
            body["from_timestamp"] = since
        return facts.log_lines(dicts(self.call("events.get_task_log", body, cancel).get("events")), since)
