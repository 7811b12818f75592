"""ServerCalls: ``ports.Server`` in terms of ClearML API calls. Any thread; remembers the names of queues and projects.

What a body may hold and what an answer means: the API reference of ClearML server, and what was recorded of one.
"""

import logging
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from desktop_app.adapters.clearml import copy, facts, leftovers, looks, places
from desktop_app.adapters.clearml.agents import Agents
from desktop_app.adapters.clearml.bounds import bounded
from desktop_app.adapters.clearml.fields import joined
from desktop_app.adapters.clearml.looks import Looks
from desktop_app.adapters.clearml.places import Places
from desktop_app.domain import foreign
from desktop_app.domain.account import Identity, LogLine, Queue
from desktop_app.domain.again import LaunchedTask
from desktop_app.domain.foreign import ForeignLogin
from desktop_app.domain.option_checks import project_path
from desktop_app.domain.problems import AppError, Cancelled, failure
from desktop_app.domain.session import ServerFacts
from desktop_app.ports import Cancel, SeenTask, TaskDraft
from remote_bootstrap import contract, contract_cli

PAGE = 500
MOST = 20_000  # rows of one list: whoever answers without an end is not listened to without one
LOG_BATCH = 500
TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # it becomes part of file names
CLEAN_UP_S = 10.0
STOP_REASON = "shut down from SessionDock"
FORCED_REASON = "ended from SessionDock without an answer of its agent"


_log = logging.getLogger(__name__)


