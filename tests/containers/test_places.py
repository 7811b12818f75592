"""Parts of the bootstrap in real containers, without an agent: seconds each."""

import ast
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.engine import BASE, Engine, reach_of_this_machine
from tests.support.paths import REPOSITORY

pytestmark = [pytest.mark.engine, pytest.mark.slow]

WHERE = "from remote_bootstrap.machine import containers; print([containers.image(), containers.has_own_network()])"
TOOLS = (
    "from remote_bootstrap.installers import apt, codeserver;"
    "before = codeserver.missing_build_tools(); apt.install(before, print);"
    "print([before, codeserver.missing_build_tools()])"
)
BUILD = """
from pathlib import Path
from remote_bootstrap.environment.environments import Environments
from remote_bootstrap.installers.codeserver import CodeServer
from remote_bootstrap.types import InstallError
try:
    CodeServer(Path("/tmp/cache"), Environments(Path("/tmp/cache"), print), print).command()
except InstallError as error:
    print(error)
"""
# A session's installation of one tool of four megabytes; prints how it came, and the sums to bring along next time.
KEEP = """
import os, threading
from pathlib import Path
from remote_bootstrap import archives, contract
from remote_bootstrap.contract.archive_sums import PARAM_KEPT, sums_of, text_of
from remote_bootstrap.environment.install_cache import build_once
from remote_bootstrap.task import settings
from remote_bootstrap.task.progress import Progress
said, how, progress, stop = [], [], Progress(), threading.Event()
raw = {PARAM_KEPT: os.environ["SUMS"]}
archives.begin(settings.Settings("", Path("/"), raw=raw), progress, said.append, stop)
def build(folder):
    how.append("made here")
    (folder / "tool").write_bytes(b"x" * (4 << 20))
build_once(Path("/tmp/cache/tool-1"), build, said.append)
progress.phase(contract.READY)
[thread.join() for thread in threading.enumerate() if thread.name == "kept"]
text = " ".join(said)
why = {"another user": "not this user's folder", "to spare": "no room", "was changed": "it was changed"}
reasons = [": " + reason for word, reason in why.items() if word in text and how]
came = "".join((how or ["of an earlier session"]) + reasons[:1])
sums = progress.current().kept
print([came, text_of(sums_of({name: [total] for name, total in sums.items()}))])
"""
CACHE = "import os; from remote_bootstrap.machine import folders; print([os.getuid(), str(folders.own_cache())])"


def told(engine: Engine, code: str, arguments: Sequence[str] = (), seconds: float = 60.0) -> str:
    """The last line that a program of the bootstrap prints in a container."""
    given = ["-v", f"{REPOSITORY}:/code:ro", "-e", "PYTHONPATH=/code", "-e", "PYTHONDONTWRITEBYTECODE=1", *arguments]
    return engine.run(BASE, "python3", "-c", code, arguments=given, seconds=seconds).splitlines()[-1]


@pytest.mark.parametrize(("network", "own"), [("bridge", True), ("host", False)])
def test_a_container_knows_whose_network_it_has(engine: Engine, network: str, own: bool) -> None:
    image = ["-e", "CLEARML_DOCKER_IMAGE=team/cuda:12 --ipc=host"]
    assert told(engine, WHERE, ["--network", network, *image]) == str(["team/cuda:12", own])


def test_what_vs_code_needs_to_be_built_is_installed_as_sshd_is(engine: Engine) -> None:
    found = told(engine, TOOLS, ["--network", "host", *reach_of_this_machine()], 200)
    assert found == str([["build-essential", "libkrb5-dev"], []])


def test_a_user_who_is_not_root_is_told_every_way_out(engine: Engine) -> None:
    said = told(engine, BUILD, ["--user", "1000"])
    assert "only in a container" in said and "build-essential" in said
    assert "--vscode-url ADDRESS#sha256=" in said and "CLEARML_SESSION_VSCODE_SERVER_TGZ" in said


def test_a_cache_of_another_user_is_left_to_him(engine: Engine) -> None:
    folder = engine.base / "cache"
    folder.mkdir(mode=0o700)
    shared = ["-v", f"{folder}:/shared", "-e", "SESSIONDOCK_CACHE=/shared", "-e", "HOME=/tmp"]
    assert told(engine, CACHE, shared) == str([0, "/shared"])
    assert told(engine, CACHE, [*shared, "--user", "1000"]) == str([1000, "/tmp/.sessiondock/cache"])


def kept(agents: Path, sums: str, *more: str, user: str = "0") -> list[str]:
    """``docker run`` arguments of a task's container beside which that agent's cache folder lies."""
    return ["-v", f"{agents}:/clearml_agent_cache", "-e", f"SUMS={sums}", "-e", "HOME=/tmp", "--user", user, *more]


def test_what_one_container_installs_the_next_one_unpacks_unless_another_task_changed_it(engine: Engine) -> None:
    agents = engine.base / "agents-cache"
    agents.mkdir(mode=0o755)
    how, sums = ast.literal_eval(told(engine, KEEP, kept(agents, "{}")))
    assert how == "made here" and sums
    assert ast.literal_eval(told(engine, KEEP, kept(agents, sums)))[0] == "of an earlier session"
    assert (
        ast.literal_eval(told(engine, KEEP, kept(agents, sums, user="1000")))[0] == "made here: not this user's folder"
    )
    full = ["--tmpfs", "/tmp:size=6m"]
    assert ast.literal_eval(told(engine, KEEP, kept(agents, sums, *full)))[0] == "made here: no room"
    engine.run(BASE, "sh", "-c", "for one in /c/sessiondock/*.tar; do printf evil | dd of=$one conv=notrunc; done",
               arguments=["-v", f"{agents}:/c"])  # fmt: skip
    assert ast.literal_eval(told(engine, KEEP, kept(agents, sums)))[0] == "made here: it was changed"


def test_a_compiler_that_the_limit_kills_is_told_as_that(engine: Engine) -> None:
    code = (
        "from remote_bootstrap.process import commands;"
        "commands.run(['python3', '-c', 'x = bytearray(900_000_000)'], 'npm could not build code-server')"
    )
    limited = ["--memory", "100m", "--memory-swap", "100m"]
    said = engine.docker("run", "--rm", *limited, "-v", f"{REPOSITORY}:/code:ro", "-e", "PYTHONPATH=/code", "-e",
                         "PYTHONDONTWRITEBYTECODE=1", BASE, "python3", "-c", code, check=False)  # fmt: skip
    assert "npm could not build code-server: out of memory; its container may use 100 MB" in said
