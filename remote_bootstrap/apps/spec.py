"""What a module of an application must hold."""

from pathlib import Path
from typing import Protocol

from remote_bootstrap.contract.apps import AppSpec
from remote_bootstrap.environment.environments import Environments
from remote_bootstrap.session.context import Context
from remote_bootstrap.session.supervise import Application
from remote_bootstrap.types import Log


class Module(Protocol):
    """One file of this folder: its application's data, and the two ways into the work."""

    @property
    def SPEC(self) -> AppSpec:
        """Return its row of contract/apps.py."""

    def application(self, context: Context) -> Application:
        """Return what a session runs; its ``install`` and ``launch`` do the work."""

    def preinstall(self, cache: Path, environments: Environments, log: Log) -> str:
        """Fill the cache before any session needs it; returns what was installed. Raises InstallError."""
