"""FakeServer: a ClearML account in memory behind ``boundary.server``, with the agent's half as methods of the test.

Thread-safe. Held against the real client by tests/contract/test_server.py.
"""

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.server import Queues, SeenTask, Server, Sessions, TaskDraft, Tasks, User
from desktop_app.domain.accounts.account import Identity, LogLine, Queue, Worker
from desktop_app.domain.problems import AppError, Cancelled, Problem, failure, problem
from desktop_app.domain.sessions.again import LaunchedTask
from desktop_app.domain.sessions.clearml_session import ClearmlSessionLogin
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.snapshot import RESET, End, Remote, ServerFacts
from remote_bootstrap.contract import NO_IMAGE, PARAM_PASSWORD_HASH, Record, Report

SERVER = "https://api.clearml.test"
UNREACHABLE = problem("server.unreachable", server=SERVER, cause="ConnectError: refused")
UNAUTHORISED = problem("server.unauthorised", server=SERVER)
FIRST_MS = 1_700_000_000_000  # of a log that does not say when it begins
EXPIRED = problem("server.expired", server=SERVER)


@dataclass
class FakeTask:
    """One task; ``foreign`` = not a session of ours."""

    draft: TaskDraft
    facts: ServerFacts
    parameters: dict[str, str]
    user: str = "me"
    foreign: bool = False
    log: list[LogLine] = field(default_factory=list)
    folder: str = ""  # of a stored workspace
    stored: float = 0.0
    runtime: dict[str, str] = field(default_factory=dict)
    login: ClearmlSessionLogin = field(default_factory=ClearmlSessionLogin)


class FakeUser(User):
    """The user of a ``FakeServer``."""

    def __init__(self, server: "FakeServer") -> None:
        self._server = server

    def whoami(self, cancel: Cancel) -> Identity:
        with self._server.lock:
            self._server.enter("whoami", cancel)
            return self._server.who

    def key_names(self, cancel: Cancel) -> tuple[str, ...]:
        with self._server.lock:
            self._server.enter("key_names", cancel)
            return self._server.keys


class FakeQueues(Queues):
    """The queues of a ``FakeServer``."""

    def __init__(self, server: "FakeServer") -> None:
        self._server = server

    def all(self, cancel: Cancel) -> tuple[Queue, ...]:
        with self._server.lock:
            self._server.enter("queues", cancel)
            queues = (queue for _, queue in sorted(self._server.served.items()))
            return tuple(replace(queue, waiting=queue.waiting + self._waiting(queue.name)) for queue in queues)

    def _waiting(self, queue: str) -> int:
        return sum(1 for t in self._server.rows.values() if t.facts.remote is Remote.QUEUED and t.facts.queue == queue)

    def agent_image(self, queue: str, cancel: Cancel) -> str:
        with self._server.lock:
            self._server.enter("agent_image", cancel)
            mine = [t.facts for t in self._server.rows.values() if t.user == "me" and t.facts.queue == queue]
            reports = [facts.report for facts in reversed(mine) if facts.report is not None]
            if queue not in self._server.served:
                raise failure("queue.unknown", queue=queue, server=SERVER)
            found = reports[0].container if reports else ""
            return "" if found == NO_IMAGE or " " in found else found


