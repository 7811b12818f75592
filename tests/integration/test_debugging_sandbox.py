"""Debugging a task on the sandbox's real agent: repository, commit, uncommitted changes and parameters are there."""

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.compose import build_core
from desktop_app.demo.secret_store import FakeSecretStore
from desktop_app.domain.accounts.credentials import Credentials
from desktop_app.domain.launch.options import LaunchSpec
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionId, SessionSnapshot
from desktop_app.paths import Paths
from desktop_app.sandbox.launch import SandboxInfo
from desktop_app.services.core import Core
from tests.support.sandbox_server import RealApi, own_sandbox
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.e2e]
READY_S = 180.0


@pytest.fixture
def info() -> Iterator[SandboxInfo]:
    with own_sandbox() as made:
        yield made


def git(folder: Path, *words: str) -> str:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.test")
    return subprocess.run(["git", *who, *words], cwd=folder, env=env, check=True, capture_output=True, text=True).stdout


def repository(folder: Path) -> tuple[str, str]:
    """A commit, and a change that was never committed."""
    (folder / "src").mkdir(parents=True)
    program = folder / "src" / "train.py"
    program.write_text("import sys\nprint('committed', sys.argv[1:])\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    program.write_text("import sys\nprint('changed', sys.argv[1:])\n")
    return git(folder, "rev-parse", "HEAD").strip(), git(folder, "diff")


def up(core: Core, session: SessionId) -> SessionSnapshot | None:
    now = core.store.get(session)
    assert now is None or now.remote is not Remote.ENDED, now
    return now if now is not None and now.link is Link.UP else None


@pytest.mark.parity("--debugging-session", "L8")
def test_a_task_is_debugged_with_its_code_changes_and_parameters(
    info: SandboxInfo, private_home: Path, tmp_path: Path
) -> None:
    commit, changes = repository(tmp_path / "repo")
    api = RealApi(info)
    argument = {"section": "Args", "name": "lr", "value": "0.5", "type": "float", "description": ""}
    script = {
        "repository": (tmp_path / "repo").as_uri(), "branch": "main", "version_num": commit, "working_dir": "src",
        "entry_point": "train.py", "diff": changes, "requirements": {"pip": ""}, "binary": "python",
    }  # fmt: skip
    source = api.call(
        "tasks.create", name="train", type="training", script=script, hyperparams={"Args": {"lr": argument}}
    )
    paths = Paths(private_home / "config", private_home / "state", private_home / "run", private_home / "sandbox")
    core = build_core(paths, "cli", secrets=FakeSecretStore())
    try:
        account = core.credentials.use(Credentials(info.api_url, info.access_key, info.secret_key), Cancel(20))
        spec = LaunchSpec(queue="default", name="debug", jupyterlab=False, vscode=False, debug_task=source["id"])
        core.polling.watch(account.id)
        session = core.launches.launch(account.id, spec, Cancel(30))
        wait_until(lambda: up(core, session), "the session", READY_S)
        ssh = shlex.split(core.open_in.ssh_command(session, Cancel(20)))

        def run(command: str) -> str:
            done = subprocess.run([*ssh, "-o", "BatchMode=yes", command], capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
            return done.stdout

        folder = run("pwd").strip()
        assert json.loads(run("cat .vscode/launch.json"))["configurations"][0]["args"] == ["--lr=0.5"]
        assert run("git rev-parse HEAD").strip() == commit
        assert run("git status --porcelain").strip() == "M src/train.py"
        assert run("cd src && python train.py --lr=0.5").strip() == "changed ['--lr=0.5']"
        assert "task_repository" in folder
        kept = api.call("tasks.get_all", id=[session.task], only_fields=["hyperparams"])["tasks"][0]["hyperparams"]
        assert kept["Args"]["lr"] == argument
        core.sessions.stop(session, Cancel(20))
        wait_until(lambda: api.status(session.task) == "stopped", "the end", 30)
    finally:
        core.close()
