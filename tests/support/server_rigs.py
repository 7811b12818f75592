"""The worlds in which the Server contract is tested: the fake, and the real client over HTTP to the sandbox's server.

Each rig offers a server under test and the agent's half of a session's life. Test thread only.
"""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from desktop_app.adapters.clearml.server import ClearMLServer
from desktop_app.boundary.server import Server
from desktop_app.demo.server import FakeServer
from desktop_app.domain.sessions.snapshot import End, Remote, ServerFacts
from desktop_app.sandbox.rules.call import iso
from desktop_app.sandbox.web import server as wire
from remote_bootstrap import contract
from tests.support.sandbox_server import Rig, basic

AGENT = "machine-1:0"


class ServerRig(ABC):
    """``server`` is under test; the rest is what agents, sessions and neighbours do."""

    server: Server

    @abstractmethod
    def add_queue(self, name: str, *agents: str, tags: Sequence[str] = ()) -> None:
        """A queue, and agents that serve it and report now."""

    @abstractmethod
    def agent_takes(self, task: str) -> None:
        """Out of its queue, into the hands of ``AGENT``."""

    @abstractmethod
    def agent_installs(self, task: str, *packages: str) -> None:
        """What an agent writes over the wanted packages, which it keeps under another name."""

    @abstractmethod
    def agent_is_silent_for(self, seconds: float) -> None:
        """As after SIGKILL."""

    @abstractmethod
    def publish(self, task: str, record: str, report: contract.Report) -> None:
        """What the bootstrap writes, from its first sign of life."""

    @abstractmethod
    def end(self, task: str, end: End, message: str) -> None:
        """By the agent."""

    @abstractmethod
    def delete(self, task: str) -> None: ...

    @abstractmethod
    def write_log(self, task: str, *texts: str) -> None: ...

    @abstractmethod
    def foreign_task(self) -> str:
        """A task that is no session of ours."""

    @abstractmethod
    def neighbours_session(self) -> str:
        """A session of another user of the same server."""

    @abstractmethod
    def look(self, task: str) -> dict[str, str]:
        """The parameters of section "sessiondock"."""

    def close(self) -> None:
        self.server.close()


class FakeRig(ServerRig):
    def __init__(self) -> None:
        self.fake = FakeServer(())
        self.server = self.fake

    def add_queue(self, name: str, *agents: str, tags: Sequence[str] = ()) -> None:
        self.fake.set_queue(name, agents, tags)

    def agent_takes(self, task: str) -> None:
        self.fake.agent_takes(task, AGENT)

    def agent_installs(self, task: str, *packages: str) -> None:
        pass  # the fake keeps what was wanted

    def agent_is_silent_for(self, seconds: float) -> None:
        for task, found in self.fake.rows.items():
            if found.facts.worker:
                self.fake.change(task, worker_lost_s=seconds)
        for name in list(self.fake.served):
            self.fake.set_queue(name)

    def publish(self, task: str, record: str, report: contract.Report) -> None:
        try:
            self.fake.publish(task, contract.Record.loads(record), report)
        except contract.ContractError as error:
            self.fake.publish(task, None, report)
            self.fake.change(task, record_error=str(error))
        if report.phase == contract.STOPPING:
            self.fake.change(task, remote=Remote.STOPPING, by_report=True)

    def end(self, task: str, end: End, message: str) -> None:
        self.fake.end(task, end, message)

    def delete(self, task: str) -> None:
        self.fake.delete(task)

    def write_log(self, task: str, *texts: str) -> None:
        self.fake.write_log(task, *texts)

    def foreign_task(self) -> str:
        return self.fake.add_session(ServerFacts(Remote.CREATED, "a training"), foreign=True)

    def neighbours_session(self) -> str:
        return self.fake.add_session(ServerFacts(Remote.QUEUED, "theirs"), user="somebody else")

    def look(self, task: str) -> dict[str, str]:
        return dict(self.fake.rows[task].parameters)


