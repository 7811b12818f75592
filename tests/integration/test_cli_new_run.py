"""The command line while a session's task is reset and enqueued again: what it says, and how a new run is accepted."""

import os
import signal
from collections.abc import Callable

import pytest

from desktop_app.boundary.cancel import Cancel
from desktop_app.cli import main as cli
from desktop_app.cli.arguments import parse
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.core import Core
from remote_bootstrap.contract import fingerprint, fingerprint_line
from tests.fakes.outside import ACCOUNT, HOST_KEY, World, record_of
from tests.support.cli_rig import Run, add_ready
from tests.support.core_rig import BOTH, CoreRig
from tests.support.waiting import wait_until

NEW_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def start_over(world: World, task: str) -> None:
    """Somebody resets the task and enqueues it again; an agent runs it elsewhere."""
    server = world.server()
    world.tunnel().wait_for(lambda tunnel: tunnel.connected)
    server.take_out(task, "reset", by="Bob")
    server.rows[task].log.clear()
    pass_polls(world)
    world.tunnel().drop()
    server.tasks.enqueue(task, "default", Cancel(5))
    server.change(task, changed_by="Bob")
    pass_polls(world)
    server.agent_takes(task)
    server.write_log(task, fingerprint_line(NEW_KEY))
    server.publish(task, record_of(task, host_key=NEW_KEY), BOTH)


def pass_polls(world: World) -> None:
    before = world.server().calls.count("sessions")
    wait_until(lambda: world.server().calls.count("sessions") > before + 20, "polls")


def test_the_connection_process_tells_of_a_new_run_and_connects_once_it_is_accepted(
    run: Run, world: World, other: World, in_background: Callable[[Callable[[], None]], None]
) -> None:
    task = add_ready(world)
    found = fingerprint(NEW_KEY)

    def work() -> None:
        start_over(world, task)
        core = Core(other.outside(), "cli")
        session = SessionId(ACCOUNT.id, task)
        wait_until(
            lambda: core.connections.status(session).get("problem") == "The session was started again", "the question"
        )
        pass_polls(world)
        core.close()
        parsed = parse(["trust", task, found])
        assert cli.run_command(parsed, lambda: Core(other.outside(), "cli")) == 0
        world.tunnel().wait_for(lambda tunnel: tunnel.connected and len(tunnel.targets) == 2)
        os.kill(os.getpid(), signal.SIGINT)

    in_background(work)
    said = run("attach", task)
    assert said.code == 130
    assert "The session starts over. Its task was reset on the ClearML server by Bob" in said.err
    assert "Waiting in queue “default”" in said.err
    assert "put into the queue “default” again by Bob" in said.err
    assert fingerprint(HOST_KEY) in said.err and f"sessiondock trust {task[:8]} {found}" in said.err


def test_an_attach_that_comes_later_is_told_of_the_new_run_and_ends(run: Run, world: World) -> None:
    task = add_ready(world)
    world.memory.trust.save_host_key(f"{ACCOUNT.id}/{task}", HOST_KEY)
    world.memory.trust.save_trusted(f"{ACCOUNT.id}/{task}", {"run": "2026-11-01T00:00:00|"})
    world.server().rows[task].log.clear()
    world.server().write_log(task, fingerprint_line(NEW_KEY))
    world.server().publish(task, record_of(task, host_key=NEW_KEY), BOTH)
    said = run("attach", task, "--json")
    error = said.events[-1]["error"]
    assert (said.code, error["code"], error["cause"]) == (1, "ssh.new_run", fingerprint(NEW_KEY))
    assert fingerprint(HOST_KEY) in error["detail"] and fingerprint(NEW_KEY) in error["detail"]
    assert run("trust", task, fingerprint(NEW_KEY)).code == 0
    assert world.memory.trust.host_key(f"{ACCOUNT.id}/{task}") == HOST_KEY, (
        "until the new run proves that it has the key"
    )


def test_other_processes_tell_what_the_one_that_waits_asks(run: Run, other: World) -> None:
    found = fingerprint(NEW_KEY)
    with CoreRig(other) as rig:
        session = rig.attached()
        start_over(other, session.task)
        question = "The session was started again"
        wait_until(lambda: rig.core.connections.status(session).get("problem") == question, "the question")
        accept = f"sessiondock trust {session.task[:8]} {found}"
        assert accept in run("info", session.task).out
        assert question in run("list").out
        assert run("info", session.task, "--json").json["problem"]["code"] == "ssh.new_run"
        assert run("list", "--json").json["sessions"][0]["problem"]["cause"] == found
        attached = run("attach", session.task)
        assert "(needs you)" in attached.err and accept in attached.err
        ports = run("ports", session.task)
        assert ports.code == 1 and accept in ports.err
        mistyped = run("trust", session.task, f"SHA256:{'A' * 43}")
        assert f"What waits now shows another one, {found}, and is not connected." in mistyped.err
        said = run("trust", session.task, found)
        assert said.err.startswith("A new run of “") and "another one" not in said.err
        other.tunnel().wait_for(lambda tunnel: tunnel.connected and len(tunnel.targets) == 2)


def test_what_is_no_fingerprint_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["trust", "a session", "SHA256:abc"])
    assert "“SHA256:abc” is no host key's fingerprint, which is SHA256: and 43" in capsys.readouterr().err
