"""``Files`` over a real session of the bootstrap: the product's services, its sshd, and fakes for the rest."""

from dataclasses import replace

from desktop_app.adapters.ssh.transfer.files import SshFiles
from desktop_app.domain.sessions.snapshot import Remote, ServerFacts, SessionId
from desktop_app.services.files.access import Files
from remote_bootstrap.contract import Record
from tests.fakes.outside import ACCOUNT, World
from tests.support.bootstrap_rig import BootstrapRig


def files_of(rig: BootstrapRig) -> tuple[Files, SessionId]:
    """Transfers with the session of ``rig``, which must be ready."""
    return files_with(rig.wait_record(), rig.private_key)


def files_with(record: Record, private_key: str) -> tuple[Files, SessionId]:
    """The same from what another process knows of the session."""
    world = World()
    session = SessionId(ACCOUNT.id, record.task)
    world.server().add_session(ServerFacts(Remote.READY, "a session", record=record), task=record.task)
    world.secrets.entries[f"client-key/{session.text}"] = private_key
    world.memory.trust.save_host_key(session.text, record.host_key)
    outside = replace(world.outside(), new_files=SshFiles)
    server = lambda account, _cancel: world.server(account)  # noqa: E731
    return Files(outside, server, lambda _session: None, lambda _session: False, lambda *_: None), session
