"""The sandbox's folder: where everything lies. Stateless; any thread.

The folder and everything that holds a secret is for its owner only; that is the sandbox's root of trust (see
docs/decisions/0003-sandbox-trust.md).
"""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from desktop_app.private_files import write_private


@dataclass(frozen=True)
class Home:
    """Paths below one sandbox home."""

    root: Path

    @property
    def state(self) -> Path:
        """Return the file that the running sandbox writes, and removes when it begins to end."""
        return self.root / "sandbox.json"

    @property
    def settings(self) -> Path:
        """Return the file with ports and agent options of the last start."""
        return self.root / "settings.json"

    @property
    def start_lock(self) -> Path:
        """Return the lock that a client holds while it starts or adopts the sandbox, and the sandbox while it decides
        to end."""
        return self.root / "start.lock"

    @property
    def run_lock(self) -> Path:
        """Return the lock that the sandbox process holds for all its life."""
        return self.root / "run.lock"

    @property
    def admin_token(self) -> Path:
        return self.root / "admin.token"

    @property
    def signing_key(self) -> Path:
        return self.root / "signing.key"

    @property
    def agent_credential(self) -> Path:
        return self.root / "agent-credential.json"

    @property
    def database(self) -> Path:
        return self.root / "server.sqlite"

    @property
    def files(self) -> Path:
        return self.root / "files"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def leases(self) -> Path:
        return self.root / "leases"

    @property
    def agent_home(self) -> Path:
        """Return the home folder of sessions: what a user sees in the file browsers, so nothing of ours lies in it."""
        return self.root / "agent-home"

    @property
    def agent_work(self) -> Path:
        """Return the folder with the agent's configuration, environments and caches."""
        return self.root / "agent"

    @property
    def agent_state(self) -> Path:
        """Return the file that says which process the agent is; a sandbox that was killed may have left it behind."""
        return self.root / "agent.json"

    @property
    def agent_venv(self) -> Path:
        """Return where the sandbox installs an agent of its own when there is none beside it."""
        return self.root / "agent-venv"

    @property
    def tmp(self) -> Path:
        return self.root / "tmp"

    def make(self) -> None:
        """Create the folders, for their owner only."""
        for folder in (self.root, self.files, self.logs, self.leases, self.agent_home, self.agent_work, self.tmp):
            private_folder(folder)


def private_folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)


def private_secret(path: Path) -> str:
    """Return the random text (64 hex digits) in that file, made at first use."""
    if not path.exists():
        write_private(path, secrets.token_hex(32))
    return path.read_text("utf-8").strip()


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in that file; empty when there is none or it is damaged."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True)
class State:
    """What a running sandbox says about itself in ``Home.state``. ``created`` tells its process from a later one."""

    pid: int
    created: float
    api_url: str
    files_url: str
    worker: str

    def write(self, home: Home) -> None:
        write_private(home.state, json.dumps(asdict(self)))


def created_at(pid: int) -> float | None:
    """Return when that process started (seconds since the epoch), or None when there is no such process."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def read_state(home: Home) -> State | None:
    """Return the state of the sandbox whose process is alive, else None."""
    raw = read_json(home.state)
    try:
        state = State(int(raw["pid"]), float(raw["created"]), raw["api_url"], raw["files_url"], raw["worker"])
    except (KeyError, TypeError, ValueError):
        return None
    created = created_at(state.pid)
    return state if created is not None and abs(created - state.created) < 1 else None
