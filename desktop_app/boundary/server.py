"""A ClearML server, as the services need it.

Every blocking method takes a ``Cancel`` with a deadline and raises only ``AppError`` or ``Cancelled``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.accounts.account import Identity, LogLine, Queue
from desktop_app.domain.sessions.again import LaunchedTask
from desktop_app.domain.sessions.clearml_session import ClearmlSessionLogin
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.snapshot import ServerFacts


@dataclass(frozen=True, slots=True)
class TaskDraft:
    """A session's task as the launcher wants it; the server adapter turns it into API calls."""

    name: str
    project: str
    script: str
    requirements: tuple[str, ...]
    parameters: Mapping[str, str]
    docker: str = ""
    docker_args: str = ""
    tags: tuple[str, ...] = ()
    source: str = ""  # the task that this one is a copy of, "" = a new one
    debug: bool = False  # the copy keeps the source's code, changes and packages
    compatible: Mapping[str, str] = field(default_factory=dict)  # parameters of clearml-session; {} = not for it


@dataclass(frozen=True, slots=True)
class SeenTask:
    """One session of ours on the server."""

    task: str
    facts: ServerFacts


class Server(Protocol):
    """One ClearML account. Thread-safe."""

    def whoami(self, cancel: Cancel) -> Identity:
        """Sign in and say who we are. Problems: server.*"""

    def key_names(self, cancel: Cancel) -> tuple[str, ...]:
        """The access keys of whoever we are, without their secrets."""

    def queues(self, cancel: Cancel) -> tuple[Queue, ...]:
        """All queues with their live agents."""

    def create(self, draft: TaskDraft, cancel: Cancel) -> str:
        """Create the task (and its project) and return its id; not yet enqueued. Problems: task.no_source"""

    def write_parameters(self, task: str, values: Mapping[str, str], cancel: Cancel) -> None:
        """Set hyper-parameters of section ``sessiondock``, whatever the task's state; other parameters stay."""

    def write_runtime(self, task: str, values: Mapping[str, str], cancel: Cancel) -> None:
        """Set runtime properties, which everybody can read, before the task is enqueued; others stay."""

    def clearml_session_login(self, task: str, cancel: Cancel) -> ClearmlSessionLogin:
        """What a session of clearml-session tells everybody. Problems: task.gone, task.foreign"""

    def parameters(self, task: str, cancel: Cancel) -> Mapping[str, str]:
        """The hyper-parameters of section ``sessiondock`` of a session. Problems: task.gone, task.foreign"""

    def launched(self, task: str, cancel: Cancel) -> LaunchedTask:
        """How a session was launched. Problems: task.gone, task.foreign"""

    def enqueue(self, task: str, queue: str, cancel: Cancel) -> bool:
        """Put the task into the queue with that name; True when an agent serves it. Problems: queue.unknown"""

    def agent_image(self, queue: str, cancel: Cancel) -> str:
        """The image in which the queue's agents ran our user's newest session; "": none ran, or not in a container."""

    def dequeue(self, task: str, cancel: Cancel) -> None:
        """Take a waiting task out of its queue; it becomes "created" again."""

    def sessions(self, known: Sequence[str], cancel: Cancel) -> tuple[SeenTask, ...]:
        """Our user's sessions that have not ended, and those of ``known`` (task ids) whatever their state.

        One batched query (plus one for queues and workers). A known task that is missing from the answer was deleted.
        """

    def everybodys(self, cancel: Cancel) -> tuple[SeenTask, ...]:
        """The sessions of all users that have not ended, with their owners' names, newest first."""

    def session(self, task: str, cancel: Cancel) -> SeenTask:
        """One session. Problems: task.gone, task.foreign"""

    def stop(self, task: str, cancel: Cancel) -> None:
        """Ask for the end of a queued or running session. Problems: task.gone, task.foreign"""

    def end_anyway(self, task: str, cancel: Cancel) -> None:
        """Mark a running session's task as stopped, whether or not anybody there hears of it. Problems: task.*"""

    def finished(self, cancel: Cancel) -> tuple[FinishedSession, ...]:
        """Our user's sessions that have ended, the newest first."""

    def remove(self, task: str, cancel: Cancel) -> None:
        """Delete a session of our user's that has ended. Problems: task.gone, task.foreign"""

    def log(self, task: str, since: int, cancel: Cancel) -> tuple[LogLine, ...]:
        """Log events newer than ``since`` (ms since 1970), oldest first, at most some hundreds."""

    def close(self) -> None:
        """Drop connections; later calls raise Cancelled."""


# Asked with the access key that the server refuses: the access key and secret to go on with, None = there is none.
NextKey = Callable[[str], tuple[str, str] | None]
