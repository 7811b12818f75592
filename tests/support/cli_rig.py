"""Running the command line in this process over a core with fakes. Test thread; ``in_background`` has its own."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from desktop_app.domain.sessions.snapshot import Remote
from remote_bootstrap.contract import fingerprint_line
from tests.fakes.outside import ACCOUNT, HOST_KEY, World, record_of
from tests.support.core_rig import BOTH
from tests.support.waiting import wait_until

ODD = "Ünï \"quoted\" 'x'\nline two\tand 会话 🚀 \x1b[31m\u202eevil"


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        lines = self.out.splitlines()
        assert len(lines) == 1, self.out
        return json.loads(lines[0])

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Said]


def add_ready(world: World, name: str = "a session", account: str = ACCOUNT.id) -> str:
    server = world.server(account)
    task = server.create_running(name, BOTH)
    server.publish(task, record_of(task), BOTH)
    server.write_log(task, fingerprint_line(HOST_KEY) + "\n")
    world.secrets.entries[f"client-key/{account}/{task}"] = "PRIVATE KEY"
    return task


def agent(world: World, then: Callable[[str], None] = lambda _task: None) -> Callable[[], None]:
    """Takes the first task out of the queue and brings it up."""

    def work() -> None:
        server = world.server()
        queued = lambda: [t for t, f in server.rows.items() if f.facts.remote is Remote.QUEUED]  # noqa: E731
        task = wait_until(queued, "a queued task")[0]
        server.agent_takes(task)
        server.write_log(task, fingerprint_line(HOST_KEY) + "\n")
        server.publish(task, record_of(task), BOTH)
        then(task)

    return work
