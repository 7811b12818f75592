"""A stop that the server lost is sent again until the server has it."""

from dataclasses import replace

from desktop_app.demo.server import UNREACHABLE
from desktop_app.domain.sessions.snapshot import Remote, ServerFacts, SessionId, SessionSnapshot
from desktop_app.services.state.stops import Stops
from remote_bootstrap import contract
from tests.fakes.outside import ACCOUNT, QUICK, World
from tests.support.core_rig import CoreRig, is_remote
from tests.support.waiting import wait_until

ONE = SessionId("acc1", "1" * 32)


def wanted(remote: Remote, stop_requested: bool = True) -> tuple[SessionSnapshot, ...]:
    return (SessionSnapshot(ONE, facts=ServerFacts(remote), stop_requested=stop_requested),)


def test_it_is_sent_again_at_its_own_pace() -> None:
    now = [100.0]
    stops = Stops(lambda: now[0], 3.0)
    assert stops.due(wanted(Remote.STARTING)) == ()  # who asked has just sent it
    now[0] += 2.9
    assert stops.due(wanted(Remote.STARTING)) == ()
    now[0] += 0.1
    assert stops.due(wanted(Remote.STARTING)) == (ONE,)
    assert stops.due(wanted(Remote.STARTING)) == ()
    now[0] += 3.0
    assert stops.due(wanted(Remote.QUEUED)) == (ONE,)


def test_not_to_a_server_that_has_it_and_not_unasked() -> None:
    now = [100.0]
    stops = Stops(lambda: now[0], 3.0)
    for remote in (Remote.STOPPING, Remote.ENDED):
        stops.due(wanted(Remote.READY))
        now[0] += 5.0
        assert stops.due(wanted(remote)) == ()
    assert stops.due(wanted(Remote.READY, stop_requested=False)) == ()
    # lost after it was heard: the time counts anew
    assert stops.due(wanted(Remote.READY)) == ()
    now[0] += 3.0
    assert stops.due(wanted(Remote.READY)) == (ONE,)


def test_a_stop_that_the_agents_start_overwrites_is_repeated() -> None:
    with CoreRig() as rig:
        session = rig.launch()
        rig.server.agent_takes(session.task)
        rig.core.sessions.stop(session, rig.soon())
        rig.until(session, is_remote(Remote.STOPPING))
        rig.server.change(session.task, remote=Remote.STARTING)  # the agent's own report, a moment too late
        wait_until(lambda: rig.server.calls.count("stop") >= 2, "the second stop")
        rig.until(session, is_remote(Remote.STOPPING))
        sent = rig.server.calls.count("stop")
        assert rig.core.polling.wait_polled(session.account, 5)
        assert rig.server.calls.count("stop") == sent, "a stop that was heard is not repeated"


def test_a_refused_repetition_does_not_count_as_a_server_that_is_away() -> None:
    with CoreRig(World(pace=replace(QUICK, stop_again_s=0.01))) as rig:
        session = rig.running()
        rig.core.sessions.stop(session, rig.soon())
        rig.server.problems["stop"] = UNREACHABLE
        rig.server.change(session.task, remote=Remote.READY)
        wait_until(lambda: rig.server.calls.count("stop") >= 3, "the repetitions")
        assert rig.core.accounts.problem(session.account) is None


def test_an_abort_that_the_server_tells_of_is_passed_on_to_the_session() -> None:
    """Aborted in ClearML's web page, say. The session asks its server seldom; the connection is there to tell it."""
    with CoreRig() as rig:
        session = rig.attached()
        rig.server.change(session.task, remote=Remote.STOPPING)
        rig.world.tunnel().wait_for(lambda t: (contract.OP_SHUTDOWN, {}) in t.requests)
        rig.core.polling.wait_polled(ACCOUNT.id, 5)
        assert [op for op, _args in rig.world.tunnel().requests].count(contract.OP_SHUTDOWN) == 1
