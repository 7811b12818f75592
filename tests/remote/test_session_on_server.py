"""A whole session on a strict server whose task somebody else ends first: what it says last arrives all the same.

No agent takes part: the session's processes run as an agent would start them.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from desktop_app.adapters.ssh.keys import new_key
from desktop_app.sandbox.launch import SandboxInfo
from remote_bootstrap import contract
from remote_bootstrap.contract import clearml_session
from tests.support.bare_account import without_dotfiles
from tests.support.paths import APPLICATIONS_CACHE, REPOSITORY
from tests.support.sandbox_server import RealApi, own_sandbox
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def place() -> Iterator[Path]:
    """Short enough for Unix sockets."""
    with tempfile.TemporaryDirectory(prefix="sds-") as folder:
        yield Path(folder)


@contextmanager
def running(info: SandboxInfo, task: str, place: Path) -> Iterator["subprocess.Popen[bytes]"]:
    login = place / "login"
    login.mkdir()
    (login / "clearml.conf").write_text(
        f'api {{ api_server: "{info.api_url}", files_server: "{info.files_url}", '
        f'credentials {{ access_key: "{info.access_key}", secret_key: "{info.secret_key}" }} }}\n'
    )
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SESSIONDOCK_")},
        "CLEARML_CONFIG_FILE": str(login / "clearml.conf"),  # as an agent gives it
        "HOME": str(login),
        "PYTHONPATH": str(REPOSITORY),
        "SESSIONDOCK_HOME": str(place / "home"),
        "SESSIONDOCK_CACHE": str(APPLICATIONS_CACHE),
    }
    argv = [*without_dotfiles(place, login), sys.executable, "-u", "-m", "remote_bootstrap", "session", task]
    with (place / "output").open("wb") as output:
        process = subprocess.Popen(argv, env=env, cwd=place, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def new_task(api: RealApi, **values: str) -> str:
    given = {contract.PARAM_AUTHORIZED_KEY: new_key("test")[1], "jupyterlab": "False", "vscode": "False", **values}
    section = {
        name: {"section": contract.SECTION, "name": name, "value": value, "type": "", "description": ""}
        for name, value in given.items()
    }
    made = api.call("tasks.create", name="a session", type="application", hyperparams={contract.SECTION: section},
                    system_tags=[contract.SYSTEM_TAG])  # fmt: skip
    api.call("tasks.started", task=made["id"], force=True)
    return str(made["id"])


def look(api: RealApi, task: str) -> dict[str, Any]:
    return dict(api.call("tasks.get_by_id", task=task)["task"])


@pytest.mark.parametrize("end", ["stopped", "failed", "completed"])
def test_report_and_snapshot_arrive_though_the_task_has_ended(end: str, place: Path) -> None:
    with own_sandbox("--no-agent") as info:
        api = RealApi(info)
        workspace = place / "work"
        task = new_task(api, store_workspace=str(workspace), cli_compatible="True")
        with running(info, task, place) as process:

            def ready() -> bool:
                assert process.poll() is None, (place / "output").read_text()
                runtime = look(api, task)["runtime"]
                text = runtime.get(contract.RUNTIME_REPORT)
                here = clearml_session.RUNTIME_USER in runtime  # under the very name that clearml-session looks for
                return here and bool(text) and contract.Report.loads(text).phase == contract.READY

            wait_until(ready, "the session", 90)
            runtime = look(api, task)["runtime"]
            assert runtime["_abort_callback_timeout"]  # as clearml-agent looks for it
            assert not [name for name in runtime if name.startswith("%")]
            (workspace / "notes").write_text("the last word")
            api.call(f"tasks.{end}", task=task, force=True, status_reason="by somebody else")
            assert process.wait(90) == 0, (place / "output").read_text()
        found = look(api, task)
        report = contract.Report.loads(found["runtime"][contract.RUNTIME_REPORT])
        assert (found["status"], report.phase) == (end, contract.ENDED)
        said = (place / "output").read_text()
        assert [one["key"] for one in found["execution"]["artifacts"]] == ["workspace"], said
        assert found["runtime"]["_abort_callback_completed"] == "1"
        assert "can't be told" not in said
