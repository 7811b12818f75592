"""OwnSsh: lets the user's own ``ssh`` into attached sessions, over the agent of ``ssh_agent``. Any thread."""

import threading
from collections.abc import Sequence
from pathlib import Path

from desktop_app.adapters.ssh_agent import SshAgent, ssh_command_line, write_client_files
from desktop_app.adapters.ssh_keys import public_line
from desktop_app.domain.problems import failure
from desktop_app.domain.session import SessionId
from desktop_app.ports import Target


class OwnSsh:
    """Implements ``services.outside.SshAccess``: one agent for all sessions that this process holds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._agent = SshAgent(folder)
        self._lock = threading.Lock()
        self._lent: set[str] = set()

    def command(self, session: str, target: Target, local_port: int) -> Sequence[str]:
        """The argv of an ssh that asks nothing and accepts this session's host key only. Problems: ssh.agent"""
        public = public_line(target.private_key)
        with self._lock:
            self._agent.start()
            self._agent.add(session, target.private_key)
            self._lent.add(session)
        name = SessionId.parse(session).task
        try:
            files = write_client_files(self._folder, name, self._agent.socket_path, public, target.record.host_key)
        except OSError as error:
            raise failure("ssh.agent", why=f"{self._folder} can't be written: {error.strerror}.") from None
        return ssh_command_line(local_port, target.record.user, files)

    def revoke(self, session: str) -> None:
        """Take the key back; the agent ends with the last one."""
        with self._lock:
            self._lent.discard(session)
            self._agent.remove(session)
            if not self._lent:
                self._agent.close()
        name = SessionId.parse(session).task
        for ending in (".pub", ".known_hosts"):
            (self._folder / f"{name}{ending}").unlink(missing_ok=True)
