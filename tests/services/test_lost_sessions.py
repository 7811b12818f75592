"""Sessions that others take out of their queue, reset, move or delete: what is said, and what can be done about it."""

from dataclasses import replace

import pytest

from desktop_app.domain.problems import AppError, Remedy
from desktop_app.domain.sessions.snapshot import (
    Action,
    Remote,
    SessionId,
    Status,
    allowed_actions,
    progress_of,
    status_of,
)
from tests.fakes.outside import ACCOUNT
from tests.support.core_rig import CoreRig, is_remote

REASONS = ("reset", "Queue “gpu” was deleted", "Queue “gpu” was cleared", "Task was removed from the queue “gpu”", "")


@pytest.mark.parametrize("reason", REASONS)
def test_a_session_in_no_queue_says_so_with_the_reason_and_the_remedies(reason: str) -> None:
    with CoreRig() as rig:
        session = rig.launch()
        rig.server.take_out(session.task, reason, by="Bob")
        lost = rig.until(session, lambda s: s.facts.unplaced)
        assert status_of(lost) is Status.UNPLACED and status_of(lost).value == "In no queue"
        assert lost.problem is not None and lost.problem.code == "queue.none"
        assert "Bob" in lost.problem.detail and reason.removeprefix("reset") in lost.problem.detail
        assert "sessiondock enqueue" in lost.problem.detail
        assert lost.problem.remedies == (Remedy.ENQUEUE, Remedy.REMOVE)
        assert {Action.OTHER_QUEUE, Action.CANCEL} <= allowed_actions(lost)
        assert "Waiting in queue" not in progress_of(lost)
        assert any("in no queue" in notice.title for notice in rig.notices)


def test_one_that_only_says_that_it_is_queued_is_in_no_queue() -> None:
    with CoreRig() as rig:
        session = rig.launch()
        rig.server.remove_from_queue(session.task)
        lost = rig.until(session, lambda s: s.problem is not None)
        assert status_of(lost) is Status.UNPLACED and lost.remote is Remote.QUEUED
        assert lost.problem is not None and "“default” does not hold it any more" in lost.problem.detail


@pytest.mark.parametrize("how", ["taken out", "only removed"])
def test_it_can_be_put_into_a_queue_again(how: str) -> None:
    with CoreRig() as rig:
        session = rig.launch()
        rig.server.take_out(session.task) if how == "taken out" else rig.server.remove_from_queue(session.task)
        rig.until(session, lambda s: s.facts.unplaced)
        rig.server.calls.clear()
        rig.core.sessions.move_to_queue(session, "default", rig.soon())
        now = rig.until(session, lambda s: not s.facts.unplaced)
        assert (now.remote, now.facts.queue, now.problem) == (Remote.QUEUED, "default", None)
        assert "dequeue" not in rig.server.calls, "a server may refuse to take out what is in no queue"


def test_it_can_be_removed() -> None:
    with CoreRig() as rig:
        session = rig.launch()
        rig.server.take_out(session.task, "reset")
        rig.until(session, lambda s: s.facts.unplaced)
        rig.core.sessions.stop(session, rig.soon())
        rig.until_gone(session)
        assert rig.server.rows == {}


def test_one_that_is_not_queued_yet_is_not_called_lost() -> None:
    with CoreRig() as rig:
        task = rig.server.add_session(replace(rig.server.rows[rig.launch().task].facts, remote=Remote.CREATED))
        now = rig.until(SessionId(ACCOUNT.id, task), is_remote(Remote.CREATED))
        assert status_of(now) is Status.QUEUED and now.problem is None
        assert progress_of(now) == "About to be put into its queue"


def test_a_move_to_another_queue_or_project_is_followed() -> None:
    with CoreRig() as rig:
        session = rig.launch()
        rig.server.set_queue("gpu", ["agent-2"])
        rig.server.change(session.task, queue="gpu", project="Elsewhere")
        now = rig.until(session, lambda s: s.facts.queue == "gpu")
        assert progress_of(now) == "Waiting in queue “gpu”" and now.facts.project == "Elsewhere" and now.problem is None


def test_a_running_session_is_not_put_into_a_queue() -> None:
    """The server would: and start it a second time."""
    with CoreRig() as rig:
        session = rig.running()
        with pytest.raises(AppError) as caught:
            rig.core.sessions.move_to_queue(session, "default", rig.soon())
        assert caught.value.problem.code == "queue.not_waiting" and "Ready" in caught.value.problem.detail
        rig.server.end(session.task)
        with pytest.raises(AppError) as caught:
            rig.core.sessions.move_to_queue(session, "default", rig.soon())
        assert "enqueue" not in rig.server.calls
