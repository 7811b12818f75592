"""The bootstrap's ClearML client against the sandbox's server: what it reads, writes, survives and refuses to wait for.

It runs in a process of its own, driven by lines, because the clearml SDK keeps its server in class attributes.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_app.sandbox import launch
from desktop_app.sandbox.launch import SandboxInfo
from remote_bootstrap import __version__, contract
from remote_bootstrap.task.report import TaskFacts
from tests.support.paths import REPOSITORY
from tests.support.recording_api import RecordingApi, recording_api
from tests.support.sandbox_server import RealApi, own_sandbox

pytestmark = pytest.mark.slow

PROGRAM = """
import json, sys
from remote_bootstrap.task.clearml_task import ClearMLTask
from remote_bootstrap.task.report import ServerError
task = ClearMLTask(sys.argv[1])
print(json.dumps("connected"), flush=True)
for line in sys.stdin:
    name, arguments = json.loads(line)
    try:
        if name == "forget the token":
            task._token = "expired"
            answer = None
        elif name == "pretend to be old":
            task._api_version = (2, 33)
            answer = None
        elif name == "five minutes later":
            task._refused -= 301
            answer = None
        elif name == "modules":
            answer = sorted(set(sys.modules) & {"clearml.task", "numpy", "PIL"})
        elif name == "api_host":
            answer = task.api_host
        else:
            answer = getattr(task, name)(*arguments)
    except ServerError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
"""


class Client:
    """The other process."""

    def __init__(self, info: SandboxInfo | RecordingApi, task: str, home: Path) -> None:
        pair = (info.access_key, info.secret_key) if isinstance(info, SandboxInfo) else ("ACCESS", "secret")
        url = info.api_url if isinstance(info, SandboxInfo) else info.url
        keys = {"CLEARML_API_ACCESS_KEY": pair[0], "CLEARML_API_SECRET_KEY": pair[1], "CLEARML_WORKER_NAME": "worker:0"}
        env = {**os.environ, **keys, "CLEARML_API_HOST": url, "HOME": str(home), "PYTHONPATH": str(REPOSITORY)}
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, task], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._read() == "connected"

    def __call__(self, name: str, *arguments: object) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, arguments]) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(('"', "{", "[", "null")):  # the SDK may print its own lines
                return json.loads(line)
        raise AssertionError("the client's process ended")

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxInfo]:
    with own_sandbox("--no-agent") as made:
        yield made


@pytest.fixture
def api(sandbox: SandboxInfo) -> RealApi:
    return RealApi(sandbox)


@pytest.fixture
def task(api: RealApi) -> str:
    parameter = {"section": contract.SECTION, "name": "user_folder", "value": "/a b/ü", "type": "str"}
    created = api.call("tasks.create", name="a session", type="application",
                       hyperparams={contract.SECTION: {"user_folder": parameter}})  # fmt: skip
    api.call("tasks.started", task=created["id"], force=True)
    return str(created["id"])


@pytest.fixture
def client(sandbox: SandboxInfo, task: str, tmp_path: Path) -> Iterator[Client]:
    client = Client(sandbox, task, tmp_path)
    yield client
    client.close()


def runtime(api: RealApi, task: str) -> dict[str, str]:
    return dict(api.call("tasks.get_by_id", task=task)["task"]["runtime"])


def test_a_session_reads_and_writes_its_task(sandbox: SandboxInfo, api: RealApi, task: str, client: Client) -> None:
    assert client("api_host") == sandbox.api_url
    assert client("parameters") == {"user_folder": "/a b/ü"}
    assert client("status")[:2] == ["in_progress", ""]
    assert client("edit_runtime", {"one": "1", "two": "2"}) is None
    assert client("edit_runtime", {"two": "zwei"}) is None
    assert runtime(api, task) == {"one": "1", "two": "zwei"}
    assert client("log", "line ü") is None
    assert "line ü" in api.log(task)
    assert client("ping") is None
    assert client("stopped", "the user shut it down") is None
    assert api.status(task) == "stopped"


def test_names_that_the_server_would_change_arrive_as_they_are(api: RealApi, task: str, client: Client) -> None:
    """clearml-session, ClearML's router and clearml-agent look for them by these names. What else is there stays."""
    api.call(
        "tasks.edit", task=task, runtime={"_external_host_tcp_port_mapping": "1:2", "_ssh_user": "old"}, force=True
    )
    wanted = {"_ssh_user": "ada", "_SERVICE": "EXTERNAL_TCP", "_abort_poll_freq": "15", "a__b": "1", "plain": "2"}
    assert client("edit_runtime", wanted) is None
    assert runtime(api, task) == {"_external_host_tcp_port_mapping": "1:2", **wanted}
    assert client("edit_runtime", {"plain": "3"}) is None
    assert runtime(api, task)["plain"] == "3"


