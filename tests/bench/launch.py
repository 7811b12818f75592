"""``make bench-launch``: from the command's start to a JupyterLab that answers through the tunnel, ours and theirs.

Theirs is ``clearml-session`` 0.17.0 from PyPI, unmodified. Both go, in turn, through the same sandbox server and the
same clearml-agent (in a private mount namespace, because their task rewrites the machine), with JupyterLab on and
code-server off. *Cold*: a new agent home, pip cache, uv cache and application cache each. *Warm*: the second and later
launches there. The docker rows are the same in containers of one image (``launch_docker``). Every figure is seconds of
wall clock. Needs root and a network to PyPI; runs some fifteen minutes.

Prints progress on standard error and one JSON line on standard output.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_app.sandbox import launch
from desktop_app.sandbox.launch import SandboxInfo
from remote_bootstrap.contract.apps import JUPYTERLAB
from tests.support import isolated_agent
from tests.support.desktop_rig import Rig
from tests.support.paths import CLEARML_SESSION
from tests.support.waiting import wait_until

LAUNCH_SECONDS = 400.0
END_SECONDS = 90.0
OURS = (sys.executable, "-m", "desktop_app")
THEIR_COMMAND = (str(CLEARML_SESSION), "--yes", "--vscode-server", "false", "--jupyter-lab", "true")
JUPYTER_URL = re.compile(r"Jupyter Lab URL: http://localhost:(\d+)/")


@dataclass(frozen=True)
class Place:
    """One sandbox with caches of its own. Outside /root, which the agent's namespace covers."""

    base: Path
    package_manager: str

    @property
    def home(self) -> Path:
        return self.base / "home"

    def caches(self) -> dict[str, str]:
        return {"PIP_CACHE_DIR": str(self.base / "pip"), "UV_CACHE_DIR": str(self.base / "uv")}

    def start(self) -> SandboxInfo:
        os.environ.update(self.caches())
        options = ["--package-manager", self.package_manager, "--cache", str(self.base / "applications")]
        return isolated_agent.start(self.home, options)

    def idle(self) -> bool:
        return launch.details(self.home).get("tasks") == 0

    def remove(self) -> None:
        launch.stop(self.home)
        shutil.rmtree(self.base, ignore_errors=True)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def answers(port: int) -> bool:
    """JupyterLab's /api needs no token, so it tells whether the server itself answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=2) as reply:
            return reply.status == 200
    except (OSError, urllib.error.URLError):
        return False


def seconds_to_jupyterlab(began: float, port: Callable[[], int | None], process: subprocess.Popen[bytes]) -> float:
    def ready() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"the launch ended with exit code {process.returncode}")
        known = port()
        return known is not None and answers(known)

    wait_until(ready, "JupyterLab through the tunnel", LAUNCH_SECONDS, poll=0.1)
    return time.monotonic() - began


def ours(info: SandboxInfo, rig: Rig, log: Path) -> float:
    """``sessiondock launch``, which owns the tunnel in the foreground."""
    command = [*OURS, "launch", "--account", our_account(info, rig), "--json"]
    command += ["--queue", "default", "--no-vscode-server"]
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=rig.env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            return seconds_to_jupyterlab(began, lambda: our_port(log), process)
        finally:
            for session in {event["id"] for event in events_of(log) if "id" in event}:
                rig.run([*OURS, "shutdown", session, "--json"], END_SECONDS)
            process.wait(END_SECONDS)


def events_of(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{") and line.endswith("}")]


def our_port(log: Path) -> int | None:
    """The port that the command announces for JupyterLab in its event "ready"."""
    for event in events_of(log):
        port = event.get("applications", {}).get(JUPYTERLAB.key, {}).get("local_port")
        if port:
            return int(port)
    return None


def our_account(info: SandboxInfo, rig: Rig) -> str:
    """Make the bench's sandbox an ordinary account of the app; its address may have served an earlier sandbox."""
    known = json.loads(rig.run([*OURS, "accounts", "list", "--json"]).stdout)["accounts"]
    for account in known:
        rig.run([*OURS, "accounts", "remove", account["id"], "--json"])
    command = [*OURS, "accounts", "add", info.api_url, info.access_key, "--json"]
    added = subprocess.run(command, env=rig.env, input=info.secret_key, capture_output=True, text=True, timeout=60)
    if added.returncode != 0:
        raise RuntimeError(f"the account could not be added: {added.stderr}")
    return str(json.loads(added.stdout)["id"])


