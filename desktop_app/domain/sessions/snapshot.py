"""A session as window and command line see it: what the server says, and what our connection does.

Frozen data and total functions; any thread. ``reducer.advance`` is the only maker of a next snapshot.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from desktop_app.domain.problems import Problem
from desktop_app.domain.sessions.clearml_session import ClearmlSession
from remote_bootstrap import contract
from remote_bootstrap.contract.apps import APPS, BY_KEY, AppSpec


@dataclass(frozen=True, slots=True, order=True)
class SessionId:
    """``account`` is the id of the account (and so of its server), ``task`` the ClearML task id (32 hex digits)."""

    account: str
    task: str

    @property
    def text(self) -> str:
        return f"{self.account}/{self.task}"

    @classmethod
    def parse(cls, text: str) -> "SessionId":
        account, _, task = text.rpartition("/")
        return cls(account, task)


class Remote(Enum):
    """What the server says. READY: the session has published where to connect."""

    CREATED = "created"
    QUEUED = "queued"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    ENDED = "ended"


WAITING = (Remote.CREATED, Remote.QUEUED)  # no agent has taken it
RESET = "reset"  # the server's reason for a task that was reset


class Link(Enum):
    """What our connection does. UP only after a probe came back through it."""

    OFF = "off"
    CONNECTING = "connecting"
    UP = "up"
    RETRYING = "retrying"
    BLOCKED = "blocked"


class End(Enum):
    """Why a session ended."""

    NONE = ""
    SHUT_DOWN = "shut down"
    COMPLETED = "completed"
    FAILED = "failed"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One application of the session. ``state`` is one of contract.APP_STATES; ``local_port`` 0 = not bound here."""

    app: str
    state: str = contract.APP_WAITING
    detail: str = ""
    remote_port: int = 0
    local_port: int = 0

    @property
    def spec(self) -> AppSpec | None:
        return BY_KEY.get(self.app)

    @property
    def label(self) -> str:
        spec = self.spec
        return spec.label if spec else self.app

    @property
    def ready(self) -> bool:
        return self.state == contract.APP_READY


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One session as the server's record tells it; the poller makes these."""

    remote: Remote
    name: str = ""
    end: End = End.NONE
    queue: str = ""  # name, or id while the name is unknown
    project: str = ""
    owner: str = ""  # the user's name, where several users' sessions are asked for
    mine: bool = True  # our own user launched it
    tags: tuple[str, ...] = ()
    has_password: bool = False  # other SSH programs may log in with one; who launched it can look it up
    worker: str = ""
    worker_lost_s: float = 0.0  # seconds since a worker last reported; 0 = it reports, or there is none yet
    queue_watched: bool = True
    unplaced: bool = False  # in no queue, and not about to be put into one: no agent will ever take it
    archived: bool = False  # the web pages hide it
    message: str = ""  # the server's own status reason, for the details page
    exit_code: int | None = None  # of a task that failed, where its agent told it
    changed: datetime | None = None  # when its status last changed
    changed_by: str = ""  # who changed it while it waits: "you", or a user's name
    created: datetime | None = None
    started: datetime | None = None
    record: contract.Record | None = None
    record_error: str = ""
    report: contract.Report | None = None
    by_report: bool = False  # only the report says that it is stopping, and every member can write that into the task
    clearml_session: ClearmlSession | None = None  # clearml-session made it, not we
    left: tuple[contract.Record | None, contract.Report | None] = (None, None)  # by an earlier run of the task


@dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """Everything a view needs; grows by one ``version`` per change."""

    id: SessionId
    version: int = 0
    facts: ServerFacts = field(default_factory=lambda: ServerFacts(Remote.CREATED))
    link: Link = Link.OFF
    endpoints: tuple[Endpoint, ...] = ()
    problem: Problem | None = None  # of the link or the session as a whole
    notice: Problem | None = None  # worth saying, nothing stopped (a port moved, an agent is lost)
    stale_since: datetime | None = None  # the server can't be reached
    attempt: int = 0  # of the redial, while RETRYING
    retry_at: datetime | None = None
    held_by: int = 0  # pid of another process that owns the tunnel, 0 = none
    stop_requested: bool = False

    @property
    def remote(self) -> Remote:
        return self.facts.remote

    @property
    def name(self) -> str:
        return self.facts.name or self.id.task[:8]

    def endpoint(self, app: str) -> Endpoint | None:
        return next((e for e in self.endpoints if e.app == app), None)

    def with_version(self) -> "SessionSnapshot":
        return replace(self, version=self.version + 1)


