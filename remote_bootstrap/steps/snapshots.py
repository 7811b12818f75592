"""Where snapshots of workspaces are kept: artifacts of tasks, read and written over the API. Any thread; no state.

As clearml-session does it: the newest is the artifact ``workspace``, the one before ``old_workspace``. Both have mode
"input": the server deletes only outputs with a task, so no workspace is lost by tidying up.
"""

import contextlib
import os
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from remote_bootstrap import contract
from remote_bootstrap.machine.folders import user_home
from remote_bootstrap.task.report import ServerError, TaskServer

KEY, OLD_KEY = "workspace", "old_workspace"
MODE = "input"
CREATOR, CHECKSUM, WHEN = "created_by_session", "sha256", "timestamp"  # in an artifact's display data
RUNTIME_TIME = "workspace_sync_ts"

CLI_SECTION, CLI_TAG = "interactive_session", "interactive"
PAGE, PAGES = 100, 20  # sessions that are looked at for a snapshot of the same folder
FIELDS = ["id", "name", "system_tags", "execution.artifacts", "hyperparams"]
LAST_SECOND = 253402300799  # of the year 9999; calendars end there
_TASK_ID = re.compile(r"[0-9a-f]{32}")


class Snapshot(NamedTuple):
    """One stored workspace. ``creator``: the session that made it; ``sha256`` "" where clearml-session did."""

    task: str
    name: str  # of the session
    url: str
    size: int
    timestamp: int  # seconds since 1970
    creator: str = ""
    sha256: str = ""
    key: str = KEY


def folder_of(text: str) -> Optional[Path]:
    """Return the folder that a task's parameter means on this machine, None when it names none."""
    if not text.strip():
        return None
    expanded = os.path.expandvars(text.strip())
    if expanded == "~" or expanded.startswith("~/"):
        expanded = str(user_home()) + expanded[1:]
    return Path(os.path.normpath(str(user_home() / expanded)))


def task_id(text: str) -> str:
    """Return the id in an id or a web address, "" when there is none. A web address has the project's id first."""
    ids = _TASK_ID.findall(text.lower())
    return ids[-1] if ids else ""


def of_task(server: TaskServer, task: str) -> List[Snapshot]:
    """Return the snapshots of one task, the newest first. Raises ServerError."""
    tasks = _tasks(server, {"id": [task]})
    return _snapshots(tasks[0]) if tasks else []


def folder_text(server: TaskServer, task: str) -> str:
    """Return the workspace folder that a session was launched with, "" for none. Raises ServerError."""
    tasks = _tasks(server, {"id": [task]})
    return _folder_text(tasks[0]) if tasks else ""


def candidates(server: TaskServer, own: str, folder: Path) -> Iterator[Snapshot]:
    """Return snapshots of that folder from this user's other sessions, ours and clearml-session's, the newest first.

    A newer session without a snapshot hides nothing. Raises ServerError.
    """
    user = str((_tasks(server, {"id": [own]}, ["id", "user"]) or [{}])[0].get("user") or "")
    snapshots = []  # type: List[Snapshot]
    for tag in (contract.SYSTEM_TAG, CLI_TAG):
        for task in _sessions(server, user, tag):
            if task.get("id") != own and folder_of(_folder_text(task)) == folder:
                snapshots += _snapshots(task)
    snapshots.sort(key=lambda one: -one.timestamp)
    return iter(snapshots)


def _sessions(server: TaskServer, user: str, tag: str) -> Iterator[Dict[str, Any]]:
    for page in range(PAGES):
        asked = {"system_tags": [tag], "order_by": ["-last_update"], "page": page, "page_size": PAGE}
        tasks = _tasks(server, {**asked, "user": [user]} if user else asked)
        yield from tasks
        if len(tasks) < PAGE:
            return


def _tasks(server: TaskServer, asked: Dict[str, Any], fields: Optional[List[str]] = None) -> List[Dict[str, Any]]:
    body = {**asked, "only_fields": fields or FIELDS, "search_hidden": True}
    return [dict(task) for task in server.call("tasks.get_all", body).get("tasks") or []]