class FakeTasks(Tasks):
    """The tasks of a ``FakeServer``."""

    def __init__(self, server: "FakeServer") -> None:
        self._server = server

    def create(self, draft: TaskDraft, cancel: Cancel) -> str:
        with self._server.lock:
            self._server.enter("create", cancel)
            if draft.source and draft.source not in self._server.rows:
                raise failure("task.no_source", task=draft.source, server=SERVER)
            task = uuid.uuid4().hex
            now = datetime.now(UTC)
            facts = ServerFacts(Remote.CREATED, draft.name, project=draft.project, tags=draft.tags, created=now,
                                has_password=PARAM_PASSWORD_HASH in draft.parameters)  # fmt: skip
            self._server.rows[task] = FakeTask(draft, facts, dict(draft.parameters))
            return task

    def write_parameters(self, task: str, values: Mapping[str, str], cancel: Cancel) -> None:
        with self._server.lock:
            self._server.enter("write_parameters", cancel)
            self._server.row_of(task).parameters.update(values)

    def write_runtime(self, task: str, values: Mapping[str, str], cancel: Cancel) -> None:
        with self._server.lock:
            self._server.enter("write_runtime", cancel)
            self._server.row_of(task).runtime.update(values)

    def clearml_session_login(self, task: str, cancel: Cancel) -> ClearmlSessionLogin:
        with self._server.lock:
            self._server.enter("clearml_session_login", cancel)
            return self._server.row_of(task).login

    def parameters(self, task: str, cancel: Cancel) -> dict[str, str]:
        with self._server.lock:
            self._server.enter("parameters", cancel)
            return dict(self._server.row_of(task).parameters)

    def launched(self, task: str, cancel: Cancel) -> LaunchedTask:
        with self._server.lock:
            self._server.enter("launched", cancel)
            found = self._server.row_of(task)
            draft = found.draft
            return LaunchedTask(dict(found.parameters), draft.docker, draft.docker_args, draft.requirements)

    def enqueue(self, task: str, queue: str, cancel: Cancel) -> bool:
        with self._server.lock:
            self._server.enter("enqueue", cancel)
            if queue not in self._server.served:
                raise failure("queue.unknown", queue=queue, server=SERVER)
            found = self._server.row_of(task)
            waits = found.facts.remote is Remote.QUEUED and not found.facts.unplaced
            if waits and found.facts.queue == queue:
                raise failure("server.refused", server=SERVER, answer="Task already queued")
            served = self._server.served[queue].served
            found.facts = replace(
                found.facts, remote=Remote.QUEUED, queue=queue, queue_watched=served, unplaced=False, message=""
            )
            return served

    def dequeue(self, task: str, cancel: Cancel) -> None:
        with self._server.lock:
            self._server.enter("dequeue", cancel)
            found = self._server.row_of(task)
            found.facts = replace(found.facts, remote=Remote.CREATED)

    def stop(self, task: str, cancel: Cancel) -> None:
        with self._server.lock:
            self._server.enter("stop", cancel)
            found = self._server.row_of(task)
            if found.facts.remote is Remote.CREATED:
                del self._server.rows[task]
            elif found.facts.remote is Remote.QUEUED:
                found.facts = replace(found.facts, remote=Remote.ENDED, end=End.SHUT_DOWN)
            elif found.facts.remote is not Remote.ENDED:
                found.facts = replace(found.facts, remote=Remote.STOPPING)

    def end_anyway(self, task: str, cancel: Cancel) -> None:
        with self._server.lock:
            self._server.enter("end_anyway", cancel)
            self._server.row_of(task)
            self._server.end(task)

    def remove(self, task: str, cancel: Cancel) -> None:
        with self._server.lock:
            self._server.enter("remove", cancel)
            found = self._server.row_of(task)
            if found.user != "me" or found.facts.remote is not Remote.ENDED:
                raise failure("task.foreign", task=task)
            if task in self._server.undeletable:
                raise failure("server.refused", server=SERVER, answer="no")
            del self._server.rows[task]

    def log(self, task: str, since: int, cancel: Cancel) -> tuple[LogLine, ...]:
        with self._server.lock:
            self._server.enter("log", cancel)
            return tuple(line for line in self._server.row_of(task).log if line.timestamp > since)[:500]


class FakeSessions(Sessions):
    """What a ``FakeServer`` says of sessions."""

    def __init__(self, server: "FakeServer") -> None:
        self._server = server

    def living(self, known: Sequence[str], cancel: Cancel) -> tuple[SeenTask, ...]:
        with self._server.lock:
            self._server.enter("sessions", cancel)
            return tuple(
                SeenTask(task, self._server.facts_of(found))
                for task, found in self._server.rows.items()
                if not found.foreign
                and (task in known or (found.user == "me" and found.facts.remote is not Remote.ENDED))
            )

    def of_all_users(self, cancel: Cancel) -> tuple[SeenTask, ...]:
        with self._server.lock:
            self._server.enter("everybodys", cancel)
            names = {"me": "Ada Example"}
            living = [
                (t, f) for t, f in self._server.rows.items() if not f.foreign and f.facts.remote is not Remote.ENDED
            ]
            return tuple(
                SeenTask(task, replace(self._whose(found), owner=names.get(found.user, found.user)))
                for task, found in reversed(living)
            )

    def _whose(self, found: FakeTask) -> ServerFacts:
        mine = found.user == "me"
        return replace(self._server.facts_of(found), mine=mine, owner="" if mine else found.user)

    def get(self, task: str, cancel: Cancel) -> SeenTask:
        with self._server.lock:
            self._server.enter("session", cancel)
            return SeenTask(task, self._whose(self._server.row_of(task)))

    def finished(self, cancel: Cancel) -> tuple[FinishedSession, ...]:
        with self._server.lock:
            self._server.enter("finished", cancel)
            ended = [(t, f) for t, f in self._server.rows.items() if f.user == "me" and not f.foreign]
            ended = [(t, f) for t, f in ended if f.facts.remote is Remote.ENDED]
            return tuple(
                FinishedSession(t, f.facts.name, f.facts.changed, f.folder, f.stored) for t, f in reversed(ended)
            )


