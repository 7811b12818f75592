"""Lookups: who we are, and what queues, projects, users and agents are called. Any thread; remembers names.

Independent questions go ``together``; the rest of what is asked is in ``calls``.
"""

import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from desktop_app.adapters.clearml import facts, places
from desktop_app.adapters.clearml.agents import Agents
from desktop_app.adapters.clearml.bounds import bounded
from desktop_app.adapters.clearml.places import Places
from desktop_app.adapters.clearml.together import Question, ask
from desktop_app.adapters.clearml.tokens import Token
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.accounts.account import Identity, Queue
from desktop_app.domain.launch.option_checks import project_path
from desktop_app.domain.problems import AppError, failure

PAGE = 500
MOST = 20_000  # rows of one list: whoever answers without an end is not listened to without one


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
    def sign_in(self, cancel: Cancel) -> Token:
        """The valid sign-in, made if there is none: once, before several questions at a time would each need it."""

    @abstractmethod
    def server_now(self) -> float:
        """Seconds since 1970 by the server's clock."""

    # -- who

    def whoami(self, cancel: Cancel) -> Identity:
        user = self.call("users.get_current_user", {}, cancel).get("user") or {}
        token = self.sign_in(cancel)
        company = user.get("company")
        workspace = company.get("name") or company.get("id") if isinstance(company, dict) else company
        self._user = str(user.get("id") or "")
        name, created = str(user.get("name") or ""), str(user.get("created") or "")
        found = Identity(self._user, name, str(workspace or ""), token.server_version, token.api_version, created)
        return bounded(found)

    def key_names(self, cancel: Cancel) -> tuple[str, ...]:
        """Of whoever we are: no other user can ask for them."""
        rows = self.call("auth.get_credentials", {}, cancel).get("credentials")
        found = [row.get("access_key") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        return bounded(tuple(one for one in found if isinstance(one, str)))

    def _user_id(self, cancel: Cancel) -> str:
        """As the sign-in says, which costs no call; servers that say nothing there are asked."""
        self._user = self._user or self.sign_in(cancel).user
        return self._user or self.whoami(cancel).user_id

    # -- queues

    def queues(self, cancel: Cancel) -> tuple[Queue, ...]:
        """All queues with their live agents, by name."""
        self.sign_in(cancel)
        body = {"only_fields": ["id", "name", "entries", "tags", "system_tags"]}
        found = Question("queues", lambda: self._list("queues.get_all", body, "queues", cancel))
        workers = Question("agents", lambda: self._agents.all(cancel))
        ask(found, workers)
        self._note_queues(found.answer)
        return facts.queues_of(found.answer, workers.answer, self.server_now())

    def _queues_by_id(self, ids: Sequence[str], cancel: Cancel) -> list[dict[str, Any]]:
        """With what they hold; the names are learned by the way, for whoever renames a queue."""
        found = self._list("queues.get_all", {"id": list(ids), "only_fields": list(places.FIELDS)}, "queues", cancel)
        self._note_queues(found, ids)
        return found

    def _note_queues(self, found: Sequence[Mapping[str, Any]], asked: Sequence[str] = ()) -> None:
        """Their names; a queue that is gone has none but its id."""
        with self._names_lock:
            known = self._names["queues"]
            known.update({str(q["id"]): str(q.get("name") or "") for q in found})
            known.update({one: one for one in asked if one not in known})

    def _read_workers(self, cancel: Cancel) -> list[dict[str, Any]]:
        return dicts(self.call("workers.get_all", {}, cancel).get("workers"))

    def _list(self, endpoint: str, body: Mapping[str, Any], key: str, cancel: Cancel) -> list[dict[str, Any]]:
        """Every page of a get_all."""
        found: list[dict[str, Any]] = []
        while True:
            page = {**body, "page": len(found) // PAGE, "page_size": PAGE}
            got = dicts(self.call(endpoint, page, cancel).get(key))
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
        return self._project_named(name, cancel) or self._new_project(name, cancel)

    def _new_project(self, name: str, cancel: Cancel) -> str:
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
        unknown = self._unknown(kind, ids)
        if not unknown:
            return
        body = {"id": unknown, "only_fields": ["id", "name"], **({"search_hidden": True} if kind == "projects" else {})}
        found = {
            str(row.get("id")): bounded(str(row.get("name") or ""))
            for row in self._list(f"{kind}.get_all", body, kind, cancel)
        }
        with self._names_lock:
            self._names[kind].update({one: found.get(one, one if kind == "queues" else "") for one in unknown})

    def _unknown(self, kind: str, ids: Iterable[str]) -> list[str]:
        with self._names_lock:
            return sorted({one for one in ids if one} - self._names[kind].keys())

    def _name(self, kind: str, one: str) -> str:
        return self._names[kind].get(one, "")


def dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, Iterable) else []
