"""Queues and the agents that serve them. Any thread."""

import re
from collections.abc import Sequence
from typing import Any

from desktop_app.adapters.clearml.calls.user import UserCalls
from desktop_app.adapters.clearml.documents import facts
from desktop_app.adapters.clearml.lookups import places
from desktop_app.adapters.clearml.lookups.agents import Agents
from desktop_app.adapters.clearml.lookups.names import Names
from desktop_app.adapters.clearml.lookups.pages import dicts, every_page
from desktop_app.adapters.clearml.lookups.together import Question, ask
from desktop_app.adapters.clearml.wire.connection import Connection
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import Queues
from desktop_app.domain.accounts.account import Queue
from desktop_app.domain.launch.container import is_image
from desktop_app.domain.problems import failure
from remote_bootstrap import contract

LOOKED_AT = 50  # sessions


class QueueCalls(Queues):
    """The queues of one account's server. ``agents`` is what looks for agents everywhere in the account."""

    def __init__(self, connection: Connection, user: UserCalls, names: Names) -> None:
        self._connection = connection
        self._user = user
        self._names = names
        self.agents = Agents(self._read_workers, connection.server_now)

    def _read_workers(self, cancel: Cancel) -> list[dict[str, Any]]:
        return dicts(self._connection.call("workers.get_all", {}, cancel).get("workers"))

    def all(self, cancel: Cancel) -> tuple[Queue, ...]:
        self._connection.sign_in(cancel)
        fields = ["id", "name", "entries", "tags", "system_tags"]
        queues = Question("queues", lambda: self._list({"only_fields": fields}, cancel))
        workers = Question("agents", lambda: self.agents.all(cancel))
        ask(queues, workers)
        self._names.note_queues(queues.answer)
        return facts.queues_of(queues.answer, workers.answer, self._connection.server_now())

    def agent_image(self, queue: str, cancel: Cancel) -> str:
        """Look at the few newest sessions of the user's own, living or not: one call, and one for the queue's id."""
        body = {
            "user": [self._user.id(cancel)],
            "system_tags": [contract.SYSTEM_TAG],
            "only_fields": ["id", "execution.queue", f"runtime.{contract.RUNTIME_REPORT}"],
            "order_by": ["-created"],
            "search_hidden": True,
            "page": 0,
            "page_size": LOOKED_AT,
        }
        queue_id = self.id_of(queue, cancel)
        tasks = self._connection.call("tasks.get_all", body, cancel).get("tasks")
        for task in tasks if isinstance(tasks, list) else ():
            report = facts.report_of(task) if isinstance(task, dict) and facts.queue_id_of(task) == queue_id else None
            if report is not None:
                return report.container if is_image(report.container) else ""
        return ""

    def id_of(self, name: str, cancel: Cancel) -> str:
        """Return the id of the queue with exactly this name. Problems: queue.unknown"""
        for queue in self._list({"name": f"^{re.escape(name)}$", "only_fields": ["id", "name"]}, cancel):
            if queue.get("name") == name:
                return str(queue["id"])
        raise failure("queue.unknown", queue=name, server=self._connection.api_url)

    def by_ids(self, ids: Sequence[str], cancel: Cancel) -> list[dict[str, Any]]:
        """Return queues with what they hold; a name that was changed is learned by the way. Problems: server.*"""
        queues = self._list({"id": list(ids), "only_fields": list(places.FIELDS)}, cancel)
        self._names.note_queues(queues, ids)
        return queues

    def _list(self, body: dict[str, Any], cancel: Cancel) -> list[dict[str, Any]]:
        return every_page(self._connection, "queues.get_all", body, "queues", cancel)
