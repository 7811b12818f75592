"""What older API versions call by other names: the same task, as a client of that version writes and reads it.

Pure functions. Before 2.3 system tags were tags, before 2.9 hyper-parameters and configuration lay in ``execution``,
and before 2.13 the container did.
"""

from desktop_app.sandbox.handlers.task_fields import DEFINES
from desktop_app.sandbox.rules.call import Call
from desktop_app.sandbox.rules.store import Document

OWN_TAGS = (2, 3)  # the first version that knows system tags
SECTIONS = (2, 9)  # … hyper-parameters in sections
CONTAINER = (2, 13)  # … the container as a field of its own


def upgraded(call: Call) -> Call:
    """Return the call as a client of today would have written it."""
    execution = call.body.get("execution")
    if call.version >= CONTAINER or not isinstance(execution, dict) or not isinstance(execution.get("docker_cmd"), str):
        return call
    image, _, arguments = execution["docker_cmd"].partition(" ")
    container = {"image": image, "arguments": arguments}
    rest = {key: value for key, value in execution.items() if key != "docker_cmd"}
    return call.with_body(execution=rest, container=container)


def downgraded(call: Call, task: Document) -> Document:
    """Return the task as a client of the call's version expects it."""
    if call.version < CONTAINER:
        task = _with_execution(task, "docker_cmd", _docker_command(task.get("container") or {}))
    if call.version < SECTIONS:
        task = _with_execution(task, "parameters", _parameters(task.get("hyperparams") or {}))
    if call.version < OWN_TAGS and task.get("system_tags"):
        task = {**task, "tags": sorted({*task.get("tags", ()), *task["system_tags"]})}
    return task


def _with_execution(task: Document, field: str, value: object) -> Document:
    return {**task, "execution": {**task.get("execution", {}), field: value}} if value else task


def _docker_command(container: Document) -> str:
    if not container.get("image"):
        return ""
    return " ".join(container[key] for key in ("image", "arguments") if container.get(key))


def _parameters(sections: Document) -> Document:
    """Return only those that an old client wrote."""
    return {
        f"{section}/{name}" if section == DEFINES else name: item.get("value")
        for section, items in sections.items()
        for name, item in items.items()
        if item.get("type") == "legacy"
    }
