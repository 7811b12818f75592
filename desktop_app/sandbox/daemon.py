"""The sandbox's own process: both servers, the agent, the watchdog, and the decision when to end.

``Sandbox.run`` is its main thread; it alone touches the agent. The servers answer from threads of their own.
"""

import json
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from desktop_app.file_lock import try_lock
from desktop_app.private_files import write_private
from desktop_app.sandbox import leases
from desktop_app.sandbox.agent import setup
from desktop_app.sandbox.agent.install import Installation, beside_us
from desktop_app.sandbox.agent.setup import AgentOptions
from desktop_app.sandbox.agent.supervision import (
    Agent,
    adopt_orphans,
    descendants,
    end_leftover,
    end_processes,
    reap_orphans,
)
from desktop_app.sandbox.handlers import files, queues, task_life
from desktop_app.sandbox.home import Home, State, created_at, private_secret, read_json
from desktop_app.sandbox.rules.auth import Auth, Credential
from desktop_app.sandbox.rules.call import Server
from desktop_app.sandbox.rules.limits import Clock, Limits
from desktop_app.sandbox.rules.store import Store
from desktop_app.sandbox.web import app, server
from desktop_app.sandbox.web.admin import Admin, add_routes
from desktop_app.sandbox.web.record import recorded

Application = Callable[..., Iterable[bytes]]  # as WSGI has it

_log = logging.getLogger(__name__)

COMPANY = "This computer"
USER = "You"
AGENT_USER = "Sandbox agent"


def _as_it_is(application: Application) -> Application:
    return application


@dataclass(frozen=True)
class Options:
    """How one sandbox is run."""

    home: Home
    agent: AgentOptions = field(default_factory=AgentOptions)
    limits: Limits = field(default_factory=Limits)
    clock: Clock = time.time
    with_agent: bool = True
    around: Callable[[Application], Application] = _as_it_is  # of the API server: who counts its calls


