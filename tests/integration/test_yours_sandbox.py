"""What of a person's own is in a session, for real: sandbox, agent, bootstrap, keyring and sshd, on the command line.

One session with an init script, packages, a folder, a name and password of its own, git logins and the ClearML key.
"""

import json
import shlex
import subprocess
from pathlib import Path

import paramiko
import pytest

from tests.e2e.evidence import files_containing
from tests.support.git_server import PASSWORD, USER, git_server
from tests.support.real_terminal import RealTerminal

pytestmark = pytest.mark.e2e

SSH_PASSWORD = "correct horse 'battery' staple"
INIT = "export GREETING='from the init script'\necho the init script runs\n"
EXPERIMENT = (
    "from clearml import Task; "
    "t = Task.init('yours', 'an experiment', auto_connect_frameworks=False, auto_resource_monitoring=False); "
    "print('ID', t.id); t.close()"
)


@pytest.mark.parity(
    "--init-script", "--packages", "--user-folder", "--username", "--password", "--git-credentials", "S6", "U7",
    "user-credentials", "remote-environment",
)  # fmt: skip
def test_a_session_of_ones_own(terminal: RealTerminal, tmp_path: Path) -> None:
    home = Path(terminal.rig.env["HOME"])
    (tmp_path / "init.sh").write_text(INIT)
    work = tmp_path / "the work"
    with git_server(tmp_path) as server:
        (home / ".git-credentials").write_text(f"https://{USER}:{PASSWORD.replace('/', '%2f')}@{server.host}\n")
        (home / ".gitconfig").write_text("[user]\n\tname = Ada Lovelace\n\temail = ada@example.com\n")
        flags = {
            "--init-script": tmp_path / "init.sh", "--packages": "six==1.16.0", "--user-folder": work,
            "--username": "ada", "--password": SSH_PASSWORD, "--docker": "python:3.12",
        }  # fmt: skip
        words = [str(word) for pair in flags.items() for word in pair]
        launch = terminal.stay(
            "launch", "--account", "sandbox", *words, "--jupyter-lab", "false", "--vscode-server", "false",
            "--git-credentials", "true",
        )  # fmt: skip
        ready = terminal.event(launch, "ready")
        task, port = ready["id"], ready["applications"]["ssh"]["local_port"]
        inside = [*shlex.split(terminal.json("info", task)["ssh_command"]), "-o", "BatchMode=yes"]

        def do(command: str, code: int = 0) -> str:
            done = subprocess.run(
                [*inside, command], env=terminal.rig.env, capture_output=True, text=True, timeout=120, check=False
            )
            assert done.returncode == code, done.stdout + done.stderr
            return done.stdout

        # the environment that was asked for
        assert do('echo "$GREETING"; pwd; python -c "import six; print(six.__version__)"').splitlines() == [
            "from the init script", str(work), "1.16.0",
        ]  # fmt: skip
        assert "the init script runs" in terminal.run("log", task)

        # a name and a password of one's own, for other programs
        with paramiko.Transport(("127.0.0.1", port)) as transport:
            transport.start_client(timeout=20)
            transport.auth_password("ada", SSH_PASSWORD)
            assert transport.is_authenticated()

        # git: nothing before the person agrees
        trust = f"export GIT_SSL_CAINFO={shlex.quote(str(server.cafile))} GIT_TERMINAL_PROMPT=0"
        clone = f"{trust}; git clone -q {server.url} w"
        do(clone, code=128)
        shown = terminal.json("give", task)
        assert shown["gifts"][0] == {"key": "git_credentials", "state": "waits for your consent", "detail": ""}
        assert "127.0.0.1" in shown["place"]
        terminal.run("give", task, "git", "clearml", "--yes")
        do(f"{clone}; cd w && git commit -q --allow-empty -m inside && git push -q origin HEAD:main")
        assert server.log().startswith("inside by Ada Lovelace <ada@example.com>")

        # an experiment that is started inside is the person's, with the session's image and init script
        told = do(f"cd w && python -c {shlex.quote(EXPERIMENT)}")
        experiment = told.split("ID ")[1].split()[0]
        mine, started = (terminal.api("tasks.get_by_id", task=one)["task"] for one in (task, experiment))
        assert started["user"] == mine["user"]
        assert started["container"]["image"] == "python:3.12"
        assert INIT.strip() in started["container"]["setup_shell_script"]

        # no secret in the task or the log, and none left at the end
        public = json.dumps(terminal.api("tasks.get_by_id", task=task)) + terminal.run("log", task)
        key = next(secret for name, secret in terminal.secrets().items() if name.startswith("api-secret/"))
        for secret in (PASSWORD, SSH_PASSWORD, key):
            assert secret not in public
        terminal.run("shutdown", task)
        sandbox = Path(terminal.rig.env["XDG_DATA_HOME"]) / "sessiondock"
        assert files_containing(sandbox, [PASSWORD, SSH_PASSWORD]) == []
