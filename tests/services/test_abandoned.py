"""A session whose machine was switched off: shutting it down has a way out, and waiting for it has a limit."""

from dataclasses import replace

import pytest

from desktop_app.domain.problems import Remedy
from desktop_app.domain.sessions.snapshot import Link, Remote, ServerFacts, SessionId, SessionSnapshot
from desktop_app.services.state.stops import Abandoned
from remote_bootstrap import contract
from tests.fakes.outside import record_of, report_of
from tests.support.core_rig import CoreRig, is_remote


def stopping(rig: CoreRig, lost: float, phase: str = contract.READY) -> SessionId:
    """Asked to end, with an agent that has been silent for so many seconds."""
    session = rig.running()
    rig.core.sessions.stop(session, rig.soon())
    report = replace(report_of(5), phase=phase)
    rig.server.publish(session.task, record_of(session.task), report)
    rig.server.change(session.task, remote=Remote.STOPPING, worker="box:0", worker_lost_s=lost, report=report)
    rig.until(session, lambda s: s.facts.worker_lost_s == lost and s.remote is Remote.STOPPING)
    return session


@pytest.mark.parametrize("lost", [61.0, 240.0])
def test_within_a_minute_it_can_be_ended_anyway(lost: float) -> None:
    with CoreRig() as rig:
        session = stopping(rig, lost)
        told = rig.until(session, lambda s: s.notice is not None and s.notice.code == "agent.gone").notice
        assert told is not None and told.remedies == (Remedy.END_ANYWAY,)
        assert "Shut down still ends it" not in told.detail and "--force" in told.detail
        rig.core.sessions.end_anyway(session, rig.soon())
        assert rig.until(session, is_remote(Remote.ENDED)).notice is None
        assert "end_anyway" in rig.server.calls


@pytest.mark.parametrize("phase", [contract.STOPPING, contract.ENDED])
def test_one_that_is_about_to_end_by_itself_is_left_to_it(phase: str) -> None:
    with CoreRig() as rig:
        notice = rig.core.store.get(stopping(rig, 100.0, phase))
        assert notice is not None and (notice.notice is None or notice.notice.code == "agent.lost")


def test_a_living_agent_is_trusted_to_end_it() -> None:
    with CoreRig() as rig:
        found = rig.core.store.get(stopping(rig, 0.0))
        assert found is not None and found.notice is None


def test_it_takes_a_while_to_be_called_gone_and_a_sign_of_life_begins_anew() -> None:
    now = [100.0]
    silent = SessionSnapshot(
        SessionId("a", "1" * 32), facts=ServerFacts(Remote.STOPPING, worker="box:0", worker_lost_s=90.0)
    )
    abandoned = Abandoned(lambda: now[0], 20.0)
    assert abandoned.due((silent,)) == ()
    now[0] += 19.0
    assert abandoned.due((silent,)) == ()
    now[0] += 1.0
    assert abandoned.due((silent,)) == (silent,)
    assert abandoned.due((replace(silent, link=Link.UP),)) == ()
    assert abandoned.due((silent,)) == ()
