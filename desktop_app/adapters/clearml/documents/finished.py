"""What a task says of a session that has ended. Pure functions."""

from collections.abc import Mapping
from typing import Any

from desktop_app.adapters.clearml.documents import facts
from desktop_app.adapters.clearml.documents.bounds import bounded
from desktop_app.domain.sessions.finished import FinishedSession
from remote_bootstrap import contract
from remote_bootstrap.contract import clearml_session

FIELDS = ("completed", "status_changed", "execution.artifacts", "hyperparams")
SNAPSHOTS = ("workspace", "old_workspace")  # keys of artifacts, ours and clearml-session's
LATEST = 250_000_000_000  # seconds since 1970: in the year 9892
FOLDER = "store_workspace"  # the parameter, in our section and in clearml-session's
SECTIONS = (contract.SECTION, clearml_session.SECTION)


def finished_of(task: Mapping[str, Any]) -> FinishedSession:
    """Return what is known of the session that this task was."""
    execution = task.get("execution")
    artifacts = execution.get("artifacts") if isinstance(execution, Mapping) else None
    stored = [
        _seconds(artifact.get("timestamp"))
        for artifact in (artifacts if isinstance(artifacts, list) else ())
        if isinstance(artifact, Mapping) and artifact.get("key") in SNAPSHOTS
    ]
    folders = (facts.parameter_values(task, section).get(FOLDER, "") for section in SECTIONS)
    session = FinishedSession(
        str(task["id"]),
        str(task.get("name") or ""),
        facts.time_of(task.get("completed") or task.get("status_changed")),
        next(filter(None, folders), ""),
        max(stored, default=0.0),
    )
    return bounded(session)


def _seconds(value: object) -> float:
    """Return seconds since 1970; 1 for what is no time: something is stored there."""
    return float(value) if isinstance(value, int | float) and 0 < value < LATEST else 1.0