@pytest.mark.parametrize("end", ["stopped", "failed", "completed"])
def test_the_last_report_arrives_after_the_end_of_the_task(end: str, api: RealApi, task: str, client: Client) -> None:
    """Somebody else ended the record first: tasks.edit_runtime is refused then, even with force."""
    client("edit_runtime", {"sessiondock_report": "before"})
    api.call(f"tasks.{end}", task=task, force=True)
    assert client("edit_runtime", {"sessiondock_report": "last"}) is None
    assert runtime(api, task) == {"sessiondock_report": "last"}
    assert api.status(task) == end


@pytest.mark.parametrize(
    ("phase", "of", "again", "over"),
    [
        ("ended", "", False, True),
        ("ended", "", True, False),  # somebody wants it again
        ("ready", "", False, False),  # a container that was started anew
        ("ended", "another task", False, False),  # a clone
    ],
)
def test_an_entry_that_was_left_in_the_queue_is_no_new_run(
    phase: str, of: str, again: bool, over: bool, sandbox: SandboxInfo, api: RealApi, tmp_path: Path
) -> None:
    task = str(api.call("tasks.create", name="a session", type="application")["id"])
    queue = api.call("queues.create", name=f"of {task}")["id"]
    api.call("tasks.enqueue", task=task, queue=queue)
    api.call("queues.get_next_task", queue=queue)
    api.call("tasks.started", task=task, force=True)
    record = contract.Record(of or task, "127.0.0.1", 22, "ada", "ssh-ed25519 AAAA", 1, "signature")
    report = contract.Report(phase, "", 9)
    client = Client(sandbox, task, tmp_path)
    client("edit_runtime", {contract.RUNTIME_RECORD: record.dumps(), contract.RUNTIME_REPORT: report.dumps()})
    api.call("tasks.stopped", task=task, force=True)
    if again:
        api.call("tasks.enqueue", task=task, queue=queue)
    api.call("tasks.started", task=task, force=True)
    assert client("facts")[TaskFacts._fields.index("over")] is over
    client.close()


def test_an_older_server_gets_the_whole_runtime(api: RealApi, task: str, client: Client) -> None:
    client("edit_runtime", {"one": "1"})
    client("pretend to be old")
    assert client("edit_runtime", {"two": "2"}) is None
    assert runtime(api, task) == {"one": "1", "two": "2"}


def test_a_token_that_is_not_accepted_any_more_is_renewed(client: Client) -> None:
    client("forget the token")
    assert client("status")[:2] == ["in_progress", ""]


def test_a_deleted_task_has_no_status(api: RealApi, task: str, client: Client) -> None:
    api.call("tasks.delete", task=task, force=True)
    assert client("status") == ["", "", ""]
    assert "400" in client("edit_runtime", {"x": "y"})["error"]


def test_a_session_of_another_process_is_held_to_the_servers_rules(
    client: Client, expected_refusal: Callable[[str], None]
) -> None:
    expected_refusal("there is no field 'nosuch'")
    client("call", "tasks.get_all", {"id": ["x"], "only_fields": ["nosuch"]})


def test_only_the_needed_part_of_the_sdk_is_loaded(client: Client) -> None:
    assert client("modules") == []


def test_a_server_that_is_away_is_told_of_at_once(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="sd-task-") as folder:
        home = Path(folder) / "home"
        info = launch.ensure_running(home, options=["--no-agent"])
        created = RealApi(info).call("tasks.create", name="a session", type="application")
        client = Client(info, str(created["id"]), tmp_path)
        launch.stop(home)
        assert client("status") == {"error": "tasks.get_all: ConnectionError"}
        client.close()


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[tuple[RecordingApi, Client]]:
    with recording_api() as api:
        client = Client(api, "a" * 32, tmp_path)
        yield api, client
        client.close()


def test_every_call_says_who_calls_as_the_stock_clients_do(recording: tuple[RecordingApi, Client]) -> None:
    api, client = recording
    client("status")
    client("log", "a line")
    client("edit_runtime", {"one": "1"})
    assert {endpoint for endpoint, _headers in api.asked} >= {"auth.login", "tasks.get_all", "events.add_batch"}
    names = {headers.get("x-clearml-client") for _endpoint, headers in api.asked}
    assert names == {f"sessiondock-session-{__version__}, {contract.CLEARML_REQUIREMENT.replace('==', '-')}"}
    assert {headers.get("x-clearml-worker") for _endpoint, headers in api.asked} == {"worker:0"}


def test_a_refused_key_is_shown_again_after_five_minutes_only(recording: tuple[RecordingApi, Client]) -> None:
    api, client = recording
    client("status")
    api.refuses = True
    for _time in range(20):
        assert "error" in client("status")
    logins = [endpoint for endpoint, _headers in api.asked].count("auth.login")
    assert logins == 2  # the first, and one try to renew
    calls = len(api.asked)
    client("five minutes later")
    assert "error" in client("status")
    assert len(api.asked) == calls + 2
    client("five minutes later")
    api.refuses = False
    assert client("status") == ["", "", ""]
