"""One running session, and everything around it that can fail: ports, server, app, agent and machine."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.domain.sessions.snapshot import Status
from remote_bootstrap.contract.apps import JUPYTERLAB
from tests.e2e.failure_site import QUEUE, Site, answers, listening
from tests.e2e.main_job import LAUNCH_SECONDS
from tests.support.desktop_processes import Program
from tests.support.ssh_server import SshServer
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]

# Another program that wants JupyterLab's port, and gets it as soon as other tests of this machine let go of it.
TAKER = """
import signal, socket, sys, time
while True:
    try:
        taken = socket.create_server(("127.0.0.1", int(sys.argv[1])))
        break
    except OSError:
        time.sleep(0.02)
signal.pause()
"""
AGENT_LOST_SECONDS = 270.0  # the record must be 90 s old, and a connected session is looked at every 45 s
SHUTDOWN_SECONDS = 10.0


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site('Ünï "x" <b>&') as site:
        site.sign_in()
        yield site


@pytest.fixture(scope="module")
def taker(site: Site) -> Program:
    """JupyterLab's port is taken from now on."""
    program = site.rig.start([sys.executable, "-c", TAKER, str(JUPYTERLAB.local_port)])
    wait_until(lambda: listening(JUPYTERLAB.local_port), "the other program to listen")
    return program


@pytest.fixture
def connected(site: Site, taker: Program) -> Site:
    """A session is attached: the one that an earlier test left, or one of the test's own."""
    site.ensure_connected()
    port = site.local_ports()[JUPYTERLAB.key]
    wait_until(lambda: answers(port, "/api"), "JupyterLab", LAUNCH_SECONDS)
    return site


@pytest.mark.parity("N2")
def test_a_session_moves_to_a_queue_that_is_served_and_a_taken_port_is_told(site: Site, taker: Program) -> None:
    site.press("new-session")
    site.wait_words("queue-warning", "No agent serves this queue now")
    site.launch()
    site.wait_words("problem-banner", "No agent serves this queue")
    site.start_agent()
    wait_until(lambda: _served(site), "the agent to report", 30)
    site.press("action-other_queue")
    site.wait_words("queue-dialog", f"{QUEUE} — 1 agent free")
    site.press("queue-dialog-move")
    site.wait_status(Status.CONNECTED, seconds=LAUNCH_SECONDS)
    site.wait_gone("problem-banner")
    _port_was_taken(site)


def _served(site: Site) -> bool:
    workers = site.api("workers.get_all")["workers"]
    return any(queue.get("name") == QUEUE for worker in workers for queue in worker.get("queues", ()))


def _port_was_taken(site: Site) -> None:
    said = site.wait_words("notice-banner", "taken", f"Port {JUPYTERLAB.local_port}")
    holder = listening(JUPYTERLAB.local_port)
    assert holder is not None
    ports = site.local_ports()
    assert f"{holder.name()} (process {holder.pid})" in said
    assert ports[JUPYTERLAB.key] != JUPYTERLAB.local_port and f"is at port {ports[JUPYTERLAB.key]} instead" in said
    wait_until(lambda: answers(ports[JUPYTERLAB.key], "/api"), "JupyterLab", LAUNCH_SECONDS)


def test_a_server_that_goes_away_leaves_the_connection_alone(connected: Site) -> None:
    """Frozen first (it takes calls and never answers), then killed, then back. The agent is killed besides."""
    site = connected
    assert site.server is not None and site.agent is not None
    site.agent.kill()
    ports = site.local_ports()
    site.freeze_server()
    # while everything is connected the server is asked every 45 s, and a frozen one is given time to answer
    site.wait_words("account-banner", "The ClearML server can't be reached", seconds=120)
    assert site.status() == Status.CONNECTED.value
    assert answers(ports[JUPYTERLAB.key], "/api")
    assert site.open_from_tray(JUPYTERLAB.label).startswith("http://127.0.0.1:")
    site.server.kill()
    site.press("action-detach")
    site.wait_status(Status.OFFLINE, seconds=30)
    site.start_server()
    site.wait_status(Status.READY, seconds=60)
    site.wait_gone("account-banner")
    site.attach()
    assert site.local_ports() == ports


def test_an_app_that_was_killed_while_attached_attaches_again(connected: Site, taker: Program) -> None:
    site = connected
    assert site.program is not None
    ports = site.local_ports()
    site.program.kill()
    taker.kill()  # the documented port is free again, and the session keeps the one it has
    site.start_app()
    site.wait_status(Status.CONNECTED, seconds=60)
    assert site.local_ports() == ports
    wait_until(lambda: answers(ports[JUPYTERLAB.key], "/api"), "JupyterLab", LAUNCH_SECONDS)


@pytest.mark.parity("S2")
def test_a_machine_with_another_host_key_is_refused(connected: Site, tmp_path: Path) -> None:
    """Another SSH server at the published address: no login is tried there, and the sentence says what to think."""
    site = connected
    port = int(site.widget("fact-machine").text.rsplit(" ", 1)[-1])
    site.press("action-detach")
    site.wait_status(Status.READY)
    sshd = listening(port)
    assert sshd is not None
    runner = sshd.parent()
    assert runner is not None
    runner.suspend()  # or it would start its server again at once
    try:
        sshd.kill()
        impostor = SshServer(tmp_path, port=port, extra=("ListenAddress 0.0.0.0", "LogLevel VERBOSE"))
        wait_until(lambda: listening(port) is None, "the session's SSH server to end")
        impostor.start()
        try:
            site.press("action-attach")
            site.wait_status(Status.NEEDS_YOU, seconds=60)
            said = site.wait_words("problem-banner", "The machine is not the one that the session published")
            assert "SessionDock did not connect" in said and said.count("SHA256:") == 2
            seen = (tmp_path / "sshd.log").read_text()
            assert "Connection from" in seen and "authenticating" not in seen and "publickey" not in seen
        finally:
            impostor.kill()
    finally:
        runner.resume()
    wait_until(lambda: listening(port), "the session's own SSH server", 30)
    site.press("action-reconnect")
    site.wait_status(Status.CONNECTED, seconds=60)


@pytest.mark.timeout(600)
def test_a_killed_agent_is_told_and_shut_down_works_without_it(connected: Site) -> None:
    site = connected
    assert site.agent is not None
    site.agent.kill()  # unless an earlier test did
    said = site.wait_words("notice-banner", "The session's agent is lost", seconds=AGENT_LOST_SECONDS)
    assert "Shut down still ends it" in said
    assert site.status() == Status.CONNECTED.value
    assert site.run_cell("print(6 * 7)") == "42"
    site.shut_down()
    assert site.seconds["shutdown_s"] <= SHUTDOWN_SECONDS
    site.wait_status(Status.ENDED)
    site.press("action-forget")
    site.task = ""
