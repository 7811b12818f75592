"""The command line for real: sandbox, agent, bootstrap, keyring, sshd and JupyterLab, with no window and no display."""

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.evidence import CommandLines, files_containing, readable_by_others, session_processes
from tests.support.desktop_private import PrivateDesktop, RigOptions
from tests.support.desktop_processes import Program
from tests.support.waiting import wait_until

pytestmark = pytest.mark.e2e

COMMAND = (sys.executable, "-m", "desktop_app")
NAME = 'Ada\'s "first" session, ünï 会话'
START_S = 240.0
ALL_SECRETS = (
    "import secretstorage, json; bus = secretstorage.dbus_init();"
    "print(json.dumps({i.get_attributes()['username']: i.get_secret().decode()"
    " for i in secretstorage.get_default_collection(bus).get_all_items()}))"
)


class Terminal:
    """A person at a terminal without a display; every program belongs to the rig."""

    def __init__(self, rig: PrivateDesktop) -> None:
        self.rig = rig
        del rig.env["DISPLAY"]

    def run(self, *arguments: str, code: int = 0, seconds: float = 120.0) -> str:
        done = self.rig.run([*COMMAND, *arguments], seconds)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code))

    def stay(self, *arguments: str) -> Program:
        return self.rig.start([*COMMAND, *arguments, "--json"])

    def event(self, program: Program, name: str, seconds: float = START_S) -> dict[str, Any]:
        """The first event of that name that a staying command tells."""

        def told() -> dict[str, Any] | None:
            lines = [line for line in program.output().splitlines() if line.startswith('{"')]
            assert program.running or any(name in line for line in lines), program.output()
            return next((e for e in map(json.loads, lines) if e.get("event") == name), None)

        return wait_until(told, f"the event {name}", seconds, poll=0.1)

    def secrets(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.rig.run([sys.executable, "-c", ALL_SECRETS]).stdout)
        return found


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with PrivateDesktop(RigOptions(tray=False)) as rig:
        made = Terminal(rig)
        try:
            yield made
        finally:
            made.run("sandbox", "stop")


def jupyter_through(page: str) -> tuple[httpx.Client, str]:
    """A browser that follows the login page: a signed-in client, and the token that it was given."""
    client = httpx.Client(trust_env=False, follow_redirects=True, timeout=20)
    html = client.get(page).text
    action, token = re.findall(r'action="([^"]+)"', html)[0], re.findall(r'value="([^"]+)"', html)[0]
    answer = client.get(action, params={"token": token})
    assert answer.status_code == 200 and "JupyterLab" in answer.text
    return client, token


@pytest.mark.parity("--queue", "--session-name")
def test_a_session_from_launch_to_shutdown(terminal: Terminal) -> None:
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


def test_a_failed_set_up_shows_its_lines(terminal: Terminal) -> None:
    terminal.run("sandbox", "start")
    done = terminal.rig.run(
        [*COMMAND, "launch", "--account", "sandbox", "--json", "--packages", "no-such-package-of-sessiondock==99"], 180
    )
    assert done.returncode == 1
    problem = json.loads(done.stdout.splitlines()[-1])["error"]
    assert problem["code"] == "task.failed"
    assert "no-such-package-of-sessiondock" in problem["detail"]


def test_without_a_keyring_nothing_is_launched(terminal: Terminal, tmp_path: Path) -> None:
    del terminal.rig.env["DBUS_SESSION_BUS_ADDRESS"]
    problem = terminal.json("launch", "--account", "sandbox", code=1)["error"]
    assert problem["code"] == "keyring.absent"
    assert terminal.json("list")["sessions"] == []
