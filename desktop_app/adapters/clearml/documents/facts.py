"""What a task of the ClearML API says about a session: documents in, domain data out. Pure functions.

Sources: the API's task schema; status and abort behaviour as recorded of a server with API 2.34.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from desktop_app.adapters.clearml.documents.bounds import MAX_NUMBER, MAX_WHOLE, bounded
from desktop_app.boundary.server import TaskDraft
from desktop_app.domain.accounts.account import LogLine, Queue, Worker
from desktop_app.domain.sessions import clearml_session
from desktop_app.domain.sessions.again import LaunchedTask
from desktop_app.domain.sessions.clearml_session import ClearmlSession, ClearmlSessionLogin
from desktop_app.domain.sessions.reducer import AGENT_LOST_AFTER_S
from desktop_app.domain.sessions.snapshot import End, Remote, ServerFacts
from remote_bootstrap import contract
from remote_bootstrap.contract import clearml_session as session_fields

PASSWORD_FIELD = f"hyperparams.{contract.SECTION}.{contract.PARAM_PASSWORD_HASH}.name"  # not the hash itself
# Everything that task_facts reads; a poll asks for nothing else, so that it never carries the script.
TASK_FIELDS = (
    "id", "name", "status", "status_reason", "status_message", "system_tags", "tags", "user", "project", "created",
    "started", "last_worker", "last_worker_report", "execution.queue", "status_changed", "last_change",
    "last_changed_by",
    PASSWORD_FIELD, f"runtime.{contract.RUNTIME_RECORD}", f"runtime.{contract.RUNTIME_REPORT}",
    f"hyperparams.{session_fields.PROPERTIES}", *(f"runtime.{name}" for name in clearml_session.RUNTIME_PLACES),
    *(f"hyperparams.{session_fields.SECTION}.{name}" for name in clearml_session.ASKED.values()),
)  # fmt: skip

LAUNCH_FIELDS = (f"hyperparams.{contract.SECTION}", "container", "script.requirements")

LIVE_STATUSES = ("created", "queued", "in_progress")

ARCHIVED = "archived"  # a system tag
PLACED_S = 15.0  # from the task to its queue, for whoever launches it
EARLIEST, LATEST = 2, 9999  # years
WAITING = ("created", "queued")
SAME_CHANGE_S = 2.0  # between the two stamps of one change of status
STOPPING = "stopping"  # in status_message: the server asks the agent to end the task
REPORT_EVERY_S = 30.0  # how often an agent reports
_ENDS = {"stopped": End.SHUT_DOWN, "failed": End.FAILED}


_ID = re.compile(r"\b[0-9a-f]{32}\b")
SESSION_TAGS = (contract.SYSTEM_TAG, session_fields.SYSTEM_TAG)


def is_session(task: Mapping[str, Any]) -> bool:
    """True if the task is a session of ours, or one that clearml-session made."""
    return any(_tagged(task, tag) for tag in SESSION_TAGS)


def is_clearml_session(task: Mapping[str, Any]) -> bool:
    return _tagged(task, session_fields.SYSTEM_TAG) and not _tagged(task, contract.SYSTEM_TAG)


def _tagged(task: Mapping[str, Any], tag: str) -> bool:
    tags = task.get("system_tags")
    return isinstance(tags, list) and tag in tags


def time_of(value: object) -> datetime | None:
    if not isinstance(value, str) or not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if not EARLIEST <= moment.year < LATEST:
        return None  # no calendar shows the ends of time at every place of the world
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def age_of(value: object, now: float) -> float | None:
    """Return the seconds between an ISO time and ``now`` (seconds since 1970); None when there is no such time."""
    moment = time_of(value)
    return None if moment is None else max(0.0, now - moment.timestamp())


def who_placed(task: Mapping[str, Any]) -> str:
    """Return the id of the user who brought a waiting task to where it is, "" where the server does not say.

    It says who changed a task last, which may have been after that: an agent still writes into a task that was reset.
    """
    if task.get("status") not in WAITING:
        return ""
    status, last = time_of(task.get("status_changed")), time_of(task.get("last_change"))
    later = status is not None and last is not None and (last - status).total_seconds() > SAME_CHANGE_S
    return "" if later and not _tagged(task, ARCHIVED) else str(task.get("last_changed_by") or "")


def _inner(document: Mapping[str, Any], *path: str) -> Any:
    value: Any = document
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def queue_id_of(task: Mapping[str, Any]) -> str:
    return str(_inner(task, "execution", "queue") or "")


def is_unplaced(task: Mapping[str, Any], now: float, lost: Collection[str]) -> bool:
    """True if the task is in no queue. ``lost``: those that say "queued" and are not; ``now``: seconds since 1970."""
    if task.get("status") != "created":
        return task.get("id") in lost
    age = age_of(task.get("created"), now)
    return bool(task.get("status_reason")) or _tagged(task, ARCHIVED) or age is None or age >= PLACED_S


def is_reported(task: Mapping[str, Any], now: float) -> bool:
    """True if the task's agent reported on it just now, by the server's clock (seconds since 1970)."""
    age = age_of(task.get("last_worker_report"), now)
    return age is not None and age < 2 * REPORT_EVERY_S


def worker_lost_s(task: Mapping[str, Any], workers: Mapping[str, Mapping[str, Any]], now: float) -> float:
    """Return the seconds since the task's agent last reported; 0 while it reports, or when it has none yet."""
    name = str(task.get("last_worker") or "")
    if not name or task.get("status") != "in_progress":
        return 0.0
    seen = _inner(workers.get(name, {}), "last_report_time") or task.get("last_worker_report")
    age = age_of(seen, now)
    if age is None:
        return 0.0 if name in workers else AGENT_LOST_AFTER_S
    return 0.0 if age < 2 * REPORT_EVERY_S else age


