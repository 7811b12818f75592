"""Programs that never end, or leave others behind that keep their output open: nothing waits for them for ever."""

import os
import time
from pathlib import Path

import pytest

from remote_bootstrap import contract
from remote_bootstrap.environment.environments import Environments
from remote_bootstrap.installers import codeserver
from remote_bootstrap.process import commands, processes
from remote_bootstrap.servers import openssh
from remote_bootstrap.session.context import Context
from remote_bootstrap.task.settings import parse
from remote_bootstrap.types import InstallError
from tests.support.waiting import wait_until

SOON = 20.0  # seconds; what these tests start would last far longer


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "KILL_WAIT", 0.5)
    monkeypatch.setattr(openssh, "TEST_SECONDS", 0.3)
    monkeypatch.setattr(codeserver, "PROBE_SECONDS", 0.3)


def hanging(folder: Path) -> str:
    program = folder / "hangs"
    program.write_text("#!/bin/sh\nexec sleep 300\n")
    program.chmod(0o755)
    return str(program)


def test_a_command_that_hangs_is_ended_with_what_it_said(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with pytest.raises(InstallError, match=r"it broke \(not within 1 s\): the reason"):
        commands.run(["sh", "-c", f"echo the reason; sleep 300 & echo $! > {pid}; wait"], "it broke", timeout_s=1)
    wait_until(lambda: not processes.alive(int(pid.read_text())), "what it started to end")


def test_a_command_that_leaves_a_child_with_its_output_has_worked(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    said = commands.run(["sh", "-c", f"echo done; sleep 300 & echo $! > {pid}"], "it broke", timeout_s=1)
    assert said == "done\n"
    wait_until(lambda: not processes.alive(int(pid.read_text())), "the child to end")


def test_a_daemon_of_a_command_keeps_nobody_waiting(tmp_path: Path) -> None:
    pid, started = tmp_path / "pid", time.monotonic()
    daemon = f"setsid sh -c 'echo $$ > {pid}; exec sleep 300' &"
    said = commands.run(["sh", "-c", f"echo done; {daemon} while [ ! -s {pid} ]; do :; done"], "it broke", timeout_s=1)
    assert said == "done\n" and time.monotonic() - started < SOON
    os.kill(int(pid.read_text()), 9)  # in the product, the guardian finds it by the session's marker


def test_an_sshd_that_does_not_answer_a_question_is_asked_no_more(tmp_path: Path) -> None:
    settings = parse({contract.PARAM_AUTHORIZED_KEY: "ssh-ed25519 AAAA"})
    context = Context("ab" * 16, tmp_path, tmp_path, settings, Environments(tmp_path, print), "127.0.0.1")
    for folder in (tmp_path / "ssh", context.home):
        folder.mkdir()
    program = openssh.Program(hanging(tmp_path))
    server = openssh.OpenSsh(context, program, "ada", openssh.Subsystems(["relay"], ["agent"]), tmp_path / "shell")
    server.launch("127.0.0.1", 10022)
    assert "PerSourcePenalties" not in (tmp_path / "ssh" / "sshd_config").read_text()


def test_a_compiler_that_hangs_counts_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for tool in codeserver.BUILD_TOOLS:
        (tmp_path / tool).symlink_to(hanging(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert codeserver.missing_build_tools() == ["libkrb5-dev"]
