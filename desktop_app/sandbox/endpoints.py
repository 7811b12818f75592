"""The one table of what the API server answers. Anything not in it is 404, as on a real server."""

from collections.abc import Mapping

from desktop_app.sandbox import events, projects, queues, task_edit, tasks, users, workers
from desktop_app.sandbox.call import Call, Handler
from desktop_app.sandbox.store import Document


def _no_models(_call: Call) -> Document:
    """Sessions make no models; clients that delete a task ask for them."""
    return {"models": []}


HANDLERS: Mapping[str, Handler] = {
    "auth.login": users.login,
    "auth.validate_token": users.validate_token,
    "events.add_batch": events.add_batch,
    "events.get_task_events": events.get_task_events,
    "events.get_task_log": events.get_task_log,
    "models.get_all": _no_models,
    "projects.create": projects.create,
    "projects.get_all": projects.get_all,
    "projects.get_by_id": projects.get_by_id,
    "queues.create": queues.create,
    "queues.get_all": queues.get_all,
    "queues.get_all_ex": queues.get_all_ex,
    "queues.get_by_id": queues.get_by_id,
    "queues.get_next_task": queues.get_next_task,
    "tasks.add_or_update_artifacts": task_edit.add_or_update_artifacts,
    "tasks.clone": tasks.clone,
    "tasks.completed": tasks.completed,
    "tasks.create": tasks.create,
    "tasks.delete": tasks.delete,
    "tasks.dequeue": tasks.dequeue,
    "tasks.edit": task_edit.edit,
    "tasks.edit_hyper_params": task_edit.edit_hyper_params,
    "tasks.edit_runtime": task_edit.edit_runtime,
    "tasks.enqueue": tasks.enqueue,
    "tasks.failed": tasks.failed,
    "tasks.get_all": tasks.get_all,
    "tasks.get_by_id": tasks.get_by_id,
    "tasks.ping": tasks.ping,
    "tasks.set_requirements": task_edit.set_requirements,
    "tasks.started": tasks.started,
    "tasks.stop": tasks.stop,
    "tasks.stopped": tasks.stopped,
    "users.get_all": users.get_all,
    "users.get_current_user": users.get_current_user,
    "workers.get_all": workers.get_all,
    "workers.register": workers.register,
    "workers.status_report": workers.status_report,
    "workers.unregister": workers.unregister,
}
