"""A ClearML server, an agent and a person's desktop, each of which a test can take away. One thread.

The server is the sandbox's, in a process of its own and without its supervised agent, used as a team's server is: by an
account with an API key. The agent is the real one, started by the test, so that nobody starts it again when it is
killed.
"""

import json
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil

from desktop_app.domain.sessions.snapshot import Status
from desktop_app.sandbox import launch
from desktop_app.sandbox.agent import setup
from desktop_app.sandbox.home import Home
from desktop_app.sandbox.rules.auth import KEPT_CREDENTIALS, Credential
from desktop_app.sandbox.rules.limits import Limits
from tests.e2e.main_job import APP, LAUNCH_SECONDS, UI_SECONDS, MainJob
from tests.support.desktop_processes import MARK, Program
from tests.support.desktop_rig import Rig, RigOptions
from tests.support.paths import APPLICATIONS_CACHE, REPOSITORY
from tests.support.waiting import wait_until

QUEUE = "gpu"  # what the agent serves; nobody serves "default"


class Site(MainJob):
    """``with Site(name) as site``: a running server, no agent yet, and a desktop without the app."""

    def __init__(self, name: str = "A session") -> None:
        super().__init__(Rig(RigOptions(window_manager=True)), name)
        self.server: Program | None = None
        self.agent: Program | None = None
        self._key = ("", "")

    def __enter__(self) -> Self:
        self.rig.__enter__()
        try:
            self.start_server()
            self.api("queues.create", name=QUEUE)
        except BaseException:
            self.rig.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.rig.__exit__(kind, error, tb)

    # ---- the server ----

    @property
    def home(self) -> Home:
        return Home(self.sandbox_home)

    def start_server(self) -> None:
        """On the ports of its last start."""
        serve = [sys.executable, "-m", "desktop_app.sandbox", "serve", "--home", str(self.sandbox_home)]
        self.server = self.rig.start([*serve, "--no-agent", "--idle", "9999"], cwd=REPOSITORY)
        self.info = wait_until(lambda: launch.status(self.sandbox_home), "the server", 30)
        pair = launch.ensure_running(self.sandbox_home, access_key=self._key[0], secret_key=self._key[1])
        self._key = (pair.access_key, pair.secret_key)

    @property
    def access_key(self) -> str:
        return self._key[0]

    @property
    def secret_key(self) -> str:
        return self._key[1]

    def api(self, endpoint: str, **body: Any) -> dict[str, Any]:
        """A call of the ClearML API by the same person, from another place (the web page, say)."""
        answer = httpx.post(f"{self.info.api_url}/{endpoint}", auth=self._key, json=body, trust_env=False, timeout=10)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])

    def sign_in(self) -> None:
        """The account is added at a terminal, then the window is opened."""
        self.cli("accounts", "add", self.info.api_url, self.access_key, stdin=self.secret_key)
        self.start_app()

    def revoke_keys(self) -> None:
        """The person made so many new keys that the server dropped the first."""
        pairs = [launch.ensure_running(self.sandbox_home) for _ in range(KEPT_CREDENTIALS)]
        self._key = (pairs[-1].access_key, pairs[-1].secret_key)

    def freeze_server(self) -> None:
        """It takes connections and does not answer."""
        assert self.server is not None
        self.server.process.send_signal(signal.SIGSTOP)

    def thaw_server(self) -> None:
        assert self.server is not None
        self.server.process.send_signal(signal.SIGCONT)

    # ---- the agent ----

    def start_agent(self, queue: str = QUEUE) -> None:
        """The real clearml-agent, with fresh environments."""
        options = setup.AgentOptions(queue=queue, cache=APPLICATIONS_CACHE)
        limits, home, python = Limits(), self.home, Path(sys.executable)
        pair = launch.ensure_running(self.sandbox_home)  # a key pair of the agent's own
        key = Credential(pair.access_key, pair.secret_key)
        environments = setup.fresh_environments(home)
        config = setup.write_config(home, pair.api_url, pair.files_url, key, options, environments)
        tools = setup.make_tools(home, python)
        environment = setup.environment(self.rig.env, home, config, options, limits, tools)
        environment[MARK] = self.rig.env[MARK]
        log = Path(self.rig.env[MARK]) / "logs" / f"{len(self.rig.programs):02d}-agent"
        self.agent = Program(setup.command(python, options), environment, log, home.agent_home)
        self.rig.programs.append(self.agent)

    def end_agent(self) -> None:
        if self.agent is not None:
            self.agent.end(10)
            self.agent = None

    # ---- a session ----

    def enqueue(self, queue: str, *more: str) -> dict[str, Any]:
        """A launch at a terminal; the window that is open shows it."""
        launched = self.cli("launch", "--no-attach", "--queue", queue, "--session-name", self.name, *more)
        self.task = str(launched["id"])
        return dict(launched)

    def ensure_connected(self) -> None:
        """A session that runs and is attached, whether an earlier test left one or not."""
        if not self.task:
            self.start_agent()
            self.enqueue(QUEUE)
        self.wait_status(Status.READY, Status.CONNECTED, seconds=LAUNCH_SECONDS)
        self.attach()

    # ---- the window ----

    def fill_in_key(self, secret: str) -> None:
        """The wizard's account page, for a ClearML server."""
        self.widget("account-server").click()
        for field, value in (
            ("account-api-url", self.info.api_url), ("account-access-key", self.access_key), ("account-secret", secret),
        ):  # fmt: skip
            self.widget(field).set_text(value)
        self.press("wizard-next")

    def wait_words(self, identifier: str, *wanted: str, seconds: float = UI_SECONDS) -> str:
        """What the banner says, once it says all of ``wanted``."""

        def look() -> str | None:
            assert self.app is not None
            for node in self.app.find_all(identifier=identifier):
                text = " ".join(part.name for part in node.walk() if part.name)
                if all(word in text for word in wanted):
                    return text
            return None

        return wait_until(look, f"{wanted} in {identifier}", seconds, poll=0.2)

    def wait_gone(self, identifier: str, seconds: float = UI_SECONDS) -> None:
        assert self.app is not None
        app = self.app
        wait_until(lambda: not app.find_all(identifier=identifier), f"{identifier} to go", seconds, poll=0.2)

    def app_state(self, app: str) -> str:
        return str(self.command("info", self.task)["applications"][app]["state"])

    def cli(self, *argv: str, stdin: str = "", code: int = 0) -> Any:
        """A command with --json; its last line."""
        log = self.rig.base / "logs" / "cli"
        program = Program([*APP, *argv, "--json"], self.rig.env, log, REPOSITORY, stdin.encode())
        left = program.wait_exit(90)
        assert left == code, f"{argv} left with {left}: {program.output()[-2000:]}"
        return json.loads([line for line in program.output().splitlines() if line.startswith("{")][-1])


def listening(port: int) -> psutil.Process | None:
    """Who listens on that port of 127.0.0.1."""
    for connection in psutil.net_connections("tcp"):
        if (
            connection.status == psutil.CONN_LISTEN
            and connection.laddr
            and connection.laddr.port == port
            and connection.pid
        ):
            return psutil.Process(connection.pid)
    return None


def answers(port: int, path: str) -> bool:
    """Whether an application answers through its local port."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