def task_facts(
    task: Mapping[str, Any],
    *,
    queue: str = "",
    queue_watched: bool = True,
    project: str = "",
    owner: str = "",
    mine: bool = True,
    lost_s: float = 0.0,
    unplaced: bool = False,
    changed_by: str = "",
) -> ServerFacts:
    """Return the facts of one session. The record is read but not believed: the connection verifies it."""
    made_by_tool = _clearml_session(task) if is_clearml_session(task) else None
    record, record_error = _record(task) if made_by_tool is None else (None, "")
    report = report_of(task) if made_by_tool is None else made_by_tool.report()
    published = record is not None or bool(record_error) if made_by_tool is None else made_by_tool.ready
    remote, end = _remote(task, published, report)
    facts = ServerFacts(
        remote=remote,
        name=str(task.get("name") or ""),
        end=end,
        queue=queue or queue_id_of(task),
        project=project,
        owner=owner,
        mine=mine,
        tags=texts(task.get("tags")),
        has_password=made_by_tool is not None or bool(_inner(task, *PASSWORD_FIELD.split("."))),
        worker=str(task.get("last_worker") or ""),
        worker_lost_s=lost_s,
        queue_watched=queue_watched,
        unplaced=unplaced,
        archived=_tagged(task, ARCHIVED),
        changed=time_of(task.get("status_changed")),
        changed_by=changed_by,
        message=str(task.get("status_reason") or task.get("status_message") or ""),
        created=time_of(task.get("created")),
        started=time_of(task.get("started")),
        record=record,
        record_error=record_error,
        report=report,
        by_report=remote is Remote.STOPPING and STOPPING not in str(task.get("status_message") or ""),
        clearml_session=made_by_tool,
    )
    return bounded(facts)


def with_names(text: str, names: Mapping[str, str]) -> str:
    """Return the server's sentence, with the names of queues instead of their ids, where they are known."""
    return _ID.sub(lambda match: f"“{names[match[0]]}”" if names.get(match[0]) else match[0], text)


def _clearml_session(task: Mapping[str, Any]) -> ClearmlSession:
    runtime = _inner(task, "runtime")
    return clearml_session.session_of(
        runtime if isinstance(runtime, Mapping) else {},
        parameter_values(task, session_fields.PROPERTIES),
        parameter_values(task, session_fields.SECTION),
    )


def clearml_session_login(task: Mapping[str, Any]) -> ClearmlSessionLogin:
    """Return what clearml-session left in its task."""
    runtime = _inner(task, "runtime")
    values = runtime if isinstance(runtime, Mapping) else {}
    login = ClearmlSessionLogin(
        str(values.get(session_fields.RUNTIME_PASSWORD) or ""),
        str(values.get(session_fields.RUNTIME_TOKEN) or "").strip(),
        tuple(label for name, label in clearml_session.EXPOSED.items() if values.get(name)),
    )
    return bounded(login)


def _remote(task: Mapping[str, Any], published: bool, report: contract.Report | None) -> tuple[Remote, End]:
    status = task.get("status")
    if status == "created":
        return Remote.CREATED, End.NONE
    if status == "queued":
        return Remote.QUEUED, End.NONE
    if status != "in_progress":
        return Remote.ENDED, _ENDS.get(str(status), End.COMPLETED)
    if STOPPING in str(task.get("status_message") or ""):
        return Remote.STOPPING, End.NONE
    if _says_its_end(report):
        return Remote.STOPPING, End.NONE
    return (Remote.READY if published else Remote.STARTING), End.NONE


def _says_its_end(report: contract.Report | None) -> bool:
    return report is not None and report.phase in contract.LAST_PHASES


def _record(task: Mapping[str, Any]) -> tuple[contract.Record | None, str]:
    text = _inner(task, "runtime", contract.RUNTIME_RECORD)
    if not text:
        return None, ""
    try:
        return contract.Record.loads(str(text)), ""
    except contract.ContractError as error:
        return None, str(error)


def report_of(task: Mapping[str, Any]) -> contract.Report | None:
    text = _inner(task, "runtime", contract.RUNTIME_REPORT)
    if not text:
        return None
    try:
        return contract.Report.loads(str(text))
    except contract.ContractError:
        return None  # progress only: an unreadable report is as good as none


