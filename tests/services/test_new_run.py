"""A session whose task is reset, taken back or enqueued again while it is attached, and the run that follows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from desktop_app.domain.problems import Problem, Remedy, failure
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionId, Status, status_of
from remote_bootstrap.contract import ENDED, LAST_PHASES, fingerprint, fingerprint_line
from tests.fakes.outside import HOST_KEY, World, record_of, report_of
from tests.support.core_rig import BOTH, CoreRig, is_link, is_remote
from tests.support.waiting import wait_until

NEW_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
OLD, NEW = fingerprint(HOST_KEY), fingerprint(NEW_KEY)


def reset(rig: CoreRig, session: SessionId, by: str = "Bob") -> None:
    """As tasks.reset does: the log goes, too."""
    rig.server.take_out(session.task, "reset", by)
    rig.server.rows[session.task].log.clear()


def enqueue(rig: CoreRig, session: SessionId, by: str = "you") -> None:
    """In ClearML's web page."""
    rig.server.tasks.enqueue(session.task, "default", rig.soon())
    rig.server.change(session.task, changed_by=by)


def comes_up(rig: CoreRig, session: SessionId, host_key: str = NEW_KEY) -> None:
    rig.server.agent_takes(session.task)
    rig.server.write_log(session.task, fingerprint_line(host_key))
    rig.server.publish(session.task, record_of(session.task, host_key=host_key, address="10.0.0.9"), BOTH)


def new_run(rig: CoreRig, session: SessionId) -> Problem:
    found = rig.until(session, is_link(Link.BLOCKED)).problem
    assert found is not None
    return found


def test_a_reset_is_told_and_the_connection_stays_while_it_lives() -> None:
    """What was not saved yet can be."""
    with CoreRig() as rig:
        session = rig.attached()
        reset(rig, session)
        now = rig.until(session, is_remote(Remote.CREATED))
        assert now.link is Link.UP and now.notice is not None
        assert now.notice.code == "session.restarted"
        assert "reset on the ClearML server by Bob" in now.notice.detail and "unsaved work" in now.notice.detail
        wait_until(lambda: any("starts over" in notice.title for notice in rig.notices), "the notice of it")
        rig.world.tunnel().drop()
        now = rig.until(session, is_link(Link.CONNECTING))
        assert status_of(now) is Status.UNPLACED and now.problem is not None and now.problem.code == "queue.none"
        assert {e.app: e.local_port for e in now.endpoints} == {"jupyterlab": 8878, "vscode": 8898, "ssh": 8022}
        assert {e.state for e in now.endpoints} == {"waiting"}, "nothing is known of a run that is not there yet"


@pytest.mark.parametrize("taken_back", [lambda r, s: reset(r, s), lambda r, s: r.server.take_out(s.task, "", "Bob")])
def test_the_new_run_is_explained_and_connected_once_a_person_accepts_it(
    taken_back: Callable[[CoreRig, SessionId], None],
) -> None:
    with CoreRig() as rig:
        session = rig.attached()
        taken_back(rig, session)
        rig.until(session, is_remote(Remote.CREATED))
        rig.world.tunnel().drop()
        enqueue(rig, session)
        rig.until(session, lambda s: s.remote is Remote.QUEUED and s.link is Link.CONNECTING)
        comes_up(rig, session)
        found = new_run(rig, session)
        assert found.code == "ssh.new_run" and OLD in found.detail and NEW in found.detail
        assert "put into the queue “default” again by you" in found.detail
        assert f"sessiondock trust {session.task[:8]} {NEW}" in found.detail
        assert found.remedies[0] is Remedy.ACCEPT_RUN and found.cause == NEW
        assert len(rig.world.tunnel().targets) == 1, "nothing was dialled before"
        rig.core.keys.trust_host(session, found.cause)
        rig.core.connections.reconnect(session)
        now = rig.until(session, is_link(Link.UP))
        assert rig.world.tunnel().targets[-1].record == record_of(session.task, host_key=NEW_KEY, address="10.0.0.9")
        assert now.notice is None and now.facts.report == BOTH
        assert {e.app: e.local_port for e in now.endpoints} == {"jupyterlab": 8878, "vscode": 8898, "ssh": 8022}
        rig.world.tunnel().drop()
        rig.world.tunnel().wait_for(lambda t: len(t.targets) == 3)
        rig.until(session, is_link(Link.UP))


