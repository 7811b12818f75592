"""Everything that the core does not do itself, in one record. Tests and the demo fill it with a world in memory.

Frozen data; any thread.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from desktop_app.boundary.cancel import Cancel, Clock
from desktop_app.boundary.computer import CredentialSource, Programs, Sandbox, SshConfigFiles, SystemEvent, TextFiles
from desktop_app.boundary.connection import (
    Examined,
    KeyPair,
    SshAccess,
    Target,
    Tunnel,
)
from desktop_app.boundary.files import RemoteFiles
from desktop_app.boundary.memory import Document, Memory
from desktop_app.boundary.peers import Handler, PeerNames
from desktop_app.boundary.secrets import SecretStore, SlotCipher
from desktop_app.boundary.server import NextKey, Server
from desktop_app.domain.access.listening import Page
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.git_logins import GitIdentity
from desktop_app.domain.diagnosis import Stage
from remote_bootstrap.contract import Record
from remote_bootstrap.contract.apps import Login


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how long, in seconds. Tests use a quicker one."""

    poll_busy_s: float = 1.0  # while something moves on the server (see services/state/schedule.py for these)
    poll_quick_s: float = 20.0  # how long a session that waits is looked at as often
    poll_waiting_s: float = 11.5  # the longest pause while one waits or starts
    poll_calm_s: float = 45.0
    glance_s: float = 2.0  # the user looks at the window: what is older is looked up again
    poll_user_s: float = 30.0  # between tries of what only the user can repair
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
    abandoned_s: float = 20.0  # no agent has answered for a session that should end
    ports_every_s: float = 4.0  # between two looks for services that are always forwarded


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything that the core does not do itself."""

    connect_server: Callable[[Account, str, NextKey], Server]  # account (with the key to use), its secret
    new_tunnel: Callable[[str], Tunnel]  # a name for its threads
    new_files: Callable[[], RemoteFiles]
    secrets: SecretStore
    memory: Memory
    sandbox: Sandbox
    build_payload: Callable[[], str]
    new_key: Callable[[str], KeyPair]  # comment -> pair
    verify_record: Callable[[Record, str, str | None, str | None], None]  # see adapters/ssh/keys.py
    login_page: Callable[[Login, str, str], str]  # login, origin, secret -> single-use address
    open_url: Callable[[str], bool]
    open_terminal: Callable[[Sequence[str], str], bool]  # argv, the chosen program ("" = the desktop's own)
    programs: Programs
    hold_names: Callable[[str, Handler], PeerNames]  # role ("window" or "cli"), who answers questions
    is_own_address: Callable[[str], bool]  # an IP address of this computer; quick, sends nothing
    ssh_access: SshAccess
    slot_cipher: SlotCipher
    profiles: Document  # see services/launching/launch_profiles.py
    kept: Document  # see services/launching/kept_sums.py
    text_files: TextFiles
    credentials: CredentialSource
    find_api: Callable[[str, Sequence[str], str, Cancel], str]  # see adapters/clearml/wire/find.py
    hash_password: Callable[[str], str]  # the salted hash that a session checks an SSH password against; slow
    read_git: Callable[[], GitIdentity]  # the user's own git on this computer; takes up to seconds
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