def live_workers(workers: Sequence[Mapping[str, Any]], now: float) -> dict[str, Worker]:
    """Return the agents that report. A killed one stays listed by the server for its 600 s time-out, so age decides."""
    live = {}
    for worker in workers:
        age = age_of(worker.get("last_report_time") or worker.get("last_activity_time"), now)
        if age is not None and age < AGENT_LOST_AFTER_S:
            name = str(worker.get("id"))
            live[name] = Worker(name, age, str(_inner(worker, "task", "name") or ""))
    return live


def watchers(workers: Sequence[Mapping[str, Any]], now: float) -> dict[str, tuple[Worker, ...]]:
    """Queue id -> the live agents that serve it."""
    live = live_workers(workers, now)
    serving: dict[str, tuple[Worker, ...]] = {}
    for worker in workers:
        known = live.get(str(worker.get("id")))
        queues = worker.get("queues")
        for queue in queues if isinstance(queues, list) else ():
            if known is not None and isinstance(queue, Mapping):
                key = str(queue.get("id"))
                serving[key] = (*serving.get(key, ()), known)
    return serving


def queues_of(
    queues: Sequence[Mapping[str, Any]], workers: Sequence[Mapping[str, Any]], now: float
) -> tuple[Queue, ...]:
    """Return the queues by name, each with its live agents."""
    serving = watchers(workers, now)
    rows = [
        Queue(
            id=str(q["id"]),
            name=str(q.get("name") or q["id"]),
            workers=serving.get(str(q["id"]), ()),
            waiting=len(q.get("entries") or ()),
            tags=texts(q.get("tags")),
            system_tags=texts(q.get("system_tags")),
        )
        for q in queues
    ]
    return bounded(tuple(sorted(rows, key=lambda queue: queue.name.casefold())))


def texts(value: object) -> tuple[str, ...]:
    """Return the texts of a list of the API; anything else is left out."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _milliseconds(value: object) -> int:
    """Return 0 for what is no time; a whole number of hundreds of digits, which JSON allows, can't even be compared."""
    return int(value) if isinstance(value, int | float) and 0 <= value <= MAX_NUMBER else 0


def log_lines(events: Sequence[Mapping[str, Any]], since: int) -> tuple[LogLine, ...]:
    """Log events newer than ``since`` (ms), oldest first."""
    lines = [
        LogLine(_milliseconds(e.get("timestamp")), str(e.get("msg") or ""), str(e.get("level") or "").lower())
        for e in events
    ]
    return bounded(tuple(sorted((line for line in lines if line.timestamp > since), key=lambda line: line.timestamp)))


def system_tags(draft: TaskDraft) -> list[str]:
    return [*SESSION_TAGS] if draft.compatible else [contract.SYSTEM_TAG]


def task_body(draft: TaskDraft, project: str) -> dict[str, Any]:
    """Return the body of tasks.create. Not "development": the server would end such a task before its processes."""
    body: dict[str, Any] = {
        "name": draft.name,
        "type": "application",
        "project": project,
        "system_tags": system_tags(draft),
        "tags": list(draft.tags),
        "script": {
            "binary": "python",
            "repository": "",
            "entry_point": contract.ENTRY_POINT,
            "working_dir": ".",
            "requirements": {"pip": "\n".join(draft.requirements)},
            "diff": draft.script,
        },
        "hyperparams": {contract.SECTION: {item["name"]: item for item in parameters(draft.parameters)}},
    }
    if draft.compatible:
        fields = parameters(draft.compatible, session_fields.SECTION)
        body["hyperparams"][session_fields.SECTION] = {item["name"]: item for item in fields}
    if draft.docker or draft.docker_args:
        body["container"] = {"image": draft.docker, "arguments": draft.docker_args}
    return body


def parameters(values: Mapping[str, str], section: str = contract.SECTION) -> list[dict[str, str]]:
    """Return hyper-parameters as the API takes them; every value is text."""
    return [
        {"section": section, "name": name, "value": value, "type": "", "description": ""}
        for name, value in values.items()
    ]


def parameter_values(task: Mapping[str, Any], name: str = contract.SECTION) -> dict[str, str]:
    """Name -> value of a section."""
    section = _inner(task, "hyperparams", name)
    items = section.items() if isinstance(section, Mapping) else ()
    values = {str(key): str(_inner(item, "value") or "") for key, item in items if isinstance(item, Mapping)}
    return bounded(values, MAX_WHOLE)


def launched(task: Mapping[str, Any]) -> LaunchedTask:
    """Return how the task was launched. An agent writes what it installed over the wanted packages, and keeps those as
    ``org_pip``."""
    packages = _inner(task, "script", "requirements", "org_pip") or _inner(task, "script", "requirements", "pip") or ""
    lines = [str(line) for line in packages] if isinstance(packages, list) else str(packages).splitlines()
    launch = LaunchedTask(
        parameter_values(task),
        str(_inner(task, "container", "image") or ""),
        str(_inner(task, "container", "arguments") or ""),
        tuple(line for line in lines if line.strip()),
    )
    return bounded(launch)
