"""Facts about sessions from their tasks, and from what has to be asked beside them. Any thread."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from desktop_app.adapters.clearml.calls.queues import QueueCalls
from desktop_app.adapters.clearml.calls.user import UserCalls
from desktop_app.adapters.clearml.documents import facts
from desktop_app.adapters.clearml.documents.bounds import bounded
from desktop_app.adapters.clearml.lookups.names import Names
from desktop_app.adapters.clearml.lookups.places import Places
from desktop_app.adapters.clearml.lookups.together import Question, ask
from desktop_app.adapters.clearml.wire.connection import Connection
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import SeenTask
from desktop_app.domain.sessions.snapshot import ServerFacts


class Completion:
    """Completes tasks with the names of their queues, projects and users, their agents and their places."""

    def __init__(self, connection: Connection, user: UserCalls, queues: QueueCalls, names: Names) -> None:
        self._connection = connection
        self._user = user
        self._agents = queues.agents
        self._names = names
        self._places = Places(queues.by_ids)

    def seen(
        self, tasks: Sequence[dict[str, Any]], cancel: Cancel, *, polls: bool = False, owners: Collection[str] = ()
    ) -> tuple[SeenTask, ...]:
        """Return the facts of sessions; all that they need beside their tasks is asked for at the same time.

        A poll takes what an earlier one has found. ``owners``: the ids of users who are to be named. Problems: server.*
        """
        queued = {facts.queue_id_of(task) for task in tasks if task.get("status") == "queued"}
        names = {
            "queues": {facts.queue_id_of(task) for task in tasks} - queued,  # these are learned with what they hold
            "projects": {str(task.get("project") or "") for task in tasks},
            "users": {*owners, *self._who_changed(tasks, cancel)},
        }
        lost = Question("places", lambda: self._places.lost(tasks, self._connection.server_now(), polls, cancel))
        agents = Question("agents", lambda: self._agents.of(tasks, polls, cancel))
        unknown = [kind for kind, ids in names.items() if self._names.unknown(kind, ids)]
        ask(lost, agents, *(Question(kind, partial(self._names.learn, kind, names[kind], cancel)) for kind in unknown))
        self._names.learn("queues", queued, cancel)
        workers, at = agents.answer
        serving = facts.watchers(workers, at)
        named = {str(worker.get("id")): worker for worker in workers}  # once: there may be thousands of tasks
        return tuple(SeenTask(str(task["id"]), self._facts(task, named, at, serving, lost.answer)) for task in tasks)

    def _who_changed(self, tasks: Sequence[Mapping[str, Any]], cancel: Cancel) -> set[str]:
        """Return the other users who may have taken waiting tasks out of their queues."""
        users = {facts.who_placed(task) for task in tasks} - {""}
        return users - {self._user.id(cancel)} if users else users

    def _changed_by(self, task: Mapping[str, Any]) -> str:
        user = facts.who_placed(task)
        if not user:
            return ""
        return "you" if user == self._user.known_id else self._names.name_of("users", user)

    def _facts(
        self,
        task: Mapping[str, Any],
        workers: Mapping[str, Mapping[str, Any]],
        at: float,
        serving: Mapping[str, object],
        lost: Collection[str],
    ) -> ServerFacts:
        queue_id = facts.queue_id_of(task)
        owner = str(task.get("user") or "")
        known = facts.task_facts(
            task,
            queue=self._names.name_of("queues", queue_id),
            queue_watched=task.get("status") != "queued" or bool(serving.get(queue_id)),
            project=self._names.name_of("projects", str(task.get("project") or "")),
            owner=self._names.name_of("users", owner),
            mine=not owner or not self._user.known_id or owner == self._user.known_id,
            lost_s=facts.worker_lost_s(task, workers, at),
            unplaced=facts.is_unplaced(task, self._connection.server_now(), lost),
            changed_by=self._changed_by(task),
        )
        return bounded(replace(known, message=facts.with_names(known.message, self._names.queues())))
