"""Names: what queues, projects and users are called. Any thread; remembers them for as long as the account is open."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from desktop_app.adapters.clearml.documents.bounds import bounded
from desktop_app.adapters.clearml.lookups.pages import every_page
from desktop_app.adapters.clearml.wire.connection import Connection
from desktop_app.boundary.cancel import Cancel


class Names:
    """Ids and their names, of the kinds "queues", "projects" and "users"."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._names: dict[str, dict[str, str]] = {"queues": {}, "projects": {}, "users": {}}

    def name_of(self, kind: str, key: str) -> str:
        """Return the name that was learned for an id; "" for none."""
        return self._names[kind].get(key, "")

    def queues(self) -> Mapping[str, str]:
        """Return what is known of queues: id -> name."""
        return self._names["queues"]

    def unknown(self, kind: str, ids: Iterable[str]) -> list[str]:
        """Return those of the ids whose name was not learned yet."""
        with self._lock:
            return sorted({key for key in ids if key} - self._names[kind].keys())

    def learn(self, kind: str, ids: Iterable[str], cancel: Cancel) -> None:
        """Ask for the names that are not known yet, in one call for all. Problems: server.*"""
        unknown = self.unknown(kind, ids)
        if not unknown:
            return
        body = {"id": unknown, "only_fields": ["id", "name"], **({"search_hidden": True} if kind == "projects" else {})}
        rows = every_page(self._connection, f"{kind}.get_all", body, kind, cancel)
        names = {str(row.get("id")): bounded(str(row.get("name") or "")) for row in rows}
        with self._lock:
            self._names[kind].update({key: names.get(key, key if kind == "queues" else "") for key in unknown})

    def note_queues(self, rows: Sequence[Mapping[str, Any]], asked: Sequence[str] = ()) -> None:
        """Take the names from queues that were read for something else; one of ``asked`` that is gone keeps its id."""
        with self._lock:
            known = self._names["queues"]
            known.update({str(row["id"]): str(row.get("name") or "") for row in rows})
            known.update({key: key for key in asked if key not in known})
