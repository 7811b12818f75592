"""The real core over a world in memory, for the window's tests: one session in every state, and nothing that polls.

A test looks at what was asked for in ``calls``; it makes a call slow with ``gates[name]`` (an event), failing with
``failures[name]``, and gives its answer (or a function in its place) with ``answers[name]`` where the world can't be
brought to give it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from desktop_app.adapters.files.chosen_text import ChosenFiles
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Target
from desktop_app.boundary.outside import Outside, Pace
from desktop_app.demo import world
from desktop_app.demo.memory import FakeMemory
from desktop_app.demo.server import FakeServer
from desktop_app.demo.tunnel import FakeTunnel
from desktop_app.domain.access.ssh_config_text import Place
from desktop_app.domain.accounts.account import SANDBOX_ID, SANDBOX_LABEL, Account, Identity, LogLine, Queue, Worker
from desktop_app.domain.accounts.secrets import API_SECRET, CLIENT_KEY, SSH_PASSWORD
from desktop_app.domain.launch.options import LaunchSpec, task_parameters, to_session
from desktop_app.domain.problems import AppError, failure, problem
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.reducer import (
    AttachRequested,
    Event,
    LinkBlocked,
    ServerSaw,
    ServerUnreachable,
    StopRequested,
    TunnelLost,
    TunnelUp,
    advance,
)
from desktop_app.domain.sessions.snapshot import End, Link, Remote, ServerFacts, SessionId, SessionSnapshot
from desktop_app.services.core import Core
from desktop_app.services.state.notices import Notice
from remote_bootstrap.contract import (
    APP_FAILED,
    APP_INSTALLING,
    APP_READY,
    APP_STARTING,
    OP_LISTENING,
    AppReport,
    Record,
    Report,
    fingerprint_line,
)
from remote_bootstrap.contract.apps import APPS
from tests.fakes.outside import HOST_KEY, QUICK
from tests.support.waiting import wait_until
from tests.ui.notes import Notes

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LONG_NAME = "Größe 😀 <b>x</b> & “дом” 日本語 " + "long-" * 34
SANDBOX = Account(SANDBOX_ID, SANDBOX_LABEL, "http://127.0.0.1:18008", "SANDBOXKEY")
TEAM = Account("acme", "acme.example", "https://api.clearml.acme.example", "ACMEKEY", "https://app.clearml.acme.example",
               "u2", "Ada Lovelace", "Acme Research", "2.3.0")  # fmt: skip
ADA = Identity("u2", "Ada Lovelace", "Acme Research", "2.3.0", "2.34")
QUEUES = (
    Queue("q1", "default", (Worker("gpu-box:0", 4.0), Worker("gpu-box:1", 6.0, "train resnet")), 0),
    Queue("q2", "a100", (Worker("dgx-01:gpu0", 9.0, "pretrain"),), 2),
    Queue("q3", "services", (), 0),
)
PORTS = tuple((spec.key, spec.local_port) for spec in APPS)
INSTALLED = {
    "vscode-desktop": "/usr/bin/code",
    "cursor": "/usr/bin/cursor",
    "zed": "/usr/bin/zed",
    "pycharm": "/opt/jetbrains-toolbox",
    "files": "/usr/bin/nautilus",
}
SPEC = LaunchSpec(queue="a100", name="yesterday", packages="torch==2.5", init_script="export A=1", store_defaults=False)
LISTENING = (  # port, program, command, started in the session
    (6006, "tensorboard", "python bin/tensorboard --logdir …", True),
    (7860, "python", "python app.py", True),
    (5678, "python", "python -m debugpy --listen … train.py", True),
    (9100, "node_exporter", "node_exporter", False),
)
PASSWORD = "correct horse"
PACE = replace(QUICK, dial_s=60.0)


def session_id(number: int, account: str = SANDBOX_ID) -> SessionId:
    return SessionId(account, f"{number:032x}")


def facts(remote: Remote, name: str, **changes: Any) -> ServerFacts:
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
    return replace(made, **changes)


def report(phase: str, *states: str, detail: str = "", sequence: int = 1) -> Report:
    details = {APP_INSTALLING: "installing, 3 of 6", APP_FAILED: "no package for this machine: node 18 is missing"}
    apps = {
        spec.key: AppReport(state, details.get(state, ""), spec.local_port + 1000 if state == APP_READY else 0)
        for spec, state in zip(APPS, states, strict=False)
    }
    return Report(phase, detail, sequence, apps, {"preparing": 0.4})


def record(number: int, port: int = 10022) -> Record:
    return Record(f"{number:032x}", "10.0.4.17", port, "root", HOST_KEY, 1, "sig")


def ready(number: int, name: str, *states: str, **changes: Any) -> ServerFacts:
    shown = states or (APP_READY, APP_READY, APP_READY)
    return facts(Remote.READY, name, record=record(number), report=report("ready", *shown), **changes)


CONNECTED, STARTING, QUEUED, NO_AGENT, RETRYING, BLOCKED, READY, OFFLINE, STOPPING, ENDED, FAILED, CONNECTING = (
    session_id(number) for number in range(1, 13)
)
EVERY_STATE = (
    CONNECTED, STARTING, QUEUED, NO_AGENT, RETRYING, BLOCKED, READY, OFFLINE, STOPPING, ENDED, FAILED, CONNECTING,
)  # fmt: skip


def _events() -> dict[SessionId, tuple[Event, ...]]:
    """How each session came to its state, the first one the newest."""
    attach = AttachRequested(PORTS)
    lost = TunnelLost(problem("ssh.lost", address="10.0.4.17"), 3, NOW + timedelta(seconds=8))
    host_key = problem("ssh.host_key", address="10.0.4.17", port=10022, found="SHA256:u5Nq…", expected="SHA256:q0fW…")
    installing = report("starting_apps", APP_READY, APP_INSTALLING, APP_READY, detail="Starting applications")
    events: dict[SessionId, tuple[ServerFacts, tuple[Event, ...]]] = {
        CONNECTED: (ready(1, "vision-experiments"), (attach, TunnelUp())),
        STARTING: (facts(Remote.STARTING, "llm-finetune", report=installing, worker="dgx-01:gpu0"), ()),
        QUEUED: (facts(Remote.QUEUED, "nightly-debug", queue="a100"), ()),
        NO_AGENT: (facts(Remote.QUEUED, "data cleaning", queue="services", queue_watched=False), ()),
        RETRYING: (ready(5, "tabular-baseline"), (attach, TunnelUp(), lost)),
        BLOCKED: (ready(6, LONG_NAME), (attach, LinkBlocked(host_key))),
        READY: (ready(7, "notebooks for the paper", APP_READY, APP_FAILED, APP_READY), ()),
        OFFLINE: (ready(8, "offline"), (ServerUnreachable(NOW),)),
        STOPPING: (ready(9, "going away"), (StopRequested(),)),
        ENDED: (facts(Remote.ENDED, SPEC.name, end=End.SHUT_DOWN, queue=SPEC.queue), ()),
        FAILED: (facts(Remote.ENDED, "broken image", end=End.FAILED,
                       message="ERROR: No matching distribution found for torch==9.9"), ()),
        CONNECTING: (ready(12, "dialling", APP_STARTING, APP_READY, APP_READY), (attach,)),
    }  # fmt: skip
    ages = {session: timedelta(minutes=10, seconds=number) for number, session in enumerate(EVERY_STATE)}
    return {
        session: (ServerSaw(replace(seen, created=NOW - ages[session])), *more)
        for session, (seen, more) in events.items()
    }


def snapshots(*sessions: SessionId) -> tuple[SessionSnapshot, ...]:
    """Return the snapshots of these sessions, all by default, without a core."""
    events, made = _events(), []
    for session in sessions or EVERY_STATE:
        snapshot = SessionSnapshot(session)
        for event in events[session]:
            snapshot = advance(snapshot, event)
        made.append(snapshot)
    return tuple(made)


@dataclass
class StageWorld(world.World):
    """The world behind a staged core. Only sessions in ``reachable`` (tasks) can be connected to; others are dialled
    for ever."""

    pace: Pace = PACE
    reachable: set[str] = field(default_factory=lambda: {CONNECTED.task})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.programs.installed = dict(INSTALLED)
        self.programs.shells = ("kgx", "kitty", "xterm")
        self.ssh_config.included = Place.TOP

    def server(self, account: str) -> FakeServer:
        if account not in self.servers:
            self.servers[account] = FakeServer(QUEUES)
            self.servers[account].who = ADA
        return self.servers[account]

    def new_tunnel(self, name: str) -> FakeTunnel:
        tunnel = super().new_tunnel(name)
        tunnel.on_connect = self._dial
        return tunnel

    def _dial(self, target: Target, cancel: Cancel) -> None:
        if target.record.task not in self.reachable:
            cancel.wait(60)
            cancel.check()

    def outside(self) -> Outside:
        return replace(super().outside(), text_files=ChosenFiles())


C = TypeVar("C", bound="StagedCore")


class StagedCore(Core):
    """A core that notes what it is asked for, and is slow, fails or answers as a test says."""

    def __init__(self, *accounts: Account) -> None:
        self.world = StageWorld(memory=FakeMemory(*accounts))
        self.notes = Notes()
        self.calls, self.under_way = self.notes.calls, self.notes.under_way
        self.gates, self.failures, self.answers = self.notes.gates, self.notes.failures, self.notes.answers
        self.listeners: list[object] = []  # of the store, of accounts and of notices, that faces have added
        super().__init__(self.world.outside())
        self.notes.follow(self)
        self._count(self.store, "subscribe")
        self._count(self.accounts, "subscribe")
        self._count(self, "on_notice")

    def _count(self, where: object, method: str) -> None:
        real = getattr(where, method)

        def counted(listener: object) -> Callable[[], None]:
            end = real(listener)
            self.listeners.append(listener)

            def stop() -> None:
                end()
                if listener in self.listeners:
                    self.listeners.remove(listener)

            return stop

        setattr(where, method, counted)

    def start(self) -> None:
        self.notes.call("start", None)
        super().start()

    def glance(self) -> None:
        self.notes.call("glance", None)
        super().glance()

    def close(self, deadline: float = 3.0) -> None:
        self.notes.call("close", Cancel(deadline), deadline)
        super().close(deadline)

    # -- the test's side

    def notify(self, notice: Notice) -> None:
        """Tell everybody who listens."""
        self._notices.tell(notice)

    def apply(self, session: SessionId, *events: Event) -> None:
        """Let that happen to a session, one after another."""
        for event in events:
            self.store.apply(session, event)

    def log_of(self, session: SessionId) -> list[LogLine]:
        """Return the session's log on the server, to be added to."""
        return self.world.server(session.account).rows[session.task].log

    def play(self, session: SessionId, *events: Event) -> None:
        """Make a session, on its server and in the store."""
        first, *more = events
        assert isinstance(first, ServerSaw)
        server = self.world.server(session.account)
        server.add_session(first.facts, task=session.task)
        server.rows[session.task].log = demo_log()
        self.world.secrets.set(CLIENT_KEY, session.text, "PRIVATE KEY")
        self.world.secrets.set(SSH_PASSWORD, session.text, PASSWORD)
        if session == ENDED:
            server.rows[session.task].parameters = dict(task_parameters(SPEC))
            self.world.memory.sessions.save_options(session.text, to_session(SPEC))
        self.store.see(session, first.facts)
        if session == CONNECTED:
            self._connect(session, first.facts.report)
        else:
            self.apply(session, *more)

    def _connect(self, session: SessionId, first: Report | None) -> None:
        def prepare(tunnel: FakeTunnel) -> None:
            tunnel.first_report = first
            tunnel.answers[OP_LISTENING] = listening()

        self.world.prepare_tunnel = prepare
        self.connections.attach(session, Cancel(5))
        wait_until(
            lambda: (now := self.store.get(session)) and now.link is Link.UP, "the connected session", poll=0.003
        )
        self.world.prepare_tunnel = lambda _tunnel: None
        self.calls.clear()

    def _is_up(self, session: SessionId) -> bool:
        snapshot = self.store.get(session)
        return snapshot is not None and snapshot.link is Link.UP

    def remember(self, account: str, spec: LaunchSpec) -> None:
        """Have launched that before."""
        self.profiles.note_launch(account, spec)

    def finish(self, *sessions: FinishedSession, account: str = SANDBOX_ID) -> None:
        """Have these ended sessions, the newest first, and no others on the account's server."""
        server = self.world.server(account)
        for task in [task for task, found in server.rows.items() if found.facts.remote is Remote.ENDED]:
            server.delete(task)
        for one in reversed(sessions):
            server.add_session(facts(Remote.ENDED, one.name, changed=one.ended), task=one.task)
            server.rows[one.task].folder, server.rows[one.task].stored = one.folder, one.stored

    @property
    def tunnel(self) -> FakeTunnel:
        """The tunnel of the session that is connected."""
        return self.world.tunnels[0]

    def end(self) -> None:
        """Let everything go on, and close."""
        for gate in self.gates.values():
            gate.set()
        self.failures.clear()
        super().close(10)
        self.world.machine.close()


