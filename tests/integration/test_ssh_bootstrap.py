"""The two halves for real: our tunnel, agent and record check against each SSH server that the bootstrap can start."""

import hashlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from desktop_app.adapters.ssh.client.own import OwnSsh
from desktop_app.adapters.ssh.keys import verify_record
from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Target
from desktop_app.domain.problems import AppError
from remote_bootstrap import contract
from tests.support.bootstrap_rig import BootstrapRig
from tests.support.ssh_peers import MEGABYTE, Application, digest, download, noise, receive_all
from tests.support.ssh_server import make_key
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow]


@pytest.fixture
def tunnel(rig: BootstrapRig) -> Iterator[SshTunnel]:
    made = SshTunnel("halves")
    made.connect(Target(rig.wait_record(), rig.private_key), Cancel(20))
    yield made
    made.close()


def test_the_record_of_a_real_session_is_believed(rig: BootstrapRig, tmp_path: Path) -> None:
    record = rig.wait_record()
    (announced,) = contract.fingerprints_in_log(rig.said().splitlines())
    verify_record(record, rig.task, record.host_key, announced)
    with pytest.raises(AppError):
        verify_record(record, rig.task, make_key(tmp_path / "other"), announced)


def test_reports_come_with_the_subscription_and_a_probe_comes_back(rig: BootstrapRig) -> None:
    reports: list[contract.Report] = []
    arrived = threading.Event()
    tunnel = SshTunnel("reports")

    def note(report: contract.Report) -> None:
        reports.append(report)
        arrived.set()

    tunnel.on_report(note)
    tunnel.connect(Target(rig.wait_record(), rig.private_key), Cancel(20))
    assert arrived.wait(5)
    assert reports[0].phase == contract.READY
    assert 0 < tunnel.control.probe(Cancel(5)) < 5
    tunnel.close()


@pytest.mark.parity("S2")
def test_another_host_key_is_refused(rig: BootstrapRig, tmp_path: Path) -> None:
    record = contract.Record.loads(rig.wait_record().dumps())
    fields = {**vars(record), "host_key": make_key(tmp_path / "other")}
    tunnel = SshTunnel("wrong")
    with pytest.raises(AppError) as caught:
        tunnel.connect(Target(contract.Record(**fields), rig.private_key), Cancel(20))
    tunnel.close()
    assert caught.value.problem.code == "ssh.host_key"


def test_many_downloads_and_an_upload_are_exact(tunnel: SshTunnel) -> None:
    loading, taking = Application(download), Application(digest)
    down, up = tunnel.forwards.bind({"down": 0, "up": 0})
    tunnel.forwards.set_app_ports({"down": loading.port, "up": taking.port})

    def ask(seed: int) -> bool:
        with socket.create_connection(("127.0.0.1", down.port), 30) as client:
            client.sendall(b"%d %d\n" % (seed, MEGABYTE))
            return receive_all(client) == noise(seed, MEGABYTE)

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(ask, range(40)))
    data = noise(99, 20 * MEGABYTE)
    with socket.create_connection(("127.0.0.1", up.port), 30) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        assert receive_all(client).decode() == hashlib.sha256(data).hexdigest()
    for application in (loading, taking):
        application.close()


@pytest.mark.parity("H5")
def test_the_users_own_ssh_logs_in(rig: BootstrapRig, tunnel: SshTunnel, private_home: Path) -> None:
    record = rig.wait_record()
    own = OwnSsh(private_home / "files", private_home / "run" / "agent")
    (bound,) = tunnel.forwards.bind({"ssh": 0})
    tunnel.forwards.set_app_ports({"ssh": record.port})
    session = f"account/{rig.task}"
    command = [*own.command(session, Target(record, rig.private_key), bound.port), "echo logged in"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, env=os.environ)
    own.revoke(session)
    assert "logged in" in done.stdout
    assert done.returncode == 0


def test_a_shutdown_request_ends_the_connection(rig: BootstrapRig) -> None:
    """Last: it ends the module's session."""
    lost = threading.Event()
    tunnel = SshTunnel("last")
    tunnel.on_lost(lost.set)
    tunnel.connect(Target(rig.wait_record(), rig.private_key), Cancel(20))
    try:
        tunnel.control.request(contract.OP_SHUTDOWN, {}, Cancel(5))
    except AppError as error:  # the end may overtake the answer
        assert error.problem.code == "ssh.lost"
    assert lost.wait(15)
    tunnel.close()
    wait_until(lambda: not rig.left(), "the session's processes to end", 15)
