"""The demo: a world with sessions in every state that live by themselves, for ``sessiondock --demo``. Any thread.

Everything is in memory but the files of the sessions' machine, which are in a temporary folder that ends with it.
"""

import itertools
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Target
from desktop_app.boundary.outside import Pace
from desktop_app.boundary.peers import Holder
from desktop_app.demo.computer import FakePrograms
from desktop_app.demo.examined import FakeExamined, FakeMachineToExamine
from desktop_app.demo.memory import FakeMemory
from desktop_app.demo.script import scenes
from desktop_app.demo.script.agent import HOST_KEY, Agent
from desktop_app.demo.script.crowd import cast
from desktop_app.demo.script.scenes import LAB, SANDBOX, TEAM, Dial, Scene
from desktop_app.demo.server import FakeServer
from desktop_app.demo.tunnel import FakeTunnel
from desktop_app.demo.world import World
from desktop_app.domain.access.ssh_config_text import Place
from desktop_app.domain.accounts.account import Queue, Worker
from desktop_app.domain.accounts.secrets import CLIENT_KEY, SSH_PASSWORD
from desktop_app.domain.diagnosis import Stage
from desktop_app.domain.problems import AppError, failure, problem
from desktop_app.domain.sessions.clearml_session import ClearmlSessionLogin
from desktop_app.domain.sessions.snapshot import Link, Remote, ServerFacts, SessionId
from remote_bootstrap import contract
from remote_bootstrap.contract import Report
from remote_bootstrap.contract.apps import APPS, JUPYTERLAB, SSH

SESSIONS = len(scenes.EVERY_STATE)  # of a demo that was asked for no number
AGE_MIN = 2  # between one session and the next older one
DIALS_S = 0.7
FOR_EVER_S = 24 * 3600.0
TAKEN_PORT = 8850  # of a session whose JupyterLab had it before
SECRET = "not-a-secret"  # noqa: S105  of applications that do not exist
PACE = Pace(dial_s=FOR_EVER_S)
QUEUES = (
    Queue("q1", scenes.SERVED, (Worker("gpu-box:0", 4.0), Worker("gpu-box:1", 6.0, "train resnet"))),
    Queue("q2", scenes.BUSY, (Worker("dgx-01:gpu0", 9.0, "pretrain"),)),
    Queue("q3", scenes.UNSERVED, ()),
)
LISTENING = (
    (6006, "tensorboard", "python bin/tensorboard --logdir runs", True),
    (7860, "python", "python app.py --gradio", True),
    (5678, "python", "python -m debugpy --listen 5678 train.py", True),
    (9100, "node_exporter", "node_exporter", False),
)


class DemoPrograms(FakePrograms):
    """Programs that are there and can't be started."""

    def start(self, program: str, arguments: Sequence[str]) -> bool:
        """Problems: demo.nothing"""
        raise failure("demo.nothing", what=f"Outside the demo, {program} would start now.")


class DemoMachine(FakeMachineToExamine):
    """Breaks where connecting to the session breaks, too. ``why(task)``: what a dial runs into, None = nothing."""

    def __init__(self, why: Callable[[str], AppError | None]) -> None:
        super().__init__(report=scenes.READY)
        self._why = why

    def examine(self, target: Target, tell: Callable[[Stage, str], None], cancel: Cancel) -> FakeExamined:
        error = self._why(target.record.task)
        if error is None:
            return super().examine(target, tell, cancel)
        stage = Stage.HOST_KEY if error.problem.code == "ssh.host_key" else Stage.REACH
        return FakeMachineToExamine(breaks=stage, error=error).examine(target, tell, cancel)


