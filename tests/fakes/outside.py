"""The demo's world as tests need it: quick, with an account, and with the real locks between processes."""

import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from desktop_app.adapters.files.chosen_text import ChosenFiles
from desktop_app.adapters.peers.local_socket import is_own_address
from desktop_app.adapters.peers.ownership import Ownership
from desktop_app.adapters.ssh.key_slots import AesSlots
from desktop_app.boundary.outside import Outside, Pace
from desktop_app.demo import world
from desktop_app.demo.memory import FakeMemory
from desktop_app.demo.server import FakeServer
from desktop_app.demo.tunnel import FakeTunnel
from desktop_app.domain.accounts.account import Account
from remote_bootstrap.contract import AppReport, Record, Report

ACCOUNT = Account("acc1", "Ada on api.clearml.test", "https://api.clearml.test", "ACCESS", user_id="me",
                  user_name="Ada Example")  # fmt: skip
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJzGLWzFZcQpKQ9yWSH+1TgIIMk9lEC2ZLRa5xKzqCrT"

# Everything a hundred times quicker than in the product.
QUICK = Pace(
    poll_busy_s=0.02,
    poll_waiting_s=0.02,
    poll_calm_s=0.05,
    glance_s=0.0,
    poll_user_s=0.05,
    poll_first_s=0.01,
    poll_last_s=0.05,
    log_poll_s=0.01,
    log_wait_s=1.0,
    probe_every_s=0.1,
    probe_s=0.1,
    check_s=0.1,
    steady_s=0.0,
    dial_s=1.0,
    reread_s=0.5,
    report_wait_s=0.1,
    redial_first_s=0.02,
    redial_last_s=0.05,
    stop_again_s=0.03,
    abandoned_s=0.03,
    ports_every_s=0.02,
)


def record_of(task: str, *, sequence: int = 1, host_key: str = HOST_KEY, address: str = "10.0.0.7") -> Record:
    return Record(task, address, 10022, "ada", host_key, sequence, "signed")


def report_of(sequence: int = 1, secret: str = "", **states: str) -> Report:
    """``report_of(jupyterlab="ready", vscode="installing")``; SSH is ready unless said otherwise."""
    states = {**states, "ssh": states.get("ssh", "ready")}
    ports = {app: 9000 + number for number, app in enumerate(sorted(states))}
    apps = {app: AppReport(state, "", ports[app], secret if app != "ssh" else "") for app, state in states.items()}
    return Report("ready", "", sequence, apps)


@dataclass
class World(world.World):
    """One account, a pace that tests can wait for, and what can be real in a test without a network."""

    memory: FakeMemory = field(default_factory=lambda: FakeMemory(ACCOUNT))
    runtime_dir: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="sd-")))
    pace: Pace = QUICK

    def server(self, account: str = ACCOUNT.id) -> FakeServer:
        return super().server(account)

    def tunnel(self, number: int = 0, seconds: float = 5.0) -> FakeTunnel:
        """The tunnel of that number, waited for."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.tunnels) > number, seconds), "no tunnel was made"
            return self.tunnels[number]

    def outside(self) -> Outside:
        return replace(
            super().outside(),
            slot_cipher=AesSlots(),
            text_files=ChosenFiles(),
            hold_names=partial(Ownership, self.runtime_dir),
            is_own_address=is_own_address,
        )
