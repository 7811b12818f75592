"""The user's own computer: its sandbox, programs, ssh configuration, credentials and small files."""

import os
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Protocol

from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.access.open_in import Opener
from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.access.ssh_config_text import Place
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.launch.chosen_text import MOST_BYTES
from desktop_app.domain.problems import Problem


class SystemEvent(Enum):
    """What happens to this computer and concerns every connection."""

    WOKE = "the computer woke"
    NETWORK = "its network changed"


class TextFiles(Protocol):
    """Small text files that the user chooses; a ``~`` at the beginning is the home folder. Any thread but the window's:
    a disk may sleep or be far away."""

    def read(self, path: str | os.PathLike[str], most: int = MOST_BYTES) -> str:
        """Return the text of a file of at most ``most`` bytes, with plain line feeds. Raises UnreadableText."""

    def exists(self, path: str | os.PathLike[str]) -> bool:
        """True if anything has that name, a link that leads nowhere included."""

    def write(self, path: Path, text: str, *, make_folder: bool = False) -> Path:
        """Replace the file, readable by its owner only, and return where it is. Problems: file.unwritable"""


class CredentialSource(Protocol):
    """ClearML credentials that are on this computer already. Reads files, changes none; thread-safe."""

    def found(self) -> tuple[tuple[Credentials, ...], tuple[Problem, ...]]:
        """Return the credentials that could sign in, the SDK's choice first, and what kept files from being read."""

    def environment(self) -> Credentials:
        """Return those of the environment's variables. Problems: credentials.none"""

    def read(self, path: Path) -> Credentials:
        """Return those of a file. Problems: credentials.unreadable, credentials.none"""

    def text(self, text: str, source: str) -> Credentials:
        """Return those of a copied text; without ``found`` where it holds none."""


class Sandbox(Protocol):
    """The sandbox of this computer. Problems: sandbox.failed"""

    def ensure(self, access_key: str, secret: str, cancel: Cancel) -> tuple[Account, str]:
        """Start or adopt it; its account and API secret. Takes seconds on the first run.

        ``access_key`` and ``secret`` are those of an earlier call ("" at first); they come back while they are good.
        """

    def address(self) -> str:
        """Return the address of its API server, "" while it does not run. Takes milliseconds."""

    def stop(self) -> bool:
        """End it with everything that runs on it; False when it did not run. Takes seconds."""

    def hold(self) -> None:
        """Keep it alive while this process lives. Quick, idempotent."""

    def release(self) -> None:
        """Let it end by itself once no session needs it. Quick."""


class Programs(Protocol):
    """Programs of this computer. Small local files; thread-safe."""

    def find(self, opener: Opener) -> str:
        """Return where it is, "" when it isn't installed."""

    def start(self, program: str, arguments: Sequence[str]) -> bool:
        """Start it; True if that worked. Takes seconds at most."""

    def terminals(self) -> tuple[str, ...]:
        """Return the terminal programs that the user may choose from, this desktop's first."""


class SshConfigFiles(Protocol):
    """Our ssh config file and the user's. Thread-safe; small local files."""

    @property
    def user(self) -> Path:
        """Return the path of the user's own file."""

    @property
    def line(self) -> str:
        """Return what makes the user's ssh read ours."""

    def publish(self, aliases: Callable[[], Sequence[Alias]]) -> None:
        """Write our file; ``aliases`` is asked while no other process writes. Problems: file.unwritable"""

    def entries(self) -> frozenset[str]:
        """Return the aliases that our file has right now."""

    def place(self) -> Place:
        """Return where the user's file includes ours. Problems: ssh.config_unwritable"""

    def host_names(self) -> frozenset[str]:
        """Return the names that the user gave to hosts: not ours to take."""

    def install(self) -> bool:
        """Include ours in the user's; False when it is. Problems: ssh.config_unwritable, ssh.config_text"""

    def remove(self) -> bool:
        """Take that out again; False when it is not there. Problems: ssh.config_unwritable"""


class Waiting(Protocol):
    """Waits for news of a session, perhaps for lines that the user types as well."""

    def poke(self) -> None:
        """End a wait, or the next one; from any thread."""

    def wait(self, seconds: float) -> None:
        """Return after a poke, one that came before included, or after ``seconds``."""

    def close(self) -> None:
        """Give the terminal back as it was. Idempotent."""
