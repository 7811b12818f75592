"""The asyncssh server, installed by pip into the cache: for ordinary users where sshd is missing or can't work.

Called from the SSH service's thread.
"""

import json
import sys
from pathlib import Path

from remote_bootstrap import contract
from remote_bootstrap.environment.install_cache import build_once, key_of, machine, python_tag
from remote_bootstrap.machine.folders import write_private
from remote_bootstrap.servers.openssh import Subsystems
from remote_bootstrap.session.context import Context
from remote_bootstrap.session.supervise import Launch
from remote_bootstrap.types import Log

MAIN = str(Path(__file__).parent.parent / "servers" / "asyncssh_main.py")
NEWEST, FOR_OLD_PYTHON = "2.24.1", "2.21.1"  # 2.22 and later want Python 3.10 (Requires-Python)


def requirement() -> str:
    return "asyncssh==" + (NEWEST if sys.version_info >= (3, 10) else FOR_OLD_PYTHON)


def python(context: Context, log: Log) -> Path:
    """Return the Python of the asyncssh environment, made if need be. Raises InstallError."""

    def build(folder: Path) -> None:
        log("Installing %s" % requirement())
        context.environments.make(folder, [requirement()], "the SSH server asyncssh could not be installed")

    key = key_of(sys.version, machine(), requirement())
    folder = build_once(context.cache / ("asyncssh-%s-%s" % (python_tag(), key)), build, log)
    return folder / "bin" / "python"


class AsyncSsh:
    """Starts the asyncssh server."""

    def __init__(self, context: Context, user: str, subsystems: Subsystems, shell: Path, log: Log) -> None:
        self._context = context
        self._user = user
        self._subsystems = subsystems
        self._shell = shell
        self._python = python(context, log)

    def prepare(self) -> None:
        """Do nothing: it needs no folder and no user of the system."""

    def launch(self, host: str, port: int) -> Launch:
        folder = self._context.folder / "ssh"
        settings = {
            "host": host,
            "port": port,
            "user": self._user,
            "host_key": str(folder / "host_key"),
            "authorized_keys": str(folder / "authorized_keys"),
            "shell": str(self._shell),
            "subsystems": {
                contract.SUBSYSTEM: self._subsystems.relay,
                contract.AGENT_SUBSYSTEM: self._subsystems.agent,
            },
            "password_hash": self._context.settings.raw.get(contract.PARAM_PASSWORD_HASH, "").strip(),
            "folder": str(self._context.settings.user_folder),
        }
        config = write_private(folder / "asyncssh.json", json.dumps(settings))
        return Launch([str(self._python), "-I", MAIN, str(config)], self._context.environment(), folder)
