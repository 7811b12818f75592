"""A disk that takes no more: one sentence, whoever writes, and never a traceback.

The size limit of files stands for a full disk: every write to a file fails as there, in all of the program.
"""

import logging
import os
import resource
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from desktop_app.adapters.log_file import PrivateLog
from desktop_app.domain.files.disk import disk_problem
from desktop_app.services.runtime.jobs import JobPool
from desktop_app.services.secrets.redaction import LogTail
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
FULL = "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); runpy.run_module(sys.argv.pop(1), run_name='__main__')"  # noqa: E501


def on_a_full_disk(*arguments: str, module: str = "desktop_app") -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", FULL, module, *arguments]
    return subprocess.run(argv, cwd=ROOT, input="secret\n", capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "command", ["list", "list --json", "profiles list", "accounts list", "sandbox status", "info x"]
)
def test_what_only_reads_works_and_one_sentence_is_said(command: str) -> None:
    said = on_a_full_disk(*command.split())
    assert "Traceback" not in said.stderr and "Logging error" not in said.stderr
    told = [line for line in said.stderr.splitlines() if line.startswith("sessiondock:")]
    assert len(told) == 1, said.stderr
    assert said.returncode == (1 if command == "info x" else 0)


@pytest.mark.parametrize("command", ["options", "--version", "completion bash"])
def test_what_reads_nothing_has_nothing_to_say(command: str) -> None:
    said = on_a_full_disk(*command.split())
    assert (said.returncode, said.stderr) == (0, "") and said.stdout


@pytest.mark.parametrize("command", ["profiles save x --queue q", "ssh-config install"])
def test_what_writes_says_which_file_and_why(command: str) -> None:
    said = on_a_full_disk(*command.split())
    assert said.returncode == 1 and "Traceback" not in said.stderr
    told = said.stderr.splitlines()
    assert len(told) == 1 and "can't be written" in told[0] and os.strerror(27) in told[0]


@pytest.mark.parametrize("command", ["--help", "--version", "launch --help", "list --json", "options"])
def test_a_result_that_can_not_be_written_is_told(command: str) -> None:
    with Path("/dev/full").open("w") as full:
        said = subprocess.run(
            [sys.executable, "-m", "desktop_app", *command.split()],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert said.returncode == 1
    assert said.stderr.splitlines() == [
        "sessiondock: The result could not be written. Standard output: No space left on device."
    ]


def test_a_log_that_comes_back_goes_on(tmp_path: Path) -> None:
    tail = LogTail()
    handler = PrivateLog(str(tmp_path / "x.log"), 1000, 1, tail.fails)
    handler.setFormatter(logging.Formatter("%(message)s"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
        for _ in range(3):
            handler.handle(logging.makeLogRecord({"msg": "lost"}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    handler.handle(logging.makeLogRecord({"msg": "kept"}))
    handler.close()
    assert (tmp_path / "x.log").read_text() == "kept\n"
    assert len(tail.lines()) == 1 and "can't be written" in tail.trouble


def test_a_job_that_meets_a_full_disk_says_so(tmp_path: Path) -> None:
    """An OSError that no adapter foresaw is no mistake of ours."""
    pool, found = JobPool(), []
    error = OSError(28, "No space left on device", str(tmp_path / "x"))

    def work(_cancel: object) -> None:
        raise error

    pool.submit("writes", work, found.append)
    wait_until(lambda: found, "the job's end")
    pool.close(1.0)
    assert found[0].problem.code == "disk.full" and str(tmp_path / "x") in found[0].problem.detail


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(104, "reset"),
        ValueError(),
        ssl.SSLError(1, "[SSL] certificate verify failed"),  # 1 is EPERM,
        ssl.SSLError(5, "[SSL] protocol error"),  # and 5 EIO
        PermissionError(13, "Permission denied"),  # bind() below 1024
        PermissionError(1, "Operation not permitted"),  # a firewall's answer to connect()
    ],
)
def test_an_error_of_the_network_is_not_the_disks(error: Exception) -> None:
    assert disk_problem(error) is None


@pytest.mark.parametrize(
    "error",
    [PermissionError(13, "Permission denied", "/x"), OSError(30, "Read-only file system"), OSError(5, "I/O error")],
)
def test_an_error_of_the_disk_is(error: Exception) -> None:
    found = disk_problem(error)
    assert found is not None and found.code == "files.here"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (".config/sessiondock/settings.json", "{", "A settings file was damaged"),
        (".config/sessiondock/profiles.json", "[]", "A settings file was damaged"),
        (".local/state/sessiondock/state.json", '{"schema": 99}', "A settings file comes from a newer SessionDock"),
        (".config/sessiondock/settings.json", '{"schema": 99}', "A settings file comes from a newer SessionDock"),
        (".config/sessiondock/profiles.json", '{"schema": 99}', "A settings file comes from a newer SessionDock"),
    ],
)
@pytest.mark.parametrize("command", ["list --json", "profiles list", "accounts list"])
def test_the_command_line_tells_what_of_ours_could_not_be_read(
    tmp_path: Path, name: str, content: str, told: str, command: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(content)
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / ".config")}
    said = subprocess.run(
        [sys.executable, "-m", "desktop_app", *command.split()],
        cwd=ROOT, env={**os.environ, **home, "XDG_STATE_HOME": str(tmp_path / ".local/state")},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert said.returncode == 0
    assert f"sessiondock: {told}. {path}" in said.stderr
    assert path.exists() is ("newer" in told)
