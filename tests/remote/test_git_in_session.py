"""Git in a session of a real bootstrap, against a private repository over https: the delivered login serves terminals
and notebooks, the machine's own configuration stays as it is, and nothing is left at the end.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from remote_bootstrap import contract
from remote_bootstrap.contract.apps import VSCODE
from remote_bootstrap.machine import git
from tests.remote.test_applications import run_cell, secret_status
from tests.support.bootstrap_rig import AGENT_SECRET, BootstrapRig, Control, bootstrap_rig, run_command
from tests.support.git_server import PASSWORD, USER, GitServer, git_server

pytestmark = [pytest.mark.slow, pytest.mark.leaves_threads("Thread-")]
MACHINE_CONFIG = """\
[user]
    name = the machine
    email = machine@example.com
[alias]
    mine = status
[credential]
    helper = store
"""
LOGIN = {"protocol": "https", "host": "", "username": USER, "password": PASSWORD, "path": ""}
SETTINGS = {"user.name": "Ada Lovelace", "user.email": "ada@example.com", "core.sshcommand": "touch /tmp/never"}
KEY = {"access_key": "ADA", "secret_key": 'ada\'s "secret"'}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with git_server(tmp_path_factory.mktemp("git")) as server:
        yield server


@pytest.fixture(scope="module")
def rig(server: GitServer) -> Iterator[BootstrapRig]:
    """A session to which the desktop has delivered login, settings and key."""
    with bootstrap_rig() as rig:
        (rig.login_home / ".gitconfig").write_text(MACHINE_CONFIG)
        (rig.login_home / "clearml.conf").write_text(
            f'api.credentials {{access_key: "agent", secret_key: "{AGENT_SECRET}"}}\nsdk.aws.s3.region: "eu"\n'
        )
        rig.start({"GIT_SSL_CAINFO": str(server.cafile), "GIT_TERMINAL_PROMPT": "0"}, **{VSCODE.key: "False"})
        rig.wait_ready()
        with rig.ssh() as client:
            assert run_command(client, f"git clone {server.url} too-early")[0] == 128
            control = Control(client)
            logins = {"logins": [{**LOGIN, "host": server.host}], "settings": SETTINGS}
            assert deliver(control, contract.OP_GIT_DELIVER, logins).result == {"logins": 1}
            assert deliver(control, contract.OP_CLEARML_DELIVER, KEY).ok
        yield rig


def deliver(control: Control, op: str, args: dict) -> contract.Reply:
    control.send(contract.Request(1, op, args).dumps())
    return control.next()


@pytest.fixture
def client(rig: BootstrapRig) -> Iterator[paramiko.SSHClient]:
    with rig.ssh() as client:
        yield client


@pytest.mark.parity("--git-credentials", "U7")
def test_clone_fetch_and_push_over_https(server: GitServer, client: paramiko.SSHClient) -> None:
    command = f"git clone -q {server.url} work && cd work && echo x > file && git add file && git commit -q -m second"
    assert run_command(client, command) == (0, "", "")
    assert run_command(client, "cd work && git push -q origin HEAD:main && git fetch")[0] == 0
    assert server.log().startswith("second by Ada Lovelace <ada@example.com>\n")


@pytest.mark.parity("--git-credentials")
def test_a_notebook_gets_in_too(rig: BootstrapRig, server: GitServer) -> None:
    argv = ["git", "ls-remote", "--heads", server.url]
    code = f"import subprocess; print(subprocess.run({argv}, stdout=subprocess.DEVNULL).returncode)"
    assert run_cell(secret_status(rig), code)[1].strip() == "0"


@pytest.mark.parity("--git-credentials", "U7")
def test_the_machines_configuration_is_read_and_never_written(rig: BootstrapRig, client: paramiko.SSHClient) -> None:
    assert run_command(client, "git config alias.mine")[1] == "status\n"
    assert run_command(client, "git config core.sshcommand")[1] == ""  # it could run anything
    assert run_command(client, "git config --global user.name Changed && git config user.name")[1] == "Changed\n"
    assert run_command(client, "git config --global --unset user.name && git config user.name")[1] == "Ada Lovelace\n"
    assert (rig.login_home / ".gitconfig").read_text() == MACHINE_CONFIG
    assert not (rig.login_home / ".git-credentials").exists()  # the machine's own helper would have kept the password


@pytest.mark.parity("--git-credentials", "S6")
def test_the_password_is_nowhere_on_the_disk_and_not_in_task_or_log(rig: BootstrapRig) -> None:
    for folder in (rig.session, rig.login_home, rig.server_folder):
        holding = [path for path in folder.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
        assert holding == []
    assert PASSWORD not in rig.said()
    assert KEY["secret_key"] not in rig.said()
    assert "git logins arrived for 1 hosts" in rig.said()


def test_another_host_gets_no_login(rig: BootstrapRig, client: paramiko.SSHClient) -> None:
    helper = rig.session / "home" / "bin" / git.HELPER
    asked = "printf 'protocol=https\\nhost=elsewhere.example\\n\\n'"
    assert run_command(client, f"{asked} | '{helper}' get") == (0, "", "")
    assert run_command(client, f"{asked} | '{helper}' store") == (0, "", "")


def test_an_unusable_delivery_is_refused_and_changes_nothing(client: paramiko.SSHClient, server: GitServer) -> None:
    control = Control(client)
    for bad in ({**LOGIN, "host": "a\nb"}, {**LOGIN, "password": ""}, "text", {**LOGIN, "path": 3}):
        answer = deliver(control, contract.OP_GIT_DELIVER, {"logins": [bad], "settings": {}})
        assert not answer.ok
        assert PASSWORD not in answer.error
    assert run_command(client, f"git ls-remote {server.url}")[0] == 0


@pytest.mark.parity("user-credentials")
@pytest.mark.parity("S6")
def test_the_clearml_key_is_the_users_and_only_they_can_read_it(rig: BootstrapRig, client: paramiko.SSHClient) -> None:
    script = (
        "import os, json; from clearml.config import config_obj as c; "
        "print(json.dumps([c.get('api.credentials.access_key'), c.get('api.credentials.secret_key'), "
        "c.get('sdk.aws.s3.region'), oct(os.stat(os.environ['CLEARML_CONFIG_FILE']).st_mode)]))"
    )
    told = json.loads(run_command(client, f"{sys.executable} -c {json.dumps(script)}")[1])
    assert told == ["ADA", KEY["secret_key"], "eu", "0o100600"]


def test_an_older_git_is_led_to_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """git before 2.32 knows no GIT_CONFIG_GLOBAL; the way that ``git -c`` uses works with all of them."""
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho git version 2.25.1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(old.parent), prepend=os.pathsep)
    home = tmp_path / "it's home"
    home.mkdir()
    (home / "git-settings").write_text(git.settings_text({"user.name": 'A "B" \\ C'}, None))
    found = git.variables(home)
    assert list(found) == ["GIT_CONFIG_PARAMETERS"]
    monkeypatch.delenv("PATH")
    done = subprocess.run(["/usr/bin/git", "config", "user.name"], env=found, capture_output=True, text=True, cwd="/")
    assert done.stdout == 'A "B" \\ C\n'


@pytest.mark.parity("--git-credentials", "S6")
def test_nothing_is_left_at_the_end(server: GitServer) -> None:
    with bootstrap_rig() as rig:
        rig.start(jupyterlab="False", vscode="False")
        rig.wait_ready()
        with rig.ssh() as client:
            assert deliver(Control(client), contract.OP_CLEARML_DELIVER, KEY).ok
        conf = rig.session / "home" / "clearml.conf"
        assert KEY["access_key"] in conf.read_text()
        rig.server.set_status("stopped")
        rig.wait_nothing_left()
        assert [path.name for path in rig.session.iterdir()] == ["logs"]
