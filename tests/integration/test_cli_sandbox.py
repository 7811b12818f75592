"""The command line for real: sandbox, agent, bootstrap, keyring, sshd and JupyterLab, with no window and no display."""

import json
import shlex
import signal
import subprocess
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.e2e.evidence import CommandLines, files_containing, readable_by_others, session_processes
from tests.support.real_terminal import COMMAND, RealTerminal
from tests.support.sign_in import jupyter_through
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

NAME = 'Ada\'s "first" session, ünï 会话'


@pytest.mark.parity("--queue", "--session-name")
def test_a_session_from_launch_to_shutdown(terminal: RealTerminal) -> None:
    with CommandLines() as lines:
        # -- launch: this process holds the tunnel
        launch = terminal.stay("launch", "--account", "sandbox", "--session-name", NAME, "--no-vscode-server")
        ready = terminal.event(launch, "ready")
        task, ports = ready["id"], {app: a["local_port"] for app, a in ready["applications"].items()}
        assert (
            ready["name"] == NAME and ready["link"] == "up" and ready["applications"]["jupyterlab"]["state"] == "ready"
        )

        # -- other commands see it and use it
        row = terminal.json("list")["sessions"][0]
        assert (row["name"], row["status"], row["held_by"]) == (NAME, "Connected", launch.pid)
        client, token = jupyter_through(terminal.json("open", task[:8], "--print")["url"])
        with closing(client):
            kernel = client.get(f"http://127.0.0.1:{ports['jupyterlab']}/api/status")
            assert kernel.status_code == 200
        assert httpx.get(f"http://127.0.0.1:{ports['jupyterlab']}/api/status", trust_env=False).status_code == 403

        # -- the person's own ssh, without prompt and without a key file
        command = terminal.json("info", task)["ssh_command"]
        said = subprocess.run(
            [*shlex.split(command), "-o", "BatchMode=yes", "echo", "from the session"],
            env=terminal.rig.env, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        assert said.stdout == "from the session\n", said.stderr

        # -- and by its name, for every program that uses ssh
        terminal.run("ssh-config", "install")
        alias = terminal.json("list")["sessions"][0]["ssh_alias"]
        assert alias == "sd-ada-s-first-session-uni"
        ssh = ["ssh", "-F", terminal.rig.env["SESSIONDOCK_SSH_CONFIG"], "-o", "BatchMode=yes", alias]
        assert terminal.rig.run([*ssh, "echo", "by name"]).stdout == "by name\n"

        # -- killed while attached: the next attach cleans up and has the same ports
        launch.kill()
        attach = terminal.stay("attach", task)
        again = terminal.event(attach, "ready")
        assert {app: a["local_port"] for app, a in again["applications"].items()} == ports
        held = terminal.json("attach", NAME)
        assert (held["event"], held["pid"]) == ("held", attach.pid)

        # -- Ctrl-C disconnects, and the session goes on
        attach.process.send_signal(signal.SIGINT)
        assert attach.wait_exit(15) == 130
        assert "goes on running" in attach.output()
        assert terminal.json("info", task)["status"] == "Ready"
        assert session_processes(task)
        refused = terminal.rig.run([*ssh, "true"])
        assert refused.returncode == 255 and f"sessiondock attach {task[:8]}" in refused.stderr

        # -- shut down: nothing is left
        log = terminal.run("log", task)
        assert "SessionDock host key: SHA256:" in log
        assert terminal.json("shutdown", task)["done"] == "ended"
        wait_until(lambda: not session_processes(task), "the session's processes to end", 15)
        assert terminal.json("list")["sessions"] == []
        assert terminal.json("ssh-config", "status")["aliases"] == []
        terminal.run("ssh-config", "remove")

    # -- no secret anywhere but in the keyring
    kept = terminal.secrets()
    assert {name.split("/")[0] for name in kept} == {"api-secret", "client-key"}
    secrets = [token, kept["api-secret/sandbox"], *_key_lines(kept[f"client-key/sandbox/{task}"])]
    assert lines.containing(secrets) == []
    assert [secret for secret in secrets if secret in log] == []
    home = terminal.rig.home
    keyrings, agent = home / ".local/share/keyrings", home / ".local/share/sessiondock/sandbox/agent-home"
    assert files_containing(home, secrets, skip=[keyrings, agent]) == []
    for folder in (".config/sessiondock", ".local/state/sessiondock"):
        assert [path for path in readable_by_others(home / folder) if not path.endswith(".lock")] == []


def _key_lines(key: str) -> list[str]:
    lines = [line for line in key.splitlines() if not line.startswith("-----")]
    return lines[1:-1]  # the first line of every key is the same; the last may be short


def test_a_failed_set_up_shows_its_lines(terminal: RealTerminal) -> None:
    terminal.run("sandbox", "start")
    done = terminal.rig.run(
        [*COMMAND, "launch", "--account", "sandbox", "--json", "--packages", "no-such-package-of-sessiondock==99"], 180
    )
    assert done.returncode == 1
    problem = json.loads(done.stdout.splitlines()[-1])["error"]
    assert problem["code"] == "task.failed"
    assert "no-such-package-of-sessiondock" in problem["detail"]


def test_without_a_keyring_nothing_is_launched(terminal: RealTerminal, tmp_path: Path) -> None:
    del terminal.rig.env["DBUS_SESSION_BUS_ADDRESS"]
    problem = terminal.json("launch", "--account", "sandbox", code=1)["error"]
    assert problem["code"] == "keyring.absent"
    assert terminal.json("list")["sessions"] == []
