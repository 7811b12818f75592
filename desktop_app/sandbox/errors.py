"""The API's refusals, each with the result code and subcode that a real ClearML server answers with. Owns no state."""


class ApiError(Exception):
    """Ends a call: ``code`` is the HTTP status and ``result_code``, ``subcode`` the ``result_subcode``."""

    def __init__(self, code: int, subcode: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.subcode = subcode
        self.message = message


def no_credentials() -> ApiError:
    return ApiError(401, 20, "Unauthorized (missing credentials)")


def malformed_credentials() -> ApiError:
    return ApiError(401, 21, "Unauthorized (malformed credentials)")


def bad_credentials() -> ApiError:
    return ApiError(401, 22, "Unauthorized (invalid credentials) (failed to locate provided credentials)")


def bad_token(reason: str) -> ApiError:
    return ApiError(401, 30, f"Invalid token (invalid jwt token): reason={reason}")


def invalid_task(task_id: str) -> ApiError:
    return ApiError(400, 101, f"Invalid task id: id={task_id}")


def invalid_status(message: str) -> ApiError:
    return ApiError(400, 110, f"Invalid task status: {message}")


def invalid_project(project_id: str) -> ApiError:
    return ApiError(400, 401, f"Invalid project id: id={project_id}")


def invalid_queue(queue_id: str, company: str) -> ApiError:
    return ApiError(400, 701, f"Invalid queue id: id={queue_id}, company={company}")


def already_queued(task_id: str) -> ApiError:
    return ApiError(400, 706, f"Task already queued: task={task_id}")


def validation(message: str) -> ApiError:
    return ApiError(400, 800, f"Data validation error ({message})")


def not_unique(message: str) -> ApiError:
    return ApiError(400, 801, f"Value combination already exists ({message})")


def unknown_endpoint(name: str, version: str) -> ApiError:
    return ApiError(404, 0, f"Unable to find endpoint for name {name} and version {version}")
