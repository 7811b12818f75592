"""A whole outside world in memory, for tests of the services and of the faces above them."""

import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from desktop_app.adapters.files.text import TextFiles
from desktop_app.adapters.peers.local_socket import is_own_address
from desktop_app.adapters.peers.ownership import Ownership
from desktop_app.adapters.ssh.key_slots import AesSlots
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.computer import SystemEvent
from desktop_app.boundary.connection import KeyPair, Target
from desktop_app.boundary.outside import Outside, Pace
from desktop_app.boundary.server import NextKey
from desktop_app.domain.access.listening import Forward, Page
from desktop_app.domain.access.open_in import Opener
from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.access.ssh_config_text import Place
from desktop_app.domain.accounts.account import SANDBOX_ID, SANDBOX_LABEL, Account
from desktop_app.domain.accounts.credentials import Credentials, from_text
from desktop_app.domain.accounts.git_logins import GitIdentity
from desktop_app.domain.accounts.secrets import API_SECRET
from desktop_app.domain.problems import AppError, Problem, Retry, failure, problem
from remote_bootstrap.contract import AppReport, Record, Report, fingerprint
from remote_bootstrap.contract.apps import Login
from tests.fakes.examined import FakeMachineToExamine
from tests.fakes.files import FakeFiles, FakeMachine
from tests.fakes.profiles import FakeDocument, FakeProfiles
from tests.fakes.secret_store import FakeSecretStore
from tests.fakes.server import FakeServer
from tests.fakes.tunnel import FakeTunnel
from tests.fakes.uploads import FakeUploads

ACCOUNT = Account("acc1", "Ada on api.clearml.test", "https://api.clearml.test", "ACCESS", user_id="me",
                  user_name="Ada Example")  # fmt: skip
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJzGLWzFZcQpKQ9yWSH+1TgIIMk9lEC2ZLRa5xKzqCrT"

