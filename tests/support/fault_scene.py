"""The whole connection under faults: the real core, tunnel and sshd, a relay between them, and a person's work on top.

``Scene`` breaks one thing after the other from the test's thread, and says how long the tunnel took to be back.
"""

import gc
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import psutil

from desktop_app.adapters.ssh.keys import verify_record
from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.adapters.system_watch import watch_system
from desktop_app.boundary.computer import SystemEvent
from desktop_app.boundary.outside import Outside, Pace
from desktop_app.domain.sessions.snapshot import Link, SessionId
from remote_bootstrap.contract import AppReport, Record, Report, fingerprint_line
from tests.fakes.outside import ACCOUNT, QUICK, World
from tests.support.core_rig import CoreRig
from tests.support.fault_work import Downloads, Idle, Kernel, Worker, dial, serve_block
from tests.support.relay import Relay
from tests.support.ssh_peers import Application, echo
from tests.support.ssh_server import SshServer, free_port, sign
from tests.support.waiting import wait_until

# A quarter of the product's patience or less, so that many faults fit into little time.
SHORT = replace(
    QUICK, probe_every_s=1.0, probe_s=1.2, check_s=1.2, steady_s=0.5, dial_s=6.0, redial_first_s=0.1, redial_last_s=1.0
)
BACK_S = 30.0  # an upper bound for a loaded computer; figures are reported, not asserted


class RealWorld(World):
    """Fakes everywhere but for the connection itself, and the computer's news where ``real_system`` says so."""

    real_system = False

    def outside(self) -> Outside:
        outside = replace(super().outside(), new_tunnel=SshTunnel, verify_record=verify_record)
        return replace(outside, watch_system=watch_system) if self.real_system else outside


@dataclass
class Figures:
    """What a run measured."""

    faults: dict[str, list[float]] = field(default_factory=dict)  # name -> seconds until the tunnel was back
    redials: list[float] = field(default_factory=list)

    def note(self, name: str, seconds: float) -> None:
        self.faults.setdefault(name, []).append(seconds)

    @property
    def worst(self) -> float:
        return max((max(times) for times in self.faults.values()), default=0.0)


class Scene:
    """``with Scene(folder) as scene``: connected, with everything running."""

    def __init__(
        self, folder: Path, pace: Pace = SHORT, seed: int = 1, freeze_s: float = 2.0, *, real_system: bool = False
    ) -> None:
        self.random = random.Random(seed)
        self.figures = Figures()
        self.freeze_s = freeze_s
        self._host = 0
        self.server = SshServer(folder / "machine")
        self.server.start()
        self._apps = [Application(serve_block), Application(echo)]
        world = RealWorld(pace=pace)
        world.real_system = real_system
        self.rig = CoreRig(world)
        self.relay = Relay(("127.0.0.1", self.server.port))
        self._relays = [self.relay]
        self._sequence = 0
        self.workers: list[Worker] = []

    def __enter__(self) -> "Scene":
        self.rig.__enter__()
        self.session = self._publish_session()
        self.rig.core.connections.attach(self.session, self.rig.soon())
        self.wait_back()
        self.ports = self._local_ports()
        lab, code = self.ports["jupyterlab"], self.ports["vscode"]
        self.workers = [Downloads(lab), Downloads(lab), Kernel(code), Idle(code)]
        return self

    def __exit__(self, *_error: object) -> None:
        self.relay.heal()
        try:
            for worker in self.workers:
                worker.close()
        finally:
            self.rig.__exit__(None, None, None)
            for relay in self._relays:
                relay.close()
            for app in self._apps:
                app.close()
            self.server.kill()

    # -- the session's side

    def _publish_session(self) -> SessionId:
        server, report = self.rig.server, self._report()
        task = server.create_running("under fire", report)
        (self.server.folder / "task").write_text(task)
        (self.server.folder / "report").write_text(report.dumps())
        session = SessionId(ACCOUNT.id, task)
        self.rig.world.secrets.entries[f"client-key/{session.text}"] = (self.server.folder / "client").read_text()
        server.write_log(task, fingerprint_line(self.server.host_key) + "\n")
        server.publish(task, self._record(task), report)
        self.rig.core.store.see(session, server.sessions.get(task, self.rig.soon()).facts)
        return session

    def _report(self) -> Report:
        ports = {"jupyterlab": self._apps[0].port, "vscode": self._apps[1].port, "ssh": self.server.port}
        return Report("ready", "", 1, {key: AppReport("ready", "", port) for key, port in ports.items()})

    def _record(self, task: str) -> Record:
        self._sequence += 1
        record = self.server.record(
            task=task, address=self.relay.address, port=self.relay.port, sequence=self._sequence
        )
        return replace(record, signature=sign(record, self.server.folder / "host"))

    def _move(self) -> None:
        """The session answers somewhere else from now on, and says so in a record that it signs."""
        self._host = self._host % 200 + 1
        self.relay = Relay(("127.0.0.1", self.server.port), f"127.0.1.{self._host}", self._host)
        self._relays.append(self.relay)
        for old in self._relays[:-2]:
            old.close()
        self._relays = self._relays[-2:]
        self.rig.server.publish(self.session.task, self._record(self.session.task), self._report())

    # -- looking

    def _local_ports(self) -> dict[str, int]:
        return {e.app: e.local_port for e in self.rig.get(self.session).endpoints}

    def wait_back(self) -> None:
        """Until the link is up and a new connection gets through."""
        self.rig.until(self.session, lambda s: s.link is Link.UP, BACK_S)
        with dial(self._local_ports()["vscode"]) as client:
            client.sendall(b"ping\n")
            assert client.recv(10) == b"ping\n"

    def wrong(self) -> list[str]:
        return [one for worker in self.workers for one in worker.wrong]

    # -- breaking

    def fault(self, name: str) -> float:
        """Break it that way, and measure from there (or from when it heals) until the tunnel is back."""
        tunnel_of = {one.name: one for one in FAULTS}
        healed_at = tunnel_of[name].work(self)
        self._wait_through()
        seconds = time.monotonic() - healed_at
        self.figures.note(name, seconds)
        self.wait_for_work()
        assert self._local_ports() == self.ports, "a local port moved"
        assert self.wrong() == []
        return seconds

    def wait_for_work(self) -> None:
        """Everything that runs goes on: each worker gets another good answer."""
        before = [worker.good for worker in self.workers]
        for worker, good in zip(self.workers, before, strict=True):
            wait_until(partial(worker.is_beyond, good), f"{worker.name} to go on", BACK_S)

    def _wait_through(self) -> None:
        """A connection that waits for the redial, as a browser's does, and then the link itself."""
        end = time.monotonic() + BACK_S
        while True:
            try:
                self.wait_back()
                return
            except (OSError, AssertionError):
                if time.monotonic() > end:
                    raise

    def redial(self) -> float:
        """Cut, and wait until it is back."""
        before = self.rig.get(self.session).version
        started = time.monotonic()
        self.relay.cut()
        self.rig.until(self.session, lambda s: s.version > before, BACK_S)
        self._wait_through()
        seconds = time.monotonic() - started
        self.figures.redials.append(seconds)
        return seconds


