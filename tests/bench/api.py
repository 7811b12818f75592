"""``make bench-api``: what our programs and clearml-session 0.17.0 ask of one ClearML server per hour, in four states.

*Waiting*: launched into a queue that no agent serves, the first two minutes counted as they are and the rest of the
hour from a window of some minutes. *Connected*: JupyterLab answers through the tunnel and nobody touches it. *Task*:
what the session's own task asks (all that runs in it, the SDK too; not its agent) while nobody is attached. *Idle*: our
window with one account and no session; clearml-session has none. The server counts every call of every process.

Needs root and a network to PyPI; runs about three windows and a few launches long. Prints progress on standard error
and one JSON line on standard output.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from desktop_app.sandbox import launch
from desktop_app.sandbox.launch import SandboxInfo
from tests.bench.launch import (
    END_SECONDS,
    OURS,
    THEIR_COMMAND,
    answers,
    events_of,
    our_account,
    our_port,
    say,
    shut_down,
    their_environment,
    their_port,
)
from tests.support import counted_sandbox, isolated_agent
from tests.support.counted_sandbox import Noted, by_endpoint, noted
from tests.support.desktop_rig import Rig
from tests.support.sandbox_server import RealApi
from tests.support.waiting import wait_until

HOUR = 3600.0
FIRST_S = 120.0  # of a wait: what is asked more often then is counted as it is
SETTLE_S = 20.0
LAUNCH_S = 400.0
QUEUE = "nobody-serves-this"


class Row:
    """The figures of one state of one program: calls and bytes per hour."""

    def __init__(self, calls: float, size: float, endpoints: dict[str, int]) -> None:
        self.calls, self.bytes, self.endpoints = round(calls), round(size), endpoints


def per_hour(calls: Iterable[Noted], by: str, since: float, seconds: float, first: float = 0.0) -> Row:
    """Of what was asked in ``seconds`` after ``since``; the ``first`` seconds count as they are."""
    mine = [call for call in calls if call.by == by and since <= call.at < since + seconds]
    early = [call for call in mine if call.at < since + first]
    late, scale = [call for call in mine if call.at >= since + first], (HOUR - first) / (seconds - first)
    size = sum(call.bytes for call in early) + scale * sum(call.bytes for call in late)
    return Row(len(early) + scale * len(late), size, by_endpoint(mine))


@contextmanager
def running(command: list[str], env: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=output, stderr=output)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def theirs(info: SandboxInfo, home: Path, queue: str) -> tuple[list[str], dict[str, str]]:
    """Their command line and its environment."""
    home.mkdir(exist_ok=True)
    command = [*THEIR_COMMAND, "--queue", queue, "--remote-gateway", "127.0.0.1", "--skip-docker-network"]
    return command, their_environment(info, home)


def ours(account: str, queue: str) -> list[str]:
    return [*OURS, "launch", "--account", account, "--json", "--queue", queue, "--no-vscode-server"]


class Bench:
    """Runs the states and keeps their rows. ``window``: seconds of each measurement."""

    def __init__(self, base: Path, window: float) -> None:
        self.base, self.window = base, window
        self.rows: dict[str, Row] = {}

    def keep(self, name: str, row: Row) -> None:
        self.rows[name] = row
        say(f"{name}: {row.calls} calls and {row.bytes // 1000} kB per hour {row.endpoints}")

    def rest(self, seconds: float) -> float:
        """Let time pass; when that began."""
        began = time.time()
        time.sleep(seconds)
        return began

    def idle_and_waiting(self) -> None:
        """On servers of their own, all at once."""
        homes = {name: self.base / name for name in ("idle", "waiting")}
        infos = {name: counted_sandbox.start(home, ["--no-agent", "--idle", "7200"]) for name, home in homes.items()}
        RealApi(infos["waiting"]).call("queues.create", name=QUEUE)
        try:
            with Rig() as idle, Rig() as waiting:
                our_account(infos["idle"], idle)
                command, env = theirs(infos["waiting"], self.base / "their-waiting", QUEUE)
                mine = ours(our_account(infos["waiting"], waiting), QUEUE)
                with (
                    running([*OURS], idle.env, self.base / "window.log"),
                    running(mine, waiting.env, self.base / "waiting.log"),
                    running(command, env, self.base / "their-waiting.log"),
                ):
                    api = RealApi(infos["waiting"])
                    wait_until(lambda: len(api.call("tasks.get_all", status=["queued"])["tasks"]) == 2, "both", 90)
                    began = self.rest(FIRST_S + self.window)
                    seconds = FIRST_S + self.window
                    calls = noted(homes["waiting"])
                    self.keep("ours_waiting", per_hour(calls, "desktop", began, seconds, FIRST_S))
                    self.keep("cli_waiting", per_hour(calls, "cli", began, seconds, FIRST_S))
                    since = began + SETTLE_S
                    idle_calls = noted(homes["idle"])
                    self.keep("ours_idle", per_hour(idle_calls, "desktop", since, seconds - SETTLE_S))
        finally:
            for home in homes.values():
                launch.stop(home)

    def connected(self) -> None:
        """In turn on one server with an agent."""
        place = self.base / "connected"
        options = ["--cache", str(self.base / "applications"), "--idle", "7200"]
        info = isolated_agent.start(place, options, counted_sandbox.serve_command)
        try:
            self._ours_connected(info, place)
            wait_until(lambda: launch.details(place).get("tasks") == 0, "the agent to be free", END_SECONDS)
            self._theirs_connected(info, place)
        finally:
            launch.stop(place)

    def _ours_connected(self, info: SandboxInfo, place: Path) -> None:
        log = self.base / "connected.log"
        with Rig() as rig:
            try:
                with running(ours(our_account(info, rig), "default"), rig.env, log) as process:
                    self._await(process, lambda: our_port(log))
                    began = self.rest(self.window)
                    self.keep("ours_connected", per_hour(noted(place), "desktop", began, self.window))
                    self.keep("ours_task_attached", per_hour(noted(place), "task", began, self.window))
                    process.send_signal(signal.SIGINT)  # detaches
                    process.wait(30)
                self.rest(SETTLE_S)
                began = self.rest(self.window)
                self.keep("ours_task", per_hour(noted(place), "task", began, self.window))
            finally:
                for session in {event["id"] for event in events_of(log) if "id" in event}:
                    rig.run([*OURS, "shutdown", session, "--json"], END_SECONDS)

    def _theirs_connected(self, info: SandboxInfo, place: Path) -> None:
        log = self.base / "their-connected.log"
        command, env = theirs(info, self.base / "their-connected", "default")
        with running(command, env, log) as process:
            self._await(process, lambda: their_port(log))
            began = self.rest(self.window)
            self.keep("cli_connected", per_hour(noted(place), "cli", began, self.window))
            self.keep("cli_task", per_hour(noted(place), "task", began, self.window))
            shut_down(process)

    def _await(self, process: "subprocess.Popen[bytes]", port: Callable[[], int | None]) -> None:
        def ready() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"the launch ended with exit code {process.returncode}")
            known = port()
            return known is not None and answers(known)

        wait_until(ready, "JupyterLab through the tunnel", LAUNCH_S, poll=0.2)
        self.rest(SETTLE_S)


def summary(rows: dict[str, Row]) -> dict[str, object]:
    names = {"connected": "connected", "waiting": "waiting", "idle_window": "idle", "task": "task"}
    line: dict[str, object] = {"ok": True}
    for key, row in names.items():
        line[f"{key}_calls_h"] = rows[f"ours_{row}"].calls
        line[f"{key}_bytes_h"] = rows[f"ours_{row}"].bytes
        cli = rows.get(f"cli_{row}")
        if cli is not None and cli.calls:
            line[f"cli_{key}_calls_h"], line[f"cli_{key}_bytes_h"] = cli.calls, cli.bytes
            line[f"{key}_vs_cli"] = round(rows[f"ours_{row}"].calls / cli.calls, 3)
            line[f"{key}_bytes_vs_cli"] = round(rows[f"ours_{row}"].bytes / cli.bytes, 3)
    line["task_attached_calls_h"] = rows["ours_task_attached"].calls
    return line


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--window", type=float, default=300.0, help="seconds of each measurement (default 300)")
    arguments = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="sessiondock-bench-", dir="/var/tmp"))
    try:
        bench = Bench(base, arguments.window)
        bench.idle_and_waiting()
        bench.connected()
        print(json.dumps({"window_s": arguments.window, **summary(bench.rows)}), flush=True)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
