"""The sandbox's server without a process around it, with a clock that tests turn; and a small client for a real one.

Test thread only.
"""

import base64
import http.client
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient

from desktop_app.sandbox import launch
from desktop_app.sandbox.handlers import files, queues
from desktop_app.sandbox.launch import SandboxInfo
from desktop_app.sandbox.rules.auth import Auth, Credential
from desktop_app.sandbox.rules.call import Server
from desktop_app.sandbox.rules.limits import Limits
from desktop_app.sandbox.rules.store import Store
from desktop_app.sandbox.web import app

START = 1_800_000_000.0  # seconds since the epoch
SIGNING_KEY = b"k" * 64


@contextmanager
def own_sandbox(*options: str) -> Iterator[SandboxInfo]:
    """A whole sandbox of the test's own, in processes of its own."""
    with tempfile.TemporaryDirectory(prefix="sd-sandbox-") as folder:
        made = launch.ensure_running(Path(folder) / "home", options=options)
        try:
            with launch.lease(made.home):
                yield made
        finally:
            launch.stop(made.home)


class FakeClock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def basic(pair: Credential) -> str:
    return "Basic " + base64.b64encode(f"{pair.access_key}:{pair.secret_key}".encode()).decode()


class Refused(Exception):
    """The server's envelope said no."""

    def __init__(self, meta: dict[str, Any]) -> None:
        super().__init__(f"{meta['result_code']}/{meta['result_subcode']}: {meta['result_msg']}")
        self.code = (meta["result_code"], meta["result_subcode"])


class Rig:
    """One store, one server, one user ``You`` (and more by ``user``), and calls as that user."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.clock = FakeClock()
        self.folder = folder
        self.limits = limits or Limits()
        self.store = Store(folder / "server.sqlite")
        self.auth = Auth(self.store, SIGNING_KEY, self.limits, self.clock)
        self.server = Server(self.store, self.auth, self.limits, self.clock)
        self.client: FlaskClient = app.build(self.server).test_client()
        (folder / "files").mkdir(exist_ok=True)
        self.files: FlaskClient = files.build(folder / "files", self.auth).test_client()
        self.pair = self.user("You")
        company = self.auth.identity(self.auth.ensure_user("Company", "You")).company
        if queues.named(self.store, queues.DEFAULT) is None:
            queues.make(self.store, company, queues.DEFAULT, self.clock())

    def user(self, name: str) -> Credential:
        return self.auth.mint(self.auth.ensure_user("Company", name))

    def call(self, endpoint: str, /, *, by: Credential | None = None, **body: Any) -> dict[str, Any]:
        """The data of a successful call; Refused for the others."""
        header = {"Authorization": basic(by or self.pair)}
        answer = self.client.get("/" + endpoint, json=body, headers=header).get_json()
        if answer["meta"]["result_code"] != 200:
            raise Refused(answer["meta"])
        return dict(answer["data"])

    def task(self, **fields: Any) -> str:
        given = {"name": "a task", "type": "testing", **fields}
        return str(self.call("tasks.create", **given)["id"])

    def look(self, task: str) -> dict[str, Any]:
        return dict(self.call("tasks.get_by_id", task=task)["task"])

    def queue(self, name: str = "default") -> str:
        return str(self.call("queues.get_all", name=f"^{name}$", only_fields=["id"])["queues"][0]["id"])

    def log(self, task: str, *messages: str, worker: str = "w:0") -> None:
        """One event per message, a millisecond apart."""
        events = [
            {"type": "log", "task": task, "worker": worker, "msg": message, "timestamp": int(START * 1000) + number}
            for number, message in enumerate(messages)
        ]
        body = "\n".join(json.dumps(event) for event in events)
        headers = {"Authorization": basic(self.pair), "Content-Type": "application/json-lines"}
        answer = self.client.post("/events.add_batch", data=body, headers=headers).get_json()
        assert answer["data"] == {"added": len(messages), "errors": 0, "errors_info": {}}, answer


@contextmanager
def rig(folder: Path, limits: Limits | None = None) -> Iterator[Rig]:
    made = Rig(folder, limits)
    try:
        yield made
    finally:
        made.store.close()


class RealApi:
    """Calls to a sandbox that runs as a process."""

    def __init__(self, info: SandboxInfo) -> None:
        self.info = info
        self._header = basic(Credential(info.access_key, info.secret_key))

    def call(self, endpoint: str, /, **body: Any) -> dict[str, Any]:
        """The data of a successful call; Refused for the others."""
        address = urlsplit(self.info.api_url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port or 0, timeout=20)
        try:
            headers = {"Authorization": self._header, "Content-Type": "application/json"}
            connection.request("GET", "/" + endpoint, json.dumps(body), headers)
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if answer["meta"]["result_code"] != 200:
            raise Refused(answer["meta"])
        return dict(answer["data"])

    def status(self, task: str) -> str:
        found = self.call("tasks.get_all", id=[task], only_fields=["status"])["tasks"]
        return str(found[0]["status"])

    def log(self, task: str) -> str:
        events = self.call("events.get_task_log", task=task, order="asc", batch_size=10_000)["events"]
        return "".join(event["msg"] for event in events)

    def launch(self, code: str, *, requirements: str = "", queue: str | None = None) -> str:
        """A task that runs this Python text, in the (default) queue."""
        script = {
            "binary": "python3",
            "repository": "",
            "entry_point": "test_task.py",
            "working_dir": ".",
            "requirements": {"pip": requirements},
            "diff": code,
        }
        task = str(self.call("tasks.create", name="contract test", type="testing", script=script)["id"])
        self.call("tasks.enqueue", task=task, **({"queue": queue} if queue else {}))
        return task


def running_task(server: Rig, *, worker: str | None = "a1:0", tags: tuple[str, ...] = ()) -> str:
    task = server.task(system_tags=list(tags))
    server.call("tasks.started", task=task, force=True)
    if worker:
        server.call("workers.status_report", worker=worker, timestamp=0, task=task, queues=[])
    return task
