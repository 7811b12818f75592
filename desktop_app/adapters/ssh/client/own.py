"""Lets the user's own ``ssh`` into attached sessions, one agent per session. Any thread."""

import threading
from collections.abc import Sequence
from pathlib import Path

from desktop_app.adapters.ssh.agent.server import SshAgent, agent_address
from desktop_app.adapters.ssh.client.files import ClientFiles, client_files, ssh_command_line, write_client_files
from desktop_app.adapters.ssh.keys import public_line
from desktop_app.boundary.connection import SshAccess, Target
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import SessionId


class OwnSsh(SshAccess):
    """``files``: a folder of ours for public keys and known hosts; ``runtime``: one for the agents' sockets."""

    def __init__(self, files: Path, runtime: Path) -> None:
        self._files = files
        self._runtime = runtime
        self._lock = threading.Lock()
        self._agents: dict[str, SshAgent] = {}

    def lend(self, session: str, target: Target) -> None:
        """Serve the session's key at its own address and write what names it. Problems: ssh.agent, ssh.no_key"""
        public = public_line(target.private_key)
        files = self.client_files(session)
        with self._lock:
            agent = self._agents.get(session) or SshAgent(files.agent)
            agent.start()
            agent.keys.add(SessionId.parse(session).task, target.private_key)
            self._agents[session] = agent
        try:
            write_client_files(files, public, target.record.host_key)
        except OSError as error:
            raise failure("ssh.agent", why=f"{self._files} can't be written: {error.strerror}.") from None

    def client_files(self, session: str) -> ClientFiles:
        """Return where the files are that the user's ssh reads about this session."""
        return client_files(self._files, SessionId.parse(session).task, agent_address(self._runtime, session))

    def command(self, session: str, target: Target, local_port: int) -> Sequence[str]:
        """Return the argv of an ssh that asks nothing and accepts this session's host key only. Problems: ssh.agent"""
        self.lend(session, target)
        return ssh_command_line(local_port, target.record.user, self.client_files(session))

    def revoke(self, session: str) -> None:
        """Take the key back."""
        with self._lock:
            agent = self._agents.pop(session, None)
        if agent is not None:
            agent.close()
