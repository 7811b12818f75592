"""What the server says of sessions: the living, the finished, and one. Any thread."""

from collections.abc import Sequence
from typing import Any

from desktop_app.adapters.clearml.calls.search import TaskSearch
from desktop_app.adapters.clearml.calls.seen import Completion
from desktop_app.adapters.clearml.calls.user import UserCalls
from desktop_app.adapters.clearml.documents import facts, finished
from desktop_app.adapters.clearml.lookups import leftovers, looks
from desktop_app.adapters.clearml.lookups.leftovers import ENDED_STATUSES
from desktop_app.adapters.clearml.lookups.looks import Looks
from desktop_app.adapters.clearml.lookups.together import Question, ask
from desktop_app.adapters.clearml.wire.connection import Connection
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import SeenTask, Sessions
from desktop_app.domain.sessions.finished import FinishedSession
from remote_bootstrap import contract


class SessionCalls(Sessions):
    """The sessions of one account, and of its neighbours on the server."""

    def __init__(self, connection: Connection, user: UserCalls, search: TaskSearch, completion: Completion) -> None:
        self._connection = connection
        self._user = user
        self._search = search
        self._completion = completion
        self._looks = Looks()

    def living(self, known: Sequence[str], cancel: Cancel) -> tuple[SeenTask, ...]:
        """Ask once for a few fields of all that live, once for those that moved, once for known ones that ended."""
        live = {
            "user": [self._user.id(cancel)],
            "system_tags": list(facts.SESSION_TAGS),
            "status": list(facts.LIVE_STATUSES),
        }
        first = self._looks.is_first
        fields = looks.FIELDS
        rows = self._search.whole(live, cancel, fields) if first else self._search.rows(live, fields, cancel)
        missing = sorted(set(known) - {str(row["id"]) for row in rows})
        ended = Question("ended", lambda: self._whole(missing, cancel) if missing else [])
        moved = Question("tasks", lambda: self._complete(rows, first, cancel))
        ask(moved, *([ended] if missing else []))
        tasks = moved.answer
        if missing:
            leftovers.take_out(self._connection, ended.answer, self._user.id(cancel), cancel)
            tasks.update({str(task["id"]): task for task in ended.answer})
        return self._completion.seen([task for task in tasks.values() if facts.is_session(task)], cancel, polls=True)

    def _complete(self, rows: Sequence[dict[str, Any]], first: bool, cancel: Cancel) -> dict[str, dict[str, Any]]:
        if first:
            return self._looks.learn(rows)
        return self._looks.complete(rows, self._connection.server_now(), lambda moved: self._whole(moved, cancel))

    def _whole(self, ids: Sequence[str], cancel: Cancel) -> list[dict[str, Any]]:
        return self._search.whole({"id": list(ids)}, cancel, looks.FIELDS)

    def of_all_users(self, cancel: Cancel) -> tuple[SeenTask, ...]:
        """Ask for all users' living sessions, in five calls at most, however many there are."""
        live = {"system_tags": [contract.SYSTEM_TAG], "status": list(facts.LIVE_STATUSES)}
        self._user.id(cancel)
        tasks = [task for task in self._search.whole(live, cancel) if facts.is_session(task)]
        return self._completion.seen(tasks, cancel, owners={str(task.get("user") or "") for task in tasks})

    def get(self, task: str, cancel: Cancel) -> SeenTask:
        document = self._search.session(task, cancel)
        owner = str(document.get("user") or "")
        others = [owner] if owner and owner != self._user.id(cancel) else []
        return self._completion.seen([document], cancel, owners=others)[0]

    def finished(self, cancel: Cancel) -> tuple[FinishedSession, ...]:
        """Select by user and by tag, never by parent or project: an experiment that shares those is no session."""
        selection = {
            "user": [self._user.id(cancel)],
            "system_tags": list(facts.SESSION_TAGS),
            "status": list(ENDED_STATUSES),
        }
        tasks = self._search.whole(selection, cancel, finished.FIELDS)
        return tuple(finished.finished_of(task) for task in tasks if facts.is_session(task))
