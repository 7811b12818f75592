"""The real, unmodified clearml SDK on the sandbox's server.

It runs in a process of its own: it keeps its server in class attributes, and its threads outlive the test.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_app.sandbox.launch import SandboxInfo
from tests.support.sandbox_server import RealApi, own_sandbox

pytestmark = pytest.mark.slow

SDK_SECONDS = 90

PROGRAM = """
import json, sys
from clearml import Task
from clearml.backend_api import Session
from clearml.backend_api.session.client import APIClient

seen = {"api": [Session.check_min_api_version(v) for v in ("2.13", "2.23", "2.31", "2.34")]}
task = Task.create("SDK/Inner ünï", "made by the sdk", "testing", add_task_init_call=False)
task.set_parameters({"sessiondock/contract": "1", "sessiondock/text": "a 'quoted' \\u2603\\nline"})
task.set_user_properties(address="127.0.0.1")
task.add_tags(["one", "two"])
task.set_comment("by the sdk")
task.set_script(diff="print('hello')", entry_point="x.py", working_dir=".", repository="")
seen["stored"] = task.upload_artifact("report", artifact_object=sys.argv[1], wait_on_upload=True)
again = Task.get_task(task_id=task.id)
seen["artifact"] = open(again.artifacts["report"].get_local_copy(), "rb").read().decode()
seen["parameters"] = again.get_parameters()
seen["tags"] = again.get_tags()
seen["script"] = again.data.script.diff
seen["query"] = Task.query_tasks(project_name="SDK/Inner ünï", tags=["one", "-three"]) == [task.id]
seen["console"] = again.get_reported_console_output(number_of_reports=2)
copy = Task.clone(source_task=again, name="a copy")
Task.enqueue(copy, queue_name="default")
seen["queued"] = str(copy.get_status())
client = APIClient()
seen["entries"] = [entry.task for entry in client.queues.get_all(name="^default$")[0].entries] == [copy.id]
seen["workers"] = [worker.id for worker in client.workers.get_all()]
seen["dequeue"] = bool(Task.dequeue(copy))
copy.reload()
seen["dequeued"] = copy.get_status()
copy.mark_started(force=True)
copy.mark_stopped(force=True, status_message="stopped by the sdk")
seen["deleted"] = bool(copy.delete(delete_artifacts_and_models=True))
seen["id"] = task.id
print("SEEN " + json.dumps(seen))
"""


@pytest.fixture
def info() -> Iterator[SandboxInfo]:
    with own_sandbox("--no-agent") as made:
        yield made


def _run(program: str, info: SandboxInfo, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    keys = {"CLEARML_API_ACCESS_KEY": info.access_key, "CLEARML_API_SECRET_KEY": info.secret_key}
    hosts = {"CLEARML_API_HOST": info.api_url, "CLEARML_FILES_HOST": info.files_url, "CLEARML_WEB_HOST": info.api_url}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, **keys, **hosts, "HOME": str(folder)},
        capture_output=True, text=True, timeout=SDK_SECONDS, cwd=folder,
    )  # fmt: skip


def test_the_sdk_makes_edits_finds_and_deletes_tasks(info: SandboxInfo, tmp_path: Path) -> None:
    report = tmp_path / "report ü.txt"
    report.write_text("content of the artifact")
    done = _run(PROGRAM, info, tmp_path, str(report))
    assert done.returncode == 0, done.stderr[-3000:]
    seen = _seen(done.stdout)
    assert seen["api"] == [True, True, True, True]
    assert seen["stored"] is True
    assert seen["artifact"] == "content of the artifact"
    assert seen["parameters"]["sessiondock/contract"] == "1"
    assert seen["parameters"]["sessiondock/text"] == "a 'quoted' ☃\nline"
    assert sorted(seen["tags"]) == ["one", "two"]
    assert seen["script"] == "print('hello')"
    assert seen["query"] is True
    assert (seen["queued"], seen["entries"], seen["dequeued"], seen["deleted"]) == ("queued", True, "created", True)
    assert seen["workers"] == []
    task = RealApi(info).call("tasks.get_by_id", task=seen["id"])["task"]
    assert task["hyperparams"]["properties"]["address"]["value"] == "127.0.0.1"
    assert task["execution"]["artifacts"][0]["content_size"] == len("content of the artifact")


def _seen(output: str) -> dict[str, Any]:
    line = next(line for line in output.splitlines() if line.startswith("SEEN "))
    return dict(json.loads(line.removeprefix("SEEN ")))


def test_the_sdk_says_which_credentials_are_wrong(info: SandboxInfo, tmp_path: Path) -> None:
    wrong = SandboxInfo(info.api_url, info.files_url, info.worker, info.home, info.pid, info.access_key, "wrong")
    done = _run("from clearml.backend_api import Session; Session()", wrong, tmp_path)
    assert done.returncode != 0
    assert "failed to locate provided credentials" in done.stderr + done.stdout
