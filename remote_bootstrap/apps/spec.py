"""What the desktop knows about an application, as data, and what a module of an application must hold. Python 3.8, any
operating system."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Protocol

from remote_bootstrap.context import Context
from remote_bootstrap.environments import Environments
from remote_bootstrap.store import Say
from remote_bootstrap.supervise import Application


@dataclass(frozen=True)
class Login:
    """How a browser gets in: an HTML form that the desktop's single-use page submits to the forwarded port.

    Field values may hold ``{secret}`` (the application's token or password) and ``{origin}`` (http://127.0.0.1:PORT).
    """

    method: str  # "get" or "post"
    path: str
    fields: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AppSpec:
    """One application of a session: everything the desktop shows or forwards is read from here."""

    key: str  # also the name of its launch option and of its hyper-parameter
    label: str
    icon: str  # file stem in assets/icons
    local_port: int  # preferred port on 127.0.0.1 of the user's computer
    opens: str  # "browser" or "terminal"
    login: Login = field(default_factory=lambda: Login("get", "/"))


class Module(Protocol):
    """One file of this folder: the data first, then the two ways into the work."""

    @property
    def SPEC(self) -> AppSpec:
        """Read by both halves."""

    def application(self, context: Context) -> Application:
        """What a session runs. Quick: the work is in its ``install`` and ``launch``."""

    def preinstall(self, cache: Path, environments: Environments, say: Say) -> str:
        """Fill the cache before any session needs it; returns what was installed. Raises InstallError."""
