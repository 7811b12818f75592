"""A real session (bootstrap_rig) attached by the real tunnel, agent and config files of a core; its server is a fake.

``attached_core(rig, home)``: what ssh, scp, rsync, git and editors on this computer then find. Test thread.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from desktop_app.adapters.files.memory import MemoryFiles
from desktop_app.adapters.peers.ownership import Ownership
from desktop_app.adapters.ssh.client.config import SshConfig
from desktop_app.adapters.ssh.client.own import OwnSsh
from desktop_app.adapters.ssh.keys import verify_record
from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside, Pace
from desktop_app.compose import build_core, own_command
from desktop_app.domain.accounts.secrets import CLIENT_KEY
from desktop_app.domain.sessions.snapshot import Link, SessionId
from desktop_app.paths import default_paths
from desktop_app.services.core import Core
from tests.fakes.outside import ACCOUNT, World
from tests.support.bootstrap_rig import BootstrapRig
from tests.support.ssh_home import SshHome
from tests.support.waiting import wait_until


class AliasRig:
    """One core over the session of a ``BootstrapRig``, with the places of ``home``'s user."""

    def __init__(self, rig: BootstrapRig, home: SshHome, name: str = "Protein folding") -> None:
        self.rig = rig
        self.home = home
        self.paths = default_paths()
        self.session = SessionId(ACCOUNT.id, rig.task)
        self.world = World(pace=Pace())
        server = self.world.server()
        made = server.create_running(name, rig.report())
        server.rows[rig.task] = server.rows.pop(made)
        server.publish(rig.task, rig.wait_record(), rig.report())
        server.write_log(rig.task, *rig.said().splitlines())
        self.world.secrets.set(CLIENT_KEY, self.session.text, rig.private_key)
        self.memory = MemoryFiles(self.paths.config, self.paths.state)
        self.memory.accounts.save(ACCOUNT)
        self.core = self._core()

    def _core(self) -> Core:
        build_core(self.paths, secrets=self.world.secrets).close()  # makes the folders
        return Core(self.outside(), "window")

    def outside(self) -> Outside:
        """The real thing but for the ClearML server, the keyring and the desktop."""
        own = OwnSsh(self.paths.config / "ssh", self.paths.runtime)
        proxy = (*own_command(), "ssh-proxy")
        return replace(
            self.world.outside(),
            new_tunnel=SshTunnel,
            memory=self.memory,
            verify_record=verify_record,
            hold_names=partial(Ownership, self.paths.runtime),
            ssh_access=own,
            ssh_config=SshConfig(self.paths.config, self.home.config, own.client_files, proxy),
        )

    @property
    def alias(self) -> str:
        found = self.core.aliases.of(self.session)
        assert found is not None
        return found.name

    def attach(self) -> None:
        """Returns once the alias leads to the session."""
        self.core.connections.attach(self.session, Cancel(20))
        wait_until(self._is_up, "the tunnel", 30)
        wait_until(self._answers, "the session's agent and its alias", 30)

    def _is_up(self) -> bool:
        snapshot = self.core.store.get(self.session)
        return snapshot is not None and snapshot.link is Link.UP

    def _answers(self) -> bool:
        alias = self.core.aliases.of(self.session)
        if alias is None:
            return False
        found = self.home.run("ssh", "-F", str(self.paths.config / "ssh_config"), "-G", alias.name).stdout
        return "\nport " in found and "ssh-proxy" not in found

    def detach(self) -> None:
        self.core.connections.detach(self.session)


@contextmanager
def attached_core(rig: BootstrapRig, home: SshHome) -> Iterator[AliasRig]:
    """The user's ssh has been told of the sessions."""
    made = AliasRig(rig, home)
    try:
        made.attach()
        made.core.aliases.install()
        yield made
    finally:
        made.core.close()