def theirs(info: SandboxInfo, home: Path, log: Path) -> float:
    """``clearml-session --yes``, with a home of its own."""
    home.mkdir(exist_ok=True)
    env = their_environment(info, home)
    command = [*THEIR_COMMAND, "--queue", "default"]
    # sshd listens on 127.0.0.1 in there; docker's network flag means nothing to an agent without docker
    command += ["--remote-gateway", "127.0.0.1", "--skip-docker-network"]
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=output, stderr=output)
        try:
            return seconds_to_jupyterlab(began, lambda: their_port(log), process)
        finally:
            shut_down(process)


def shut_down(process: subprocess.Popen[bytes]) -> None:
    """Type its command; its standard input stays open, because it never ends once that is at its end."""
    if process.stdin is not None and process.poll() is None:
        process.stdin.write(b"shutdown\n")
        process.stdin.flush()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def their_environment(info: SandboxInfo, home: Path) -> dict[str, str]:
    return dict(os.environ) | {
        "HOME": str(home),
        "CLEARML_API_HOST": info.api_url,
        "CLEARML_WEB_HOST": info.api_url,
        "CLEARML_FILES_HOST": info.files_url,
        "CLEARML_API_ACCESS_KEY": info.access_key,
        "CLEARML_API_SECRET_KEY": info.secret_key,
    }


def their_port(log: Path) -> int | None:
    found = JUPYTER_URL.search(log.read_text(errors="replace"))
    return int(found.group(1)) if found else None


class Bench:
    """Runs launches in turn and keeps their seconds by row."""

    def __init__(self, base: Path, rig: Rig, rounds: int) -> None:
        self.base, self.rig, self.rounds = base, rig, rounds
        self.rows: dict[str, list[float]] = {}

    def one(self, row: str, place: Place, info: SandboxInfo, which: str) -> None:
        log = self.base / f"{row}-{len(self.rows.get(row, []))}.log"
        try:
            took = ours(info, self.rig, log) if which == "ours" else theirs(info, self.base / "their-home", log)
        except (RuntimeError, TimeoutError, subprocess.SubprocessError) as error:
            error.add_note(log.read_text(errors="replace")[-3000:])
            raise
        self.rows.setdefault(row, []).append(took)
        say(f"{row}: {took:.1f} s")
        wait_until(place.idle, "the agent to be free", END_SECONDS, poll=0.2)

    def cold(self, which: str, package_manager: str, row: str) -> None:
        place = Place(Path(tempfile.mkdtemp(dir=self.base)), package_manager)
        try:
            self.one(row, place, place.start(), which)
        finally:
            place.remove()

    def warm(self, which: tuple[str, ...], package_manager: str, suffix: str = "") -> None:
        """Launch each once to fill the caches, then in turn."""
        place = Place(Path(tempfile.mkdtemp(dir=self.base)), package_manager)
        try:
            info = place.start()
            for name in which:
                self.one(f"{name}_first{suffix}", place, info, name)
            for _ in range(self.rounds):
                for name in which:
                    self.one(f"{name}_warm{suffix}", place, info, name)
        finally:
            place.remove()


def summary(rows: Mapping[str, list[float]]) -> dict[str, object]:
    medians = {row: round(statistics.median(values), 1) for row, values in rows.items()}
    line: dict[str, object] = {"ok": True, "seconds": medians, "rounds": {k: len(v) for k, v in rows.items()}}
    for kind in ("warm", "cold", "warm_docker", "cold_docker"):
        if f"ours_{kind}" in medians:
            line[f"ratio_{kind}"] = round(medians[f"ours_{kind}"] / medians[f"theirs_{kind}"], 3)
    return line


def main() -> int:
    from tests.bench.launch_docker import DockerBench  # it builds on this module

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="warm launches of each (default 3)")
    parser.add_argument("--cold-rounds", type=int, default=1, help="cold launches of each (default 1)")
    parser.add_argument("--only-docker", action="store_true", help="only the docker rows")
    arguments = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="sessiondock-bench-", dir="/var/tmp"))
    try:
        with Rig() as rig:
            bench = Bench(base, rig, arguments.rounds)
            DockerBench(base, rig, bench.rows).run(arguments.rounds, arguments.cold_rounds)
            if arguments.only_docker:
                print(json.dumps(summary(bench.rows)), flush=True)
                return 0
            for _ in range(arguments.cold_rounds):
                bench.cold("ours", "pip", "ours_cold")
                bench.cold("theirs", "pip", "theirs_cold")
            bench.warm(("ours", "theirs"), "pip")
            bench.warm(("ours",), "uv", "_uv")
            bench.cold("ours", "uv", "ours_cold_uv")
            print(json.dumps(summary(bench.rows)), flush=True)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
