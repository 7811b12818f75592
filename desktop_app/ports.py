"""The edges of the core: Protocols that services use and adapters (or tests' fakes) provide.

Every blocking method takes a ``Cancel`` with a deadline and raises only ``AppError`` or ``Cancelled``.
Each Protocol has one contract suite in tests/contract that runs on the fake and on the real thing.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeVar

from desktop_app.domain.account import Identity, LogLine, Queue
from desktop_app.domain.again import LaunchedTask
from desktop_app.domain.cleanup import FinishedSession
from desktop_app.domain.foreign import ForeignLogin
from desktop_app.domain.problems import AppError, Cancelled
from desktop_app.domain.remote_files import Ask, RemoteEntry, Space
from desktop_app.domain.route import DIRECT, Route
from desktop_app.domain.secrets import SecretKind
from desktop_app.domain.session import ServerFacts
from remote_bootstrap.contract import Record, Report

T = TypeVar("T")


class Cancel:
    """A cancel flag with a deadline. Set from any thread; ``on_cancel`` callbacks close what is being waited on."""

    def __init__(self, timeout: float | None = None) -> None:
        self._event = threading.Event()
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Idempotent; runs the callbacks once, in the caller's thread."""
        with self._lock:
            if self._event.is_set():
                return
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Call back when cancelled, at once if it already is."""
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return
        callback()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def remaining(self, at_most: float) -> float:
        """Seconds left, between 0 and ``at_most``."""
        if self._deadline is None:
            return at_most
        return max(0.0, min(at_most, self._deadline - time.monotonic()))

    @property
    def expired(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def check(self) -> None:
        """Raise Cancelled when cancelled."""
        if self._event.is_set():
            raise Cancelled

    def wait(self, seconds: float) -> bool:
        """Sleep up to ``seconds`` or the deadline; True when cancelled meanwhile."""
        return self._event.wait(self.remaining(seconds))


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

    def foreign_login(self, task: str, cancel: Cancel) -> ForeignLogin:
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


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect, and which way. ``private_key`` is an OpenSSH private key; it never leaves memory.

    ``foreign``: a session of clearml-session, which is entered with a password, has no control channel, and shows one
    of the host keys in ``fingerprints`` instead of the record's.
    """

    record: Record
    private_key: str = field(default="", repr=False)
    route: Route = DIRECT
    route_password: str = field(default="", repr=False)  # of the route's proxy
    foreign: bool = False
    password: str = field(default="", repr=False)
    fingerprints: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LoginKeys:
    """For an SSH server of ours beside one that clearml-session started.

    ``client_public`` is an OpenSSH public key line, ``host_private`` an OpenSSH private key.
    """

    client_public: str
    host_private: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LoginDoor:
    """Where that server listens on the session's machine, and its user's home folder there."""

    port: int
    home: str


@dataclass(frozen=True, slots=True)
class BoundPort:
    """A listener of ours on 127.0.0.1. ``taken_by`` names the program that holds the wanted port, "" = we have it."""

    app: str
    port: int
    wanted: int
    taken_by: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """Where a forward leads, as the remote machine sees it."""

    port: int
    host: str = "127.0.0.1"


class Tunnel(Protocol):
    """The connection of one session: listeners that stay, a transport that comes and goes. Thread-safe."""

    def bind(self, wanted: Mapping[str, int]) -> tuple[BoundPort, ...]:
        """Open a listener per application (key -> preferred port); another port is chosen where one is taken.

        Idempotent per application; ports never move afterwards. Problems: port.none
        """

    def connect(self, target: Target, cancel: Cancel) -> None:
        """Dial, check the host key strictly, authenticate, start the control channel.

        Problems: ssh.unreachable, ssh.host_key, ssh.unknown_host, ssh.auth, ssh.password, ssh.protocol
        """

    def route(self, ports: Mapping[str, int]) -> None:
        """Application key -> port on the remote machine's loopback, for new local connections."""

    def forward(self, key: str, wanted: int, way: Way) -> BoundPort:
        """Open a listener that leads there whatever ``route`` says, for programs of this user only (where the system
        tells). Idempotent per key, which no application has; leads elsewhere when called again. Problems: port.none
        """

    def proxy(self, key: str, wanted: int) -> BoundPort:
        """The same, as a SOCKS5 proxy: each connection says itself where it leads. Problems: port.none"""

    def reverse(self, key: str, remote: int, local: int) -> None:
        """Make our 127.0.0.1:``local`` reachable at ``remote`` of the machine's loopback, now and after every connect.

        Problems: port.remote (the machine refuses; nothing is kept)
        """

    def unbind(self, key: str) -> None:
        """Undo ``forward``, ``proxy`` or ``reverse`` and reset the connections of a forward. Idempotent."""

    def probe(self, cancel: Cancel) -> float:
        """Round trip through the control channel in seconds. Problems: ssh.lost"""

    def request(self, op: str, args: Mapping[str, object], cancel: Cancel) -> dict[str, object]:
        """One operation of the control channel. Problems: ssh.lost, ssh.protocol"""

    def lend_agent(self, cancel: Cancel) -> None:
        """Let the session use the user's own SSH agent until this connection ends. Idempotent per connection.

        Problems: agent.none, ssh.lost, ssh.protocol
        """

    def take_agent_back(self) -> None:
        """Quick. Idempotent."""

    def serve_login(self, keys: LoginKeys, cancel: Cancel) -> LoginDoor:
        """Start an SSH server of ours in a session that clearml-session started; it ends with this connection.

        Problems: session.no_login, ssh.lost
        """

    def on_report(self, callback: Callable[[Report], None]) -> None:
        """Reports that the remote pushes, secrets included; called on the transport's thread."""

    def on_lost(self, callback: Callable[[], None]) -> None:
        """The transport ended by itself; called once per connect, on the transport's thread."""

    def disconnect(self) -> None:
        """Close the transport, keep the listeners."""

    def close(self) -> None:
        """Close everything, for good."""


