"""What the requests of each endpoint may hold, as recorded of a real server. A table of plain values; owns no state.

An endpoint that isn't here takes any fields: its handler says what it makes of them.
"""

from collections.abc import Mapping

from desktop_app.sandbox.handlers.task_fields import TYPES
from desktop_app.sandbox.rules.auth import YEAR
from desktop_app.sandbox.rules.schema import Schema, flag, items, listed, mapping, number, text, texts, whole

_TASK: Schema = {"task": text(required=True)}
_FORCED: Schema = {**_TASK, "force": flag()}
_MOVE: Schema = {**_FORCED, "status_reason": text(), "status_message": text()}
_MANY: Schema = {"ids": texts(least=1), "force": flag(), "status_reason": text(), "status_message": text()}
_TASKS: Schema = {"tasks": texts(least=1), "status_reason": text(), "status_message": text()}
_ENQUEUE: Schema = {"queue": text(), "queue_name": text(), "verify_watched_queue": flag()}
_DELETE: Schema = {"return_file_urls": flag(), "delete_external_artifacts": flag(), "move_to_trash": flag()}
_QUEUE: Schema = {"queue": text(required=True)}
_QUEUE_TASK: Schema = {**_QUEUE, "task": text(required=True)}
_WORKER: Schema = {"worker": text(required=True)}
_LABELS: Schema = {"tags": texts(), "system_tags": texts()}
_PROJECT: Schema = {"project": text(required=True)}
_INTERVAL: Schema = {"from_date": number(required=True), "to_date": number(required=True), "interval": number()}
_LOG: Schema = {
    **_TASK,
    "batch_size": whole(),
    "order": text(choices=("asc", "desc")),
    "from_timestamp": whole(),
    "navigate_earlier": flag(),
    "metrics": items({}),
}

_PARAMETER: Schema = {
    "section": text(required=True, least=1),
    "name": text(required=True, least=1),
    "value": text(required=True),
    "type": text(),
    "description": text(),
}
_PARAMETER_KEY: Schema = {"section": text(required=True, least=1), "name": text()}
_CONFIGURATION: Schema = {
    "name": text(required=True, least=1),
    "value": text(required=True),
    "type": text(),
    "description": text(),
}
_MODE = text(choices=("input", "output"))
_ARTIFACT: Schema = {
    "key": text(required=True, least=1),
    "type": text(required=True),
    "mode": _MODE,
    "uri": text(),
    "content_size": number(),
    "hash": text(),
    "timestamp": number(),
    "type_data": mapping(),
    "display_data": listed(),
}
_ARTIFACT_KEY: Schema = {"key": text(required=True, least=1), "mode": _MODE}

