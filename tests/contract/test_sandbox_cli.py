"""The real, unmodified clearml-session command line 0.17.0 on the sandbox: launch, list, info, attach, shutdown.

Its task rewrites the machine it runs on, so the whole sandbox runs in a private mount namespace.
"""

import os
import re
import shlex
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.compose import build_core
from desktop_app.demo.secret_store import FakeSecretStore
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.sessions.snapshot import Link, SessionId, SessionSnapshot
from desktop_app.paths import Paths
from desktop_app.sandbox import launch
from desktop_app.sandbox.launch import SandboxInfo
from desktop_app.services.core import Core
from tests.support import isolated_agent
from tests.support.sandbox_cli import ClearmlSession
from tests.support.sandbox_server import RealApi
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

LAUNCH_SECONDS = 200.0
ATTACH_SECONDS = 60.0
LAUNCH = (
    "--yes", "--queue", "default", "--remote-gateway", "127.0.0.1", "--vscode-server", "false", "--jupyter-lab", "true",
)  # fmt: skip
WATCHED = (Path("/etc/ssh/sshd_config"), Path("/etc/profile"), Path("/etc/shadow"), Path("/etc/pam.d/sshd"))


def _watched() -> list[bytes]:
    """What an ordinary user can't read, their session can't change either."""
    return [path.read_bytes() for path in WATCHED if os.access(path, os.R_OK)]


@pytest.fixture
def info() -> Iterator[SandboxInfo]:
    with tempfile.TemporaryDirectory(prefix="sd-cli-") as folder:
        yield isolated_agent.start(Path(folder) / "home")
        launch.stop(Path(folder) / "home")


def _jupyter_answers(cli: ClearmlSession) -> bytes:
    url = cli.expect(r"Jupyter Lab URL: (http://localhost:\d+)/\?token=(\w+)", ATTACH_SECONDS)
    return _status(url[1], url[2])


