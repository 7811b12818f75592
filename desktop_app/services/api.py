"""What the faces (window, tray, command line) may ask of the core. ``core.Core`` is the real one.

Methods marked *quick* never block and may be called on the GUI thread. All others block: faces call them through
``jobs`` (never on the GUI thread) and they raise only AppError or Cancelled.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.access.route import Route
from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.accounts.account import Account, LogLine, Queue
from desktop_app.domain.accounts.credentials import Credentials, Offer
from desktop_app.domain.accounts.handover import Handover, HandoverKind
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.problems import Problem
from desktop_app.domain.sessions.again import Again
from desktop_app.domain.sessions.finished import FinishedSession
from desktop_app.domain.sessions.snapshot import SessionId, SessionSnapshot
from desktop_app.services.doctor.view import DoctorService
from desktop_app.services.files.access import Files
from desktop_app.services.files.transfers import Transfers
from desktop_app.services.launching.launch_profiles import LaunchProfiles
from desktop_app.services.ports.view import PortService
from desktop_app.services.runtime.jobs import Outcome
from desktop_app.services.secrets.passwords import Passwords
from desktop_app.services.ssh.aliases import SshStatus
from desktop_app.services.ssh.open_in import OpenInService
from desktop_app.services.state.notices import Notice

T = TypeVar("T")


class Job(Protocol):
    """A running one-shot; ``cancel`` is quick."""

    def cancel(self) -> None: ...


class Jobs(Protocol):
    """A pool of four named threads for one-shots."""

    def submit(self, name: str, work: Callable[[Cancel], object], done: Callable[[Outcome], None]) -> Job:
        """Quick. ``done`` is called once, on the job's thread (ui/bridge.py turns it into a signal)."""


class Store(Protocol):
    """All snapshots, one writer. Quick, thread-safe."""

    def all(self) -> tuple[SessionSnapshot, ...]:
        """Newest session first."""

    def get(self, session: SessionId) -> SessionSnapshot | None: ...

    def subscribe(
        self, callback: Callable[[SessionSnapshot | None, SessionSnapshot | None], None]
    ) -> Callable[[], None]:
        """``callback(old, new)`` after each change, on the writer's thread; new None = removed. Returns unsubscribe."""


class CredentialImport(Protocol):
    """Accounts from keys that people have: found on this computer, copied, or typed. Most only reads."""

    def found(self, cancel: Cancel) -> Offer:
        """What this computer holds."""

    def read_file(self, path: Path) -> Credentials:
        """Problems: credentials.unreadable, credentials.none"""

    def use(self, found: Credentials, cancel: Cancel) -> Account:
        """Verify by a login, keep the secret in the keyring, begin polling. The address may be any that people type."""

    def remove(self, account: str, access_key: str, cancel: Cancel) -> Account | None:
        """Forget one key of an account; None when that was its only one: then the account is removed."""


class Routes(Protocol):
    """How the machines of each account's sessions are reached."""

    def set(self, account: Account, text: str, password: str, cancel: Cancel) -> Route:
        """From the next dial on; ``password`` is the proxy's. Problems: route.invalid, keyring.*, file.unwritable"""


class Aliases(Protocol):
    """How the user's own ssh, editors and file managers find sessions. See ``services.ssh.aliases``."""

    def of(self, session: SessionId) -> Alias | None:
        """Quick: the session's alias, once it was connected on this computer."""

    def status(self) -> SshStatus: ...

    def install(self) -> bool:
        """Add one line to the user's ssh config (a person agreed); False when it is there."""

    def remove(self) -> bool:
        """Take it out; False when it is not there."""


class Cleaner(Protocol):
    """Finished sessions. Blocking. Problems: server.*"""

    def look(self, account: str, cancel: Cancel) -> tuple[FinishedSession, ...]:
        """What could be deleted."""

    def delete(self, account: str, tasks: Sequence[str], cancel: Cancel) -> int:
        """How many were."""


class SessionHistory(Protocol):
    """Sessions that have ended. Blocking. Problems: server.*"""

    def ended(self, account: str, cancel: Cancel) -> tuple[FinishedSession, ...]:
        """The newest first."""

    def again(self, session: SessionId, cancel: Cancel) -> Again:
        """What to ``launch`` for another session with the same options; ``asks`` names the secrets that a person gives
        anew. Problems: task.gone, task.foreign, session.foreign, again.copy"""


class Keys(Protocol):
    """Passphrases that let a session be attached from another computer. Blocking."""

    def unlock(self, session: SessionId, passphrase: str, cancel: Cancel) -> None:
        """Problems: ssh.wrong_passphrase, keyring.*, server.*"""

    def trust_host(self, session: SessionId, fingerprint: str) -> None:
        """A person confirms the host key that ``ssh.unknown_host`` names (its ``cause``). Problems: file.unwritable"""

    def set_passphrase(self, session: SessionId, passphrase: str, cancel: Cancel) -> None:
        """Problems: ssh.short_passphrase, ssh.no_key, ssh.passphrase, server.*"""