def test_another_key_than_the_accepted_one_is_asked_for_again() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        reset(rig, session)
        rig.until(session, is_remote(Remote.CREATED))
        rig.world.tunnel().drop()
        rig.core.keys.trust_host(session, "SHA256:" + "A" * 43)
        comes_up(rig, session)
        assert new_run(rig, session).code == "ssh.new_run"


def test_a_run_on_the_same_host_key_needs_nobody() -> None:
    """A machine that kept the session's folder."""
    with CoreRig() as rig:
        session = rig.attached()
        reset(rig, session)
        rig.until(session, is_remote(Remote.CREATED))
        rig.world.tunnel().drop()
        enqueue(rig, session)
        comes_up(rig, session, HOST_KEY)
        rig.world.tunnel().wait_for(lambda t: len(t.targets) == 2)
        rig.until(session, is_link(Link.UP))
        assert rig.world.tunnel().targets[-1].record.address == "10.0.0.9"


def test_a_connection_to_the_old_run_gives_way_to_the_new_one() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        reset(rig, session)
        rig.until(session, is_remote(Remote.CREATED))
        enqueue(rig, session)
        rig.until(session, is_remote(Remote.QUEUED))
        comes_up(rig, session)
        assert new_run(rig, session).code == "ssh.new_run"
        assert not rig.world.tunnel().connected


def test_a_record_that_is_edited_under_a_connection_changes_nothing() -> None:
    """Every member of the workspace can write it; while the task runs on, it is no new run."""
    with CoreRig() as rig:
        session = rig.attached()
        rig.server.change(session.task, record=record_of(session.task, sequence=2, host_key=NEW_KEY))
        rig.until(session, lambda s: s.facts.record is not None and s.facts.record.host_key == NEW_KEY)
        assert rig.get(session).link is Link.UP
        rig.server.write_log(session.task, fingerprint_line(NEW_KEY))
        rig.world.tunnel().drop()
        found = new_run(rig, session)
        assert found.code == "ssh.record" and Remedy.ACCEPT_RUN not in found.remedies
        assert Remedy.RETRY in found.remedies


def test_a_new_run_whose_log_says_otherwise_is_not_offered() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        reset(rig, session)
        rig.until(session, is_remote(Remote.CREATED))
        rig.world.tunnel().drop()
        rig.server.agent_takes(session.task)
        rig.server.write_log(session.task, fingerprint_line(HOST_KEY))
        rig.server.publish(session.task, record_of(session.task, host_key=NEW_KEY), BOTH)
        assert new_run(rig, session).code == "ssh.record"


@pytest.mark.parametrize("sign", ["started", "changed"])
def test_a_new_run_is_known_by_another_process_and_after_a_restart(sign: str) -> None:
    """A stopped task that is enqueued without a reset keeps ``started`` and its log: its status changed, though."""
    world = World()
    with CoreRig(world) as rig:
        session = rig.attached()
    with CoreRig(world) as rig:
        rig.server.change(
            session.task,
            record=record_of(session.task, host_key=NEW_KEY),
            **{sign: datetime(2026, 11, 29, 12, tzinfo=UTC)},
        )
        rig.server.write_log(session.task, *["noise"] * 900, fingerprint_line(NEW_KEY))
        rig.until(session, is_remote(Remote.READY))
        rig.core.connections.attach(session, rig.soon())
        found = new_run(rig, session)
        assert found.code == "ssh.new_run" and OLD in found.detail and NEW in found.detail


def test_what_an_earlier_run_left_in_the_task_is_not_taken_for_the_new_one() -> None:
    """Enqueued without a reset: record and report are still the old ones when an agent takes it."""
    with CoreRig() as rig:
        session = rig.attached()
        old = replace(rig.server.rows[session.task].facts, report=replace(BOTH, phase=ENDED, sequence=40))
        rig.server.change(session.task, remote=Remote.ENDED, report=old.report)
        rig.until(session, is_remote(Remote.ENDED))
        rig.server.change(session.task, remote=Remote.QUEUED)
        assert rig.until(session, is_remote(Remote.QUEUED)).link is Link.OFF
        rig.server.change(session.task, remote=Remote.STOPPING)  # as the old report would have it
        rig.until(session, is_remote(Remote.STARTING))
        rig.server.change(session.task, remote=Remote.READY, report=report_of(1, jupyterlab="waiting"))
        rig.until(session, lambda s: s.facts.report is not None and s.facts.report.sequence == 1)


