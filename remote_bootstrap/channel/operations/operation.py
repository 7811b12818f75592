"""What an operation of the control channel is. Data and one exception; any thread."""

from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional

from remote_bootstrap.session.context import Context
from remote_bootstrap.steps.workspace import Workspace
from remote_bootstrap.task.progress import Progress


class OperationError(Exception):
    """The operation can't be done; the text is one sentence for the user at the desktop."""


@dataclass(frozen=True)
class Host:
    """The session that an operation works on."""

    context: Context
    progress: Progress
    end: Callable[[str], None]  # ask the session to end, with the reason
    log: Callable[[str], None]  # a line in the task's log, which every member of the workspace can read: no secrets
    workspace: Optional[Workspace] = None


# Arguments in, result out, both JSON; raises OperationError. Each call runs on a thread of its own.
Operation = Callable[[Host, Dict[str, Any]], Dict[str, Any]]
