"""The life of a task: which status may follow which, and what a request to stop means. Pure functions.

Source: recorded behaviour of a real ClearML server (API 2.34).
"""

from collections.abc import Mapping
from typing import Any

CREATED = "created"
QUEUED = "queued"
IN_PROGRESS = "in_progress"
STOPPED = "stopped"
CLOSED = "closed"
FAILED = "failed"
COMPLETED = "completed"
PUBLISHING = "publishing"
PUBLISHED = "published"
UNKNOWN = "unknown"

ALIVE = (QUEUED, IN_PROGRESS)  # something runs or will run
WRITABLE = (CREATED, QUEUED, IN_PROGRESS)  # what a task reports can still be written

STOPPING = "stopping"  # status_message that asks the agent to end the task
ARCHIVED = "archived"  # system tag of what the web UI has put away
DEVELOPMENT = "development"  # system tag of a task that no agent runs

TRANSITIONS: Mapping[str, frozenset[str]] = {
    CREATED: frozenset({QUEUED, IN_PROGRESS}),
    QUEUED: frozenset({CREATED, IN_PROGRESS, STOPPED}),
    IN_PROGRESS: frozenset({STOPPED, FAILED, CREATED, COMPLETED}),
    STOPPED: frozenset({CLOSED, CREATED, QUEUED, IN_PROGRESS, FAILED, COMPLETED, PUBLISHING, PUBLISHED}),
    CLOSED: frozenset({CREATED, FAILED, STOPPED, PUBLISHING, PUBLISHED}),
    FAILED: frozenset({CREATED, STOPPED, QUEUED, PUBLISHING, PUBLISHED}),
    COMPLETED: frozenset({IN_PROGRESS, CREATED, PUBLISHING, PUBLISHED}),
    PUBLISHING: frozenset({PUBLISHED}),
    PUBLISHED: frozenset(),
}


def may_become(old: str, new: str) -> bool:
    """True if the status may change so. Staying what it is, is always allowed."""
    return old == new or new in TRANSITIONS.get(old, ())


def stop_is_for_the_worker(task: Mapping[str, Any], age: float, grace: float) -> bool:
    """True if tasks.stop only asks the task's agent, instead of ending the record at once.

    ``age`` is the time in seconds since the task's last update; past ``grace`` the worker counts as gone.
    """
    watched = bool(task.get("last_worker")) and age < grace
    return task["status"] != QUEUED and watched and DEVELOPMENT not in task.get("system_tags", ())
