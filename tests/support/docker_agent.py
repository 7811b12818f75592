"""A ClearML server, and a real clearml-agent that runs its tasks in containers of an engine of the tests' own.

The agent serves the queue ``containers`` in Docker mode; its home is private, and what it downloads for containers is
kept per machine like everything that tests install. Ended by pid. Test thread only.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from desktop_app.sandbox.agent.setup import AgentOptions, environment, write_config
from desktop_app.sandbox.home import Home
from desktop_app.sandbox.launch import SandboxInfo
from desktop_app.sandbox.rules.auth import Credential
from desktop_app.sandbox.rules.limits import Limits
from tests.support.engine import BASE, Engine, reach_of_this_machine
from tests.support.paths import CACHE
from tests.support.sandbox_server import RealApi, own_sandbox
from tests.support.waiting import wait_until

QUEUE = "containers"
DOWNLOADS = CACHE / "engine" / "downloads"
AGENT_START_S = 60.0
_numbers = itertools.count()  # a killed agent's name is taken for ten minutes


def _fresh_name() -> str:
    return f"box-{os.getpid()}-{next(_numbers)}:docker"


@dataclass
class DockerAgent:
    """``image`` is the agent's own, for tasks that name none. ``arguments`` go to every ``docker run``."""

    engine: Engine
    info: SandboxInfo
    folder: Path
    image: str = BASE
    arguments: Sequence[str] = ()
    downloads: Path = DOWNLOADS
    name: str = field(default_factory=_fresh_name)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def cache(self) -> Path:
        """What it mounts at /clearml_agent_cache."""
        return self.folder / "cache"

    @property
    def log(self) -> str:
        return (self.folder / "agent.log").read_text(errors="replace")

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        home, options = Home(self.folder / "home"), AgentOptions(QUEUE)
        home.make()
        pair = Credential(self.info.access_key, self.info.secret_key)
        config = write_config(home, self.info.api_url, self.info.files_url, pair, options, self.folder / "venvs")
        with config.open("a") as file:
            file.write(self._settings())
        tools = self.folder / "tools"
        tools.mkdir(exist_ok=True)
        own = environment(os.environ, home, config, options, Limits(), tools)
        own |= {**self.engine.environment, "CLEARML_WORKER_ID": self.name, "NVIDIA_VISIBLE_DEVICES": "none"}
        argv = [sys.executable, "-m", "clearml_agent", "daemon", "--queue", QUEUE, "--docker", self.image]
        argv += ["--cpu-only", "--foreground"]
        with (self.folder / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(argv, env=own, stdout=log, stderr=log, cwd=self.folder)
        api = RealApi(self.info)

        def registered() -> bool:
            assert self.process is not None and self.process.poll() is None, self.log
            return any(worker["id"] == self.name for worker in api.call("workers.get_all")["workers"])

        wait_until(registered, "the agent", AGENT_START_S, poll=0.2)

    def _settings(self) -> str:
        arguments = [*reach_of_this_machine(), *self.arguments]
        folders = {"docker_pip_cache": "pip", "docker_apt_cache": "apt"}
        lines = [f"agent.{key}: {json.dumps(str(self.downloads / name))}" for key, name in folders.items()]
        lines.append(f"sdk.storage.cache.default_base_dir: {json.dumps(str(self.cache))}")
        lines.append(f"agent.extra_docker_arguments: {json.dumps(arguments)}")
        return "\n".join(lines) + "\n"

    def restart(self) -> None:
        """After ``kill``."""
        self.name = _fresh_name()
        self.start()

    def kill(self) -> None:
        """At once, with what it started on this machine; containers stay."""
        if self.process is None:
            return
        if self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
            self.process.kill()
        self.process.wait(10)
        self.process = None


@contextmanager
def docker_server() -> Iterator[SandboxInfo]:
    """A server without an agent of its own, with the queue that ``DockerAgent`` serves."""
    with own_sandbox("--no-agent") as info:
        RealApi(info).call("queues.create", name=QUEUE)
        yield info


@contextmanager
def docker_agent(engine: Engine, info: SandboxInfo, arguments: Sequence[str] = ()) -> Iterator[DockerAgent]:
    with tempfile.TemporaryDirectory(prefix="sd-docker-agent-", ignore_cleanup_errors=True) as folder:
        made = DockerAgent(engine, info, Path(folder), arguments=arguments)
        try:
            made.start()
            yield made
        finally:
            made.kill()


def known_account(env: Mapping[str, str], info: SandboxInfo, command: Sequence[str]) -> str:
    """Make the server an ordinary account of the app whose environment this is; returns its id."""
    argv = [*command, "accounts", "add", info.api_url, info.access_key, "--json"]
    added = subprocess.run(argv, env=dict(env), input=info.secret_key, capture_output=True, text=True, timeout=60)
    assert added.returncode == 0, added.stdout + added.stderr
    return str(json.loads(added.stdout)["id"])
