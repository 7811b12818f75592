"""What the services need from outside besides ports.Server, Tunnel and SecretStore: small Protocols and callables.

``compose.py`` fills ``Outside`` with adapters, tests fill it with fakes. Frozen data; any thread.
"""

import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from desktop_app.domain.account import Account
from desktop_app.domain.credentials import Credentials
from desktop_app.domain.diagnosis import Stage
from desktop_app.domain.git_logins import GitIdentity
from desktop_app.domain.listening import Forward, Page
from desktop_app.domain.open_in import Opener
from desktop_app.domain.problems import Problem
from desktop_app.domain.ssh_alias import Alias
from desktop_app.domain.ssh_config_text import Place
from desktop_app.domain.transfer import Wanted
from desktop_app.ports import Cancel, Clock, RemoteFiles, SecretStore, Server, SystemEvent, Target, Tunnel
from desktop_app.services.secrets.session_keys import SlotCipher
from remote_bootstrap.apps import Login
from remote_bootstrap.contract import Record, Report

# Asked with the access key that the server refuses: the access key and secret to go on with, None = there is none.
NextKey = Callable[[str], tuple[str, str] | None]


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A session's client key: OpenSSH private key text, and its public line without comment."""

    private: str = field(repr=False)
    public: str


class Profiles(Protocol):
    """What is remembered between runs, secrets excepted. Quick (small local files), thread-safe.

    Writers raise ``file.unwritable``; a damaged file is set aside and named by ``problems``.
    """

    def accounts(self) -> tuple[Account, ...]: ...

    def save_account(self, account: Account) -> None: ...

    def change_accounts(self, edit: Callable[[Sequence[Account]], Sequence[Account]]) -> None:
        """All of them at once; nobody else writes meanwhile. No two have the same label afterwards."""

    def remove_account(self, account: str) -> None: ...

    def removed_accounts(self) -> tuple[Account, ...]:
        """Id, address and user of accounts that were removed: one that comes back finds what was kept of its
        sessions."""

    def last_launch(self, account: str) -> Mapping[str, Any]: ...

    def save_last_launch(self, account: str, values: Mapping[str, Any]) -> None: ...

    def sessions(self) -> tuple[str, ...]:
        """Every session of which anything is remembered."""

    def session_options(self, session: str) -> Mapping[str, Any]:
        """What it was launched with, for ``options.from_profile``; empty for a session of another computer."""

    def save_session_options(self, session: str, values: Mapping[str, Any]) -> None: ...

    def ports(self, session: str) -> Mapping[str, int]:
        """Application key -> local port that this session had."""

    def save_ports(self, session: str, ports: Mapping[str, int]) -> None: ...

    def host_key(self, session: str) -> str:
        """The first host key that this session showed, "" before that."""

    def save_host_key(self, session: str, host_key: str) -> None:
        """Its records are counted anew."""

    def sequence(self, session: str) -> int:
        """Of the newest connection record that was believed, -1 before that."""

    def save_sequence(self, session: str, sequence: int) -> None: ...

    def trusted(self, session: str) -> Mapping[str, str]:
        """What goes with the host key: which ``run`` showed it, and another key that a person has ``accepted``."""

    def save_trusted(self, session: str, values: Mapping[str, str]) -> None: ...

    def attached(self) -> tuple[str, ...]:
        """Sessions that a window held and never let go of (it was killed)."""

    def save_attached(self, session: str, attached: bool) -> None: ...

    def aliases(self) -> tuple[Alias, ...]:
        """Every session that the user's own ssh knows by name."""

    def save_alias(
        self, session: str, user: str, port: int, title: str, choose: Callable[[Collection[str]], str]
    ) -> Alias:
        """A session keeps its alias; a new one is ``choose(taken)``. Nobody else writes meanwhile."""

    def drop_alias(self, session: str) -> None: ...

    def preference(self, name: str) -> str:
        """What the person chose, "" = nothing."""

    def save_preference(self, name: str, value: str) -> None: ...

    def known(self) -> Mapping[str, Mapping[str, Any]]:
        """Session -> what it was like when it was connected last (domain/known.py)."""

    def save_known(self, session: str, known: Mapping[str, Any]) -> None:
        """{} = nothing is worth knowing any more."""

    def open_sessions(self) -> tuple[str, ...]:
        """Of which more is remembered than how they were launched."""

    def end_session(self, session: str) -> None:
        """It has ended: of use is how it was launched, for a next one like it, and its host key, which no other run of
        its task may replace without a person."""

    def forget_session(self, session: str) -> None: ...

    def problems(self) -> tuple[Problem, ...]: ...


