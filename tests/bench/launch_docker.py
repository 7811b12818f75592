"""The docker row of ``make bench-launch``: ours and clearml-session's launches into containers of the same image.

One private engine, server and agent serve both in turn; *cold*: the agent's caches for containers are new and empty;
*warm*: filled by a launch before. Every figure is seconds from the command's start to a JupyterLab that answers through
the tunnel, the agent's own preparations (the same for both) included. Needs root.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from desktop_app.sandbox.launch import SandboxInfo
from tests.bench.launch import (
    END_SECONDS,
    OURS,
    THEIR_COMMAND,
    events_of,
    our_port,
    say,
    seconds_to_jupyterlab,
    shut_down,
    their_environment,
    their_port,
)
from tests.support.desktop_rig import Rig
from tests.support.docker_agent import QUEUE, DockerAgent, docker_server, known_account
from tests.support.engine import BASE, Engine
from tests.support.waiting import wait_until

FIRST = "ours_first_docker"
PACKED = 3  # uv, JupyterLab, ipykernel


class DockerBench:
    """Runs launches in turn and adds their seconds to ``rows``, by row."""

    def __init__(self, base: Path, rig: Rig, rows: dict[str, list[float]]) -> None:
        self._base, self._rig, self._rows = base, rig, rows

    def run(self, rounds: int, cold_rounds: int) -> None:
        """Cold launches of each on caches of its own, then warm ones in turn on the caches of both."""
        with Engine() as engine, docker_server() as info:
            for name in ("ours", "theirs") * cold_rounds:
                with self._agent(engine, info) as agent:
                    self._one(f"{name}_cold_docker", agent, info, name)
            with self._agent(engine, info) as agent:
                for name in ("ours", "theirs"):
                    self._one(f"{name}_first_docker", agent, info, name)
                for _ in range(rounds):
                    for name in ("ours", "theirs"):
                        self._one(f"{name}_warm_docker", agent, info, name)

    @contextmanager
    def _agent(self, engine: Engine, info: SandboxInfo) -> Iterator[DockerAgent]:
        """With caches of its own. What containers left in there belongs to the bench's folder."""
        folder = Path(tempfile.mkdtemp(dir=self._base))
        made = DockerAgent(engine, info, folder / "agent", downloads=folder / "downloads")
        try:
            made.start()
            yield made
        finally:
            made.kill()

    def _one(self, row: str, agent: DockerAgent, info: SandboxInfo, which: str) -> None:
        log = self._base / f"{row}-{len(self._rows.get(row, []))}.log"
        try:
            packed = agent.cache / "sessiondock" if row == FIRST else None
            took = self._ours(info, log, packed) if which == "ours" else self._theirs(info, log)
        except (RuntimeError, TimeoutError, subprocess.SubprocessError) as error:
            error.add_note(log.read_text(errors="replace")[-3000:])
            raise
        self._rows.setdefault(row, []).append(took)
        say(f"{row}: {took:.1f} s")
        wait_until(lambda: not agent.engine.containers(), "the container's end", END_SECONDS, poll=0.2)

    def _ours(self, info: SandboxInfo, log: Path, packed: Path | None) -> float:
        """``packed``: the session stays until it has packed there what it installed for the next one, as a session does
        that somebody works in."""
        known = json.loads(self._rig.run([*OURS, "accounts", "list", "--json"]).stdout)["accounts"]
        for account in known:
            self._rig.run([*OURS, "accounts", "remove", account["id"], "--json"])
        account = known_account(self._rig.env, info, OURS)
        command = [*OURS, "launch", "--account", account, "--json", "--queue", QUEUE, "--docker", BASE]
        began = time.monotonic()
        with log.open("wb") as output:
            argv = [*command, "--no-vscode-server"]
            process = subprocess.Popen(argv, env=self._rig.env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            try:
                took = seconds_to_jupyterlab(began, lambda: our_port(log), process)
                if packed is not None:
                    wait_until(lambda: len(list(packed.glob("*.tar"))) == PACKED, "the packing", END_SECONDS)
                return took
            finally:
                for session in {event["id"] for event in events_of(log) if "id" in event}:
                    self._rig.run([*OURS, "shutdown", session, "--json"], END_SECONDS)
                process.wait(END_SECONDS)

    def _theirs(self, info: SandboxInfo, log: Path) -> float:
        home = self._base / "their-docker-home"
        home.mkdir(exist_ok=True)
        command = [*THEIR_COMMAND, "--queue", QUEUE, "--docker", BASE, "--remote-gateway", "127.0.0.1"]
        began = time.monotonic()
        with log.open("wb") as output:
            env = their_environment(info, home)
            process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=output, stderr=output)
            try:
                return seconds_to_jupyterlab(began, lambda: their_port(log), process)
            finally:
                shut_down(process)
