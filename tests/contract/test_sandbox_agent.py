"""The real, unmodified clearml-agent on the sandbox's server: what becomes of tasks, and of the agent itself."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop_app.sandbox import launch
from desktop_app.sandbox.agent.setup import worker_name
from desktop_app.sandbox.agent.supervision import end_processes
from desktop_app.sandbox.home import Home, read_json
from desktop_app.sandbox.launch import SandboxInfo
from tests.support.paths import REPOSITORY
from tests.support.sandbox_server import RealApi
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

TASK_SECONDS = 90.0
STOP_SECONDS = 10.0

REPORT = """
import json, os, sys
print("REPORT " + json.dumps({"prefix": sys.prefix, "environ": dict(os.environ), "cwd": os.getcwd()}), flush=True)
"""
WAIT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("PIDS", os.getpid(), child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def info() -> Iterator[SandboxInfo]:
    with tempfile.TemporaryDirectory(prefix="sd-agent-") as folder:
        os.environ["DISPLAY"] = ":99"
        os.environ["CLEARML_API_HOST"] = "http://127.0.0.1:9"
        try:
            made = launch.ensure_running(Path(folder) / "home")
        finally:
            del os.environ["DISPLAY"], os.environ["CLEARML_API_HOST"]
        with launch.lease(made.home):
            yield made
        launch.stop(made.home)


@pytest.fixture
def api(info: SandboxInfo) -> RealApi:
    return RealApi(info)


def _end_of(api: RealApi, task: str) -> str:
    return wait_until(lambda: _terminal(api.status(task)), f"task {task} to end", TASK_SECONDS, 0.2)


def _terminal(status: str) -> str | None:
    return status if status in ("completed", "failed", "stopped") else None


def _pids(api: RealApi, task: str) -> list[psutil.Process]:
    """The processes that a task made of WAIT reports."""

    def reported() -> list[int]:
        lines = [line for line in api.log(task).splitlines() if line.startswith("PIDS ")]
        return [int(word) for word in lines[0].split()[1:]] if lines else []

    return [psutil.Process(pid) for pid in wait_until(reported, "the task to run", TASK_SECONDS, 0.2)]


def _gone(processes: list[psutil.Process]) -> bool:
    return all(not p.is_running() or p.status() == psutil.STATUS_ZOMBIE for p in processes)


def _agent_pid(info: SandboxInfo) -> int:
    return int(wait_until(lambda: launch.details(info.home)["agent_pid"], "an agent", 30))


def test_the_agent_registers_and_serves_the_default_queue(info: SandboxInfo, api: RealApi) -> None:
    workers = wait_until(lambda: api.call("workers.get_all")["workers"], "the agent", 30)
    assert [worker["id"] for worker in workers] == [worker_name()] == [info.worker]
    assert [queue["name"] for queue in workers[0]["queues"]] == ["default"]


@pytest.fixture(scope="module")
def reported(info: SandboxInfo) -> list[str]:
    """Two finished tasks, one after the other.

    Two, because clearml-agent with uv mistakes its own environment for the second task's unless it is prevented.
    """
    api = RealApi(info)
    done = []
    for _ in range(2):
        done.append(api.launch(REPORT, requirements="six==1.17.0"))
        assert _end_of(api, done[-1]) == "completed", api.log(done[-1])[-2000:]
    return done


def test_tasks_run_in_environments_of_their_own(info: SandboxInfo, api: RealApi, reported: list[str]) -> None:
    for task in reported:
        seen = _report(api, task)
        assert Path(seen["prefix"]).is_relative_to(info.home / "agent")
        assert "six==1.17.0" in api.log(task)
        found = api.call("tasks.get_by_id", task=task)["task"]
        assert found["last_worker"] == worker_name()
        assert "six==1.17.0" in str(found["script"]["requirements"]["pip"])


def _report(api: RealApi, task: str) -> dict[str, Any]:
    line = next(line for line in api.log(task).splitlines() if line.startswith("REPORT "))
    return dict(json.loads(line.removeprefix("REPORT ")))


def test_a_task_sees_the_sandbox_and_not_the_users_desktop(
    info: SandboxInfo, api: RealApi, reported: list[str]
) -> None:
    seen = _report(api, reported[0])["environ"]
    assert seen["HOME"] == str(info.home / "agent-home")
    assert seen["TMPDIR"] == str(info.home / "tmp")
    assert "/usr/sbin" in seen["PATH"].split(os.pathsep)
    assert "127.0.0.1" in seen["NO_PROXY"]
    assert Path(seen["SESSIONDOCK_CACHE"]).is_absolute()
    assert str(REPOSITORY) not in seen["PYTHONPATH"].split(os.pathsep)  # the agent sets it to the task's own code
    assert not {"DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "CLEARML_API_HOST", "VIRTUAL_ENV"} & set(seen)


def test_a_failing_task_fails_with_its_reason(api: RealApi) -> None:
    task = api.launch("raise SystemExit('broken on purpose')")
    assert _end_of(api, task) == "failed"
    assert api.call("tasks.get_by_id", task=task)["task"]["status_reason"] == "worker execution exit code 1"
    assert "broken on purpose" in api.log(task)


def test_an_uninstallable_requirement_fails_with_the_lines_that_matter(api: RealApi) -> None:
    task = api.launch("print()", requirements="sessiondock-no-such-package==9.9")
    assert _end_of(api, task) == "failed"
    assert "sessiondock-no-such-package" in api.log(task)


def test_stopping_a_running_task_ends_all_its_processes(api: RealApi) -> None:
    task = api.launch(WAIT)
    processes = _pids(api, task)
    assert api.call("tasks.stop", task=task)["fields"]["status_message"] == "stopping"
    wait_until(lambda: api.status(task) == "stopped", "the task to stop", STOP_SECONDS)
    wait_until(lambda: _gone(processes), "the task's processes to end", STOP_SECONDS)


def test_stopping_a_queued_task_leaves_the_agent_alone(api: RealApi) -> None:
    running, queued = api.launch(WAIT), api.launch("print()")
    _pids(api, running)
    assert api.call("tasks.stop", task=queued)["fields"]["status"] == "stopped"
    assert api.status(running) == "in_progress"
    api.call("tasks.stop", task=running)
    assert _end_of(api, running) == "stopped"
    assert api.status(queued) == "stopped"


def test_a_killed_agent_is_started_again_and_its_task_runs_on(info: SandboxInfo, api: RealApi) -> None:
    task = api.launch(WAIT)
    processes = _pids(api, task)
    before = _agent_pid(info)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: launch.details(info.home)["agent_pid"] not in (None, before), "a new agent", 30)
    assert not _gone(processes)
    assert api.status(task) == "in_progress"
    assert _end_of(api, api.launch("print()")) == "completed"
    assert Path(processes[0].cmdline()[0]).exists()  # the next task did not take the first one's Python away
    api.call("tasks.stopped", task=task, force=True)
    end_processes(processes, 2.0)


def test_the_agents_secret_is_private(info: SandboxInfo) -> None:
    place = Home(info.home)
    secret = read_json(place.agent_credential)["secret_key"]
    for path in (place.agent_credential, place.agent_work / "clearml.conf"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert place.tmp.stat().st_mode & 0o077 == 0
    texts = [log.read_text() for log in place.logs.iterdir()] + [place.database.read_bytes().decode("latin-1")]
    for process in [psutil.Process(info.pid), *psutil.Process(info.pid).children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):  # ended meanwhile, a zombie perhaps
            texts.append(" ".join(process.cmdline()))
    assert not [text[:100] for text in texts if secret in text]


def test_ending_the_sandbox_ends_its_agent_and_everything_it_runs() -> None:
    with tempfile.TemporaryDirectory(prefix="sd-agent-") as folder:
        info = launch.ensure_running(Path(folder) / "home")
        api = RealApi(info)
        task = api.launch(WAIT)
        everything = [*_pids(api, task), psutil.Process(_agent_pid(info)), psutil.Process(info.pid)]
        launch.stop(info.home)
        assert _gone(everything)
        second = launch.ensure_running(Path(folder) / "home", options=["--no-agent"])
        assert RealApi(second).status(task) == "stopped"
        launch.stop(info.home)


def test_an_agent_does_not_outlive_a_killed_sandbox_but_its_task_does() -> None:
    with tempfile.TemporaryDirectory(prefix="sd-agent-") as folder:
        home = Path(folder) / "home"
        info = launch.ensure_running(home)
        api = RealApi(info)
        task = api.launch(WAIT)
        processes, agent = _pids(api, task), psutil.Process(_agent_pid(info))
        os.kill(info.pid, signal.SIGKILL)
        wait_until(lambda: _gone([agent]), "the agent to die with its supervisor")
        assert not _gone(processes)
        again = launch.ensure_running(home)
        assert (again.api_url, RealApi(again).status(task)) == (info.api_url, "in_progress")
        end_processes(processes, 2.0)
        RealApi(again).call("tasks.stopped", task=task, force=True)
        launch.stop(home)


def test_an_agent_that_was_left_behind_is_ended_and_replaced() -> None:
    with tempfile.TemporaryDirectory(prefix="sd-agent-") as folder:
        place = Home(Path(folder) / "home")
        place.make()
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as left:
            created = psutil.Process(left.pid).create_time()
            place.agent_state.write_text(json.dumps({"pid": left.pid, "created": created}))
            info = launch.ensure_running(place.root)
            assert left.wait(10) == -signal.SIGTERM
        assert _agent_pid(info) != left.pid
        launch.stop(place.root)


def test_the_stock_pip_set_up_works_and_keeps_environments() -> None:
    with tempfile.TemporaryDirectory(prefix="sd-agent-") as folder:
        info = launch.ensure_running(Path(folder) / "home", options=["--package-manager", "pip"])
        api = RealApi(info)
        first, second = (api.launch(REPORT, requirements="six==1.17.0") for _ in range(2))
        try:
            assert [_end_of(api, task) for task in (first, second)] == ["completed", "completed"]
            assert "Using Cached environment" in api.log(second)
            assert Path(_report(api, second)["prefix"]).is_relative_to(info.home / "agent")
        finally:
            launch.stop(info.home)