class FakeServer(Server):
    """One account. Most of its own methods are the script: what an agent or another user does."""

    def __init__(self, queues: Sequence[Queue] = (Queue("q1", "default", (Worker("agent-1"),)),)) -> None:
        self.lock = threading.RLock()
        self.served = {queue.name: queue for queue in queues}
        self.rows: dict[str, FakeTask] = {}
        self.problem: Problem | None = None  # every call raises it while set: the server is down, the key is wrong
        self.undeletable: set[str] = set()  # tasks that it does not delete
        self.problems: dict[str, Problem] = {}  # the same, of one method
        self.calls: list[str] = []
        self.on_call: Callable[[str], None] = lambda _name: None  # what happens meanwhile
        self.clients = 0  # of several processes; the test's only process needs none
        self.closed = False
        self.who = Identity("me", "Ada Example", "company", "2.3.0", "2.34")
        self.keys: tuple[str, ...] = ("ACCESS",)  # of that user
        self.user = FakeUser(self)
        self.queues = FakeQueues(self)
        self.tasks = FakeTasks(self)
        self.sessions = FakeSessions(self)

    def enter(self, name: str, cancel: Cancel) -> None:
        cancel.check()
        self.calls.append(name)
        self.on_call(name)
        if self.closed:
            raise Cancelled
        found = self.problem or self.problems.get(name)
        if found is not None:
            raise AppError(found)

    def facts_of(self, found: FakeTask) -> ServerFacts:
        queue = self.served.get(found.facts.queue)
        return replace(found.facts, queue_watched=queue.served) if queue else found.facts

    def open(self) -> None:
        """Another process (or this one again) connects."""
        with self.lock:
            self.clients += 1
            self.closed = False

    def close(self) -> None:
        """Each process closes its own client: the others' go on."""
        with self.lock:
            self.clients -= 1
            self.closed = self.clients <= 0

    def row_of(self, task: str) -> FakeTask:
        found = self.rows.get(task)
        if found is None:
            raise failure("task.gone")
        if found.foreign:
            raise failure("task.foreign", task=task)
        return found

    # -- the script

    def put_queues(self, queues: Sequence[Queue]) -> None:
        """Have these queues and no others."""
        with self.lock:
            self.served = {queue.name: queue for queue in queues}

    def set_queue(self, name: str, workers: Sequence[str] = (), tags: Sequence[str] = ()) -> None:
        """Make a queue, or change who serves it."""
        with self.lock:
            self.served[name] = Queue(f"id-{name}", name, tuple(Worker(w) for w in workers), tags=tuple(tags))

    def add_session(self, facts: ServerFacts, user: str = "me", foreign: bool = False, task: str = "") -> str:
        """A task that somebody made before."""
        with self.lock:
            task = task or uuid.uuid4().hex
            draft = TaskDraft(facts.name, facts.project, "", (), {})
            self.rows[task] = FakeTask(draft, facts, {}, user, foreign)
            return task

    def create_running(self, name: str, report: Report | None = None) -> str:
        """A session that an agent runs."""
        facts = ServerFacts(Remote.STARTING, name, queue="default", worker="agent-1", created=datetime.now(UTC))
        return self.add_session(replace(facts, report=report))

    def change(self, task: str, **facts: object) -> None:
        """Set fields of the task's facts."""
        with self.lock:
            self.rows[task].facts = replace(self.rows[task].facts, **facts)  # type: ignore[arg-type]  # fields of ServerFacts

    def agent_takes(self, task: str, worker: str = "agent-1") -> None:
        self.change(task, remote=Remote.STARTING, worker=worker, started=datetime.now(UTC))

    def publish(self, task: str, record: Record | None, report: Report | None = None) -> None:
        """The bootstrap writes its connection record (and report): the session is READY."""
        with self.lock:
            self.change(task, remote=Remote.READY, record=record, report=report or self.rows[task].facts.report)

    def end(self, task: str, end: End = End.SHUT_DOWN, message: str = "") -> None:
        self.change(task, remote=Remote.ENDED, end=end, message=message)

    def take_out(self, task: str, reason: str = "", by: str = "you") -> None:
        """Somebody dequeues it, clears or deletes its queue, or resets it: it is in no queue."""
        lost = {"queue": "", "record": None, "report": None, "started": None, "worker": ""} if reason == RESET else {}
        self.change(task, remote=Remote.CREATED, unplaced=True, message=reason, changed_by=by, **lost)

    def remove_from_queue(self, task: str) -> None:
        """As queues.remove_task does: the task goes on saying that it waits."""
        self.change(task, unplaced=True)

    def delete(self, task: str) -> None:
        with self.lock:
            del self.rows[task]

    def all_queues(self) -> tuple[Queue, ...]:
        """Return the queues without asking the server for them."""
        with self.lock:
            return tuple(self.served.values())

    def write_log(self, task: str, *texts: str, at_ms: int = 0) -> None:
        """Write one event for each text; ``at_ms``: when, in ms since 1970, 0 = just after the last one."""
        with self.lock:
            log = self.rows[task].log
            for text in texts:
                last = log[-1].timestamp if log else FIRST_MS
                log.append(LogLine(max(last + 1, at_ms) if at_ms or log else last, text))
