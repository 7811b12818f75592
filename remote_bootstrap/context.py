"""What an application gets to know about its session. Frozen; shared by all threads."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Optional

from remote_bootstrap.commands import child_environment
from remote_bootstrap.environments import Environments
from remote_bootstrap.processes import APP_VARIABLE, SESSION_VARIABLE
from remote_bootstrap.settings import Settings


@dataclass(frozen=True)
class Context:
    task: str
    folder: Path  # the session's own, mode 0700
    cache: Path
    settings: Settings
    environments: Environments
    address: str  # where the desktop finds this machine

    @property
    def home(self) -> Path:
        """The session's own dotfiles; the user's are read and never written."""
        return self.folder / "home"

    @property
    def control_socket(self) -> Path:
        return self.folder / "control.sock"

    def app_marker(self, key: str) -> str:
        return "%s:%s" % (self.task, key)

    def environment(self, key: str = "", extra: Optional[Dict[str, str]] = None) -> Dict[str, str]:
        """What an application, a kernel or a shell of this session starts with: the task's environment without what
        belongs to the agent, the task's virtual environment active, and the marks by which leftovers are found."""
        wanted = child_environment()
        wanted.pop("PYTHONPATH", None)  # the agent's, for the task's own script
        wanted[SESSION_VARIABLE] = self.task
        if key:
            wanted[APP_VARIABLE] = self.app_marker(key)
        if sys.prefix != sys.base_prefix:
            wanted["VIRTUAL_ENV"] = sys.prefix
            wanted["PATH"] = os.pathsep.join([str(Path(sys.prefix) / "bin"), wanted.get("PATH", os.defpath)])
        wanted.update(extra or {})
        return wanted
