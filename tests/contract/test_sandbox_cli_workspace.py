"""One workspace in the hands of both: ours stores, the real clearml-session restores and stores, ours restores.

Every session is whole: the real command line, the real agent, its own script on the (isolated) machine.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.compose import build_core
from desktop_app.demo.secret_store import FakeSecretStore
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.sessions.snapshot import Remote, SessionId
from desktop_app.paths import Paths
from desktop_app.sandbox import launch
from desktop_app.sandbox.launch import SandboxInfo
from desktop_app.services.core import Core
from tests.support import isolated_agent
from tests.support.sandbox_cli import ClearmlSession
from tests.support.sandbox_server import RealApi
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

READY_SECONDS, STORE_SECONDS = 120.0, 60.0
BARE = ("--yes", "--queue", "default", "--remote-gateway", "127.0.0.1", "--vscode-server", "false",
        "--jupyter-lab", "false", "--disable-session-cleanup", "true")  # fmt: skip


@pytest.fixture
def folder() -> Iterator[Path]:
    """Outside the folders that the isolated machine has for itself."""
    with tempfile.TemporaryDirectory(prefix="sd-workspace-") as made:
        yield Path(made)


@pytest.fixture
def info(folder: Path) -> Iterator[SandboxInfo]:
    yield isolated_agent.start(folder / "home")
    launch.stop(folder / "home")


@pytest.fixture
def core(private_home: Path) -> Iterator[Core]:
    paths = Paths(private_home / "config", private_home / "state", private_home / "run", private_home / "sandbox")
    made = build_core(paths, "cli", secrets=FakeSecretStore())
    yield made
    made.close()


def ours(core: Core, info: SandboxInfo, workspace: Path, **more: Any) -> SessionId:
    """A session of ours whose workspace is restored."""
    account = core.credentials.use(Credentials(info.api_url, info.access_key, info.secret_key), Cancel(20))
    spec = LaunchSpec(
        queue="default", name="ours", vscode=False, jupyterlab=False, cli_compatible=True,
        store_workspace=str(workspace), **more,
    )  # fmt: skip
    session = core.launches.launch(account.id, spec, Cancel(30), attach=False)
    core.polling.watch(account.id)

    def ready() -> bool:
        now = core.store.get(session)
        assert now is None or now.remote is not Remote.ENDED, now
        return now is not None and now.remote is Remote.READY and now.facts.report is not None and (
            now.facts.report.phase == "ready"
        )  # fmt: skip

    wait_until(ready, "our session", READY_SECONDS)
    return session


def ended(core: Core, api: RealApi, session: SessionId) -> None:
    core.sessions.stop(session, Cancel(20))
    wait_until(lambda: api.status(session.task) == "stopped", "our session to end", STORE_SECONDS)


def emptied(workspace: Path) -> None:
    shutil.rmtree(workspace)
    workspace.mkdir()


def artifacts(api: RealApi, task: str) -> dict[str, str]:
    found = api.call("tasks.get_by_id", task=task)["task"]["execution"]["artifacts"]
    return {one["key"]: one["mode"] for one in found}


@pytest.mark.parity("--store-workspace", "--continue-session")
def test_a_workspace_goes_from_ours_to_clearml_session_and_back(
    info: SandboxInfo, core: Core, folder: Path, private_home: Path
) -> None:
    api, workspace = RealApi(info), folder / "work space"
    (workspace / "deep").mkdir(parents=True)
    (workspace / "deep" / "notes").write_text("work of hours")
    (workspace / "run.sh").write_text("#!/bin/sh\n")
    (workspace / "run.sh").chmod(0o755)
    (workspace / "link").symlink_to("deep/notes")

    # -- ours stores
    first = ours(core, info, workspace)
    ended(core, api, first)
    assert artifacts(api, first.task)["workspace"] == "input"
    emptied(workspace)

    # -- theirs restores, and stores when it is shut down
    arguments = (*BARE, "--store-workspace", str(workspace), "--continue-session", first.task)
    with ClearmlSession(info, private_home, arguments) as cli:
        cli.expect(f"Restoring workspace from previous session id={first.task}", 60)
        theirs = cli.expect(r"New session created \[id=(\w{32})\]", 60)[1]
        cli.expect("Connection is up and running", READY_SECONDS)
        assert "Successfully restored workspace checkpoint" in api.log(theirs)
        assert (workspace / "deep" / "notes").read_text() == "work of hours"
        assert (workspace / "link").readlink() == Path("deep/notes")
        assert (workspace / "run.sh").stat().st_mode & 0o777 == 0o755
        (workspace / "deep" / "notes").write_text("work of hours and of theirs")
        (workspace / "grüße").write_text("new")
        cli.enter("shutdown")
        cli.expect("Remote session shutdown", 30)
        cli.end(30)
    wait_until(lambda: api.status(theirs) == "stopped", "their session to end", STORE_SECONDS)
    assert "snapshot synced" in api.log(theirs)
    emptied(workspace)

    # -- ours finds theirs as the newest of that folder
    last = ours(core, info, workspace)
    assert (workspace / "deep" / "notes").read_text() == "work of hours and of theirs"
    assert (workspace / "grüße").read_text() == "new"
    assert (workspace / "link").readlink() == Path("deep/notes")
    assert (workspace / "run.sh").stat().st_mode & 0o777 == 0o755
    assert theirs in api.log(last.task)
    ended(core, api, last)
