"""What the sandbox remembers: one SQLite file of JSON documents and log events.

Any thread may call it; one lock serialises them, and ``transaction()`` makes a whole API call atomic. A document's
bulky fields (a task's script is some 80 KB) lie in a column of their own, so that polls need not read them.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Document = dict[str, Any]

VERSION = 1  # of what the file holds
BULKY = ("script", "configuration")

_SCHEMA = """
create table if not exists documents(
    number integer primary key, kind text not null, id text not null, body text not null, bulky text not null,
    unique(kind, id));
create table if not exists events(
    number integer primary key, task text not null, kind text not null, timestamp integer not null,
    body text not null);
create index if not exists documents_by_status on documents(kind, json_extract(body, '$.status'));
create index if not exists events_of_task on events(task, kind, timestamp, number);
"""


class Store:
    """Documents keep their creation order.

    Kinds: user, company, credential, revoked, project, queue, task, worker, scroll.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=normal")
        self._db.executescript(_SCHEMA)
        self._migrate()

    def _migrate(self) -> None:
        """Bring a file of an earlier sandbox up to date; what is null there is absent in every answer anyway."""
        if self._db.execute("pragma user_version").fetchone()[0] < VERSION:
            self._db.execute("delete from documents where kind = 'worker'")  # kept by name alone; they report again
            self._db.execute(f"pragma user_version = {VERSION}")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all or nothing; nests."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("begin immediate")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("rollback")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("commit")

    def put(self, kind: str, document: Document) -> None:
        """Insert or replace; the document's ``id`` is its key."""
        body = {key: value for key, value in document.items() if key not in BULKY}
        bulky = {key: document[key] for key in BULKY if key in document}
        with self._lock:
            self._db.execute(
                "insert into documents(kind, id, body, bulky) values(?, ?, ?, ?)"
                " on conflict(kind, id) do update set body = excluded.body, bulky = excluded.bulky",
                (kind, document["id"], json.dumps(body, ensure_ascii=False), json.dumps(bulky, ensure_ascii=False)),
            )

    def get(self, kind: str, key: str) -> Document | None:
        found = self.some(kind, [key])
        return found[0] if found else None

    def some(self, kind: str, keys: Sequence[str], *, bulky: bool = True) -> list[Document]:
        """Return the documents of that kind with these ids; unknown ids are left out."""
        marks = ",".join("?" * len(keys))
        return self._select(f"kind = ? and id in ({marks})", [kind, *keys], bulky)

    def all(self, kind: str, *, bulky: bool = True) -> list[Document]:
        return self._select("kind = ?", [kind], bulky)

    def count(self, kind: str, statuses: Sequence[str]) -> int:
        """Count the documents that have one of these in their field ``status``; fast, for it is asked every second."""
        marks = ",".join("?" * len(statuses))
        query = f"select count(*) from documents where kind = ? and json_extract(body, '$.status') in ({marks})"  # noqa: S608
        with self._lock:
            return int(self._db.execute(query, (kind, *statuses)).fetchone()[0])

    def _select(self, where: str, values: Iterable[str], bulky: bool) -> list[Document]:
        columns = "body, bulky" if bulky else "body"
        query = f"select {columns} from documents where {where} order by number"  # noqa: S608 - constants only
        with self._lock:
            rows = self._db.execute(query, tuple(values)).fetchall()
        documents = []
        for row in rows:
            document: Document = json.loads(row[0])
            if bulky:
                document.update(json.loads(row[1]))
            documents.append(document)
        return documents

    def touch(self, kind: str, key: str, **fields: str) -> None:
        """Set texts of a document without reading it; does nothing where there is none."""
        marks = ", ".join("?, ?" for _ in fields)
        values = [text for field, value in fields.items() for text in (f"$.{field}", value)]
        query = f"update documents set body = json_set(body, {marks}) where kind = ? and id = ?"  # noqa: S608 - marks
        with self._lock:
            self._db.execute(query, (*values, kind, key))

    def delete(self, kind: str, key: str) -> bool:
        with self._lock:
            return self._db.execute("delete from documents where kind = ? and id = ?", (kind, key)).rowcount > 0

    def add_events(self, events: Iterable[Document]) -> None:
        rows = [(e["task"], e["type"], int(e["timestamp"]), json.dumps(e)) for e in events]
        with self._lock:
            self._db.executemany("insert into events(task, kind, timestamp, body) values(?, ?, ?, ?)", rows)

    def events(
        self, task: str, kind: str, *, newest_first: bool, limit: int, beyond: int | None = None
    ) -> tuple[list[Document], int]:
        """Return at most ``limit`` events on the far side of the time ``beyond`` (ms), and how many the task has in
        all.

        Events of the last one's very millisecond come along even past the limit, so that paging loses none.
        """
        order, compare = ("desc", "<") if newest_first else ("asc", ">")
        total = f"select count(*) from events where task = ? and kind = ?"  # noqa: F541
        page = (
            f"select timestamp, body from events where task = ? and kind = ? and (? is null or timestamp {compare} ?)"  # noqa: S608
            f" order by timestamp {order}, number {order}"
        )
        with self._lock:
            count = int(self._db.execute(total, (task, kind)).fetchone()[0])
            found: list[tuple[int, str]] = []
            for timestamp, body in self._db.execute(page, (task, kind, beyond, beyond)):
                if len(found) >= limit and (not found or timestamp != found[-1][0]):
                    break
                found.append((timestamp, body))
        return [json.loads(body) for _, body in found], count

    def delete_events(self, task: str, kind: str = "") -> int:
        """Delete events of that kind, or all; return how many there were."""
        with self._lock:
            sql, values = "delete from events where task = ?", [task]
            if kind:
                sql, values = sql + " and kind = ?", [task, kind]
            return self._db.execute(sql, values).rowcount