class Status(Enum):
    """What the list, the tray and the CLI show; the value is the label. Ordered from best to worst in SEVERITY."""

    QUEUED = "Queued"
    UNPLACED = "In no queue"
    STARTING = "Starting"
    READY = "Ready"  # could be attached, is not
    CONNECTING = "Connecting"
    CONNECTED = "Connected"
    RECONNECTING = "Reconnecting"
    NEEDS_YOU = "Needs you"
    SHUTTING_DOWN = "Shutting down"
    ENDED = "Ended"
    FAILED = "Failed"
    OFFLINE = "Server offline"


SEVERITY = (
    Status.ENDED,
    Status.READY,
    Status.CONNECTED,
    Status.QUEUED,
    Status.STARTING,
    Status.CONNECTING,
    Status.SHUTTING_DOWN,
    Status.OFFLINE,
    Status.RECONNECTING,
    Status.UNPLACED,
    Status.FAILED,
    Status.NEEDS_YOU,
)


class Action(Enum):
    """What a user may do with a session; the value is the label.

    OPEN needs an application's key besides, OPEN_IN that of a program of this computer (``domain.access.open_in``).
    """

    OPEN = "Open"
    OPEN_IN = "Open in"
    TERMINAL = "SSH terminal"
    COPY_SSH = "Copy ssh command"
    COPY_PASSWORD = "Copy SSH password"  # noqa: S105  a label
    ATTACH = "Attach"
    DETACH = "Detach"
    RECONNECT = "Reconnect now"
    DIAGNOSE = "Find out what's wrong…"
    SHUT_DOWN = "Shut down"
    CANCEL = "Cancel"
    OTHER_QUEUE = "Move to another queue…"
    AGAIN = "Launch again…"
    FORGET = "Remove from list"


_LINK_STATUS = {
    Link.OFF: Status.READY,
    Link.CONNECTING: Status.CONNECTING,
    Link.UP: Status.CONNECTED,
    Link.RETRYING: Status.RECONNECTING,
    Link.BLOCKED: Status.NEEDS_YOU,
}


def status_of(snapshot: SessionSnapshot) -> Status:
    """Return the one display state; total over every combination."""
    remote, link = snapshot.remote, snapshot.link
    if remote is Remote.ENDED:
        return Status.FAILED if snapshot.facts.end is End.FAILED else Status.ENDED
    if remote is Remote.STOPPING or snapshot.stop_requested:
        return Status.SHUTTING_DOWN
    if link in (Link.UP, Link.RETRYING, Link.BLOCKED):
        return _LINK_STATUS[link]
    if snapshot.stale_since is not None:
        return Status.OFFLINE
    if remote is Remote.READY:
        return _LINK_STATUS[link]
    if remote not in WAITING:
        return Status.STARTING
    return Status.UNPLACED if snapshot.facts.unplaced else Status.QUEUED


def allowed_actions(snapshot: SessionSnapshot) -> frozenset[Action]:
    """Return what the buttons, the tray menu, the shortcuts and the CLI offer."""
    remote, link = snapshot.remote, snapshot.link
    if remote is Remote.ENDED:
        return frozenset({Action.FORGET} if snapshot.facts.clearml_session else {Action.FORGET, Action.AGAIN})
    actions: set[Action] = set()
    if remote in WAITING:
        actions |= {Action.CANCEL, Action.OTHER_QUEUE}
    elif not snapshot.stop_requested:
        actions.add(Action.SHUT_DOWN)
    if link is Link.UP:
        actions |= {Action.TERMINAL, Action.COPY_SSH, Action.OPEN_IN}
    if snapshot.facts.has_password and remote is Remote.READY:
        actions.add(Action.COPY_PASSWORD)
    if link is Link.UP and any(openable(snapshot, spec.key) for spec in APPS if spec.opens == "browser"):
        actions.add(Action.OPEN)
    if link is Link.OFF and remote is Remote.READY and not snapshot.stop_requested:
        actions.add(Action.ATTACH)
    if link is not Link.OFF or snapshot.held_by:
        actions.add(Action.DETACH)
    if link in (Link.RETRYING, Link.BLOCKED):
        actions.add(Action.RECONNECT)
    if _has_trouble(snapshot):
        actions.add(Action.DIAGNOSE)
    return frozenset(actions)


