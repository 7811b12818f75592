"""What a real ClearML server (2.3.0, API 2.34) takes in a request, as a table: one row per endpoint that we call.

Made from tests/contract/recorded, and held to it by tests/contract/test_request_rules.py. ``faults`` says what is wrong
with a request, whatever a stand-in would answer. Knows nothing about the server's state. Pure; any thread.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.support.request_checks import (
    Check,
    Fault,
    Fields,
    Needed,
    Open,
    Tree,
    anything,
    edited_key,
    fields_of,
    filled,
    flag,
    held,
    is_text,
    listed,
    mapping,
    name,
    number,
    one_of,
    order_of,
    pattern,
    project_name,
    record,
    refused,
    selection,
    stored_key,
    tags,
)

# -- what documents hold; None = a plain value

PARAMETER = ("section", "name", "value", "type", "description")
TASK: Tree = {
    "id": None, "name": None, "type": None, "user": None, "company": None, "status": None, "status_reason": None,
    "status_message": None, "status_changed": None, "comment": None, "report": None, "created": None, "started": None,
    "completed": None, "published": None, "active_duration": None, "parent": None, "project": None, "tags": None,
    "system_tags": None, "report_assets": None, "enqueue_status": None, "last_update": None, "last_change": None,
    "last_changed_by": None, "last_worker": None, "last_worker_report": None, "last_iteration": None,
    "output": {"destination": None, "model": None, "error": None, "result": None, "view": None},
    "execution": {
        "queue": None, "artifacts": Open(1), "test_split": None, "parameters": Open(1), "model": None,
        "model_desc": Open(1), "model_labels": Open(1), "framework": None, "docker_cmd": None,
    },
    "script": {
        "binary": None, "repository": None, "tag": None, "branch": None, "version_num": None, "entry_point": None,
        "working_dir": None, "requirements": Open(2), "diff": None,
    },
    "container": {"image": None, "arguments": None, "setup_shell_script": None},
    "models": {"input": Open(1), "output": Open(1)},
    "hyperparams": Open(3),
    "configuration": Open(2),
    "runtime": Open(9), "metadata": Open(2), "last_metrics": Open(9), "metric_stats": Open(9),
}  # fmt: skip
QUEUE: Tree = {
    "id": None, "name": None, "display_name": None, "user": None, "company": None, "created": None, "tags": None,
    "system_tags": None, "entries": {"task": None, "added": None}, "last_update": None, "metadata": Open(2),
}  # fmt: skip
PROJECT: Tree = {
    "id": None, "name": None, "basename": None, "description": None, "user": None, "company": None, "created": None,
    "tags": None, "system_tags": None, "default_output_destination": None, "last_update": None, "featured": None,
    "parent": None, "path": None,
}  # fmt: skip
USER: Tree = {
    "id": None, "name": None, "family_name": None, "given_name": None, "avatar": None, "company": None,
    "created": None, "created_in_version": None, "role": None,
}  # fmt: skip


# -- parts of bodies

SCRIPT_FIELDS: Fields = {
    **dict.fromkeys(
        ("binary", "repository", "tag", "branch", "version_num", "entry_point", "working_dir", "diff"), is_text
    ),
    "requirements": anything,
}
SCRIPT = record(SCRIPT_FIELDS, Fault("Script has no such field"))
CONTAINER = record(dict.fromkeys(("image", "arguments", "setup_shell_script"), is_text))
_STORED_PARAMETER = record(dict.fromkeys(PARAMETER, anything), Fault("ParamsItem has no such field"))
PARAMETERS = mapping(filled, mapping(filled, _STORED_PARAMETER))
PARAMETER_ITEM = record(
    {
        "section": Needed(filled),
        "name": Needed(filled),
        "value": Needed(is_text),
        "type": is_text,
        "description": is_text,
    }
)


def _below(value: Any) -> Sequence[Fault]:
    return mapping(stored_key, _below)(value) if isinstance(value, dict) else ()


NEW_RUNTIME = mapping(stored_key, _below)
RUNTIME = mapping(anything, anything)
ARTIFACT = record(
    {
        "key": Needed(filled), "type": Needed(is_text), "mode": one_of("input", "output"), "uri": is_text,
        "content_size": number(), "hash": is_text, "timestamp": number(), "type_data": mapping(is_text, anything),
        "display_data": listed(listed(is_text)),
    }
)  # fmt: skip
EVENT: Fields = {
    "type": Needed(one_of("log", "training_stats_scalar", "training_stats_vector", "training_debug_image", "plot")),
    "task": Needed(filled), "worker": is_text, "level": is_text, "timestamp": lambda found: _timestamp(found),
    "msg": anything,
}  # fmt: skip
TYPES = (
    "training", "testing", "inference", "data_processing", "application", "monitor", "controller", "optimizer",
    "service", "qc", "custom",
)  # fmt: skip
STATUSES = (
    "created",
    "queued",
    "in_progress",
    "stopped",
    "published",
    "publishing",
    "closed",
    "failed",
    "completed",
    "unknown",
)
TASK_ID = Needed(is_text)
CHANGE: Fields = {"task": TASK_ID, "force": flag, "status_reason": is_text, "status_message": is_text}
DOCUMENT: Fields = {
    "comment": is_text, "tags": tags, "system_tags": tags, "project": filled, "parent": filled, "script": SCRIPT,
    "container": CONTAINER, "hyperparams": PARAMETERS, "execution": mapping(is_text, anything),
    "configuration": mapping(is_text, anything), "models": anything, "output_dest": is_text,
}  # fmt: skip


LONGEST_TOKEN_S = 31_536_000


def duration(value: Any) -> Sequence[Fault]:
    """In seconds; what is not above zero means the server's own."""
    if not isinstance(value, int | float):
        return refused(f"{value!r:.60} is no number of seconds")
    return refused(f"{value} s are more than a year") if value > LONGEST_TOKEN_S else ()


