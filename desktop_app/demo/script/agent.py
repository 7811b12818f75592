"""Agent: plays the agents of one server, and the sessions that they run.

It has no thread: what is due is done when the server is asked the next time, by whoever asks (``FakeServer.on_call``,
under the server's lock).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from desktop_app.demo.script.scenes import ENDS, STARTS, Step
from desktop_app.demo.server import FakeServer
from desktop_app.domain.sessions.snapshot import Remote, ServerFacts
from remote_bootstrap.contract import FINGERPRINT_LOG_PREFIX, Record, fingerprint

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJzGLWzFZcQpKQ9yWSH+1TgIIMk9lEC2ZLRa5xKzqCrT"
TAKES_S = 4.0  # from the launch of a session to its agent
WRITES_EVERY_S = 2.0
STEPS_PER_EPOCH = 40

AGENT_WRITES = (
    "Executing task in virtual environment",
    "Collecting clearml==2.1.12",
    "Successfully installed clearml-2.1.12",
    "\x1b[36mEnvironment setup completed successfully\x1b[0m",
)
SESSION_WRITES = (
    f"{FINGERPRINT_LOG_PREFIX}{fingerprint(HOST_KEY)}",
    "sshd listens on port 10022",
    "JupyterLab 4.4.5: cached environment found, starting",
    "code-server 4.104.2: installing (3 of 6)",
    "JupyterLab answers on port 8888",
    "code-server answers on port 9000",
    "Session is ready after 6.2 s",
)


class Agent:
    """Takes what waits in a served queue, starts it, writes its log, and ends what should end."""

    def __init__(self, server: FakeServer, now: Callable[[], datetime]) -> None:
        self._server = server
        self._now = now
        self._lives: dict[str, tuple[datetime, list[Step]]] = {}
        self._still: dict[str, ServerFacts] = {}  # sessions that stay as they are until somebody changes them
        self._writing: dict[str, tuple[datetime, int]] = {}  # since when, and how many lines were written
        self._address = 10
        server.on_call = self.look

    def leave(self, task: str) -> None:
        """Let that session be as it is for as long as no user changes it."""
        self._still[task] = self._server.rows[task].facts

    def follow(self, task: str, steps: Sequence[Step]) -> None:
        """Go through these steps, counted from now on."""
        self._lives[task] = (self._now(), list(steps))

    def begin_log(self, task: str, at: datetime, *, goes_on: bool, ready: bool = True) -> None:
        """Write what every session's log begins with, up to where it is ``ready``; ``goes_on``: and then what a
        training writes."""
        texts = (*AGENT_WRITES, *SESSION_WRITES) if ready else AGENT_WRITES
        self._server.write_log(task, *texts, at_ms=round(at.timestamp() * 1000))
        if goes_on:
            self._writing[task] = (at + timedelta(seconds=WRITES_EVERY_S), 0)

    def record(self, task: str) -> Record:
        """Return a connection record for that task, with an address of its own."""
        self._address += 1
        address = f"10.0.{4 + self._address // 250}.{self._address % 250 + 1}"
        return Record(task, address, 10022, "root", HOST_KEY, 1, "signed")

    def look(self, call: str) -> None:
        """Do what is due. ``call``: the server's method that somebody is about to use."""
        for task, found in tuple(self._server.rows.items()):
            if self._still.get(task) != found.facts and task not in self._lives:
                self._take_up(task, found.facts)
        for task in tuple(self._lives):
            self._go_on(task)
        if call == "log":
            for task in tuple(self._writing):
                self._write(task)

    def _take_up(self, task: str, facts: ServerFacts) -> None:
        self._still.pop(task, None)
        queues = {queue.name: queue for queue in self._server.all_queues()}
        if facts.remote is Remote.STOPPING:
            self.follow(task, ENDS)
        elif facts.remote is Remote.QUEUED and facts.queue in queues and queues[facts.queue].served:
            self.follow(task, [replace(step, after_s=step.after_s + TAKES_S) for step in STARTS])
        else:
            self.leave(task)

    def _go_on(self, task: str) -> None:
        found = self._server.rows.get(task)
        began, steps = self._lives[task]
        if found is not None and found.facts.remote is Remote.STOPPING and steps and steps[-1].end is ENDS[-1].end:
            pass
        elif found is None or found.facts.remote in (Remote.STOPPING, Remote.ENDED):
            del self._lives[task]  # somebody ended it on its way; STOPPING is taken up by the next look
            return
        while steps and self._now() - began >= timedelta(seconds=steps[0].after_s):
            self._do(task, steps.pop(0))
        if not steps:
            del self._lives[task]
            self.leave(task)

    def _do(self, task: str, step: Step) -> None:
        old, now = self._server.rows[task].facts, self._now()
        workers = next((queue.workers for queue in self._server.all_queues() if queue.name == old.queue), ())
        facts = replace(
            old, remote=step.remote, report=step.report or old.report, end=step.end, changed=now,
            worker=old.worker or (workers[0].id if workers else ""), started=old.started or now,
        )  # fmt: skip
        if step.remote is Remote.READY:
            facts = replace(facts, record=self.record(task))
            self.begin_log(task, now, goes_on=True)
        self._server.rows[task].facts = facts

    def _write(self, task: str) -> None:
        since, written = self._writing[task]
        due = int((self._now() - since).total_seconds() / WRITES_EVERY_S)
        if task not in self._server.rows or self._server.rows[task].facts.remote is Remote.ENDED:
            del self._writing[task]
            return
        for number in range(written, due):
            at = since + timedelta(seconds=number * WRITES_EVERY_S)
            self._server.write_log(task, training_line(number), at_ms=round(at.timestamp() * 1000))
        self._writing[task] = (since, max(written, due))


def training_line(number: int) -> str:
    """Return the line of that number of a training that never ends."""
    epoch, step = divmod(number, STEPS_PER_EPOCH)
    loss = 0.08 + 2.2 / (1.0 + number / 25.0)
    return f"epoch {epoch + 1:>3}  step {step + 1:>2}/{STEPS_PER_EPOCH}  loss {loss:.4f}  3.1 it/s"
