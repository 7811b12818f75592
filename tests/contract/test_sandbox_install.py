"""The agent that the sandbox installs for itself where none is beside it, as in a frozen executable."""

import tempfile
import tomllib
from pathlib import Path

import pytest

from desktop_app.sandbox import launch
from desktop_app.sandbox.agent.install import REQUIREMENTS, Installation
from tests.support.guards import ExpectLog
from tests.support.paths import REPOSITORY
from tests.support.sandbox_server import RealApi
from tests.support.waiting import wait_until


def test_it_installs_what_the_extra_names() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert list(REQUIREMENTS) == project["optional-dependencies"]["sandbox"]


def _problem_of(installation: Installation) -> str:
    assert installation.python() is None
    return wait_until(lambda: installation.problem, "the installation to fail", 20)


def test_a_computer_without_python_is_told_so(tmp_path: Path, expected_log: ExpectLog) -> None:
    expected_log("no python3 on this computer")
    assert "Install Python 3" in _problem_of(Installation(tmp_path / "venv", {"PATH": str(tmp_path)}))


def test_a_failing_installer_is_quoted(tmp_path: Path, expected_log: ExpectLog) -> None:
    expected_log("could not be installed")
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\necho 'first line' >&2\necho 'ensurepip is not available' >&2\nexit 1\n")
    python.chmod(0o755)
    problem = _problem_of(Installation(tmp_path / "venv", {"PATH": f"{tmp_path}:/bin"}))
    assert problem == "The ClearML agent could not be installed: ensurepip is not available"


@pytest.mark.slow
def test_an_agent_of_its_own_is_installed_once_and_runs_tasks() -> None:
    with tempfile.TemporaryDirectory(prefix="sd-own-") as folder:
        home = Path(folder) / "home"
        info = launch.ensure_running(home, options=["--own-agent"])
        try:
            api = RealApi(info)
            task = api.launch("import sys; print('PREFIX', sys.prefix)")
            wait_until(lambda: launch.details(home)["agent_pid"], "the agent to be installed", 120)
            ready = (home / "agent-venv" / "ready").stat().st_mtime_ns
            ended = ("completed", "failed", "stopped")
            wait_until(lambda: api.status(task) in ended, "the task to end", 60, 0.2)
            assert api.status(task) == "completed", api.log(task)[-2000:]
            assert f"PREFIX {home / 'agent'}" in api.log(task)
            launch.stop(home)
            launch.ensure_running(home, options=["--own-agent"])
            wait_until(lambda: launch.details(home)["agent_pid"], "the installed agent to start", 10)
            assert (home / "agent-venv" / "ready").stat().st_mtime_ns == ready
        finally:
            launch.stop(home)
