"""What an application gets to know about its session. Frozen; shared by all threads."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Optional

from remote_bootstrap.environment.environments import Environments
from remote_bootstrap.machine.folders import socket_folder
from remote_bootstrap.machine.git import GitLogins
from remote_bootstrap.process.commands import child_environment
from remote_bootstrap.process.processes import APP_VARIABLE, SESSION_VARIABLE
from remote_bootstrap.session.changes import EnvironmentChanges
from remote_bootstrap.task.settings import Settings
from remote_bootstrap.types import Log

HOME = "home"  # in the session's folder


@dataclass(frozen=True)
class Context:
    task: str
    folder: Path  # the session's own, mode 0700
    cache: Path
    settings: Settings
    environments: Environments
    address: str  # where the desktop finds this machine
    changes: EnvironmentChanges = field(default_factory=EnvironmentChanges)
    git: GitLogins = field(default_factory=GitLogins, repr=False)
    notice: Log = field(default=lambda _text: None, repr=False)  # tells the user who launched the session

    @property
    def home(self) -> Path:
        """Return the session's own dotfiles; the user's are read and never written."""
        return self.folder / HOME

    @property
    def programs(self) -> Path:
        """Return the commands that the session brings along, first on every PATH of the session."""
        return self.home / "bin"

    @property
    def control_socket(self) -> Path:
        return self.folder / "control.sock"

    @property
    def agent_socket(self) -> Path:
        """Return the socket that leads to the user's own SSH agent while one is forwarded; see agent_link. Its name is
        short: OpenSSH's programs cut a socket's off after 107 bytes, which a session's folder alone may take."""
        return (socket_folder(self.task) or self.folder) / "agent.sock"

    def app_marker(self, key: str) -> str:
        return "%s:%s" % (self.task, key)

    def environment(self, key: str = "", extra: Optional[Dict[str, str]] = None) -> Dict[str, str]:
        """Return what an application, a kernel or a shell of this session starts with: the task's environment without
        what belongs to the agent, the task's virtual environment active, what the session and its init script changed,
        and the marks by which leftovers are found."""
        environment = child_environment()
        environment.pop("PYTHONPATH", None)  # the agent's, for the task's own script
        if sys.prefix != sys.base_prefix:
            environment["VIRTUAL_ENV"] = sys.prefix
            _put_first(environment, str(Path(sys.prefix) / "bin"))
        _put_first(environment, str(self.programs))
        self.changes.apply(environment)
        if str(self.programs) not in environment.get("PATH", "").split(os.pathsep):
            _put_first(environment, str(self.programs))  # an init script may set PATH anew
        environment[SESSION_VARIABLE] = self.task
        environment.pop(APP_VARIABLE, None)
        if key:
            environment[APP_VARIABLE] = self.app_marker(key)
        environment.update(extra or {})
        return environment


def _put_first(environment: Dict[str, str], folder: str) -> None:
    environment["PATH"] = os.pathsep.join([folder, environment.get("PATH", os.defpath)])
