"""The user's own computer in memory: its sandbox, programs, ssh configuration, credentials, sleep. Any thread."""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.computer import CredentialSource, Programs, Sandbox, SshConfigFiles, SystemEvent, TextFiles
from desktop_app.boundary.connection import SshAccess, Target
from desktop_app.domain.access.open_in import Opener
from desktop_app.domain.access.ssh_alias import Alias
from desktop_app.domain.access.ssh_config_text import Place
from desktop_app.domain.accounts.account import SANDBOX_ID, SANDBOX_LABEL, Account
from desktop_app.domain.accounts.credentials import Credentials, from_text
from desktop_app.domain.launch.chosen_text import MOST_BYTES, UnreadableText
from desktop_app.domain.problems import AppError, Problem, failure


class FakeSandbox(Sandbox):
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


class FakeCredentials(CredentialSource):
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


class FakeSshAccess(SshAccess):
    """Remembers which sessions the user's own ssh could enter."""

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


class FakeSshConfig(SshConfigFiles):
    """Our ssh config file as the aliases in it, the user's as a place. ``failing`` is raised by install and remove."""

    def __init__(self) -> None:
        self.published: tuple[Alias, ...] = ()
        self.hosts: frozenset[str] = frozenset()
        self.included = Place.ABSENT
        self.failing: Problem | None = None

    @property
    def user(self) -> Path:
        return Path("/home/ada/.ssh/config")

    @property
    def line(self) -> str:
        return 'Include "/home/ada/.config/sessiondock/ssh_config"'

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
class FakePrograms(Programs):
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


class FakeTextFiles(TextFiles):
    """Text files in memory, for a program that may touch none of the user's."""

    def __init__(self) -> None:
        self.texts: dict[Path, str] = {}

    def read(self, path: str | os.PathLike[str], most: int = MOST_BYTES) -> str:
        if Path(path) not in self.texts:
            raise UnreadableText("no such file or directory")
        return self.texts[Path(path)][:most]

    def exists(self, path: str | os.PathLike[str]) -> bool:
        return Path(path) in self.texts

    def write(self, path: Path, text: str, *, make_folder: bool = False) -> Path:
        self.texts[path] = text
        return path