class Document(Protocol):
    """One small JSON object on disk. Quick, thread-safe; ``problems`` name what could not be read."""

    problems: list[Problem]

    def read(self) -> Mapping[str, Any]:
        """Not to be changed by the caller."""

    def change(self, edit: Callable[[dict[str, Any]], None]) -> None:
        """Edit and replace it, alone among our processes. Problems: file.unwritable"""


class TextFiles(Protocol):
    """Small files that people choose. Blocks."""

    def read(self, path: Path) -> str:
        """Problems: profile.unreadable"""

    def write(self, path: Path, text: str) -> Path:
        """Where it is now. Problems: file.unwritable"""


class CredentialSource(Protocol):
    """ClearML credentials that are on this computer already. Reads files, changes none; thread-safe."""

    def found(self) -> tuple[tuple[Credentials, ...], tuple[Problem, ...]]:
        """Those that could sign in, the SDK's choice first, and what kept files from being read."""

    def environment(self) -> Credentials:
        """Problems: credentials.none"""

    def read(self, path: Path) -> Credentials:
        """Problems: credentials.unreadable, credentials.none"""

    def text(self, text: str, source: str) -> Credentials:
        """Of a copied text; without ``found`` where it holds none."""


class ForwardMemory(Protocol):
    """Forwards of sessions and the rules about them, remembered between runs. As quick as ``Profiles``."""

    def of(self, session: str) -> tuple[Forward, ...]: ...

    def save(self, session: str, forwards: tuple[Forward, ...]) -> None: ...

    def always(self) -> frozenset[str]:
        """Keys of the services (domain/port_services.py) that are forwarded as soon as they listen."""

    def save_always(self, services: frozenset[str]) -> None: ...


class Consents(Protocol):
    """What was agreed to go to a session: key of a kind -> the machine's identity. Quick; ``save`` may raise
    file.unwritable."""

    def of(self, session: str) -> Mapping[str, str]: ...

    def save(self, session: str, key: str, place: str) -> None: ...


class UploadMemory(Protocol):
    """Uploads that launches asked for and that are not made yet. Quick; writers raise file.unwritable."""

    def sessions(self) -> tuple[str, ...]: ...

    def of(self, session: str) -> tuple[Wanted, ...]: ...

    def save(self, session: str, uploads: tuple[Wanted, ...]) -> None: ...

    def drop(self, session: str) -> bool:
        """Whether there were any; of several processes one hears True."""


class Examined(Protocol):
    """An SSH connection that was made to look at it. ``close`` it."""

    def report(self) -> Report | None:
        """What the control program says, None where there is none. Problems: ssh.lost, ssh.protocol"""

    def http_status(self, port: int) -> int:
        """Of the first page there, 0 for what is no HTTP. Problems: app.refused, app.silent"""

    def close(self) -> None: ...


class Sandbox(Protocol):
    """The sandbox of this computer. Problems: sandbox.failed"""

    def ensure(self, access_key: str, secret: str, cancel: Cancel) -> tuple[Account, str]:
        """Start or adopt it; its account and API secret. Takes seconds on the first run.

        ``access_key`` and ``secret`` are those of an earlier call ("" at first); they come back while they are good.
        """

    def address(self) -> str:
        """Of its API server, "" while it does not run. Takes milliseconds."""

    def stop(self) -> bool:
        """End it with everything that runs on it; False when it did not run. Takes seconds."""

    def hold(self) -> None:
        """Quick: keep it alive while this process lives (idempotent)."""

    def release(self) -> None:
        """Quick: let it end by itself once no session needs it."""


class SshAccess(Protocol):
    """Lets the user's own ``ssh`` in while a session is attached, without a key file in clear. Thread-safe."""

    def lend(self, session: str, target: Target) -> None:
        """Serve the session's key at an address that is always its own. Problems: ssh.agent, ssh.no_key"""

    def command(self, session: str, target: Target, local_port: int) -> Sequence[str]:
        """The argv of an ssh that asks nothing and trusts this session's host key only. Problems: ssh.agent"""

    def revoke(self, session: str) -> None:
        """The session is detached: the command stops working. Idempotent."""


class Programs(Protocol):
    """Programs of this computer. Small local files; thread-safe."""

    def find(self, opener: Opener) -> str:
        """Where it is, "" when it isn't installed."""

    def start(self, program: str, arguments: Sequence[str]) -> bool:
        """Whether it was started; takes seconds at most."""

    def terminals(self) -> tuple[str, ...]:
        """Terminal programs that a person may choose from, this desktop's first."""


