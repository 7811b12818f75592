"""What a session of a real bootstrap gives to its shells, kernels and terminals: the init script's environment, the
session's own commands, the greeting. One session for all tests that only look.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from remote_bootstrap import contract
from remote_bootstrap.contract.apps import JUPYTERLAB, VSCODE
from remote_bootstrap.process import processes
from tests.remote.test_applications import run_cell, secret_status
from tests.support.bootstrap_rig import BootstrapRig, bootstrap_rig, run_command
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.leaves_threads("Thread-")]
INIT = """
set -e
export FROM_INIT='two words, "quotes" and $signs'
LINES_OF_TEXT='first
second'; export LINES_OF_TEXT
export PATH="$PATH:/opt/from init/bin"
unset GIVEN_BY_THE_MACHINE
private_to_the_script=yes
echo "the init script speaks"
sleep 3000 &   # a service that goes on
cd /
"""
EXPECTED = 'two words, "quotes" and $signs|first\nsecond||'
SHOW = 'printf "%s|%s|%s|%s" "$FROM_INIT" "$LINES_OF_TEXT" "$GIVEN_BY_THE_MACHINE" "$private_to_the_script"'
SSH_ONLY = {JUPYTERLAB.key: "False", VSCODE.key: "False"}


@pytest.fixture(scope="module")
def rig() -> Iterator[BootstrapRig]:
    with bootstrap_rig() as rig:
        rig.server.set_facts(name="protein\x1b[2J folding", image="python:3.12")
        environment = {"GIVEN_BY_THE_MACHINE": "yes", "SHELL": "/bin/bash"}
        rig.start(environment, **{contract.PARAM_INIT_SCRIPT: INIT.replace("\n", "\r\n")})
        rig.wait_ready()
        yield rig


@pytest.fixture
def client(rig: BootstrapRig) -> Iterator[paramiko.SSHClient]:
    with rig.ssh() as client:
        yield client


def terminal(client: paramiko.SSHClient, *lines: str) -> str:
    """What an interactive login prints, from its greeting to its end."""
    shell = client.invoke_shell(width=200)
    shell.settimeout(20)
    shell.sendall("".join(line + "\n" for line in (*lines, "exit")).encode())
    received = b""
    while chunk := shell.recv(4096):
        received += chunk
    return received.decode("utf-8", "replace").replace("\r\n", "\n")


# The init script


@pytest.mark.parity("--init-script")
def test_a_login_has_what_the_init_script_exported(client: paramiko.SSHClient) -> None:
    assert run_command(client, SHOW)[1] == EXPECTED
    assert run_command(client, 'case ":$PATH:" in *":/opt/from init/bin:"*) echo found;; esac')[1] == "found\n"


@pytest.mark.parity("--init-script")
def test_an_interactive_login_has_it_too(client: paramiko.SSHClient) -> None:
    assert EXPECTED in terminal(client, "PS1=", SHOW)


@pytest.mark.parity("--init-script")
def test_a_kernel_has_it_too(rig: BootstrapRig) -> None:
    names = ("FROM_INIT", "LINES_OF_TEXT", "GIVEN_BY_THE_MACHINE", "private_to_the_script")
    code = f"import os; print('|'.join(os.environ.get(name, '') for name in {names}), end='')"
    assert run_cell(secret_status(rig), code)[1] == EXPECTED


@pytest.mark.parity("--init-script")
def test_vs_code_has_it_too(rig: BootstrapRig) -> None:
    """Its terminals, extensions and git inherit the environment of its server."""
    marker = processes.marked(processes.APP_VARIABLE, f"{rig.task}:{VSCODE.key}")
    found = [Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") for pid in marker]
    assert found
    for variables in found:
        assert b"LINES_OF_TEXT=first\nsecond" in variables
        assert f"GIT_CONFIG_GLOBAL={rig.session}/home/gitconfig".encode() in variables


@pytest.mark.parity("--init-script")
def test_its_output_is_in_the_tasks_log_and_its_services_go_on(rig: BootstrapRig) -> None:
    assert "\nthe init script speaks\n" in rig.said()
    assert "sleep 3000" in rig.left().values()
    assert rig.said().index("SSH answers on") < rig.said().index("Running the init script")
    assert rig.said().index("The init script took") < rig.said().index("starting JupyterLab")
    report = rig.report()
    assert report is not None
    assert contract.INIT_SCRIPT in report.seconds
    assert report.notices == []


@pytest.mark.parity("remote-environment")
def test_what_is_started_inside_inherits_image_and_init_script(client: paramiko.SSHClient) -> None:
    assert run_command(client, "echo $CLEARML_DOCKER_IMAGE")[1] == "python:3.12\n"
    assert run_command(client, 'printf %s "$CLEARML_DOCKER_BASH_SCRIPT"')[1] == INIT.strip()


# Its commands and its greeting


@pytest.mark.parity("clearml-sync-workspace")
@pytest.mark.parity("S8")
def test_the_commands_are_on_the_path_and_only_this_user_can_change_them(
    rig: BootstrapRig, client: paramiko.SSHClient
) -> None:
    for command in ("shutdown", "clearml-sync-workspace"):
        found = run_command(client, f"command -v {command}")[1].strip()
        assert found == str(rig.session / "home" / "bin" / command)
        for path in (Path(found), *Path(found).parents[:2]):
            state = path.stat()
            assert stat.S_IMODE(state.st_mode) == 0o700
            assert state.st_uid == os.getuid()


@pytest.mark.parametrize("arguments", ["-c", "-r now", "+5", "--help"])
def test_shutdown_does_nothing_that_it_does_not_understand(client: paramiko.SSHClient, arguments: str) -> None:
    code, _output, problems = run_command(client, f"shutdown {arguments}")
    assert code == 2
    assert "usage: shutdown" in problems


@pytest.mark.parity("banner")
def test_an_interactive_login_is_greeted(rig: BootstrapRig, client: paramiko.SSHClient) -> None:
    greeting = terminal(client)
    assert "SessionDock session “protein [2J folding”" in greeting  # no control characters of a stranger
    assert f"Your files: {rig.work}" in greeting
    assert "shutdown " in greeting


@pytest.mark.parity("banner")
def test_commands_and_file_transfers_are_not_greeted(client: paramiko.SSHClient) -> None:
    assert run_command(client, "echo only this") == (0, "only this\n", "")
    channel = client.get_transport().open_session()
    channel.settimeout(20)
    channel.get_pty()
    channel.exec_command("echo only this")
    assert channel.makefile("rb").read() == b"only this\r\n"
    with client.open_sftp() as files:
        assert files.listdir(".") is not None  # SFTP breaks at the first byte that is not its own


# Failures, and the end: sessions of their own


@pytest.mark.parity("--init-script")
def test_a_failing_init_script_is_told_and_the_session_goes_on() -> None:
    with bootstrap_rig() as rig:
        script = "export EARLY=yes\nset -e\nfalse\nexport LATE=yes"
        rig.start(**{contract.PARAM_INIT_SCRIPT: script}, **SSH_ONLY)
        report = rig.wait_ready()
        assert report.notices == ["The init script ended with exit code 1; the session goes on without the rest of it."]
        with rig.ssh() as client:
            assert run_command(client, "echo $EARLY-$LATE")[1] == "yes-\n"


@pytest.mark.parity("--init-script", "shutdown")
def test_an_init_script_that_hangs_is_ended_and_shutdown_ends_the_session() -> None:
    with bootstrap_rig() as rig:
        script = "export EARLY=yes\ntrap '' TERM\nsleep 3001"
        rig.start(**{contract.PARAM_INIT_SCRIPT: script, contract.PARAM_INIT_MINUTES: "0.02"}, **SSH_ONLY)
        report = rig.wait_ready()
        assert report.notices == ["The init script was ended after its limit of 0.02 minutes; the session goes on."]
        assert "sleep 3001" not in rig.left().values()
        with rig.ssh() as client:
            run_command(client, "shutdown")  # its answer races with the end of the connection
        assert rig.process is not None
        assert rig.process.wait(20) == 0
        rig.wait_nothing_left()
        assert rig.server.status().status == "stopped"


@pytest.mark.parity("--init-script")
def test_a_session_ends_while_its_init_script_runs() -> None:
    with bootstrap_rig() as rig:
        rig.start(**{contract.PARAM_INIT_SCRIPT: "sleep 3002"}, **SSH_ONLY)
        rig.wait_record()
        wait_until(lambda: "sleep 3002" in rig.left().values(), "the script", 30)
        rig.server.set_status("stopped")
        rig.wait_nothing_left()