class RemoteFiles(Protocol):
    """The files of one session's machine. One thread at a time, but for ``digest`` and ``disconnect``.

    Names keep bytes that are no UTF-8 as surrogates. Problems of every method: ssh.lost; files.missing, files.denied,
    files.refused and files.unsupported, about the path; files.room: its disk takes nothing more. What the caller's own
    ``sink`` and ``blocks`` raise is raised as it is.
    """

    def connect(self, target: Target, cancel: Cancel) -> None:
        """Problems: as Tunnel.connect, files.unsupported"""

    def home(self, cancel: Cancel) -> str:
        """The absolute path of the user's home folder there."""

    def list(self, folder: str, cancel: Cancel) -> tuple[RemoteEntry, ...]: ...

    def stat(self, path: str, cancel: Cancel, *, follow: bool = False) -> RemoteEntry | None:
        """None when there is nothing of that name."""

    def real(self, path: str, cancel: Cancel) -> str:
        """Absolute, with every link followed."""

    def make_folder(self, path: str, cancel: Cancel) -> None:
        """With its parents; idempotent."""

    def link_target(self, path: str, cancel: Cancel) -> str: ...

    def make_link(self, target: str, path: str, cancel: Cancel) -> None: ...

    def remove(self, path: str, cancel: Cancel) -> None:
        """A file or a link."""

    def read(self, path: str, offset: int, sink: Callable[[bytes | memoryview], object], cancel: Cancel) -> None:
        """Everything from ``offset`` on, in order; a piece is valid during the call of ``sink`` only."""

    def write(
        self, path: str, offset: int, blocks: Iterable[bytes], done: Callable[[int], None], cancel: Cancel
    ) -> None:
        """Keep the first ``offset`` bytes, drop the rest, append ``blocks``; ``done(bytes)`` once they are there."""

    def finish(self, part: str, path: str, mode: int, modified: int, cancel: Cancel) -> None:
        """Give ``part`` its mode and time and put it in the place of ``path`` in one step."""

    def together(
        self, asks: Sequence[Ask[T]], cancel: Cancel, done: Callable[[int], object] = lambda _index: None
    ) -> tuple[T | AppError, ...]:
        """All of them under way at once, in any order; one that fails has its problem as its answer. ``done(index)``:
        that one succeeded. Raises only what ends them all. The caller bounds how much data that is."""

    def ask_digests(self, files: Sequence[tuple[str, int]], cancel: Cancel) -> Callable[[], tuple[str, ...] | None]:
        """``digest`` for many (path, length), asked for at once; call what comes back to wait for the answers, "" for
        one that can't be had. None: this machine makes no checksums."""

    def digest(self, path: str, length: int, cancel: Cancel, *, fresh: bool = True) -> str:
        """SHA-256 of the first ``length`` bytes in hex, "" when that can't be had there. ``fresh=False`` goes on
        where the last call for this path stopped. Any thread."""

    def space(self, path: str, cancel: Cancel) -> Space | None:
        """Of the disk that holds ``path``, which exists; None where the machine does not tell."""

    def request(self, op: str, args: Mapping[str, object], cancel: Cancel) -> dict[str, object]:
        """One operation of the control channel. Any thread. Problems: ssh.refused, ssh.protocol (there is none)"""

    def disconnect(self) -> None:
        """Idempotent; what is under way on another thread fails as ssh.lost."""


class SecretStore(Protocol):
    """The OS keyring behind a deadline. Thread-safe. Problems: keyring.*"""

    def get(self, kind: SecretKind, owner: str) -> str | None: ...

    def set(self, kind: SecretKind, owner: str, value: str) -> None: ...

    def delete(self, kind: SecretKind, owner: str) -> None:
        """Idempotent."""


Clock = Callable[[], float]
"""Monotonic seconds."""


class SystemEvent(Enum):
    """What happens to this computer and concerns every connection."""

    WOKE = "the computer woke"
    NETWORK = "its network changed"