def _timestamp(value: Any) -> Sequence[Fault]:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return () if good else refused(f"{value!r:.60} is no time in milliseconds")


def _listing(tree: Tree, *filters: str) -> Fields:
    """Of a get_all."""
    return {
        "only_fields": fields_of(tree), "projection": fields_of(tree), "order_by": order_of(tree), "name": pattern,
        "page": number(0), "page_size": number(1), "start": number(0), "size": number(1), "scroll_id": is_text,
        "search_hidden": flag, "filters": mapping(is_text, _filter), "id": selection,
        **dict.fromkeys(filters, selection),
    }  # fmt: skip


def _filter(value: Any) -> Sequence[Fault]:
    known = dict.fromkeys(("op", "any", "all"), anything)
    return held(value, known, Fault("a filter has no such part")) if isinstance(value, dict) else ()


ENDPOINTS: Mapping[str, Fields] = {
    "auth.login": {"expiration_sec": duration},
    "auth.get_credentials": {},
    "users.get_current_user": {"get_supported_features": flag},
    "users.get_all": _listing(USER),
    "queues.get_all": _listing(QUEUE, "tags", "system_tags"),
    "queues.remove_task": {"queue": Needed(filled), "task": Needed(filled), "update_task_status": flag},
    "workers.get_all": {"last_seen": number(0), "tags": selection, "system_tags": selection, "worker_pattern": is_text},
    "projects.get_all": {
        **_listing(PROJECT, "tags", "system_tags", "user"), "basename": pattern, "shallow_search": flag,
    },
    "projects.create": {"name": Needed(project_name), "description": is_text, "tags": tags, "system_tags": tags},
    "tasks.get_all": {
        **_listing(TASK, "user", "status", "type", "tags", "system_tags", "project", "parent", "execution.queue"),
        "comment": pattern,
    },
    "tasks.create": {**DOCUMENT, "name": Needed(name), "type": Needed(one_of(*TYPES)), "runtime": NEW_RUNTIME},
    "tasks.edit": {
        **DOCUMENT, "task": TASK_ID, "force": flag, "name": name, "type": is_text, "runtime": RUNTIME,
        "status": one_of(*STATUSES),
    },
    "tasks.clone": {
        "task": TASK_ID, "new_task_name": name, "new_task_project": filled, "new_task_comment": is_text,
        "new_task_parent": is_text, "new_task_tags": tags, "new_task_system_tags": tags,
        "new_project_name": project_name, "new_task_hyperparams": PARAMETERS,
        "new_task_configuration": mapping(is_text, anything),
    },
    "tasks.edit_hyper_params": {
        "task": TASK_ID, "hyperparams": Needed(listed(PARAMETER_ITEM, 1)), "force": flag,
        "replace_hyperparams": one_of("none", "section", "all"),
    },
    "tasks.edit_runtime": {
        "task": TASK_ID, "add_or_update": mapping(edited_key, anything), "remove": listed(edited_key), "force": flag,
    },
    "tasks.add_or_update_artifacts": {"task": TASK_ID, "artifacts": Needed(listed(ARTIFACT, 1)), "force": flag},
    "tasks.enqueue": {
        **CHANGE, "queue": is_text, "queue_name": is_text, "verify_watched_queue": flag, "update_execution_queue": flag,
    },
    "tasks.dequeue": {
        "task": TASK_ID, "new_status": one_of(*STATUSES), "status_reason": is_text, "status_message": is_text,
        "remove_from_all_queues": flag,
    },
    "tasks.ping": {"task": TASK_ID},
    "tasks.stop": CHANGE,
    "tasks.stopped": CHANGE,
    "tasks.delete": {
        "task": TASK_ID, "force": flag, "move_to_trash": flag, "return_file_urls": flag,
        "delete_external_artifacts": flag, "delete_output_models": flag,
        "status_reason": is_text, "status_message": is_text,
    },
    "events.get_task_log": {
        "task": TASK_ID, "batch_size": number(), "from_timestamp": number(), "navigate_earlier": flag,
        "order": one_of("asc", "desc"), "metrics": anything,
    },
}  # fmt: skip
EVENTS = "events.add_batch"

