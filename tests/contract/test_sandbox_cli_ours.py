"""The real clearml-session command attaches to a session of ours that is compatible with it, and ends it.

It shares the private mount namespace's rules with test_sandbox_cli.py.
"""

import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.compose import build_core
from desktop_app.demo.secret_store import FakeSecretStore
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.sessions.snapshot import Remote
from desktop_app.paths import Paths
from desktop_app.sandbox import launch
from desktop_app.sandbox.launch import SandboxInfo
from tests.support import isolated_agent
from tests.support.sandbox_cli import ClearmlSession
from tests.support.sandbox_server import RealApi
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.e2e]


@pytest.fixture
def info() -> Iterator[SandboxInfo]:
    with tempfile.TemporaryDirectory(prefix="sd-cli-") as folder:
        yield isolated_agent.start(Path(folder) / "home")
        launch.stop(Path(folder) / "home")


@pytest.mark.parity("--cli-compatible")
def test_clearml_session_attaches_to_ours_and_ends_it(info: SandboxInfo, private_home: Path) -> None:
    paths = Paths(private_home / "config", private_home / "state", private_home / "run", private_home / "sandbox")
    core = build_core(paths, "cli", secrets=FakeSecretStore())
    try:
        account = core.credentials.use(Credentials(info.api_url, info.access_key, info.secret_key), Cancel(20))
        spec = LaunchSpec(queue="default", name="ours for both", vscode=False, cli_compatible=True)
        session = core.launches.launch(account.id, spec, Cancel(30), attach=False)
        core.polling.watch(account.id)
        api = RealApi(info)

        def published() -> bool:
            now = core.store.get(session)
            assert now is None or now.remote is not Remote.ENDED, now
            found = api.call("tasks.get_all", id=[session.task], only_fields=["hyperparams.properties"])["tasks"][0]
            return "jupyter_port" in (found.get("hyperparams") or {}).get("properties", {})

        wait_until(published, "the ports for clearml-session", 120)
    finally:
        core.close()
    with ClearmlSession(info, private_home, ["--yes", "--attach", session.task]) as cli:
        cli.expect("Connection is up and running", 60)
        url = cli.expect(r"Jupyter Lab URL: (http://localhost:\d+)/\?token=(\w+)", 30)
        request = urllib.request.Request(f"{url[1]}/api/status", headers={"Authorization": f"token {url[2]}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert b"started" in answer.read()
        cli.enter("shutdown")
        cli.expect("Remote session shutdown", 30)
        cli.end(30)
    wait_until(lambda: api.status(session.task) == "stopped", "the session to stop", 30)
