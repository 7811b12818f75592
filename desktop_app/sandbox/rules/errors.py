"""The API's refusals, each with the result code and subcode that a real ClearML server answers with. Owns no state."""

from typing import Any


class ApiError(Exception):
    """Ends a call: ``code`` is the HTTP status and ``result_code``, ``subcode`` the ``result_subcode``.

    With ``keep`` what the call has written so far stays written; else it is undone. ``data`` says what failed
    in the answer of a call for many.
    """

    def __init__(
        self, code: int, subcode: int, message: str, *, keep: bool = False, data: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.subcode = subcode
        self.message = message
        self.keep = keep
        self.data = data or {}


# --- requests ---------------------------------------------------------------------------------------------------------


def invalid_path(path: str) -> ApiError:
    return ApiError(400, 0, f"Invalid request path {path}")


def unknown_endpoint(name: str, version: str) -> ApiError:
    return ApiError(404, 0, f"Unable to find endpoint for name {name} and version {version}")


def unreadable() -> ApiError:
    return ApiError(400, 0, "The browser (or proxy) sent a request that this server could not understand.")


def broken(message: str) -> ApiError:
    """Return the failure of the real server at what it doesn't expect."""
    return ApiError(500, 0, message)


def missing_fields(message: str) -> ApiError:
    return ApiError(400, 11, f"Missing required fields ({message})")


def invalid_field(message: str) -> ApiError:
    """Return the refusal of a request that is not what the endpoint takes."""
    return ApiError(400, 12, f"Validation error ({message})")


def unknown_field(name: str) -> ApiError:
    text = "Lookup error (probably an invalid field name or unsupported nested field)"
    return ApiError(400, 14, f'{text}: err=Cannot resolve field "{name}"')


def invalid_value(message: str) -> ApiError:
    return ApiError(400, 16, f"Invalid value for fields ({message})")


def empty_batch() -> ApiError:
    return ApiError(400, 17, "Batch request contains no items")


def malformed_pattern(message: str) -> ApiError:
    return ApiError(400, 21, f"Malformed regular expression: err={message}, extra_info=None")


def path_collision(path: str) -> ApiError:
    return ApiError(500, 1, f"Internal server error: err=Path collision at {path}")


def validation(message: str) -> ApiError:
    """Return the refusal of a document that would not be valid."""
    return ApiError(400, 800, f"Data validation error: {message}")


def not_unique(message: str) -> ApiError:
    return ApiError(400, 801, f"Value combination already exists ({message})")


# --- who calls --------------------------------------------------------------------------------------------------------


def impersonation(role: str) -> ApiError:
    return ApiError(400, 6, f"Impersonation error (impersonation not allowed): role={role}")


def unknown_scheme() -> ApiError:
    return ApiError(401, 10, "Unauthorized (bad authentication header type)")


def no_credentials() -> ApiError:
    return ApiError(401, 20, "Unauthorized (missing credentials)")


def bad_credentials() -> ApiError:
    return ApiError(401, 22, "Unauthorized (invalid credentials) (failed to locate provided credentials)")


def bad_token(reason: str) -> ApiError:
    return ApiError(401, 30, f"Invalid token (invalid jwt token): reason={reason}")


def forbidden(role: str, allowed: tuple[str, ...]) -> ApiError:
    return ApiError(403, 20, f"Forbidden (not allowed for role): role={role}, allowed=({', '.join(allowed)})")


def unknown_access_key(user: str, access_key: str) -> ApiError:
    return ApiError(400, 75, f"Access key not found: user={user}, access_key={access_key}")


def not_your_access_key(user: str, access_key: str) -> ApiError:
    return ApiError(400, 300, f"Invalid user (invalid user or invalid access key): id={user}, key={access_key}")


def invalid_user(user: str, company: str) -> ApiError:
    return ApiError(400, 301, f"Invalid user id: id={user}, company={company}")


# --- tasks, projects, models, events ----------------------------------------------------------------------------------


def invalid_object(message: str) -> ApiError:
    return ApiError(400, 10, f"Invalid object id: {message}")


def invalid_task(task_id: str, company: str) -> ApiError:
    data = {"id": task_id, "company": company}
    return ApiError(400, 101, f"Invalid task id: id={task_id}, company={company}", data=data)


def invalid_tasks(*task_ids: str) -> ApiError:
    return ApiError(400, 101, f"Invalid task id: ids=({', '.join(task_ids)})")


def invalid_status(message: str) -> ApiError:
    return ApiError(400, 110, f"Invalid task status: {message}")


def invalid_change(old: str, new: str) -> ApiError:
    return ApiError(400, 110, f"Invalid task status (Invalid status change): current_status={old}, new_status={new}")


def undeletable(task_id: str, status: str) -> ApiError:
    text = "Task cannot be deleted (due to status, use force=True)"
    return ApiError(400, 123, f"{text}: task={task_id}, expected=created, current={status}")


def events_refused(reasons: str) -> ApiError:
    return ApiError(400, 131, f"Events not added: {reasons}")


def invalid_model(model_id: str) -> ApiError:
    return ApiError(400, 201, f"Invalid model id (no such public or company model): id={model_id}")


def invalid_project(project_id: str) -> ApiError:
    return ApiError(400, 401, f"Invalid project id: id={project_id}")


def project_in_use(project_id: str) -> ApiError:
    return ApiError(400, 402, f"Project has associated tasks (use force=true): id={project_id}")


def invalid_project_name(name: str) -> ApiError:
    return ApiError(400, 407, f"Invalid project name: name={name}")


def project_too_deep(most: int) -> ApiError:
    return ApiError(400, 409, f"Project path exceed the maximum allowed depth: max_depth={most}")


def project_exists(name: str, company: str) -> ApiError:
    return ApiError(400, 801, f"Project with the same name already exists: name={name}, company={company}")


# --- queues and workers -----------------------------------------------------------------------------------------------


def invalid_queue(queue_id: str, company: str, *, keep: bool = False) -> ApiError:
    return ApiError(400, 701, f"Invalid queue id: id={queue_id}, company={company}", keep=keep)


def queue_not_empty(queue_id: str) -> ApiError:
    return ApiError(400, 702, f"Queue is not empty (use force=true to delete): id={queue_id}")


def not_in_queue(task_id: str, queue_id: str) -> ApiError:
    return ApiError(400, 703, f"Invalid queue id or task not in queue: task={task_id}, id={queue_id}")


def already_queued(task_id: str, *, keep: bool = False) -> ApiError:
    text = "Failed adding task to queue since task is already queued"
    return ApiError(400, 706, f"{text}: task={task_id}", keep=keep)


def no_default_queue() -> ApiError:
    return ApiError(400, 707, "No queue is tagged as the default queue for this company")


def several_default_queues(ids: str) -> ApiError:
    text = "More than one queue is tagged as the default queue for this company"
    return ApiError(400, 708, f"{text}: queues=({ids})")


def worker_refused(timeout: int, worker: str) -> ApiError:
    return ApiError(400, 1002, f"Worker registration failed (invalid timeout): timeout={timeout}, worker={worker}")