class Handovers(Protocol):
    """What of the person's own goes to a session. Blocking. Problems: open.not_ready, ssh.lost, git.*, agent.none"""

    def view(self, session: SessionId, cancel: Cancel) -> Handover: ...

    def give(self, session: SessionId, kind: HandoverKind, cancel: Cancel) -> Handover:
        """The person agrees, knowing the machine that ``view`` named."""

    def withhold(self, session: SessionId, kind: HandoverKind, cancel: Cancel) -> Handover: ...


class Core(Protocol):
    """The whole product without a face."""

    @property
    def jobs(self) -> Jobs:
        """Quick."""

    @property
    def store(self) -> Store:
        """Quick."""

    files: Files  # quick to get; its methods block
    transfers: Transfers  # quick

    @property
    def doctor(self) -> DoctorService:
        """Quick. Why a session can't be used."""

    @property
    def ports(self) -> PortService:
        """Quick. What listens in a session, and forwards."""

    @property
    def aliases(self) -> Aliases:
        """Quick."""

    @property
    def handovers(self) -> Handovers:
        """Quick. What of the person's own goes to a session."""

    @property
    def cleanup(self) -> Cleaner:
        """Quick. Finished sessions that may be deleted."""

    @property
    def history(self) -> SessionHistory:
        """Quick. Sessions that have ended, and launching them again."""

    @property
    def passwords(self) -> Passwords:
        """Quick; ``of`` blocks."""

    @property
    def keys(self) -> Keys:
        """Quick. Keys of sessions of other computers."""

    @property
    def open_in(self) -> OpenInService:
        """Quick. Programs of this computer that a session can be opened in."""

    # -- life cycle
    def start(self) -> None:
        """Quick: begin polling every known account; sessions of earlier runs appear by themselves."""

    def close(self, deadline: float = 3.0) -> None:
        """Detach, stop threads, release locks. Never stops a remote session. Bounded by ``deadline`` seconds."""

    def glance(self) -> None:
        """Quick: a person looks now; what was not looked up just now is asked for."""

    def on_notice(self, callback: Callable[[Notice], None]) -> Callable[[], None]:
        """Quick. Transitions that a person waits for; called on a worker thread. Returns unsubscribe."""

    # -- accounts
    def accounts(self) -> tuple[Account, ...]:
        """Quick."""

    def account_problem(self, account: str) -> Problem | None:
        """Quick: why this account's server can't be used right now, if it can't."""

    def use_sandbox(self, cancel: Cancel) -> Account:
        """Start (or adopt) the sandbox and make it an account. Takes seconds on the first run."""

    def add_account(self, api_url: str, access_key: str, secret: str, cancel: Cancel) -> Account:
        """Verify by a login, keep the secret in the keyring, begin polling."""

    @property
    def profiles(self) -> LaunchProfiles:
        """Quick. Named launches."""

    @property
    def credentials(self) -> CredentialImport:
        """Quick. Accounts from keys that people have."""

    @property
    def routes(self) -> Routes:
        """Quick."""

    def remove_account(self, account: str, cancel: Cancel) -> None: ...

    # -- launching
    def queues(self, account: str, cancel: Cancel) -> tuple[Queue, ...]: ...

    def last_spec(self, account: str) -> LaunchSpec:
        """Quick: the remembered launch (the defaults at first)."""

    def launch(self, account: str, spec: LaunchSpec, cancel: Cancel, *, profile: str = "") -> SessionId:
        """Create and enqueue; the session appears in the store and is attached by itself once it is READY."""

    def move_to_queue(self, session: SessionId, queue: str, cancel: Cancel) -> None: ...

    def stop(self, session: SessionId, cancel: Cancel) -> None:
        """Shut down a running session or cancel a waiting one."""

    def end_anyway(self, session: SessionId, cancel: Cancel) -> None:
        """End its task on the server, whatever its agent and machine do. Problems: task.gone, task.foreign, server.*"""

    def forget(self, session: SessionId) -> None:
        """Quick: take an ended session off the list and its key out of the keyring."""

    # -- the connection
    def attach(self, session: SessionId, cancel: Cancel) -> None:
        """Take the tunnel (from another process of ours if it agrees) and start connecting; returns before it is UP."""

    def detach(self, session: SessionId, cancel: Cancel) -> None:
        """Close our half, wherever on this computer it lives."""

    def reconnect(self, session: SessionId) -> None:
        """Quick: redial now."""

    def login_page(self, session: SessionId, app: str, cancel: Cancel) -> str:
        """A single-use http://127.0.0.1 address (30 s) that logs a browser in to the application."""

    def open_app(self, session: SessionId, app: str, cancel: Cancel) -> None:
        """The same, opened in the user's browser. Problems: open.*"""

    def open_terminal(self, session: SessionId, cancel: Cancel) -> None: ...

    def ssh_command(self, session: SessionId, cancel: Cancel) -> str:
        """A command line to copy that works while attached, with no prompt and no key file in clear."""

    def log(self, session: SessionId, since: int, cancel: Cancel) -> tuple[LogLine, ...]: ...

    def log_tail(self) -> Sequence[str]:
        """Quick: the app's own newest log lines, redacted."""