def test_a_session_that_is_removed_meanwhile_ends_the_waiting() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        reset(rig, session)
        rig.until(session, is_remote(Remote.CREATED))
        rig.world.tunnel().drop()
        rig.until(session, is_link(Link.CONNECTING))
        rig.core.sessions.stop(session, rig.soon())
        rig.until_gone(session)
        wait_until(lambda: rig.world.tunnel().closed, "the ports to be free")


def test_detaching_while_it_waits_for_the_new_run() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        reset(rig, session)
        rig.until(session, is_remote(Remote.CREATED))
        rig.world.tunnel().drop()
        rig.until(session, is_link(Link.CONNECTING))
        rig.core.connections.detach(session)
        assert rig.get(session).link is Link.OFF and rig.world.tunnel().closed


@pytest.mark.parametrize("phase", LAST_PHASES)
def test_the_last_words_of_a_run_whose_task_was_reset_are_not_the_new_runs(phase: str) -> None:
    """A server lets a session write into its task after the reset, when an agent has taken it again, too."""
    with CoreRig() as rig:
        session = rig.attached()
        reset(rig, session)
        rig.until(session, is_remote(Remote.CREATED))
        rig.world.tunnel().drop()
        enqueue(rig, session)
        rig.until(session, lambda s: s.remote is Remote.QUEUED and s.link is Link.CONNECTING)
        last = replace(BOTH, phase=phase, detail="the task is created", sequence=40)
        rig.server.change(session.task, remote=Remote.STOPPING, record=None, report=last, by_report=True)
        now = rig.until(session, is_remote(Remote.STARTING))
        assert (now.link, now.facts.report, status_of(now)) == (Link.CONNECTING, None, Status.STARTING)
        comes_up(rig, session, HOST_KEY)
        now = rig.until(session, is_link(Link.UP))
        assert now.facts.report == BOTH, "its numbers begin anew"


def test_a_session_that_an_agent_took_again_is_not_said_to_be_in_no_queue() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        reset(rig, session)
        rig.until(session, is_remote(Remote.CREATED))
        rig.world.tunnel().drop()
        rig.until(session, lambda s: s.problem is not None and s.problem.code == "queue.none")
        rig.server.agent_takes(session.task)
        now = rig.until(session, is_remote(Remote.STARTING))
        assert (now.link, now.problem) == (Link.CONNECTING, None)


@pytest.mark.parametrize("code", ["ssh.unreachable", "ssh.host_key"])
def test_what_an_earlier_run_left_is_dialled_only_until_the_new_run_says_where_it_is(code: str) -> None:
    """An attach that begins right after an enqueue without a reset: the task still names the last run's address, where
    nobody, or another program, listens by now. That is neither an alarm nor a proof of the new run."""
    world = World()
    with CoreRig(world) as rig:
        session = rig.attached()
    refused = failure(code, address="10.0.0.7", port=10022, found="SHA256:x", expected="SHA256:y")
    world = World(
        world.memory, world.secrets, servers=world.servers, runtime_dir=world.runtime_dir,
        prepare_tunnel=lambda tunnel: tunnel.connect_errors.append(refused),
    )  # fmt: skip
    with CoreRig(world) as rig:
        rig.server.change(session.task, changed=datetime(2026, 11, 29, 12, tzinfo=UTC))
        rig.until(session, is_remote(Remote.READY))
        rig.core.connections.attach(session, rig.soon())
        now = rig.until(session, is_link(Link.RETRYING))
        assert now.problem is not None and now.problem.code == "ssh.earlier_run"
        rig.server.write_log(session.task, fingerprint_line(NEW_KEY))
        rig.server.publish(session.task, record_of(session.task, host_key=NEW_KEY, address="10.0.0.9"), BOTH)
        assert new_run(rig, session).code == "ssh.new_run"
