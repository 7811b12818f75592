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


class User(Protocol):
    """The user whom an account signs in. Thread-safe."""

    def whoami(self, cancel: Cancel) -> Identity:
        """Sign in and return the user and the server. Problems: server.*"""

    def key_names(self, cancel: Cancel) -> tuple[str, ...]:
        """Return the user's access keys, without their secrets. Problems: server.*"""


class Queues(Protocol):
    """A server's queues and the agents that serve them. Thread-safe."""

    def all(self, cancel: Cancel) -> tuple[Queue, ...]:
        """Return all queues by name, each with its live agents. Problems: server.*"""

    def agent_image(self, queue: str, cancel: Cancel) -> str:
        """Return the image in which the queue's agents ran the user's newest session; "" where none ran, or not in a
        container. Problems: queue.unknown"""


class Tasks(Protocol):
    """What is done to the task of one session. Thread-safe.

    Problems of everything that names a task: task.gone, task.foreign (it is no session).
    """

    def create(self, draft: TaskDraft, cancel: Cancel) -> str:
        """Create the task (and its project), not yet enqueued, and return its id. Problems: task.no_source"""

    def write_parameters(self, task: str, values: Mapping[str, str], cancel: Cancel) -> None:
        """Set hyper-parameters of section ``sessiondock``, whatever the task's state; other parameters stay."""

    def write_runtime(self, task: str, values: Mapping[str, str], cancel: Cancel) -> None:
        """Set runtime properties, which every user can read, before the task is enqueued; others stay."""

    def parameters(self, task: str, cancel: Cancel) -> Mapping[str, str]:
        """Return the hyper-parameters of section ``sessiondock``."""

    def launched(self, task: str, cancel: Cancel) -> LaunchedTask:
        """Return how the session was launched."""

    def clearml_session_login(self, task: str, cancel: Cancel) -> ClearmlSessionLogin:
        """Return what clearml-session has written into its task, which every user can read."""

    def enqueue(self, task: str, queue: str, cancel: Cancel) -> bool:
        """Put the task into the queue with that name; True when an agent serves it. Problems: queue.unknown"""

    def dequeue(self, task: str, cancel: Cancel) -> None:
        """Take a waiting task out of its queue; it becomes "created" again."""

    def stop(self, task: str, cancel: Cancel) -> None:
        """Ask for the end of a queued or running session."""

    def end_anyway(self, task: str, cancel: Cancel) -> None:
        """Mark a running session's task as stopped, whether or not its agent answers."""

    def remove(self, task: str, cancel: Cancel) -> None:
        """Delete a session of the user's that has ended."""

    def log(self, task: str, since: int, cancel: Cancel) -> tuple[LogLine, ...]:
        """Return log events newer than ``since`` (ms since 1970), oldest first, at most some hundreds."""


class Sessions(Protocol):
    """What a server says of sessions. Thread-safe."""

    def living(self, known: Sequence[str], cancel: Cancel) -> tuple[SeenTask, ...]:
        """Return the user's sessions that have not ended, and those of ``known`` (task ids) whatever their state.

        One batched query (plus one for queues and workers). A known task that is missing from the answer was deleted.
        Problems: server.*
        """

    def of_all_users(self, cancel: Cancel) -> tuple[SeenTask, ...]:
        """Return every user's sessions that have not ended, with their owners' names, newest first."""

    def get(self, task: str, cancel: Cancel) -> SeenTask:
        """Return one session; with its owner's name where that is another user. Problems: task.gone, task.foreign"""

    def finished(self, cancel: Cancel) -> tuple[FinishedSession, ...]:
        """Return the user's sessions that have ended, the newest first. Problems: server.*"""


class Server(Protocol):
    """One ClearML account, in four parts. Thread-safe."""

    user: User
    queues: Queues
    tasks: Tasks
    sessions: Sessions

    def close(self) -> None:
        """Drop connections; later calls raise Cancelled."""


# Asked with the access key that the server refuses: the access key and secret to go on with, None = there is none.
NextKey = Callable[[str], tuple[str, str] | None]