@dataclass
class DemoWorld(World):
    """The world of the demo's sessions. ``play`` puts one of them on its stage."""

    pace: Pace = PACE
    agents: dict[str, Agent] = field(default_factory=dict)  # of each account
    stage: dict[str, Scene] = field(default_factory=dict)  # task -> what it plays

    def __post_init__(self) -> None:
        super().__post_init__()
        self.started = self.now()
        self.programs = DemoPrograms()
        self.patient = DemoMachine(self.dial_error)
        self.ssh_config.included = Place.TOP
        self.peers.answers["status"] = {"link": Link.UP.value, "ports": {spec.key: spec.local_port for spec in APPS}}

    # -- what does not leave the demo

    def open_url(self, url: str) -> bool:
        """Problems: demo.nothing"""
        raise failure("demo.nothing", what="Outside the demo, your browser would show the page now.")

    def open_terminal(self, argv: Sequence[str], chosen: str) -> bool:
        """Problems: demo.nothing"""
        raise failure("demo.nothing", what="Outside the demo, a terminal would open now.")

    # -- servers

    def server(self, account: str) -> FakeServer:
        if account not in self.servers:
            self.servers[account] = FakeServer(QUEUES)
            self.agents[account] = Agent(self.servers[account], self.now)
        return self.servers[account]

    def play(self, number: int, scene: Scene) -> SessionId:
        """Make one session, the older the higher its ``number``."""
        task = uuid.uuid5(uuid.NAMESPACE_OID, f"demo {number}").hex
        session = SessionId(scene.account.id, task)
        server, agent = self.server(scene.account.id), self.agents[scene.account.id]
        facts = self._facts(scene, self.started - timedelta(minutes=1 + AGE_MIN * number))
        if facts.remote in (Remote.READY, Remote.STOPPING) and facts.clearml_session is None:
            facts = replace(facts, record=agent.record(task))
        server.add_session(facts, task=task)
        if facts.clearml_session is not None:
            server.rows[task].login = ClearmlSessionLogin(SECRET, SECRET)
        else:
            self.secrets.set(CLIENT_KEY, session.text, "the demo's key")
            self.secrets.set(SSH_PASSWORD, session.text, "correct horse battery staple")
        if facts.started is not None:
            agent.begin_log(task, facts.started, goes_on=scene.log_grows, ready=facts.remote is not Remote.STARTING)
        agent.follow(task, scene.steps) if scene.steps else agent.leave(task)
        self.stage[task] = scene
        self.memory.sessions.save_attached(session.text, scene.dial is not Dial.NONE)
        if scene.held_by:
            self.peers.holders[session.text] = Holder(scene.held_by, "cli", "demo")
        return session

    def seen(self) -> tuple[tuple[SessionId, ServerFacts], ...]:
        """Return what the servers say of every session, the newest last, as a program that ran before has seen it."""
        rows = [(SessionId(account, task), found.facts) for account, server in self.servers.items()
                for task, found in server.rows.items()]  # fmt: skip
        return tuple(sorted(rows, key=lambda row: row[1].created or self.started))

    def _facts(self, scene: Scene, created: datetime) -> ServerFacts:
        began = scene.remote not in (Remote.CREATED, Remote.QUEUED)
        started = created + timedelta(seconds=20) if began else None
        facts = ServerFacts(
            scene.remote, scene.name, queue=scenes.SERVED, project="DevOps", worker="gpu-box:0" if began else "",
            created=created, started=started, changed=started, report=scene.report,
        )  # fmt: skip
        return replace(facts, **scene.facts)  # type: ignore[arg-type]  # scenes name fields of ServerFacts

    # -- connections

    def new_tunnel(self, name: str) -> FakeTunnel:
        tunnel = super().new_tunnel(name)
        holder = next((scene.port_holder for task, scene in self.stage.items() if task.startswith(name)), "")
        if holder:
            tunnel.taken[TAKEN_PORT] = holder
        tunnel.on_connect = lambda target, cancel: self._dial(tunnel, target, cancel)
        return tunnel

    def _dial(self, tunnel: FakeTunnel, target: Target, cancel: Cancel) -> None:
        """Problems: ssh.unreachable, ssh.host_key"""
        task = target.record.task
        scene = self.stage.get(task, Scene(""))
        cancel.wait(FOR_EVER_S if scene.dial is Dial.SLOW else DIALS_S)
        cancel.check()
        error = self.dial_error(task)
        if error is not None:
            raise error
        tunnel.answers[contract.OP_LISTENING] = {"ports": [_row(*row) for row in LISTENING], "more": 0}
        if not target.is_clearml_session:
            tunnel.first_report = _with_secrets(self._report(task) or scenes.READY)

    def _report(self, task: str) -> Report | None:
        found = next((server.rows[task] for server in self.servers.values() if task in server.rows), None)
        return found.facts.report if found else None

    def dial_error(self, task: str) -> AppError | None:
        """Return what connecting to that session runs into."""
        dial = self.stage[task].dial if task in self.stage else Dial.UP
        if dial in (Dial.LOST, Dial.SLOW):
            return failure("ssh.unreachable", address="10.0.4.17", port=10022, cause="TimeoutError: timed out")
        if dial is Dial.REFUSED:
            found, expected = "SHA256:u5NqWt1xkV0rZ8cQmYw2rJ0mD8kqk1r0h8m2m5xj3b0", contract.fingerprint(HOST_KEY)
            return failure("ssh.host_key", address="10.0.4.18", port=10022, found=found, expected=expected)
        return None


def _with_secrets(report: Report) -> Report:
    apps = {key: replace(app, secret=SECRET) if key != SSH.key else app for key, app in report.apps.items()}
    return replace(report, apps=apps)


def _row(port: int, process: str, command: str, session: bool) -> dict[str, object]:
    return {
        "port": port, "address": "127.0.0.1", "pid": 4000 + port % 1000, "process": process, "command": command,
        "session": session,
    }  # fmt: skip


def _give_ports(world: DemoWorld, sessions: Iterable[SessionId]) -> None:
    """Remember local ports: sessions that connect at once would take them in another order at every start."""
    used: set[int] = set()
    for session in sessions:
        scene = world.stage[session.task]
        ports: dict[str, int] = {}
        for spec in APPS if scene.dial is not Dial.NONE else ():
            port = TAKEN_PORT if scene.port_holder and spec is JUPYTERLAB else spec.local_port
            ports[spec.key] = next(free for free in itertools.count(port) if free not in used)
            used.add(ports[spec.key])
        if ports:
            world.memory.sessions.save_ports(session.text, ports)


def demo_world(count: int = SESSIONS, now: Callable[[], datetime] | None = None) -> DemoWorld:
    """Return a world with that many sessions on three accounts, one of whose servers is away."""
    memory = FakeMemory(TEAM, SANDBOX, LAB)
    world = DemoWorld(memory=memory, now=now) if now is not None else DemoWorld(memory=memory)
    scenes_by_number = list(enumerate(cast(count), 1))
    sessions = [world.play(number, scene) for number, scene in reversed(scenes_by_number)]  # the newest first
    _give_ports(world, reversed(sessions))
    world.server(LAB.id).problem = problem("server.unreachable", server=LAB.api_url, cause="ConnectError: refused")
    return world
