"""How the rest of the program gets a sandbox: start or adopt it, hold it, ask it, end it. Blocking; any worker thread.

The sandbox is a process of its own that outlives this one. Starting is safe against a second client doing the same.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from desktop_app import SANDBOX_SERVE
from desktop_app.file_lock import lock
from desktop_app.sandbox.home import Home, State, created_at, read_state
from desktop_app.sandbox.leases import Lease
from desktop_app.sandbox.web.admin import PREFIX

POLL = 0.05  # seconds
ENDS_WITHIN = 30.0  # seconds a sandbox gets to end its agent and its sessions


class SandboxError(Exception):
    """The sandbox can't be started or reached; the text says why and where to look."""


@dataclass(frozen=True)
class SandboxInfo:
    """A running sandbox. The key pair is set by ``ensure_running`` only."""

    api_url: str
    files_url: str
    worker: str
    home: Path
    pid: int
    access_key: str = ""
    secret_key: str = field(default="", repr=False)


def ensure_running(
    home: Path,
    *,
    timeout: float = 30.0,
    access_key: str = "",
    secret_key: str = "",
    options: Sequence[str] = (),
    check: Callable[[], object] = lambda: None,
) -> SandboxInfo:
    """Start the sandbox of that home, or adopt the one that runs there.

    Pass the key pair of an earlier call: it comes back as long as it is good, else a fresh one does. Keep the pair in
    the OS keyring; the sandbox itself knows only a hash of it. ``options`` go to ``serve`` when one is started.
    Raises SandboxError when nothing answers within ``timeout`` seconds, and what ``check`` raises while another program
    starts it.
    """
    place, deadline = Home(home.absolute()), time.monotonic() + timeout
    place.make()
    try:
        starting = lock(place.start_lock, timeout, check)
    except TimeoutError as error:
        raise SandboxError(f"Another program has been starting the sandbox for {timeout:.0f} s.") from error
    with starting:
        state = _alive(place) or _start(place, deadline, options)
        pair = _ask(place, state, "credential", {"access_key": access_key, "secret_key": secret_key})
    return _info(place, state, pair["access_key"], pair["secret_key"])


def lease(home: Path) -> Lease:
    """Hold the sandbox: it does not end while this process lives and has not released the lease."""
    return Lease(Home(home.absolute()))


def status(home: Path) -> SandboxInfo | None:
    """Return the running sandbox of that home, without a key pair; None when none runs."""
    place = Home(home.absolute())
    state = _alive(place)
    return _info(place, state) if state else None


def details(home: Path) -> dict[str, Any]:
    """Return what the running sandbox says about its agent and its tasks; empty when none runs."""
    place = Home(home.absolute())
    state = read_state(place)
    return _ask(place, state, "status") if state else {}


def stop(home: Path, *, timeout: float = ENDS_WITHIN) -> bool:
    """End the sandbox with its agent and everything that runs on it; answers whether one ran.

    One that does not end within ``timeout`` seconds is killed.
    """
    place = Home(home.absolute())
    state = read_state(place)
    if state is None:
        return False
    try:
        _ask(place, state, "end")
    except SandboxError:
        _kill(state, signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while _lives(state):
        if time.monotonic() > deadline:
            _kill(state, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
            deadline += timeout
        time.sleep(POLL)
    return True


def serve_command(home: Path, options: Sequence[str] = ()) -> list[str]:
    """Return the command line of the sandbox's process; a frozen executable takes its own command instead."""
    start = [sys.executable, SANDBOX_SERVE] if _frozen() else [sys.executable, "-m", "desktop_app.sandbox", "serve"]
    return [*start, "--home", str(home), "--detach", *options]


def _frozen() -> bool:
    return bool(getattr(sys, "frozen", False))


def _info(place: Home, state: State, access_key: str = "", secret_key: str = "") -> SandboxInfo:
    return SandboxInfo(state.api_url, state.files_url, state.worker, place.root, state.pid, access_key, secret_key)


def _start(place: Home, deadline: float, options: Sequence[str]) -> State:
    """Start the process and wait until it answers. The caller holds the start lock."""
    with (place.logs / "start.log").open("wb") as log:
        environment = dict(os.environ)
        if not _frozen():  # the child must find this very package, wherever it is started
            root = str(Path(__file__).resolve().parents[2])
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
        process = subprocess.Popen(
            serve_command(place.root, options),
            env=environment,
            cwd=place.root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            creationflags=getattr(subprocess, "DETACHED_PROCESS", 0),
        )
    if sys.platform != "win32" and _code(process, deadline) != 0:
        raise SandboxError(f"The sandbox did not start; see {place.logs}.")
    while time.monotonic() < deadline:
        state = _alive(place)
        if state is not None:
            return state
        time.sleep(POLL)
    raise SandboxError(f"The sandbox did not answer in time; see {place.logs}.")


def _code(process: "subprocess.Popen[bytes]", deadline: float) -> int | None:
    """Return the exit code of the process that puts the sandbox into the background; None when it takes too long."""
    try:
        return process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        return None


def _alive(place: Home) -> State | None:
    """Return the state of a sandbox that really answers."""
    state = read_state(place)
    if state is None:
        return None
    try:
        return state if _ask(place, state, "status")["pid"] == state.pid else None
    except SandboxError:
        return None


def _ask(place: Home, state: State, action: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Make one private call. Raises SandboxError."""
    address = urlsplit(state.api_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 0, timeout=10)
    try:
        token = place.admin_token.read_text("utf-8").strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", PREFIX + action, json.dumps(body or {}), headers)
        response = connection.getresponse()
        payload = response.read()
        if response.status != 200:
            raise SandboxError(f"The sandbox refused {action!r} (HTTP {response.status}).")
        answer: dict[str, Any] = json.loads(payload)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise SandboxError(f"The sandbox does not answer: {error}") from error
    finally:
        connection.close()
    return answer


def _lives(state: State) -> bool:
    created = created_at(state.pid)
    return created is not None and abs(created - state.created) < 1


def _kill(state: State, number: signal.Signals) -> None:
    if _lives(state):
        os.kill(state.pid, number)