class HttpRig(ServerRig):
    """The sandbox's API server behind a real socket, with a clock that the test turns."""

    def __init__(self, folder: Path) -> None:
        self.sandbox = Rig(folder)
        self.sandbox.clock.now = time.time()
        self._listener = wire.Listener(self.sandbox.client.application, wire.bind(0), threads=4)
        self._listener.start()
        self.server = self.client()
        self._logged = 0

    @property
    def url(self) -> str:
        return self._listener.url

    def client(self, secret: str = "") -> ClearMLServer:
        pair = self.sandbox.pair
        return ClearMLServer(self.url, pair.access_key, secret or pair.secret_key, self.sandbox.clock)

    def add_queue(self, name: str, *agents: str, tags: Sequence[str] = ()) -> None:
        queue = self.sandbox.call("queues.create", name=name, tags=list(tags))["id"]
        for agent in agents:
            self.sandbox.call("workers.register", worker=agent, queues=[queue])
            self.sandbox.call("workers.status_report", worker=agent, timestamp=0, queues=[queue])

    def agent_takes(self, task: str) -> None:
        queue = self.sandbox.look(task)["execution"]["queue"]
        self.sandbox.call("queues.remove_task", queue=queue, task=task)
        self.sandbox.call("tasks.started", task=task, force=True, status_message="pulled by agent")
        self.sandbox.call("workers.status_report", worker=AGENT, timestamp=0, task=task)

    def agent_installs(self, task: str, *packages: str) -> None:
        wanted = self.sandbox.look(task)["script"]["requirements"]["pip"]
        found = {"org_pip": wanted, "pip": list(packages)}
        self.sandbox.call("tasks.set_requirements", task=task, requirements=found)

    def agent_is_silent_for(self, seconds: float) -> None:
        # Its last report moves back; the clock itself must stay true to the Date headers of the answers.
        then = iso(self.sandbox.clock() - seconds)
        for worker in self.sandbox.store.all("worker"):
            self.sandbox.store.put("worker", {**worker, "last_report_time": then})

    def publish(self, task: str, record: str, report: contract.Report) -> None:
        runtime = {contract.RUNTIME_RECORD: record, contract.RUNTIME_REPORT: report.dumps()}
        self.sandbox.call("tasks.edit_runtime", task=task, add_or_update=runtime, force=True)

    def end(self, task: str, end: End, message: str) -> None:
        action = {End.FAILED: "failed", End.SHUT_DOWN: "stopped", End.COMPLETED: "completed"}[end]
        self.sandbox.call(f"tasks.{action}", task=task, force=True, status_reason=message)

    def delete(self, task: str) -> None:
        self.sandbox.call("tasks.delete", task=task, force=True)

    def write_log(self, task: str, *texts: str) -> None:
        events = []
        for text in texts:
            self._logged += 1
            events.append({"type": "log", "task": task, "msg": text, "timestamp": 1_800_000_000_000 + self._logged})
        body = "\n".join(json.dumps(event) for event in events)
        headers = {"Authorization": basic(self.sandbox.pair), "Content-Type": "application/json-lines"}
        answer = self.sandbox.client.post("/events.add_batch", data=body, headers=headers)
        assert answer.status_code == 200, answer.get_json()

    def foreign_task(self) -> str:
        return self.sandbox.task()

    def neighbours_session(self) -> str:
        pair = self.sandbox.user("Neighbour")
        body = {"name": "theirs", "type": "application", "system_tags": [contract.SYSTEM_TAG]}
        task = str(self.sandbox.call("tasks.create", by=pair, **body)["id"])
        self.sandbox.call("tasks.enqueue", by=pair, task=task)
        return task

    def look(self, task: str) -> dict[str, str]:
        section = self.sandbox.look(task)["hyperparams"][contract.SECTION]
        return {name: item["value"] for name, item in section.items()}

    def close(self) -> None:
        super().close()
        self._listener.stop()
        self.sandbox.store.close()