def _status(origin: str, token: str) -> bytes:
    request = urllib.request.Request(f"{origin}/api/status", headers={"Authorization": f"token {token}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return bytes(answer.read())


def _sshd_of(info: SandboxInfo) -> list[psutil.Process]:
    everything = psutil.Process(info.pid).children(recursive=True)
    return [process for process in everything if process.name() == "sshd" and process.status() != psutil.STATUS_ZOMBIE]


def _listening(process: psutil.Process) -> set[str]:
    return {c.laddr.ip for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN}


@pytest.mark.parity("attach to clearml-session")
def test_clearml_session_launches_lists_attaches_and_shuts_down(info: SandboxInfo, private_home: Path) -> None:
    before = _watched()
    api = RealApi(info)
    with ClearmlSession(info, private_home, LAUNCH) as cli:
        task = cli.expect(r"New session created \[id=(\w{32})\]", 60)[1]
        cli.expect("Connection is up and running", LAUNCH_SECONDS)
        assert b"started" in _jupyter_answers(cli)
        assert {address for process in _sshd_of(info) for address in _listening(process)} == {"127.0.0.1"}

        with ClearmlSession(info, private_home, ["list"]) as listing:
            listing.expect(rf"id={task} name='Interactive Session' tags=\[\] project='DevOps'", 30)
            assert listing.end(20) == 0
        with ClearmlSession(info, private_home, ["info", "--id", task]) as details:
            details.expect(rf"status=in_progress\s+id={task}", 30)
            assert details.end(20) == 0

        cli.enter("quit")
        cli.end(30)
    assert api.status(task) == "in_progress"
    _we_attach(info, task, private_home)

    with ClearmlSession(info, private_home, ["--yes", "--attach", task]) as cli:
        cli.expect("Connection is up and running", ATTACH_SECONDS)
        assert b"started" in _jupyter_answers(cli)
        cli.enter("shutdown")
        cli.expect("Remote session shutdown", 30)
        cli.end(30)
    wait_until(lambda: api.status(task) == "stopped", "the session to stop", 20)
    wait_until(lambda: not _sshd_of(info), "its sshd to end", 20)
    assert _watched() == before

    _launches_again_and_is_shut_down_by_id(info, private_home, api, stale=task)
    assert _watched() == before


def _we_attach(info: SandboxInfo, task: str, home: Path) -> None:
    """SessionDock connects to that command line's session, says what is wrong with it, and opens its notebook."""
    paths = Paths(home / "config", home / "state", home / "run", home / "sandbox")
    core = build_core(paths, "cli", secrets=FakeSecretStore())
    try:
        account = core.credentials.use(Credentials(info.api_url, info.access_key, info.secret_key), Cancel(20))
        session = core.sessions.fetch(SessionId(account.id, task), Cancel(20)).id
        core.connections.attach(session, Cancel(20))
        now = wait_until(lambda: _up(core, session), "the tunnel", ATTACH_SECONDS)
        assert now.notice is not None and "anyone can download" in now.notice.detail
        assert now.facts.has_password and len(core.passwords.of(session)) == 64
        page = core.entrances.login_page(session, "jupyterlab", Cancel(20))
        with urllib.request.urlopen(page, timeout=20) as answer:
            form = answer.read().decode()
        local = re.search(r"http://127.0.0.1:\d+", form)
        token = re.search(r'value="(\w{20,})"', form)
        assert local is not None and token is not None, form
        assert b"started" in _status(local[0], token[1])
        _ssh_and_files(core, session, paths.config / "ssh_config", home)
    finally:
        core.close()


def _ssh_and_files(core: Core, session: SessionId, config: Path, home: Path) -> None:
    """No password anywhere: what the terminal button runs, the alias with ssh and scp, a transfer."""
    command = shlex.split(core.open_in.ssh_command(session, Cancel(20)))
    assert _run(*command, "-o", "BatchMode=yes", "whoami; echo $SSH_CONNECTION").startswith("root\n127.0.0.1")
    alias = wait_until(lambda: core.aliases.of(session), "the alias", 20).name
    wait_until(lambda: config.exists() and alias in config.read_text(), "the alias's entry", 20)
    assert _run("ssh", "-F", str(config), "-o", "BatchMode=yes", alias, "pwd").strip() == "/root"
    (home / "given").write_text("by scp")
    _run("scp", "-F", str(config), "-o", "BatchMode=yes", str(home / "given"), f"{alias}:/root/given")
    (home / "more").write_text("by transfer")
    summary = core.files.upload(session, [home / "more"], "/root", lambda _now: None, Cancel(60))
    assert summary.files == 1
    assert _run("ssh", "-F", str(config), alias, "cat given more; ls -A .ssh 2>&1 || true") == (
        "by scpby transferls: cannot access '.ssh': No such file or directory\n"
    )


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _up(core: Core, session: SessionId) -> SessionSnapshot | None:
    now = core.store.get(session)
    assert now is None or now.problem is None or now.link is not Link.BLOCKED, now
    return now if now is not None and now.link is Link.UP and now.notice is not None else None


def _reason(api: RealApi, task: str) -> str:
    return str(api.call("tasks.get_all", id=[task], only_fields=["status_reason"])["tasks"][0].get("status_reason", ""))


def _launches_again_and_is_shut_down_by_id(info: SandboxInfo, home: Path, api: RealApi, *, stale: str) -> None:
    """The second launch also deletes the first session, as that command line does with stopped ones."""
    with ClearmlSession(info, home, LAUNCH) as cli:
        task = cli.expect(r"New session created \[id=(\w{32})\]", 60)[1]
        # Earlier the agent's own status messages would overwrite the request to stop, as on a real server.
        wait_until(lambda: "worker started" in _reason(api, task), "the agent to take the session", 30)
        with ClearmlSession(info, home, ["shutdown", "--id", task]) as ending:
            ending.enter("y")
            ending.expect("Shutting down session|shutdown", 30)
            ending.end(30)
        wait_until(lambda: api.status(task) == "stopped", "the session to stop", 20)
    found = api.call("tasks.get_all", id=[stale, task], only_fields=["id"])["tasks"]
    assert found == [{"id": task}]