class Lookups(ABC):
    """Who we are, and the names of queues and projects."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._names_lock = threading.Lock()
        self._user = ""
        self._names: dict[str, dict[str, str]] = {"queues": {}, "projects": {}, "users": {}}
        self._agents = Agents(self._read_workers, self.server_now)
        self._places = Places(self._queues_by_id)

    @abstractmethod
    def call(self, endpoint: str, body: Mapping[str, Any], cancel: Cancel) -> dict[str, Any]:
        """One API call; raises AppError or Cancelled only."""

    @abstractmethod
    def versions(self, cancel: Cancel) -> tuple[str, str]:
        """Of the server and of its API."""

    @abstractmethod
    def server_now(self) -> float:
        """Seconds since 1970 by the server's clock."""

    # -- who

    def whoami(self, cancel: Cancel) -> Identity:
        user = self.call("users.get_current_user", {}, cancel).get("user") or {}
        server_version, api_version = self.versions(cancel)
        company = user.get("company")
        workspace = company.get("name") or company.get("id") if isinstance(company, dict) else company
        self._user = str(user.get("id") or "")
        name, created = str(user.get("name") or ""), str(user.get("created") or "")
        found = Identity(self._user, name, str(workspace or ""), server_version, api_version, created)
        return bounded(found)

    def key_names(self, cancel: Cancel) -> tuple[str, ...]:
        """Of whoever we are: no other user can ask for them."""
        rows = self.call("auth.get_credentials", {}, cancel).get("credentials")
        found = [row.get("access_key") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        return bounded(tuple(one for one in found if isinstance(one, str)))

    def _user_id(self, cancel: Cancel) -> str:
        return self._user or self.whoami(cancel).user_id

    # -- queues

    def queues(self, cancel: Cancel) -> tuple[Queue, ...]:
        """All queues with their live agents, by name."""
        found = self._list(
            "queues.get_all", {"only_fields": ["id", "name", "entries", "tags", "system_tags"]}, "queues", cancel
        )
        workers = self._agents.all(cancel)
        with self._names_lock:
            self._names["queues"].update({str(q["id"]): str(q.get("name") or "") for q in found})
        return facts.queues_of(found, workers, self.server_now())

    def _queues_by_id(self, ids: Sequence[str], cancel: Cancel) -> list[dict[str, Any]]:
        """With what they hold; the names are learned by the way, for whoever renames a queue."""
        found = self._list("queues.get_all", {"id": list(ids), "only_fields": list(places.FIELDS)}, "queues", cancel)
        with self._names_lock:
            self._names["queues"].update({str(q["id"]): str(q.get("name") or "") for q in found})
        return found

    def _read_workers(self, cancel: Cancel) -> list[dict[str, Any]]:
        return _dicts(self.call("workers.get_all", {}, cancel).get("workers"))

    def _list(self, endpoint: str, body: Mapping[str, Any], key: str, cancel: Cancel) -> list[dict[str, Any]]:
        """Every page of a get_all."""
        found: list[dict[str, Any]] = []
        while True:
            page = {**body, "page": len(found) // PAGE, "page_size": PAGE}
            got = _dicts(self.call(endpoint, page, cancel).get(key))
            found += got
            if len(got) < PAGE or len(found) >= MOST:
                return found[:MOST]

    def _queue_id(self, name: str, cancel: Cancel) -> str:
        body = {"name": f"^{re.escape(name)}$", "only_fields": ["id", "name"]}
        for queue in self._list("queues.get_all", body, "queues", cancel):
            if queue.get("name") == name:
                return str(queue["id"])
        raise failure("queue.unknown", queue=name, server=self._address)

    def _project_id(self, name: str, cancel: Cancel) -> str:
        """Of a project that is made if there is none. The server knows it by its tidied name, whatever was typed."""
        name = project_path(name)
        found = self._project_named(name, cancel)
        if found:
            return found
        try:
            return str(self.call("projects.create", {"name": name, "description": ""}, cancel)["id"])
        except AppError:
            found = self._project_named(name, cancel)  # somebody may have made it at the same moment
            if found:
                return found
            raise

    def _project_named(self, name: str, cancel: Cancel) -> str:
        body = {"name": f"^{re.escape(name)}$", "only_fields": ["id", "name"], "search_hidden": True}
        rows = self._list("projects.get_all", body, "projects", cancel)
        return next((str(project["id"]) for project in rows if project.get("name") == name), "")

    def _learn_names(self, kind: str, ids: Iterable[str], cancel: Cancel) -> None:
        """The names of "queues", "projects" or "users", in one call for all that are not known yet."""
        known = self._names[kind]
        unknown = sorted({one for one in ids if one} - known.keys())
        if not unknown:
            return
        body = {"id": unknown, "only_fields": ["id", "name"], **({"search_hidden": True} if kind == "projects" else {})}
        found = {
            str(row.get("id")): bounded(str(row.get("name") or ""))
            for row in self._list(f"{kind}.get_all", body, kind, cancel)
        }
        with self._names_lock:
            known.update({one: found.get(one, one if kind == "queues" else "") for one in unknown})

    def _name(self, kind: str, one: str) -> str:
        return self._names[kind].get(one, "")


class ServerCalls(Lookups):
    """``ports.Server`` but for the wire, which a subclass adds."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._looks = Looks()

    # -- making a task

    def create(self, draft: TaskDraft, cancel: Cancel) -> str:
        """Create the task (and its project); not yet enqueued."""
        source = self._source(draft.source, cancel) if draft.source else None
        project = self._project_id(draft.project, cancel)
        if source is None:
            return str(self.call("tasks.create", facts.task_body(draft, project), cancel)["id"])
        return self._copy(source, draft, project, cancel)

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
                self._edit_parameters(task, facts.parameters(draft.compatible, contract_cli.SECTION), cancel)
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

    def foreign_login(self, task: str, cancel: Cancel) -> ForeignLogin:
        wanted = [
            f"runtime.{name}" for name in (contract_cli.RUNTIME_PASSWORD, contract_cli.RUNTIME_TOKEN, *foreign.EXPOSED)
        ]
        return facts.foreign_login(self._ours(task, cancel, wanted))

    def parameters(self, task: str, cancel: Cancel) -> dict[str, str]:
        found = self._ours(task, cancel, (f"hyperparams.{contract.SECTION}",))
        return facts.parameter_values(found)

    def launched(self, task: str, cancel: Cancel) -> LaunchedTask:
        return facts.launched(self._ours(task, cancel, facts.LAUNCH_FIELDS))

    def enqueue(self, task: str, queue: str, cancel: Cancel) -> bool:
        """Put the task into the queue with that name; True when an agent serves it."""
        queue_id = self._queue_id(queue, cancel)
        answer = self.call("tasks.enqueue", {"task": task, "queue": queue_id, "verify_watched_queue": True}, cancel)
        # The server counts a killed agent as watching until it times out; a list of agents that report is better.
        watched = bool(facts.watchers(self._agents.all(cancel), self.server_now()).get(queue_id))
        return watched and bool(answer.get("queue_watched", True))

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
        if self._looks.is_first:
            found = self._looks.learn(self._tasks(live, cancel, looks.FIELDS))
        else:
            rows = self._query(live, looks.FIELDS, cancel)
            found = self._looks.complete(rows, self.server_now(), lambda moved: self._whole(moved, cancel))
        missing = [task for task in known if task not in found]
        if missing:
            ended = self._whole(missing, cancel)
            leftovers.take_out(self.call, ended, self._user_id(cancel), cancel)
            found.update({str(task["id"]): task for task in ended})
        return self._seen([task for task in found.values() if facts.is_session(task)], cancel, polls=True)

    def _whole(self, ids: Sequence[str], cancel: Cancel) -> list[dict[str, Any]]:
        return self._tasks({"id": list(ids)}, cancel, looks.FIELDS)

    def _tasks(self, selection: Mapping[str, Any], cancel: Cancel, more: Sequence[str] = ()) -> list[dict[str, Any]]:
        return self._query(selection, joined(facts.TASK_FIELDS, more), cancel)

    def _query(self, selection: Mapping[str, Any], fields: Sequence[str], cancel: Cancel) -> list[dict[str, Any]]:
        body = {**selection, "only_fields": list(fields), "order_by": ["-created"], "search_hidden": True}
        found = self._list("tasks.get_all", body, "tasks", cancel)
        return [task for task in found if TASK_ID.fullmatch(str(task.get("id") or ""))]

    def everybodys(self, cancel: Cancel) -> tuple[SeenTask, ...]:
        """The living sessions of all users, with their owners' names: five calls, however many there are."""
        live = {"system_tags": [contract.SYSTEM_TAG], "status": list(facts.LIVE_STATUSES)}
        self._user_id(cancel)
        found = [task for task in self._tasks(live, cancel) if facts.is_session(task)]
        self._learn_names("users", (str(task.get("user") or "") for task in found), cancel)
        return self._seen(found, cancel)

    def _seen(self, tasks: Sequence[dict[str, Any]], cancel: Cancel, *, polls: bool = False) -> tuple[SeenTask, ...]:
        lost = self._places.lost(tasks, self.server_now(), polls, cancel)  # learns most names of queues by the way
        self._learn_names("queues", (facts.queue_id_of(task) for task in tasks), cancel)
        self._learn_names("projects", (str(task.get("project") or "") for task in tasks), cancel)
        workers, at = self._agents.of(tasks, polls, cancel)
        serving = facts.watchers(workers, at)
        self._learn_who_changed(tasks, cancel)
        named = {str(worker.get("id")): worker for worker in workers}  # once: there may be thousands of tasks
        return tuple(SeenTask(str(task["id"]), self._facts(task, named, at, serving, lost)) for task in tasks)

    def _learn_who_changed(self, tasks: Sequence[Mapping[str, Any]], cancel: Cancel) -> None:
        """Of those that wait: somebody may have taken them out of their queue."""
        who = {str(task.get("last_changed_by") or "") for task in tasks if task.get("status") in facts.WAITING} - {""}
        if who:
            self._learn_names("users", who - {self._user_id(cancel)}, cancel)

    def _changed_by(self, task: Mapping[str, Any]) -> str:
        who = str(task.get("last_changed_by") or "")
        if not who or task.get("status") not in facts.WAITING:
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
        if user and user != self._user_id(cancel):
            self._learn_names("users", [user], cancel)
        return self._seen([found], cancel)[0]

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
        return facts.log_lines(_dicts(self.call("events.get_task_log", body, cancel).get("events")), since)


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, Iterable) else []