SCHEMAS: Mapping[str, Schema] = {
    "auth.create_credentials": {"label": text()},
    "auth.edit_credentials": {"access_key": text(required=True), "label": text()},
    "auth.login": {"expiration_sec": number(most=YEAR)},
    "auth.revoke_credentials": {"access_key": text(required=True)},
    "events.clear_task_log": _TASK,
    "events.download_task_log": _TASK,
    "events.get_task_events": {
        **_TASK,
        "event_type": text(),
        "order": text(choices=("asc", "desc")),
        "batch_size": number(),
        "scroll_id": text(),
    },
    "events.get_task_latest_scalar_values": _TASK,
    "events.get_task_log": _LOG,
    "events.scalar_metrics_iter_histogram": _TASK,
    "models.get_by_id": {"model": text(required=True)},
    "projects.delete": {**_PROJECT, "force": flag()},
    "projects.get_by_id": _PROJECT,
    "projects.get_task_tags": {"projects": texts(), "include_system": flag()},
    "projects.update": _PROJECT,
    "queues.add_task": {**_QUEUE_TASK, "update_task_status": flag()},
    "queues.clear_queue": _QUEUE,
    "queues.create": {"name": text(required=True), "display_name": text(), "metadata": mapping(), **_LABELS},
    "queues.delete": {**_QUEUE, "force": flag()},
    "queues.get_by_id": {**_QUEUE, "max_task_entries": number()},
    "queues.get_next_task": {**_QUEUE, "get_task_info": flag()},
    "queues.get_num_entries": _QUEUE,
    "queues.get_queue_metrics": {**_INTERVAL, "queue_ids": texts()},
    "queues.move_task_backward": {**_QUEUE_TASK, "count": number()},
    "queues.move_task_forward": {**_QUEUE_TASK, "count": number()},
    "queues.move_task_to_back": _QUEUE_TASK,
    "queues.move_task_to_front": _QUEUE_TASK,
    "queues.peek_task": _QUEUE,
    "queues.remove_task": {**_QUEUE_TASK, "update_task_status": flag()},
    "queues.update": {**_QUEUE, "name": text(), "display_name": text(), "metadata": mapping(), **_LABELS},
    "tasks.add_or_update_artifacts": {**_FORCED, "artifacts": items(_ARTIFACT, least=1)},
    "tasks.archive": _TASKS,
    "tasks.archive_many": _MANY,
    "tasks.clone": {
        **_TASK,
        "new_task_name": text(),
        "new_task_comment": text(),
        "new_task_tags": texts(),
        "new_task_system_tags": texts(),
        "new_task_parent": text(),
        "new_task_project": text(),
        "new_project_name": text(),
        "new_task_hyperparams": mapping(),
        "new_task_configuration": mapping(),
        "execution_overrides": mapping(),
    },
    "tasks.close": _MOVE,
    "tasks.completed": {**_MOVE, "publish": flag()},
    "tasks.create": {"name": text(required=True), "type": text(required=True, choices=TYPES)},
    "tasks.delete": {**_FORCED, **_DELETE},
    "tasks.delete_artifacts": {**_FORCED, "artifacts": items(_ARTIFACT_KEY, least=1)},
    "tasks.delete_configuration": {**_FORCED, "configuration": texts(least=1)},
    "tasks.delete_hyper_params": {**_FORCED, "hyperparams": items(_PARAMETER_KEY, least=1)},
    "tasks.delete_many": {**_MANY, **_DELETE},
    "tasks.dequeue": {**_MOVE, "new_status": text()},
    "tasks.dequeue_many": {**_MANY, "new_status": text()},
    "tasks.edit": _FORCED,
    "tasks.edit_configuration": {
        **_FORCED,
        "configuration": items(_CONFIGURATION, least=1),
        "replace_configuration": flag(),
    },
    "tasks.edit_hyper_params": {
        **_FORCED,
        "hyperparams": items(_PARAMETER, least=1),
        "replace_hyperparams": text(choices=("none", "section", "all")),
    },
    "tasks.edit_runtime": {**_FORCED, "add_or_update": mapping(), "remove": texts()},
    "tasks.enqueue": {**_MOVE, **_ENQUEUE, "update_execution_queue": flag()},
    "tasks.enqueue_many": {**_MANY, **_ENQUEUE},
    "tasks.failed": _MOVE,
    "tasks.get_by_id": _TASK,
    "tasks.get_configuration_names": {"tasks": texts(least=1), "skip_empty": flag()},
    "tasks.get_configurations": {"tasks": texts(least=1), "names": texts()},
    "tasks.get_hyper_params": {"tasks": texts(least=1)},
    "tasks.move": {"ids": texts(least=1), "project": text(), "project_name": text()},
    "tasks.ping": _TASK,
    "tasks.publish": _MOVE,
    "tasks.publish_many": _MANY,
    "tasks.reset": {**_FORCED, **_DELETE, "clear_all": flag()},
    "tasks.reset_many": {**_MANY, **_DELETE, "clear_all": flag()},
    "tasks.set_requirements": {**_TASK, "requirements": mapping(required=True)},
    "tasks.started": _MOVE,
    "tasks.stop": _MOVE,
    "tasks.stop_many": _MANY,
    "tasks.stopped": _MOVE,
    "tasks.unarchive": _TASKS,
    "tasks.unarchive_many": _MANY,
    "tasks.update_tags": {"ids": texts(least=1), "add_tags": texts(), "remove_tags": texts()},
    "users.get_by_id": {"user": text(required=True)},
    "users.set_preferences": {"preferences": mapping(required=True)},
    "workers.get_activity_report": _INTERVAL,
    "workers.get_all": {"last_seen": number(), "worker_pattern": text(), "tags": texts(), "system_tags": texts()},
    "workers.get_count": {"last_seen": number(), "worker_pattern": text(), "tags": texts(), "system_tags": texts()},
    "workers.get_stats": {**_INTERVAL, "items": items({}), "worker_ids": texts()},
    "workers.register": {**_WORKER, "queues": texts(), "timeout": number(), **_LABELS},
    "workers.status_report": {
        **_WORKER,
        "timestamp": number(required=True),
        "task": text(),
        "queue": text(),
        "queues": texts(),
        "tags": texts(),
        "machine_stats": mapping(),
    },
    "workers.unregister": _WORKER,
}
