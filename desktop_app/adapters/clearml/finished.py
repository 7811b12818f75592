"""Finished sessions: finding our user's and deleting them. Any thread; see ``calls``."""

from collections.abc import Mapping
from typing import Any

from desktop_app.adapters.clearml import facts
from desktop_app.adapters.clearml.bounds import bounded
from desktop_app.adapters.clearml.calls import ServerCalls
from desktop_app.adapters.clearml.leftovers import ENDED_STATUSES
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.launch.container import is_image
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.finished import FinishedSession
from remote_bootstrap import contract
from remote_bootstrap.contract import clearml_session

FIELDS = ("completed", "status_changed", "execution.artifacts", "hyperparams")
SNAPSHOTS = ("workspace", "old_workspace")  # keys of artifacts, ours and clearml-session's
LOOKED_AT = 50  # sessions
LATEST = 250_000_000_000  # seconds since 1970: in the year 9892
FOLDER = "store_workspace"  # the parameter, in our section and in clearml-session's


class FinishedCalls(ServerCalls):
    """``ports.Server`` but for the wire, complete."""

    def agent_image(self, queue: str, cancel: Cancel) -> str:
        """Of the few newest sessions of our user's own, living or not: one call, and one for the queue's id."""
        body = {
            "user": [self._user_id(cancel)],
            "system_tags": [contract.SYSTEM_TAG],
            "only_fields": ["id", "execution.queue", f"runtime.{contract.RUNTIME_REPORT}"],
            "order_by": ["-created"],
            "search_hidden": True,
            "page": 0,
            "page_size": LOOKED_AT,
        }
        wanted = self._queue_id(queue, cancel)
        tasks = self.call("tasks.get_all", body, cancel).get("tasks")
        for task in tasks if isinstance(tasks, list) else ():
            report = facts.report_of(task) if isinstance(task, dict) and facts.queue_id_of(task) == wanted else None
            if report is not None:
                return report.container if is_image(report.container) else ""
        return ""

    def finished(self, cancel: Cancel) -> tuple[FinishedSession, ...]:
        """By user and by tag, never by parent or project: an experiment that shares those is none of our business."""
        mine = {
            "user": [self._user_id(cancel)],
            "system_tags": list(facts.SESSION_TAGS),
            "status": list(ENDED_STATUSES),
        }
        return tuple(finished_of(task) for task in self._tasks(mine, cancel, FIELDS) if facts.is_session(task))

    def remove(self, task: str, cancel: Cancel) -> None:
        """One that has ended, looked at again by its id: it may have been started anew."""
        found = self._ours(task, cancel)
        if found.get("user") != self._user_id(cancel) or found.get("status") not in ENDED_STATUSES:
            raise failure("task.foreign", task=task)
        self.call("tasks.delete", {"task": task, "force": True, "delete_external_artifacts": True}, cancel)


def _seconds(value: object) -> float:
    """Since 1970; 1 for what is no time: something is stored there."""
    return float(value) if isinstance(value, int | float) and 0 < value < LATEST else 1.0


def finished_of(task: Mapping[str, Any]) -> FinishedSession:
    execution = task.get("execution")
    artifacts = execution.get("artifacts") if isinstance(execution, Mapping) else None
    stored = [
        _seconds(one.get("timestamp"))
        for one in (artifacts if isinstance(artifacts, list) else ())
        if isinstance(one, Mapping) and one.get("key") in SNAPSHOTS
    ]
    folders = (facts.parameter_values(task, section).get(FOLDER, "") for section in _SECTIONS)
    found = FinishedSession(
        str(task["id"]),
        str(task.get("name") or ""),
        facts.time_of(task.get("completed") or task.get("status_changed")),
        next(filter(None, folders), ""),
        max(stored, default=0.0),
    )
    return bounded(found)


_SECTIONS = (contract.SECTION, clearml_session.SECTION)