def _cut(scene: Scene) -> float:
    scene.relay.cut()
    return time.monotonic()


def _orderly(scene: Scene) -> float:
    scene.relay.cut(reset=False)
    return time.monotonic()


def _black_hole(scene: Scene) -> float:
    """What existed is dead for good; new connections work again at once, and nobody tells us."""
    scene.relay.black_hole()
    scene.relay.heal()
    return time.monotonic()


def _outage(scene: Scene) -> float:
    """Nothing gets through for a while, then a network event says that it does again."""
    scene.relay.black_hole()
    threading.Event().wait(scene.random.uniform(0.2, 1.5))  # the length of the outage
    scene.relay.heal()
    scene.rig.world.system.say(SystemEvent.NETWORK)
    return time.monotonic()


def _mid_packet(scene: Scene) -> float:
    scene.relay.reset_mid_packet(scene.random.randrange(1, 200_000))
    wait_until(lambda: scene.relay.reset_after is None, "enough bytes to come", 20)
    return time.monotonic()


def _frozen_sshd(scene: Scene) -> float:
    family = scene.server.family()
    for process in family:
        process.send_signal(signal.SIGSTOP)
    threading.Event().wait(scene.freeze_s)  # the length of the freeze
    for process in family:
        if process.is_running():
            process.send_signal(signal.SIGCONT)
    return time.monotonic()


def _restarted_sshd(scene: Scene) -> float:
    scene.server.kill()
    scene.server.start()
    return time.monotonic()


def _moved_sshd(scene: Scene) -> float:
    """sshd comes back on another port; the record says where."""
    old = scene.relay
    scene.server.kill()
    old.close()
    scene.server.port = free_port()
    scene.server.start()
    scene._move()
    return time.monotonic()


def _moved_address(scene: Scene) -> float:
    """The machine has another address; the old one swallows everything."""
    scene.relay.black_hole()
    scene._move()
    scene.rig.world.system.say(SystemEvent.NETWORK)
    return time.monotonic()


def _slow(scene: Scene) -> float:
    scene.relay.delay_s, scene.relay.loss = 0.02, 0.05
    threading.Event().wait(1.0)  # the length of the bad stretch
    scene.relay.heal()
    return time.monotonic()


def _stall(scene: Scene) -> float:
    """Everything stands still and then goes on: no byte is lost."""
    scene.relay.freeze()
    threading.Event().wait(scene.random.uniform(0.1, 0.8))  # the length of the stall
    scene.relay.heal()
    return time.monotonic()


def _half_open(scene: Scene) -> float:
    scene.relay.half_open()
    return time.monotonic()


def _sleep(scene: Scene) -> float:
    """Half open, as a laptop finds its connections after a sleep; and it wakes."""
    scene.relay.half_open()
    scene.rig.world.system.say(SystemEvent.WOKE)
    return time.monotonic()


@dataclass(frozen=True)
class Fault:
    """``work`` breaks something and answers from when on the connection could be back."""

    name: str
    work: Callable[[Scene], float]


FAULTS = (
    Fault("cut", _cut), Fault("orderly end", _orderly), Fault("black hole", _black_hole), Fault("outage", _outage),
    Fault("reset in mid-packet", _mid_packet), Fault("frozen sshd", _frozen_sshd),
    Fault("restarted sshd", _restarted_sshd), Fault("sshd on another port", _moved_sshd),
    Fault("another address", _moved_address), Fault("delay and loss", _slow), Fault("stall", _stall),
    Fault("half open", _half_open), Fault("sleep", _sleep),
)  # fmt: skip


@dataclass(frozen=True)
class Footprint:
    """What a process holds."""

    rss_mb: float
    threads: int
    files: int


def footprint() -> Footprint:
    gc.collect()
    process = psutil.Process()
    return Footprint(process.memory_info().rss / 2**20, process.num_threads(), process.num_fds())
