"""World: everything that the core does not do itself, in memory. Any thread.

It is made of fakes in Meszaros' sense: they work, held to the same contract suites as the real things
(tests/contract), and take a short cut where those go to a network, a keyring or a disk. Each can be told to fail.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import KeyPair
from desktop_app.boundary.outside import Outside, Pace
from desktop_app.boundary.peers import Handler
from desktop_app.boundary.server import NextKey
from desktop_app.demo.computer import (
    FakeCredentials,
    FakePrograms,
    FakeSandbox,
    FakeSshAccess,
    FakeSshConfig,
    FakeSystem,
    FakeTextFiles,
)
from desktop_app.demo.examined import FakeMachineToExamine
from desktop_app.demo.files import FakeFiles, FakeMachine
from desktop_app.demo.memory import FakeDocument, FakeMemory
from desktop_app.demo.peers import FakePeers
from desktop_app.demo.secret_store import FakeSecretStore
from desktop_app.demo.server import FakeServer
from desktop_app.demo.slots import FakeSlots
from desktop_app.demo.tunnel import FakeTunnel
from desktop_app.domain.access.listening import Page
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.git_logins import GitIdentity
from desktop_app.domain.accounts.secrets import API_SECRET
from desktop_app.domain.problems import AppError, Problem, Retry, failure, problem
from remote_bootstrap.contract import Record, fingerprint
from remote_bootstrap.contract.apps import Login

API_SECRET_TEXT = "the-api-secret"  # noqa: S105  of every account here
WRONG_SECRET = "wrong"  # noqa: S105  the server refuses it
PUBLIC_KEY = "ssh-ed25519 AAAAclient"


@dataclass
class World:
    """The fakes, to be scripted and looked at. One ``server`` per account id, one tunnel per attach."""

    memory: FakeMemory = field(default_factory=FakeMemory)
    secrets: FakeSecretStore = field(default_factory=FakeSecretStore)
    sandbox: FakeSandbox = field(default_factory=FakeSandbox)
    system: FakeSystem = field(default_factory=FakeSystem)
    peers: FakePeers = field(default_factory=FakePeers)
    profiles: FakeDocument = field(default_factory=FakeDocument)
    kept: FakeDocument = field(default_factory=FakeDocument)
    credentials: FakeCredentials = field(default_factory=FakeCredentials)
    ssh_access: FakeSshAccess = field(default_factory=FakeSshAccess)
    git: GitIdentity = field(default_factory=GitIdentity)  # what git on this computer holds
    patient: FakeMachineToExamine = field(default_factory=FakeMachineToExamine)
    page: Page = field(default_factory=lambda: Page("http", "TensorBoard", 200))
    programs: FakePrograms = field(default_factory=FakePrograms)
    chosen_terminal: str = ""
    ssh_config: FakeSshConfig = field(default_factory=FakeSshConfig)
    servers: dict[str, FakeServer] = field(default_factory=dict)
    tunnels: list[FakeTunnel] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    terminals: list[tuple[str, ...]] = field(default_factory=list)
    pages: list[tuple[Login, str, str]] = field(default_factory=list)
    bad_record: Problem | None = None  # what the check of signatures finds
    prepare_tunnel: Callable[[FakeTunnel], None] = lambda _tunnel: None
    can_open: bool = True
    machine: FakeMachine = field(default_factory=FakeMachine)  # whose files can be transferred
    pace: Pace = field(default_factory=Pace)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        for account in self.memory.accounts.all():
            self.secrets.set(API_SECRET, account.id, API_SECRET_TEXT)

    def server(self, account: str) -> FakeServer:
        return self.servers.setdefault(account, FakeServer())

    def connect_server(self, account: Account, secret: str, _next_key: NextKey) -> FakeServer:
        server = self.server(account.id)
        server.open()
        if secret == WRONG_SECRET:
            server.problem = problem("server.unauthorised", server=account.api_url)
        return server

    def verify_record(self, record: Record, task: str, first_seen: str | None, in_log: str | None) -> None:
        """The rules of adapters/ssh/keys.py but for the signature itself."""
        if self.bad_record is not None:
            raise AppError(self.bad_record)
        if record.task != task:
            raise failure("ssh.record", why="The record belongs to another task.")
        if first_seen is not None and first_seen != record.host_key:
            raise failure("ssh.record", why="The host key is not the one that this computer saw first.")
        if in_log is None:
            raise AppError(replace(problem("ssh.record", why="The log is late."), retry=Retry.AUTO))
        if in_log != fingerprint(record.host_key):
            raise failure("ssh.record", why="The log announces another host key.")

    def new_tunnel(self, _name: str) -> FakeTunnel:
        tunnel = FakeTunnel()
        self.prepare_tunnel(tunnel)
        with self.changed:
            self.tunnels.append(tunnel)
            self.changed.notify_all()
        return tunnel

    def login_page(self, login: Login, origin: str, secret: str) -> str:
        self.pages.append((login, origin, secret))
        return f"http://127.0.0.1:1/page-{len(self.pages)}"

    def look_at_page(self, _port: int, cancel: Cancel) -> Page:
        cancel.check()
        return self.page

    def open_url(self, url: str) -> bool:
        self.opened.append(url)
        return self.can_open

    def open_terminal(self, argv: Sequence[str], chosen: str) -> bool:
        self.terminals.append(tuple(argv))
        self.chosen_terminal = chosen
        return self.can_open

    def hold_names(self, role: str, handler: Handler) -> FakePeers:
        """Return who holds what, for a process of that role."""
        self.peers.role = role
        return self.peers

    def outside(self) -> Outside:
        """Return the world as a core takes it. Any number of cores may live in one world."""
        return Outside(
            connect_server=self.connect_server,
            new_tunnel=self.new_tunnel,
            new_files=lambda: FakeFiles(self.machine),
            secrets=self.secrets,
            memory=self.memory,
            sandbox=self.sandbox,
            build_payload=lambda: "print('the bootstrap')\n",
            new_key=lambda comment: KeyPair(f"PRIVATE KEY of {comment}", PUBLIC_KEY),
            verify_record=self.verify_record,
            login_page=self.login_page,
            open_url=self.open_url,
            open_terminal=self.open_terminal,
            programs=self.programs,
            ssh_access=self.ssh_access,
            slot_cipher=FakeSlots(),
            public_of=lambda _private: PUBLIC_KEY,
            profiles=self.profiles,
            kept=self.kept,
            text_files=FakeTextFiles(),
            credentials=self.credentials,
            find_api=lambda _typed, addresses, _trust, _cancel: addresses[0],
            read_git=lambda: self.git,
            hash_password=lambda password: f"hash of {len(password)} letters",
            look_at_page=self.look_at_page,
            examine=self.patient.examine,
            clean=lambda text: text.replace(API_SECRET_TEXT, "•••"),
            ssh_config=self.ssh_config,
            hold_names=self.hold_names,
            is_own_address=lambda _address: False,
            now=self.now,
            jitter=lambda: 0.5,
            pace=self.pace,
            watch_system=self.system.watch,
        )
