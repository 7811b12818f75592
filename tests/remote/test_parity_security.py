"""What clearml-session does to a machine and its keys, and a session of ours does not."""

import hashlib
import http.client
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.adapters.ssh.keys import published_by_clearml_session
from remote_bootstrap.session.host_key import HostKey
from tests.support.bootstrap_rig import SSH_ONLY, BootstrapRig, bootstrap_rig, run_command

pytestmark = [pytest.mark.slow]
# What clearml-session rewrites where the agent runs as root.
MACHINE = (
    "/etc/ssh",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/update-motd.d",
    "/etc/profile.d",
    "/root/.ssh",
    "/root/.bashrc",
)


@pytest.fixture
def rig() -> Iterator[BootstrapRig]:
    with bootstrap_rig() as rig:
        yield rig


@pytest.mark.parity("S1")
def test_every_session_makes_its_own_host_key(tmp_path: Path) -> None:
    keys = []
    for name in ("one", "two"):
        key = HostKey(tmp_path / name, lambda: "no-python")
        key.make()
        keys.append(key.public)
        assert key.path.stat().st_mode & 0o077 == 0
    assert keys[0] != keys[1]
    assert not any(published_by_clearml_session(key) for key in keys)


def machine() -> dict[str, str]:
    """Path -> digest of everything that must stay as it is, and the names in the folders of PATH."""
    found: dict[str, str] = {}
    for root in map(Path, MACHINE):
        if not os.access(root, os.R_OK):  # nor can a session of the same user change what lies there
            continue
        for path in [root, *root.rglob("*")] if root.is_dir() else [root]:
            if path.is_file() and os.access(path, os.R_OK):
                found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    for folder in map(Path, os.environ["PATH"].split(os.pathsep)):
        if folder.is_dir():
            found[str(folder)] = " ".join(sorted(entry.name for entry in folder.iterdir()))
    return found


@pytest.mark.parity("S3")
def test_the_machine_of_a_root_agent_is_as_before(rig: BootstrapRig) -> None:
    before = machine()
    rig.start(**SSH_ONLY)
    rig.wait_ready()
    with rig.ssh() as client:
        assert run_command(client, "true")[0] == 0
    assert machine() == before
    rig.process.terminate()
    rig.wait_nothing_left()
    assert machine() == before


@pytest.mark.parity("S7")
def test_code_server_shows_nothing_without_its_password(rig: BootstrapRig) -> None:
    rig.start(jupyterlab="False")
    port = rig.wait_app("vscode").port
    for path in ("/", "/?folder=/etc", "/healthz/../", "/vscode-remote-resource?path=/etc/passwd"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", path)
        answer = connection.getresponse()
        page = answer.read()
        connection.close()
        assert answer.status in (302, 401, 403, 404), path
        assert b"workbench" not in page and b"root:" not in page