OTHER_NAME = Fault("the server has no such field and ignores it", rewritten=True)


def faults(endpoint: str, body: Any, lines: Sequence[Any] | None = None) -> list[Fault]:
    """What is wrong with a request; ``lines``: of a body of JSON lines. An endpoint that has no row is a fault."""
    if endpoint == EVENTS:
        return _events(lines if lines is not None else [body])
    fields = ENDPOINTS.get(endpoint)
    if fields is None:
        return [Fault(f"{endpoint} has no row in tests/support/request_rules.py")]
    if not isinstance(body, dict):
        return [Fault(f"the body {body!r:.60} is not an object")]
    found = held(body, fields, OTHER_NAME)
    found += [Fault(why) for rule, why in TOGETHER.get(endpoint, ()) if rule(body)]
    return found + _surrogates(body)


def _events(lines: Sequence[Any]) -> list[Fault]:
    """One bad event among good ones is counted, not refused."""
    if not lines:
        return [Fault("no event at all")]
    each = [record(EVENT)(line) for line in lines]
    return [fault for found in each for fault in found] if all(each) else []


def _surrogates(body: Any) -> list[Fault]:
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return [Fault("a text has half of a surrogate pair")]
    return []


Rule = tuple[Callable[[Mapping[str, Any]], bool], str]
_SCORE: Rule = (
    lambda body: "@text_score" in (body.get("order_by") or ()) and not body.get("search_text"),
    "order_by a text score without a text",
)
_SCROLL: Rule = (lambda body: body.get("start") is not None and body.get("size") is None, "start needs size")
TOGETHER: Mapping[str, Sequence[Rule]] = {
    "tasks.get_all": (_SCORE, _SCROLL),
    "queues.get_all": (_SCORE, _SCROLL),
    "projects.get_all": (_SCORE, _SCROLL),
    "users.get_all": (_SCORE, _SCROLL),
    "tasks.enqueue": (
        (lambda body: bool(body.get("queue") and body.get("queue_name")), "queue and queue_name exclude each other"),
        (
            lambda body: bool(body.get("verify_watched_queue")) and body.get("update_execution_queue") is False,
            "verify_watched_queue needs update_execution_queue",
        ),
    ),
}

__all__ = ["Check", "Fault", "faults"]