def _has_trouble(snapshot: SessionSnapshot) -> bool:
    """True if there is something to find out."""
    failed = any(endpoint.state == contract.APP_FAILED for endpoint in snapshot.endpoints)
    troubled = snapshot.problem is not None or snapshot.stale_since is not None or failed
    return troubled or snapshot.link in (Link.RETRYING, Link.BLOCKED)


def answers(snapshot: SessionSnapshot) -> bool:
    """True if the session itself can be asked now. One that clearml-session started has no control channel."""
    return snapshot.link is Link.UP and snapshot.facts.clearml_session is None


def takes_files(snapshot: SessionSnapshot) -> bool:
    """True if files can be transferred: the session runs, and this computer may connect to it."""
    return snapshot.remote is Remote.READY and not snapshot.stop_requested and snapshot.link is not Link.BLOCKED


def openable(snapshot: SessionSnapshot, app: str) -> bool:
    """True if "Open <application>" would land in a working page."""
    endpoint = snapshot.endpoint(app)
    return snapshot.link is Link.UP and endpoint is not None and endpoint.ready and endpoint.local_port > 0


_PHASE_TEXT = {
    contract.PREPARING: "Preparing the environment",
    contract.STARTING_SSH: "Starting SSH",
    contract.INIT_SCRIPT: "Running the init script",
    contract.RESTORING: "Restoring the workspace",
    contract.STARTING_APPS: "Starting applications",
    contract.READY: "Ready",
    contract.STOPPING: "Shutting down",
    contract.ENDED: "Ended",
}


def progress_of(snapshot: SessionSnapshot) -> str:
    """Return one line for users: what is happening right now."""
    facts = snapshot.facts
    if snapshot.remote is Remote.ENDED:
        by_machine = facts.end is End.SHUT_DOWN and facts.message.startswith(contract.ENDED_BY_MACHINE)
        return "Ended by its machine" if by_machine else facts.end.value.capitalize() or "Ended"
    if snapshot.problem is not None:
        return snapshot.problem.title
    if snapshot.remote in WAITING:
        return _queued_text(facts)
    waiting = [f"{e.label}: {e.detail or e.state}" for e in snapshot.endpoints if e.state not in contract.APP_SETTLED]
    if facts.report is None:
        return "The agent prepares the environment"
    if facts.report.phase in (contract.INIT_SCRIPT, contract.RESTORING):  # what waits, waits for it
        return facts.report.detail or _PHASE_TEXT[facts.report.phase]
    if waiting and snapshot.remote is not Remote.STOPPING:
        return " · ".join(waiting)
    if snapshot.remote is Remote.STOPPING and facts.report.phase == contract.READY:  # it has not heard of it yet
        return "Shutting down"
    if snapshot.remote is Remote.STARTING and facts.report.phase == contract.READY:
        return "Waiting for its address"  # of the route, which is asked for beside everything else
    failed = [f"{e.label} failed" for e in snapshot.endpoints if e.state == contract.APP_FAILED]
    if failed and facts.report.phase == contract.READY:
        return " · ".join(failed)
    return facts.report.detail or _PHASE_TEXT.get(facts.report.phase, facts.report.phase)


def why_unplaced(facts: ServerFacts) -> str:
    """Return why a session is in no queue: one sentence, with the server's own reason where it has one."""
    by = f" by {facts.changed_by}" if facts.changed_by else ""
    if facts.remote is Remote.QUEUED:
        return f"The queue “{facts.queue}” does not hold it any more, though its task still says that it waits there."
    if facts.archived:
        return f"Its task was archived on the ClearML server{by}."
    if facts.message == RESET:
        return f"Its task was reset on the ClearML server{by}, which ends the session."
    if facts.message:
        return f"The ClearML server says{by and f' (changed{by})'}: {facts.message.rstrip('.')}."
    return f"Its task was taken out of {f'the queue “{facts.queue}”' if facts.queue else 'its queue'}{by}."


def _queued_text(facts: ServerFacts) -> str:
    if facts.unplaced:
        return why_unplaced(facts).rstrip(".")
    if facts.remote is Remote.CREATED:
        return "About to be put into its queue"
    if not facts.queue_watched:
        return f"Waiting: no agent serves “{facts.queue}”"
    return f"Waiting in queue “{facts.queue}”"


def local_address(app: str, port: int) -> str:
    """Return where an application answers on this computer, as users write it; "" while it is not bound (``port``
    0)."""
    spec = BY_KEY.get(app)
    scheme = "http://" if spec is not None and spec.opens == "browser" else ""
    return f"{scheme}127.0.0.1:{port}" if port else ""