def listening(*rows: tuple[int, str, str, bool], more: int = 0) -> dict[str, object]:
    """Return what a session says of the ports that are listened on, LISTENING by default."""
    names = ("port", "process", "command", "session")
    ports = [{**dict(zip(names, row, strict=True)), "address": "127.0.0.1", "pid": 4711} for row in rows or LISTENING]
    return {"ports": ports, "more": more}


def bare_core() -> StagedCore:
    """Return a core as it is when the program starts for the first time: without an account."""
    return StagedCore()


def staged_core(*sessions: SessionId) -> StagedCore:
    """Return a core with two accounts and the given sessions (all by default), the first one on top."""
    return fill(StagedCore(SANDBOX, TEAM), *sessions)


def fill(core: C, *sessions: SessionId) -> C:
    """Put the given sessions (all by default) into a core, the first one on top."""
    core.world.secrets.set(API_SECRET, SANDBOX_ID, "sandbox-secret-text")
    events = _events()
    for session in reversed(sessions or EVERY_STATE):
        core.play(session, *events[session])
    return core


def demo_log() -> list[LogLine]:
    start = int(NOW.timestamp() * 1000)
    text = (
        "Executing task in virtual environment",
        "Collecting clearml==2.1.12",
        "Successfully installed clearml-2.1.12",
        "\x1b[36mEnvironment setup completed successfully\x1b[0m",
        fingerprint_line(HOST_KEY),
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
