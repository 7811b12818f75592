"""A Core without a network for the window's tests and screenshots: canned accounts, queues and one session per state.
Jobs run on real threads. A test makes a call slow with ``gates[name]`` (an event) or failing with ``failures[name]``.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from desktop_app.adapters.files.chosen_text import ChosenFiles
from desktop_app.boundary.cancel import Cancel
from desktop_app.demo.memory import FakeDocument
from desktop_app.domain.accounts.account import SANDBOX_ID, SANDBOX_LABEL, Account, LogLine, Queue, Worker
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.launch.options import LaunchSpec, defaults
from desktop_app.domain.problems import AppError, Cancelled, Problem, failure, problem
from desktop_app.domain.sessions.reducer import (
    AttachRequested,
    Detached,
    Event,
    LinkBlocked,
    ServerSaw,
    ServerUnreachable,
    StopRequested,
    TunnelLost,
    TunnelUp,
    advance,
)
from desktop_app.domain.sessions.snapshot import End, Remote, ServerFacts, SessionId, SessionSnapshot
from desktop_app.services.files.transfers import Transfers
from desktop_app.services.launching.launch_profiles import LaunchProfiles
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.services.state.notices import Notice
from remote_bootstrap.contract import APP_FAILED, APP_INSTALLING, APP_READY, APP_STARTING, AppReport, Record, Report
from remote_bootstrap.contract.apps import APPS
from tests.fakes.routes import FakeRoutes
from tests.fakes.ui_cleanup import FakeCleanup
from tests.fakes.ui_credentials import FakeCredentialImport
from tests.fakes.ui_doctor import FakeDoctor
from tests.fakes.ui_files import FakeFilesService
from tests.fakes.ui_glances import AccountNews, Glanced
from tests.fakes.ui_handovers import FakeHandovers
from tests.fakes.ui_history import FakeHistory
from tests.fakes.ui_keys import FakeKeys, FakePasswords
from tests.fakes.ui_open_in import FakeOpenIn
from tests.fakes.ui_ports import FakePorts

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LONG_NAME = "Größe 😀 <b>x</b> & “дом” 日本語 " + "long-" * 34
SANDBOX = Account(SANDBOX_ID, SANDBOX_LABEL, "http://127.0.0.1:18008", "SANDBOXKEY", user_id="u1", user_name="you")
TEAM = Account("acme", "acme.example", "https://api.clearml.acme.example", "ACMEKEY", "https://app.clearml.acme.example",
               "u2", "Ada Lovelace", "Acme Research", "2.3.0")  # fmt: skip
QUEUES = (
    Queue("q1", "default", (Worker("gpu-box:0", 4.0), Worker("gpu-box:1", 6.0, "train resnet")), 0),
    Queue("q2", "a100", (Worker("dgx-01:gpu0", 9.0, "pretrain"),), 3),
    Queue("q3", "services", (), 1),
)
PORTS = tuple((spec.key, spec.local_port) for spec in APPS)


class FakeJob:
    def __init__(self, cancel: Cancel) -> None:
        self._cancel = cancel

    def cancel(self) -> None:
        self._cancel.cancel()


class FakeJobs:
    """One thread per job."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def submit(self, name: str, work: Callable[[Cancel], object], done: Callable[[Outcome], None]) -> FakeJob:
        cancel = Cancel()

        def run() -> None:
            try:
                outcome = Outcome(value=work(cancel))
            except AppError as error:
                outcome = Outcome(problem=error.problem)
            except Cancelled:
                outcome = Outcome(cancelled=True)
            done(outcome)

        thread = threading.Thread(target=run, name=f"job-{name}", daemon=True)
        self.threads.append(thread)
        thread.start()
        return FakeJob(cancel)


class FakeStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[SessionId, SessionSnapshot] = {}
        self.callbacks: list[Callable[[SessionSnapshot | None, SessionSnapshot | None], None]] = []

    def all(self) -> tuple[SessionSnapshot, ...]:
        with self._lock:
            return tuple(self._sessions.values())

    def get(self, session: SessionId) -> SessionSnapshot | None:
        with self._lock:
            return self._sessions.get(session)

    def subscribe(
        self, callback: Callable[[SessionSnapshot | None, SessionSnapshot | None], None]
    ) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def put(self, snapshot: SessionSnapshot) -> None:
        with self._lock:
            old = self._sessions.get(snapshot.id)
            if old is None:  # newest first
                self._sessions = {snapshot.id: snapshot, **self._sessions}
            else:
                self._sessions[snapshot.id] = snapshot
        self._tell(old, snapshot)

    def apply(self, session: SessionId, *events: Event) -> None:
        for event in events:
            snapshot = self.get(session)
            if snapshot is not None:
                self.put(advance(snapshot, event))

    def drop(self, session: SessionId) -> None:
        with self._lock:
            old = self._sessions.pop(session)
        self._tell(old, None)

    def _tell(self, old: SessionSnapshot | None, new: SessionSnapshot | None) -> None:
        for callback in tuple(self.callbacks):
            callback(old, new)


def session_id(number: int, account: str = SANDBOX_ID) -> SessionId:
    return SessionId(account, f"{number:032x}")


