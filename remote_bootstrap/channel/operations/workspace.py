"""Storing the workspace on demand. Operation threads; no state."""

from typing import Any, Dict

from remote_bootstrap.channel.operations.operation import Host, OperationError

NONE = "This session has no workspace: launch it with a workspace folder to have one."


def sync(host: Host, args: Dict[str, Any]) -> Dict[str, Any]:
    """Return {"text", "done", "failed"}. Begin to store, or join what is under way, and wait for the end.

    With ``wait`` (seconds) at most so long; ask again until it is done.
    """
    if host.workspace is None:
        raise OperationError(NONE)
    job = host.workspace.store()
    wait = args.get("wait")
    job.done.wait(float(wait) if isinstance(wait, (int, float)) else None)
    if job.failed and job.done.is_set():
        raise OperationError(job.text)
    return {"text": job.text, "done": job.done.is_set()}