def _folder_text(task: Dict[str, Any]) -> str:
    """Return the parameter of the task that runs the session: one that continues the other's has the parameters of
    both."""
    parameters = task.get("hyperparams") or {}
    ours = contract.SYSTEM_TAG in (task.get("system_tags") or [])
    for section in (contract.SECTION, CLI_SECTION) if ours else (CLI_SECTION, contract.SECTION):
        value = ((parameters.get(section) or {}).get(contract.PARAM_WORKSPACE) or {}).get("value")
        if value:
            return str(value)
    return ""


def _snapshots(task: Dict[str, Any]) -> List[Snapshot]:
    artifacts = [one for one in (task.get("execution") or {}).get("artifacts") or [] if isinstance(one, dict)]
    snapshots = [_snapshot(task, one) for one in artifacts if one.get("key") in (KEY, OLD_KEY) and one.get("uri")]
    return sorted(snapshots, key=lambda one: (one.key != KEY, -one.timestamp))


def _snapshot(task: Dict[str, Any], artifact: Dict[str, Any]) -> Snapshot:
    pairs = [pair for pair in artifact.get("display_data") or [] if isinstance(pair, list) and len(pair) == 2]
    about = {str(pair[0]): str(pair[1]) for pair in pairs}
    return Snapshot(
        task=str(task.get("id") or ""),
        name=str(task.get("name") or ""),
        url=str(artifact["uri"]),
        size=_whole(artifact.get("content_size"), 1 << 62),
        timestamp=_whole(artifact.get("timestamp"), LAST_SECOND),
        creator=about.get(CREATOR, ""),
        sha256=about.get(CHECKSUM, ""),
        key=str(artifact["key"]),
    )


def _whole(value: Any, most: int) -> int:
    """Return the whole number; 0 for what is no such number."""
    return value if isinstance(value, int) and 0 < value <= most else 0


class Place(NamedTuple):
    """What the address of a task's artifacts is made of; ``destination`` "" = the file server."""

    project: str
    name: str
    destination: str


def place_of(server: TaskServer, task: str) -> Place:
    """Return the task's place. Raises ServerError."""
    fields = (_tasks(server, {"id": [task]}, ["id", "name", "project", "output.destination"]) or [{}])[0]
    projects: List[Dict[str, Any]] = []
    if fields.get("project"):
        body = {"id": [fields["project"]], "only_fields": ["id", "name"], "search_hidden": True}
        projects = server.call("projects.get_all", body).get("projects") or []
    project = str(projects[0].get("name") or "") if projects else ""
    destination = str((fields.get("output") or {}).get("destination") or "")
    return Place(project or "sessions", str(fields.get("name") or "session"), destination)


def publish(server: TaskServer, task: str, newest: Snapshot, preview: str) -> None:
    """Make ``newest`` the task's snapshot and its former one the old one. Raises ServerError."""
    artifacts = [_artifact(newest, KEY, preview)]
    for former in of_task(server, task)[:1]:
        artifacts.append(_artifact(former, OLD_KEY, ""))
    try:
        server.call("tasks.add_or_update_artifacts", {"task": task, "artifacts": artifacts, "force": True})
    except ServerError:  # the server adds none to a task that has ended, but lets it be edited
        _replace_artifacts(server, task, artifacts)
    with contextlib.suppress(ServerError):  # for users only
        server.edit_runtime({RUNTIME_TIME: str(newest.timestamp)})


def _replace_artifacts(server: TaskServer, task: str, artifacts: List[Dict[str, Any]]) -> None:
    fields = (_tasks(server, {"id": [task]}, ["id", "execution.artifacts"]) or [{}])[0]
    others = [
        one
        for one in (fields.get("execution") or {}).get("artifacts") or []
        if (one.get("key"), one.get("mode")) not in {(new["key"], new["mode"]) for new in artifacts}
    ]
    server.call("tasks.edit", {"task": task, "execution": {"artifacts": [*others, *artifacts]}, "force": True})


def _artifact(snapshot: Snapshot, key: str, preview: str) -> Dict[str, Any]:
    about = {CREATOR: snapshot.creator, CHECKSUM: snapshot.sha256, WHEN: str(snapshot.timestamp)}
    return {
        "key": key,
        "type": "custom",
        "mode": MODE,
        "uri": snapshot.url,
        "content_size": snapshot.size,
        "hash": snapshot.sha256,
        "timestamp": snapshot.timestamp,
        "type_data": {"preview": preview, "content_type": "application/x-tar"},
        "display_data": [[name, value] for name, value in about.items() if value],
    }