def facts(remote: Remote, name: str, **changes: object) -> ServerFacts:
    started = remote in (Remote.STARTING, Remote.READY, Remote.STOPPING, Remote.ENDED)
    made = ServerFacts(
        remote,
        name,
        queue="default",
        project="DevOps",
        worker="gpu-box:0" if started else "",
        created=NOW - timedelta(minutes=9),
        started=NOW - timedelta(minutes=8) if started else None,
        has_password=started,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields of ServerFacts


def report(phase: str, *states: str, detail: str = "", sequence: int = 1) -> Report:
    details = {APP_INSTALLING: "installing, 3 of 6", APP_FAILED: "no package for this machine: node 18 is missing"}
    apps = {
        spec.key: AppReport(state, details.get(state, ""), spec.local_port + 1000 if state == APP_READY else 0)
        for spec, state in zip(APPS, states, strict=False)
    }
    return Report(phase, detail, sequence, apps, {"preparing": 0.4})


def record(number: int, port: int = 10022) -> Record:
    return Record(f"{number:032x}", "10.0.4.17", port, "root", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFake", 1, "sig")


def ready(number: int, name: str, *states: str, **changes: object) -> ServerFacts:
    shown = states or (APP_READY, APP_READY, APP_READY)
    return facts(Remote.READY, name, record=record(number), report=report("ready", *shown), **changes)


class FakeCore(Glanced):
    """Stands for the core. ``calls`` records what the window asked for, in order."""

    def __init__(self) -> None:
        self.jobs = FakeJobs()
        self.store = FakeStore()
        self.calls: list[tuple[object, ...]] = []
        self.credentials = FakeCredentialImport(self)
        self.text_files = ChosenFiles()
        self.profiles = LaunchProfiles(FakeDocument(), self.text_files)
        self.used: list[Credentials] = []
        self.gates: dict[str, threading.Event] = {}
        self.failures: dict[str, AppError] = {}
        self.account_list: list[Account] = []
        self.account_news = AccountNews()
        self.account_problems: dict[str, Problem] = {}
        self.specs: dict[str, LaunchSpec] = {}
        self.queue_list: tuple[Queue, ...] = QUEUES
        self.log_lines: dict[SessionId, list[LogLine]] = {}
        self.notice_callbacks: list[Callable[[Notice], None]] = []
        self.next_number = 100
        self.ports = FakePorts(self._call)
        self.doctor = FakeDoctor(self._call)
        self.files = FakeFilesService(self._call)
        self.transfers = Transfers(self.files)  # type: ignore[arg-type]  # the fake has what is used
        self.keys = FakeKeys(self._call)
        self.passwords = FakePasswords(self._call)
        self.handovers = FakeHandovers(self._call)
        self.cleanup = FakeCleanup(self._call)
        self.history = FakeHistory(self._call)
        self.routes = FakeRoutes(self._call, self.account_list)
        self.open_in = FakeOpenIn(self._call)
        self.aliases = self.open_in.aliases
        self._make_services()

    def _make_services(self) -> None:
        """The shape of the core: what each service is asked for."""
        self.accounts = SimpleNamespace(
            all=lambda: tuple(self.account_list),
            problem=lambda account: self.account_problems.get(account),
            subscribe=self.account_news.subscribe,
        )
        self.sign_in = SimpleNamespace(
            to_sandbox=self.use_sandbox,
            remove_account=self.remove_account,
            remove_key=self.credentials.remove,
        )
        self.sessions = SimpleNamespace(
            log=self.log,
            stop=self.stop,
            end_anyway=self.end_anyway,
            move_to_queue=self.move_to_queue,
            forget=self.forget,
        )
        self.launches = SimpleNamespace(queues=self.queues, last_spec=self.last_spec, launch=self.launch)
        self.connections = SimpleNamespace(attach=self.attach, detach=self.detach, reconnect=self.reconnect)
        vars(self.open_in).update({n: getattr(self, n) for n in ("open_app", "open_terminal", "ssh_command")})
        self.log_tail = SimpleNamespace(lines=lambda: ("12:00:01 INFO poller: polling", "12:00:02 INFO jobs: done"))

    def _call(self, name: str, cancel: Cancel | None, *arguments: object) -> None:
        self.calls.append((name, *arguments))
        gate = self.gates.get(name)
        while gate is not None and cancel is not None and not gate.wait(0.01):
            cancel.check()
        if name in self.failures:
            raise self.failures[name]

    # -- life cycle
    def start(self) -> None:
        self._call("start", None)

    def close(self, timeout_s: float = 3.0) -> None:
        self._call("close", Cancel(timeout_s), timeout_s)
        self.transfers.close(timeout_s)

    def on_notice(self, callback: Callable[[Notice], None]) -> Callable[[], None]:
        self.notice_callbacks.append(callback)
        return lambda: self.notice_callbacks.remove(callback)

    def notify(self, notice: Notice) -> None:
        for callback in tuple(self.notice_callbacks):
            callback(notice)

    # -- accounts
    def use_sandbox(self, cancel: Cancel) -> Account:
        self._call("use_sandbox", cancel)
        if SANDBOX not in self.account_list:
            self.account_list.append(SANDBOX)
        return SANDBOX

    def add_account(self, api_url: str, access_key: str, secret: str, cancel: Cancel) -> Account:
        self._call("add_account", cancel, api_url, access_key, len(secret))
        if TEAM not in self.account_list:
            self.account_list.append(TEAM)
        return TEAM

    def remove_account(self, account: str) -> None:
        self._call("remove_account", Cancel(), account)
        self.account_list = [known for known in self.account_list if known.id != account]

    # -- launching
    def queues(self, account: str, cancel: Cancel) -> tuple[Queue, ...]:
        self._call("queues", cancel, account)
        return self.queue_list

    def last_spec(self, account: str) -> LaunchSpec:
        return self.specs.get(account, defaults())

    def launch(self, account: str, spec: LaunchSpec, cancel: Cancel, *, profile: str = "") -> SessionId:
        self._call("launch", cancel, account, spec)
        self.profiles.note_launch(account, spec, profile)
        self.specs[account] = spec
        self.next_number += 1
        session = session_id(self.next_number, account)
        self.store.put(SessionSnapshot(session, 1, facts(Remote.QUEUED, spec.name, queue=spec.queue)))
        return session

    def move_to_queue(self, session: SessionId, queue: str, cancel: Cancel) -> None:
        self._call("move_to_queue", cancel, session, queue)

    def stop(self, session: SessionId, cancel: Cancel) -> None:
        self._call("stop", cancel, session)
        self.store.apply(session, StopRequested())

    def end_anyway(self, session: SessionId, cancel: Cancel) -> None:
        self._call("end_anyway", cancel, session)

    def forget(self, session: SessionId) -> None:
        self._call("forget", None, session)
        self.store.drop(session)

    # -- the connection
    def attach(self, session: SessionId, cancel: Cancel) -> None:
        self._call("attach", cancel, session)
        self.store.apply(session, AttachRequested(PORTS))

    def detach(self, session: SessionId) -> None:
        self._call("detach", Cancel(), session)
        self.store.apply(session, Detached())

    def reconnect(self, session: SessionId) -> None:
        self._call("reconnect", None, session)

    def open_app(self, session: SessionId, app: str, cancel: Cancel) -> None:
        self._call("open_app", cancel, session, app)

    def open_terminal(self, session: SessionId, cancel: Cancel) -> None:
        self._call("open_terminal", cancel, session)

    def ssh_command(self, session: SessionId, cancel: Cancel) -> str:
        self._call("ssh_command", cancel, session)
        return f"sessiondock ssh {session.task[-8:]}"

    def log(self, session: SessionId, since: int, cancel: Cancel) -> tuple[LogLine, ...]:
        self._call("log", cancel, session, since)
        return tuple(line for line in self.log_lines.get(session, ()) if line.timestamp > since)


CONNECTED, STARTING, QUEUED, NO_AGENT, RETRYING, BLOCKED, READY, OFFLINE, STOPPING, ENDED, FAILED, CONNECTING = (
    session_id(number) for number in range(1, 13)
)
EVERY_STATE = (
    CONNECTED, STARTING, QUEUED, NO_AGENT, RETRYING, BLOCKED, READY, OFFLINE, STOPPING, ENDED, FAILED, CONNECTING,
)  # fmt: skip


def _events() -> dict[SessionId, tuple[Event, ...]]:
    """How each session of ``every_state_core`` came to its state."""
    attach = AttachRequested(PORTS)
    lost = TunnelLost(problem("ssh.lost", address="10.0.4.17"), 3, NOW + timedelta(seconds=8))
    host_key = problem("ssh.host_key", address="10.0.4.17", port=10022, found="SHA256:u5Nq…", expected="SHA256:q0fW…")
    installing = report("starting_apps", APP_READY, APP_INSTALLING, APP_READY, detail="Starting applications")
    return {
        CONNECTED: (ServerSaw(ready(1, "vision-experiments")), attach, TunnelUp()),
        STARTING: (ServerSaw(facts(Remote.STARTING, "llm-finetune", report=installing, worker="dgx-01:gpu0")),),
        QUEUED: (ServerSaw(facts(Remote.QUEUED, "nightly-debug", queue="a100")),),
        NO_AGENT: (ServerSaw(facts(Remote.QUEUED, "data cleaning", queue="services", queue_watched=False)),),
        RETRYING: (ServerSaw(ready(5, "tabular-baseline")), attach, TunnelUp(), lost),
        BLOCKED: (ServerSaw(ready(6, LONG_NAME)), attach, LinkBlocked(host_key)),
        READY: (ServerSaw(ready(7, "notebooks for the paper", APP_READY, APP_FAILED, APP_READY)),),
        OFFLINE: (ServerSaw(ready(8, "offline")), ServerUnreachable(NOW)),
        STOPPING: (ServerSaw(ready(9, "going away")), StopRequested()),
        ENDED: (ServerSaw(facts(Remote.ENDED, "yesterday", end=End.SHUT_DOWN)),),
        FAILED: (ServerSaw(facts(Remote.ENDED, "broken image", end=End.FAILED,
                                 message="ERROR: No matching distribution found for torch==9.9")),),
        CONNECTING: (ServerSaw(ready(12, "dialling", APP_STARTING, APP_READY, APP_READY)), attach),
    }  # fmt: skip


def every_state_core(*sessions: SessionId) -> FakeCore:
    """Two accounts and the given sessions (all by default), the first one on top."""
    return fill(FakeCore(), *sessions)


def fill(core: FakeCore, *sessions: SessionId) -> FakeCore:
    core.account_list = [SANDBOX, TEAM]
    events = _events()
    for session in reversed(sessions or EVERY_STATE):
        core.store.put(SessionSnapshot(session))
        core.store.apply(session, *events[session])
        core.log_lines[session] = demo_log()
    return core


def demo_log() -> list[LogLine]:
    start = int(NOW.timestamp() * 1000)
    text = (
        "Executing task in virtual environment",
        "Collecting clearml==2.1.12",
        "Successfully installed clearml-2.1.12",
        "\x1b[36mEnvironment setup completed successfully\x1b[0m",
        "SessionDock host key: SHA256:q0fWjJ1vN7cQmYw2rJ0mD8kqk1r0h8m2m5xj3b1A9cE",
        "sshd listens on 10.0.4.17 port 10022",
        "JupyterLab 4.6.6: cached environment found, starting",
        "JupyterLab answers on port 9878",
        "code-server 4.104: installing (3 of 6)",
        "code-server answers on port 9898",
        "Session is ready after 6.2 s",
    )
    return [LogLine(start + 1000 * i, line + "\n") for i, line in enumerate(text)]


def failing(code: str, **values: Any) -> AppError:
    return failure(code, **values)