class SshConfigFiles(Protocol):
    """Our ssh config file and the user's. Thread-safe; small local files."""

    @property
    def user(self) -> Path:
        """The user's own file."""

    @property
    def line(self) -> str:
        """What makes the user's ssh read ours."""

    def publish(self, aliases: Callable[[], Sequence[Alias]]) -> None:
        """Write our file; ``aliases`` is asked while no other process writes. Problems: file.unwritable"""

    def entries(self) -> frozenset[str]:
        """The aliases that our file has right now."""

    def place(self) -> Place:
        """Where the user's file includes ours. Problems: ssh.config_unwritable"""

    def host_names(self) -> frozenset[str]:
        """Names that the user gave to hosts: not ours to take."""

    def install(self) -> bool:
        """Include ours in the user's; False when it is. Problems: ssh.config_unwritable, ssh.config_text"""

    def remove(self) -> bool:
        """Take that out again; False when it is not there. Problems: ssh.config_unwritable"""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how long, in seconds. Tests use a quicker one."""

    poll_busy_s: float = 1.0  # while something moves on the server (see services/schedule.py for these)
    poll_quick_s: float = 20.0  # how long a session that waits is looked at as often
    poll_waiting_s: float = 11.5  # the longest pause while one waits or starts
    poll_calm_s: float = 45.0
    glance_s: float = 2.0  # somebody looks at the window: what is older is looked up again
    poll_human_s: float = 30.0  # between tries of what only a person can repair
    refused_s: float = 300.0  # until a key that the server refused takes another refused one's place
    poll_first_s: float = 1.0  # back-off while the server is away
    poll_last_s: float = 30.0
    log_poll_s: float = 1.0
    log_wait_s: float = 90.0  # an agent sends its log every few seconds
    probe_every_s: float = 15.0
    probe_s: float = 4.0  # so that a dead link shows within 20 s
    check_s: float = 3.5  # the same after a wake or a network change: within 5 s, the watcher's tick included
    steady_s: float = 5.0  # a connection that held so long is redialled at once when it is lost
    dial_s: float = 30.0
    reread_s: float = 4.0  # a ClearML server that is away must not hold up the redial for long
    report_wait_s: float = 3.0
    redial_first_s: float = 1.0
    redial_last_s: float = 30.0
    stop_again_s: float = 3.0  # a stop that the server lost is sent again
    abandoned_s: float = 20.0  # nobody has answered for a session that should end
    ports_every_s: float = 4.0  # between two looks for services that are always forwarded


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything that the core does not do itself."""

    connect_server: Callable[[Account, str, NextKey], Server]  # account (with the key to use), its secret
    new_tunnel: Callable[[str], Tunnel]  # a name for its threads
    new_files: Callable[[], RemoteFiles]
    secrets: SecretStore
    profiles: Profiles
    sandbox: Sandbox
    build_payload: Callable[[], str]
    new_key: Callable[[str], KeyPair]  # comment -> pair
    verify_record: Callable[[Record, str, str | None, str | None], None]  # see adapters/ssh/keys.py
    login_page: Callable[[Login, str, str], str]  # login, origin, secret -> single-use address
    open_url: Callable[[str], bool]
    open_terminal: Callable[[Sequence[str], str], bool]  # argv, the chosen program ("" = the desktop's own)
    programs: Programs
    runtime_dir: Path  # private to this user (0700)
    ssh_access: SshAccess
    slot_cipher: SlotCipher
    launch_profiles: Document  # see services/launch_profiles.py
    kept: Document  # see services/kept.py
    text_files: TextFiles
    credentials: CredentialSource
    find_api: Callable[[str, Sequence[str], str, Cancel], str]  # see adapters/clearml/find.py
    forwards: ForwardMemory
    consents: Consents
    uploads: UploadMemory
    hash_password: Callable[[str], str]  # the salted hash that a session checks an SSH password against; slow
    read_git: Callable[[], GitIdentity]  # the person's own git on this computer; takes up to seconds
    look_at_page: Callable[[int, Cancel], Page]  # what answers on a local port
    ssh_config: SshConfigFiles
    public_of: Callable[[str], str]  # private key -> its public line
    examine: Callable[[Target, Callable[[Stage, str], None], Cancel], Examined]  # raises StageError
    clean: Callable[[str], str]  # a text without secrets
    register_secret: Callable[[str], None] = lambda _secret: None  # keep it out of the log
    watch_system: Callable[[Callable[[SystemEvent], None], Cancel], None] = lambda _tell, _cancel: (
        None
    )  # till cancelled
    clock: Clock = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    jitter: Callable[[], float] = random.random
    pace: Pace = Pace()
