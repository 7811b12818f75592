"""However a session ends, nothing of it is left: no shell, no kernel, no daemonised job."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from remote_bootstrap import contract
from remote_bootstrap.process import processes
from remote_bootstrap.task import watcher
from tests.support.bootstrap_main import REAL_LOOKS
from tests.support.bootstrap_rig import SSH_ONLY, BootstrapRig, Control, bootstrap_rig, run_command
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def rig() -> Iterator[BootstrapRig]:
    with bootstrap_rig() as rig:
        yield rig


def start_stubborn_job(client, rig: BootstrapRig) -> int:
    """A job that leaves its session, ignores hangups and SIGTERM, and forgets its environment."""
    script = rig.work / "job.sh"
    script.write_text("trap '' TERM HUP\necho $$ > job.pid\nwhile :; do sleep 1; done\n")
    run_command(client, "env -i PATH=/usr/bin:/bin setsid sh job.sh </dev/null >/dev/null 2>&1 &")
    pid_file = rig.work / "job.pid"
    return int(wait_until(lambda: pid_file.is_file() and pid_file.read_text().strip(), "the job"))


def open_shell(client):
    shell = client.invoke_shell()
    shell.settimeout(10)
    shell.sendall(b"echo shell=$((40+2)); sleep 1000\n")
    received = b""
    while b"shell=42" not in received:
        received += shell.recv(4096)
    return shell


@pytest.mark.parametrize("how", ["worker", "guardian", "terminate", "abort", "stopped", "shutdown"])
def test_nothing_is_left(rig: BootstrapRig, how: str) -> None:
    rig.start(**SSH_ONLY)
    with rig.ssh() as client:
        job = start_stubborn_job(client, rig)
        open_shell(client)
        assert processes.alive(job)
        end(rig, how, client)
        rig.wait_nothing_left()
        wait_until(lambda: not processes.alive(job), "the end of the daemonised job", 2)


def end(rig: BootstrapRig, how: str, client) -> None:
    assert rig.process is not None
    if how == "worker":
        os.kill(rig.worker(), signal.SIGKILL)
    elif how == "guardian":
        rig.process.kill()
    elif how == "terminate":
        rig.process.terminate()
    elif how == "abort":
        rig.server.set_status("in_progress", "stopping")
    elif how == "stopped":
        rig.server.set_status("stopped", "Stopped by somebody")
    else:
        assert Control(client).ask(contract.OP_SHUTDOWN).ok


def test_an_abort_marks_the_task_as_stopped_even_without_an_agent(rig: BootstrapRig) -> None:
    rig.start(**SSH_ONLY)
    rig.wait_ready()
    rig.server.set_status("in_progress", "stopping")
    rig.wait_nothing_left()
    assert rig.process is not None
    assert rig.process.wait(5) == 0
    assert rig.server.status().status == "stopped"
    report = rig.report()
    assert report is not None
    assert report.phase == contract.ENDED


def test_a_session_that_had_ended_does_not_come_back_to_life(rig: BootstrapRig) -> None:
    """An agent found an entry that was left in the queue: nothing is published, and the task is stopped."""
    rig.server.set_facts(over=True)
    rig.start(**SSH_ONLY)
    assert rig.process is not None
    assert rig.process.wait(60) == 0
    assert rig.server.status().status == "stopped"
    assert rig.record() is None
    assert "enqueue it again" in rig.said()
    rig.wait_nothing_left()


@pytest.mark.parity("S6")
def test_keys_and_tokens_are_removed_at_the_end(rig: BootstrapRig) -> None:
    rig.start(**SSH_ONLY)
    rig.wait_ready()
    assert (rig.session / "ssh" / "host_key").is_file()
    rig.process.terminate()
    rig.wait_nothing_left()
    assert [entry.name for entry in rig.session.iterdir()] == ["logs"]


@pytest.mark.parity("S6")
def test_the_agents_kill_of_the_whole_tree_leaves_neither_processes_nor_keys(rig: BootstrapRig) -> None:
    """What clearml-agent does: SIGKILL to every descendant it can see, then to the task's process."""
    rig.start(**SSH_ONLY)
    with rig.ssh() as client:
        start_stubborn_job(client, rig)
        for pid in processes.descendants(rig.process.pid):
            os.kill(pid, signal.SIGKILL)
        rig.process.kill()
        rig.wait_nothing_left()
    assert [entry.name for entry in rig.session.iterdir()] == ["logs"]


def test_the_session_survives_an_outage_of_the_server(rig: BootstrapRig) -> None:
    rig.start(**SSH_ONLY)
    rig.wait_ready()
    rig.server.set_down(True)
    wait_until(lambda: "does not answer; the session goes on" in rig.said(), "the outage to be noticed")
    with rig.ssh() as client:
        assert run_command(client, "echo alive") == (0, "alive\n", "")
    rig.server.set_down(False)
    wait_until(lambda: "answers again" in rig.said(), "the server's return to be noticed")
    rig.server.set_status("in_progress", "stopping")
    rig.wait_nothing_left()


@pytest.mark.parametrize(("attached", "seconds"), [(False, 20.0), (True, 10.0)])
def test_an_abort_is_noticed_in_time_at_the_pace_that_people_get(
    rig: BootstrapRig, attached: bool, seconds: float
) -> None:
    rig.start({REAL_LOOKS: "1"}, **SSH_ONLY)
    rig.wait_ready()
    with rig.ssh() as client:
        if attached:
            assert Control(client).ask(contract.OP_SUBSCRIBE).ok
        rig.server.set_status("in_progress", "stopping")
        wait_until(lambda: f"ending: {watcher.ABORTED}" in rig.said(), "the abort to be noticed", seconds)
    rig.wait_nothing_left()


def test_a_killed_sshd_comes_back_and_its_logins_stay(rig: BootstrapRig) -> None:
    rig.start(**SSH_ONLY)
    rig.wait_ready()
    with rig.ssh() as client:
        listener = next(pid for pid, command in rig.left().items() if "listener" in command)
        os.kill(listener, signal.SIGKILL)
        wait_until(lambda: rig.said().count("ssh: answers on port") == 2, "the new sshd")
        assert run_command(client, "echo still here") == (0, "still here\n", "")
    with rig.ssh() as client:
        assert run_command(client, "echo again") == (0, "again\n", "")
    rig.wait_app("ssh")


@pytest.mark.parity("H2")
def test_a_session_without_a_key_fails_with_the_reason(rig: BootstrapRig) -> None:
    rig.start(**{contract.PARAM_AUTHORIZED_KEY: ""})
    assert rig.process is not None
    assert rig.process.wait(15) == 1
    assert "no usable public key" in rig.said()


@pytest.mark.parity("S3")
def test_the_users_home_is_not_changed(rig: BootstrapRig, private_home: Path) -> None:
    before = sorted(private_home.rglob("*"))
    rig.start({"HOME": str(private_home)})
    rig.wait_ready()
    with rig.ssh() as client:
        run_command(client, "true")
    rig.process.terminate()
    rig.wait_nothing_left()
    assert sorted(private_home.rglob("*")) == before