class Sandbox:
    """One sandbox, from start to end. The caller holds ``Home.run_lock``."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._home = options.home
        self._home.make()
        self._store = Store(self._home.database)
        self._auth = Auth(self._store, private_secret(self._home.signing_key).encode(), options.limits, options.clock)
        self._user = self._auth.ensure_user(COMPANY, USER)
        self._agent_user = self._auth.ensure_user(COMPANY, AGENT_USER)
        if queues.named(self._store, queues.DEFAULT) is None:
            company = self._auth.identity(self._user).company
            queues.make(self._store, company, queues.DEFAULT, options.clock())
        self._api, self._files = self._listen()
        self._wishes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._ending = False
        self._busy_at = time.monotonic()
        self._watched_at = time.monotonic()
        self._agent: Agent | None = None
        self._python: Path | None = None
        self._installation = Installation(self._home.agent_venv, setup.plain_environment(os.environ, self._home))
        self._environments = self._home.agent_work / "venvs"

    def _listen(self) -> tuple[server.Listener, server.Listener]:
        """Bind both servers, on the ports of the last start where they are free."""
        saved = read_json(self._home.settings)
        core = Server(self._store, self._auth, self._options.limits, self._options.clock, self._before_pull)
        api_app = app.build(core)
        api_app.wsgi_app = recorded(api_app.wsgi_app)  # type: ignore[method-assign, assignment]  # Flask's way
        add_routes(api_app, self._admin())
        api_app.wsgi_app = self._options.around(api_app.wsgi_app)  # type: ignore[method-assign]  # Flask's own way
        api = server.Listener(api_app, server.bind(int(saved.get("api_port", server.API_PORT))), threads=8)
        files_app = files.build(self._home.files, self._auth)
        listener = server.Listener(files_app, server.bind(int(saved.get("files_port", server.FILES_PORT))), threads=4)
        ports = {"api_port": api.port, "files_port": listener.port}
        write_private(self._home.settings, json.dumps({**saved, **ports}))
        return api, listener

    def _admin(self) -> Admin:
        return Admin(
            token=private_secret(self._home.admin_token),
            auth=self._auth,
            user=self._user,
            status=self.status,
            touch=self._touch,
            end=lambda: self._wishes.put("end"),
        )

    def _touch(self) -> None:
        self._busy_at = time.monotonic()

    def status(self) -> dict[str, Any]:
        """Return what ``sessiondock sandbox status`` shows. Any thread."""
        agent = self._agent
        return {
            "pid": os.getpid(),
            "worker": setup.worker_name(),
            "agent_pid": agent.pid if agent else None,
            "agent_failures": agent.failures if agent else 0,
            "agent_problem": self._installation.problem,
            "package_manager": self._options.agent.package_manager,
            "tasks": task_life.alive(self._store),
        }

    # --- life -------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until asked to end, or until nobody has needed the sandbox for ``Limits.idle`` seconds."""
        self._api.start()
        self._files.start()
        adopt_orphans()
        self._state().write(self._home)
        _log.info("serving on %s and %s", self._api.url, self._files.url)
        try:
            while not self._ending:
                self._tick()
        finally:
            self._home.state.unlink(missing_ok=True)
            self._close()

    def _state(self) -> State:
        created = created_at(os.getpid()) or 0.0
        return State(os.getpid(), created, self._api.url, self._files.url, setup.worker_name())

    def ask_to_end(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Signal handler; any thread."""
        self._wishes.put("end")

    def _tick(self) -> None:
        if self._options.with_agent:
            self._tend_agent()
        try:
            self._wishes.get(timeout=self._options.limits.tick)
            self._ending = True
        except queue.Empty:
            self._watch()
            self._ending = self._unused()

    def _watch(self) -> None:
        limits, now = self._options.limits, time.monotonic()
        if now - self._watched_at < limits.watchdog_every:
            return
        self._watched_at = now
        with self._store.transaction():
            for task in task_life.stop_forgotten(self._store, self._options.clock(), limits.watchdog_after):
                _log.warning("the watchdog ended the record of task %s", task)

    def _unused(self) -> bool:
        """True if it is time to end. Decided under the start lock, so that no client adopts the sandbox at that
        moment."""
        if task_life.alive(self._store) or leases.count(self._home):
            self._touch()
        if time.monotonic() - self._busy_at < self._options.limits.idle:
            return False
        starting = try_lock(self._home.start_lock)
        if starting is None:
            return False
        with starting:
            if leases.count(self._home) or time.monotonic() - self._busy_at < self._options.limits.idle:
                return False
            self._home.state.unlink(missing_ok=True)
        _log.info("nobody needs the sandbox any more")
        return True

    def _close(self) -> None:
        """Close the agent first: without its server it would hang."""
        if self._agent is not None:
            self._agent.stop(self._options.limits.agent_stop)
        end_processes(descendants(), self._options.limits.agent_stop)  # of an unfinished installation
        self._api.stop()
        self._files.stop()
        self._store.close()
        _log.info("ended")

    # --- agent ------------------------------------------------------------------------------------------------------

    def _tend_agent(self) -> None:
        if self._agent is None:
            own = self._options.agent.own_python
            self._python = (None if own else beside_us()) or self._installation.python()
            if self._python is None:
                return
            command = setup.command(self._python, self._options.agent)
            output = logging.getLogger("agent").info
            end_leftover(self._home, self._options.limits.agent_stop)
            self._agent = Agent(command, self._prepare_agent, self._home, output)
        self._agent.tend()
        reap_orphans(self._agent.pid)

    def _prepare_agent(self) -> dict[str, str]:
        """Write the agent's configuration and environment, before each of its starts."""
        options, home = self._options.agent, self._home
        self._environments = setup.fresh_environments(home)
        pair = self._agent_pair()
        config = setup.write_config(home, self._api.url, self._files.url, pair, options, self._environments)
        assert self._python is not None
        tools = setup.make_tools(home, self._python)
        return setup.environment(os.environ, home, config, options, self._options.limits, tools)

    def _before_pull(self, user: str) -> None:
        """Let the agent, idle by definition, get its next task. Called in a server thread."""
        if user == self._agent_user and self._options.agent.package_manager == setup.UV:
            setup.discard(self._home, self._environments)

    def _agent_pair(self) -> Credential:
        """Return the agent's own key, kept over restarts: what an earlier agent started may still be using it."""
        user = self._agent_user
        saved = read_json(self._home.agent_credential)
        pair = Credential(str(saved.get("access_key", "")), str(saved.get("secret_key", "")))
        if self._auth.knows(pair.access_key, pair.secret_key) != user:
            pair = self._auth.mint(user)
            fields = {"access_key": pair.access_key, "secret_key": pair.secret_key}
            write_private(self._home.agent_credential, json.dumps(fields))
        return pair


def install_signals(sandbox: Sandbox) -> None:
    signal.signal(signal.SIGTERM, sandbox.ask_to_end)
    signal.signal(signal.SIGINT, sandbox.ask_to_end)
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    threading.current_thread().name = "sandbox"
