"""Sessions in containers as the core sees them: which image is asked for, and what is said when they can't be used."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from desktop_app.domain.launch.container import container_arguments
from desktop_app.domain.problems import failure
from desktop_app.domain.problems.problem import Remedy
from desktop_app.domain.sessions.snapshot import End, Link, Remote, SessionId, progress_of
from desktop_app.services.state.notices import notice_of
from remote_bootstrap import contract
from remote_bootstrap.contract import NO_IMAGE, Report
from tests.fakes.outside import record_of, report_of
from tests.support.core_rig import SPEC, CoreRig, is_remote

IMAGE = "team/cuda:12"
BEGAN = datetime(2026, 11, 29, 9, tzinfo=UTC)


def ran(rig: CoreRig, report: Report) -> SessionId:
    """A session in the queue of SPEC whose bootstrap reported that."""
    session = rig.launch()
    rig.server.agent_takes(session.task)
    rig.server.change(session.task, remote=Remote.READY, report=report, started=BEGAN)
    rig.until(session, is_remote(Remote.READY))
    return session


def test_a_launch_without_an_image_asks_for_the_agents_own_with_the_machine_s_network() -> None:
    with CoreRig() as rig:
        first = ran(rig, replace(report_of(), container=IMAGE, own_network=True))
        assert rig.server.rows[first.task].draft.docker == "", "nothing is known of that queue yet"
        draft = rig.server.rows[rig.launch().task].draft
        assert (draft.docker, draft.docker_args) == (IMAGE, "--network host")


@pytest.mark.parametrize("container", ["", NO_IMAGE])
def test_agents_without_docker_and_images_without_a_name_change_nothing(container: str) -> None:
    with CoreRig() as rig:
        ran(rig, replace(report_of(), container=container))
        draft = rig.server.rows[rig.launch().task].draft
        assert (draft.docker, draft.docker_args) == ("", "")


@pytest.mark.parametrize("changes", [{"docker": "own:1"}, {"docker": "own:1", "docker_network": "none"}])
def test_what_the_person_says_counts(changes: dict[str, Any]) -> None:
    with CoreRig() as rig:
        ran(rig, replace(report_of(), container=IMAGE))
        spec = replace(SPEC, **changes)
        draft = rig.server.rows[rig.launch(spec).task].draft
        assert (draft.docker, draft.docker_args) == (spec.docker, container_arguments(spec))


def unreachable(rig: CoreRig, session: SessionId, address: str) -> None:
    """The machine was there a moment ago, and is not any more."""
    rig.server.publish(session.task, record_of(session.task, address=address))
    rig.core.store.see(session, rig.server.sessions.get(session.task, rig.soon()).facts)
    rig.core.connections.attach(session, rig.soon())
    rig.until(session, lambda s: s.link is Link.UP)
    rig.world.tunnel().connect_errors += [failure("ssh.unreachable", address=address, port=10022)] * 50
    rig.world.tunnel().drop()
    rig.until(session, lambda s: s.problem is not None and s.problem.code != "ssh.lost")


def test_a_container_s_own_network_is_not_blamed_on_the_vpn() -> None:
    with CoreRig() as rig:
        session = rig.running(report=replace(report_of(), container=IMAGE, own_network=True))
        unreachable(rig, session, "172.17.0.2")
        told = rig.until(session, lambda s: s.problem is not None).problem
        assert told is not None and told.code == "ssh.container"
        command = f"sessiondock launch --again {session.task} --docker {IMAGE}"
        assert "172.17.0.2" in told.detail and command in told.detail
        assert told.remedies == (Remedy.WITH_IMAGE, Remedy.SHUT_DOWN)
        assert "VPN does not help" in told.detail and "firewall" not in told.detail and "--network host" in told.detail


@pytest.mark.parametrize("image", [NO_IMAGE, "x; rm -rf ~", "-v/:/host", ""])
def test_what_is_no_image_is_neither_offered_nor_put_into_a_command(image: str) -> None:
    with CoreRig() as rig:
        report = replace(report_of(), container=image, own_network=True)
        session = rig.running(report=report)
        unreachable(rig, session, "172.17.0.2")
        told = rig.until(session, lambda s: s.problem is not None).problem
        assert told is not None and told.remedies == (Remedy.SHUT_DOWN,)
        assert "launch it with a Docker image" in told.detail and (not image or f" {image}" not in told.detail)
        assert rig.core.history.again(session, rig.soon()).spec.docker == ""


def test_launching_again_from_behind_a_container_s_network_takes_its_image_and_the_machine_s_network() -> None:
    with CoreRig() as rig:
        first = ran(rig, replace(report_of(), container=IMAGE, own_network=True))
        again = rig.core.history.again(first, rig.soon())
        assert again.spec.docker == IMAGE and container_arguments(again.spec) == "--network host"
        assert not again.differs and not again.partial
        reachable = ran(rig, replace(report_of(), container=IMAGE))
        rig.world.memory.sessions.save_options(reachable.text, {"queue": SPEC.queue})
        assert rig.core.history.again(reachable, rig.soon()).spec.docker == ""


def test_another_machine_that_does_not_answer_may_need_a_vpn() -> None:
    with CoreRig() as rig:
        session = rig.running(report=replace(report_of(), container=IMAGE))
        unreachable(rig, session, "10.0.0.7")
        told = rig.until(session, lambda s: s.problem is not None).problem
        assert told is not None and told.code == "ssh.unreachable"


@pytest.mark.parametrize(
    ("container", "code", "wanted"),
    [
        (IMAGE, "137", "after 12 minutes: its container was killed (exit code 137; often out of memory)"),
        ("", "-9", "after 12 minutes: it was killed (exit code -9; often out of memory)"),
        (IMAGE, "143", "its container was ended by its machine (exit code 143)"),
        ("", "139", "it was ended by a crash (exit code 139)"),
        ("", "1", "it was not shut down (exit code 1)"),
    ],
)
def test_a_session_that_had_been_ready_did_not_fail_to_start(container: str, code: str, wanted: str) -> None:
    with CoreRig() as rig:
        session = ran(rig, replace(report_of(), container=container))
        rig.server.write_log(
            session.task, "SessionDock: jupyterlab: Installing ipykernel\n", "Error: noise of before\n"
        )
        rig.server.publish(session.task, contract_record(session), replace(report_of(2), container=container))
        rig.server.change(session.task, changed=BEGAN + timedelta(minutes=12))
        rig.server.end(session.task, End.FAILED, f"worker execution exit code {code}")
        told = rig.until(session, is_remote(Remote.ENDED)).problem
        assert told is not None and told.code == "task.broken" and told.title == "The session ended unexpectedly"
        assert wanted in told.detail and "Installing" not in told.detail and "noise" not in told.detail


def contract_record(session: SessionId) -> contract.Record:
    return contract.Record(session.task, "10.0.0.7", 10022, "ada", "ssh-ed25519 AAAAhost", 1, "signed")


def test_its_own_last_word_is_told() -> None:
    with CoreRig() as rig:
        session = ran(rig, report_of())
        rig.server.publish(session.task, contract_record(session), report_of(2))
        rig.server.write_log(session.task, "SessionDock: ending: no SSH server could be started: disk\n", "noise\n")
        rig.server.end(session.task, End.FAILED, "worker execution exit code 1")
        told = rig.until(session, is_remote(Remote.ENDED)).problem
        assert told is not None and "no SSH server could be started: disk" in told.detail and "noise" not in told.detail


def test_an_end_by_its_machine_is_not_told_as_shut_down() -> None:
    with CoreRig() as rig:
        session = ran(rig, report_of())
        before = rig.core.store.get(session)
        rig.server.end(session.task, End.SHUT_DOWN, f"{contract.ENDED_BY_MACHINE} (SIGTERM)")
        after = rig.until(session, is_remote(Remote.ENDED))
        assert progress_of(after) == "Ended by its machine"
        notice = notice_of(before, after)
        assert notice is not None and notice.body == "Its machine ended it; no user shut it down."


def test_an_ended_session_that_is_looked_at_tells_what_its_launch_told() -> None:
    with CoreRig(start=False) as rig:
        session = rig.launch()
        rig.server.agent_takes(session.task)
        rig.server.write_log(session.task, "docker: Error response from daemon: No such image: nope:1\n")
        rig.server.end(session.task, End.FAILED, "worker execution exit code 125")
        assert "No such image" in str(rig.core.sessions.fetch(session, rig.soon()).problem)