# Everything a hundred times quicker than in the product.
QUICK = Pace(
    poll_busy_s=0.02,
    poll_waiting_s=0.02,
    poll_calm_s=0.05,
    glance_s=0.0,
    poll_human_s=0.05,
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


class FakeSandbox:
    """Gives out one account; ``failing`` makes it fail."""

    def __init__(self) -> None:
        self.failing: Problem | None = None
        self.started = 0
        self.held = False

    def ensure(self, access_key: str, secret: str, cancel: Cancel) -> tuple[Account, str]:
        cancel.check()
        if self.failing is not None:
            raise AppError(self.failing)
        self.started += 1
        account = Account(SANDBOX_ID, SANDBOX_LABEL, "http://127.0.0.1:18008", access_key or "SANDBOXKEY")
        return account, secret or "sandbox-secret-text"

    def address(self) -> str:
        return "http://127.0.0.1:18008" if self.started else ""

    def stop(self) -> bool:
        was, self.started = self.started, 0
        return was > 0

    def hold(self) -> None:
        self.held = True

    def release(self) -> None:
        self.held = False


class FakeSystem:
    """A computer that sleeps and changes networks when the test says so."""

    def __init__(self) -> None:
        self._tell: Callable[[SystemEvent], None] | None = None
        self._watched = threading.Event()

    def watch(self, tell: Callable[[SystemEvent], None], cancel: Cancel) -> None:
        self._tell = tell
        self._watched.set()
        ended = threading.Event()
        cancel.on_cancel(ended.set)
        ended.wait()
        self._tell = None

    def say(self, event: SystemEvent) -> None:
        assert self._watched.wait(5) and self._tell is not None, "nobody watches"
        self._tell(event)


class FakeCredentials:
    """What this computer holds, for the test to say."""

    def __init__(self) -> None:
        self.files: dict[str, Credentials] = {}
        self.variables = Credentials()
        self.problems: tuple[Problem, ...] = ()

    def found(self) -> tuple[tuple[Credentials, ...], tuple[Problem, ...]]:
        return tuple(self.files.values()), self.problems

    def environment(self) -> Credentials:
        if not self.variables.found:
            raise failure("credentials.none", where="The environment")
        return self.variables

    def read(self, path: Path) -> Credentials:
        if str(path) not in self.files:
            raise failure("credentials.unreadable", path=path, why="no such file or directory")
        return self.files[str(path)]

    def text(self, text: str, source: str) -> Credentials:
        return replace(from_text(text, {}).at_home(), source=source)


class FakeForwards:
    """What is remembered about forwards, in memory."""

    def __init__(self) -> None:
        self.sessions: dict[str, tuple[Forward, ...]] = {}
        self.rules: frozenset[str] = frozenset()

    def of(self, session: str) -> tuple[Forward, ...]:
        return self.sessions.get(session, ())

    def save(self, session: str, forwards: tuple[Forward, ...]) -> None:
        self.sessions[session] = forwards

    def always(self) -> frozenset[str]:
        return self.rules

    def save_always(self, services: frozenset[str]) -> None:
        self.rules = services


class FakeConsents:
    """What was agreed to, in memory."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, str]] = {}

    def of(self, session: str) -> Mapping[str, str]:
        return dict(self.sessions.get(session, {}))

    def save(self, session: str, key: str, place: str) -> None:
        self.sessions.setdefault(session, {})[key] = place


class FakeSshAccess:
    """Remembers which sessions a person's own ssh could enter."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.lent: dict[str, Target] = {}  # what they got in with last
        self.argv: Sequence[str] = ()  # to run instead

    def lend(self, session: str, target: Target) -> None:
        self.open.add(session)
        self.lent[session] = target

    def command(self, session: str, target: Target, local_port: int) -> Sequence[str]:
        self.lend(session, target)
        return self.argv or ("ssh", "-p", str(local_port), f"{target.record.user}@127.0.0.1")

    def revoke(self, session: str) -> None:
        self.open.discard(session)


class FakeSshConfig:
    """Our ssh config file as the aliases in it, the user's as a place. ``failing`` is raised by install and remove."""

    def __init__(self) -> None:
        self.user = Path("/home/ada/.ssh/config")
        self.line = 'Include "/home/ada/.config/sessiondock/ssh_config"'
        self.published: tuple[Alias, ...] = ()
        self.hosts: frozenset[str] = frozenset()
        self.included = Place.ABSENT
        self.failing: Problem | None = None

    def publish(self, aliases: Callable[[], Sequence[Alias]]) -> None:
        self.published = tuple(aliases())

    def entries(self) -> frozenset[str]:
        return frozenset(alias.name for alias in self.published)

    def place(self) -> Place:
        return self.included

    def host_names(self) -> frozenset[str]:
        return self.hosts

    def install(self) -> bool:
        return self._become(Place.TOP)

    def remove(self) -> bool:
        return self._become(Place.ABSENT)

    def _become(self, place: Place) -> bool:
        if self.failing is not None:
            raise AppError(self.failing)
        before, self.included = self.included, place
        return before is not place


@dataclass
class FakePrograms:
    """``installed``: opener key -> where; ``started`` what was started how."""

    installed: dict[str, str] = field(
        default_factory=lambda: {"vscode-desktop": "/usr/bin/code", "zed": "/usr/bin/zed"}
    )
    shells: tuple[str, ...] = ("kgx", "xterm")
    started: list[tuple[str, ...]] = field(default_factory=list)
    works: bool = True

    def find(self, opener: Opener) -> str:
        return self.installed.get(opener.key, "")

    def start(self, program: str, arguments: Sequence[str]) -> bool:
        self.started.append((program, *arguments))
        return self.works

    def terminals(self) -> tuple[str, ...]:
        return self.shells


@dataclass
class World:
    """The fakes, for the test to script and to look at. One ``server`` per account id, one tunnel per attach."""

    profiles: FakeProfiles = field(default_factory=lambda: FakeProfiles(ACCOUNT))
    secrets: FakeSecretStore = field(default_factory=FakeSecretStore)
    sandbox: FakeSandbox = field(default_factory=FakeSandbox)
    system: FakeSystem = field(default_factory=FakeSystem)
    launch_profiles: FakeDocument = field(default_factory=FakeDocument)
    kept: FakeDocument = field(default_factory=FakeDocument)
    credentials: FakeCredentials = field(default_factory=FakeCredentials)
    ssh_access: FakeSshAccess = field(default_factory=FakeSshAccess)
    forwards: FakeForwards = field(default_factory=FakeForwards)
    consents: FakeConsents = field(default_factory=FakeConsents)
    uploads: FakeUploads = field(default_factory=FakeUploads)
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
    runtime_dir: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="sd-")))
    pace: Pace = QUICK
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        for account in self.profiles.accounts():
            self.secrets.set(API_SECRET, account.id, "the-api-secret")

    def server(self, account: str = ACCOUNT.id) -> FakeServer:
        return self.servers.setdefault(account, FakeServer())

    def connect_server(self, account: Account, secret: str, _next_key: NextKey) -> FakeServer:
        server = self.server(account.id)
        server.open()
        if secret == "wrong":
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

    def tunnel(self, number: int = 0, seconds: float = 5.0) -> FakeTunnel:
        """The tunnel of that number, waited for."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.tunnels) > number, seconds), "no tunnel was made"
            return self.tunnels[number]

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

    def outside(self) -> Outside:
        return Outside(
            connect_server=self.connect_server,
            new_tunnel=self.new_tunnel,
            new_files=lambda: FakeFiles(self.machine),
            secrets=self.secrets,
            profiles=self.profiles,
            sandbox=self.sandbox,
            build_payload=lambda: "print('the bootstrap')\n",
            new_key=lambda comment: KeyPair(f"PRIVATE KEY of {comment}", "ssh-ed25519 AAAAclient"),
            verify_record=self.verify_record,
            login_page=self.login_page,
            open_url=self.open_url,
            open_terminal=self.open_terminal,
            programs=self.programs,
            ssh_access=self.ssh_access,
            slot_cipher=AesSlots(),
            public_of=lambda _private: "ssh-ed25519 AAAAclient",
            launch_profiles=self.launch_profiles,
            kept=self.kept,
            text_files=TextFiles(),
            credentials=self.credentials,
            find_api=lambda _typed, addresses, _trust, _cancel: addresses[0],
            forwards=self.forwards,
            consents=self.consents,
            uploads=self.uploads,
            read_git=lambda: self.git,
            hash_password=lambda password: f"hash of {len(password)} letters",
            look_at_page=self.look_at_page,
            examine=self.patient.examine,
            clean=lambda text: text.replace("the-api-secret", "•••"),
            ssh_config=self.ssh_config,
            hold_names=partial(Ownership, self.runtime_dir),
            is_own_address=is_own_address,
            jitter=lambda: 0.5,
            pace=self.pace,
            watch_system=self.system.watch,
        )
