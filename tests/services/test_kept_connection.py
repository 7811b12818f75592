"""A connection outlives lids, networks and restarts: checked at once, redialled at once, on the ports that it had."""

from dataclasses import replace

import pytest

from desktop_app.boundary.computer import SystemEvent
from desktop_app.demo.tunnel import FakeTunnel
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionId
from tests.fakes.outside import ACCOUNT, QUICK, World, record_of
from tests.support.core_rig import CoreRig, is_link
from tests.support.guards import ExpectLog
from tests.support.waiting import wait_until

AWAY = failure("ssh.unreachable", address="10.0.0.7", port=10022)
# Nothing happens by itself within the life of a test.
PATIENT = replace(QUICK, probe_every_s=600.0, redial_first_s=600.0, redial_last_s=600.0, dial_s=600.0)


def dials(rig: CoreRig, number: int) -> FakeTunnel:
    """Our tunnel, once it has been dialled that often."""
    tunnel = rig.world.tunnel()
    tunnel.wait_for(lambda t: len(t.targets) >= number)
    return tunnel


@pytest.mark.parity("N5")
@pytest.mark.parametrize("event", list(SystemEvent))
def test_a_link_that_died_in_the_sleep_is_noticed_and_redialled_at_once(event: SystemEvent) -> None:
    with CoreRig(World(pace=PATIENT)) as rig:
        session = rig.attached()
        tunnel = rig.world.tunnel()
        tunnel.probe_error = failure("ssh.lost", address="10.0.0.7")
        rig.world.system.say(event)
        rig.until(session, is_link(Link.RETRYING))
        tunnel.probe_error = None
        rig.world.system.say(event)
        dials(rig, 2)
        rig.until(session, is_link(Link.UP))


def test_a_link_that_lives_is_left_alone_after_a_wake() -> None:
    with CoreRig(World(pace=PATIENT)) as rig:
        session = rig.attached()
        tunnel, before = rig.world.tunnel(), rig.world.tunnel().probes
        rig.world.system.say(SystemEvent.WOKE)
        tunnel.wait_for(lambda t: t.probes == before + 1)
        assert rig.get(session).link is Link.UP
        assert len(tunnel.targets) == 1


def test_a_network_that_comes_back_ends_the_wait() -> None:
    with CoreRig(World(pace=PATIENT)) as rig:
        session = rig.attached()
        rig.world.tunnel().connect_errors.extend([AWAY])
        rig.world.tunnel().drop()
        rig.until(session, lambda s: s.link is Link.RETRYING and s.attempt == 2)
        rig.world.system.say(SystemEvent.NETWORK)
        rig.until(session, is_link(Link.UP))


def test_a_dial_into_the_old_network_is_given_up_for_one_into_the_new() -> None:
    with CoreRig(World(pace=PATIENT)) as rig:
        session = rig.attached()
        tunnel = rig.world.tunnel()
        tunnel.connect_blocks = True
        tunnel.drop()
        dials(rig, 2)
        tunnel.connect_blocks = False
        rig.world.system.say(SystemEvent.NETWORK)
        rig.until(session, is_link(Link.UP))
        assert len(tunnel.targets) == 3


def test_what_needs_a_person_is_not_redialled_by_a_wake() -> None:
    world = World(pace=PATIENT, prepare_tunnel=lambda t: t.connect_errors.append(failure("ssh.auth", address="x")))
    with CoreRig(world) as rig:
        session = rig.running()
        rig.core.connections.attach(session, rig.soon())
        rig.until(session, is_link(Link.BLOCKED))
        rig.world.system.say(SystemEvent.WOKE)
        world.prepare_tunnel = lambda _tunnel: None
        other = rig.attached()  # whatever the news set off has begun by now
        assert rig.get(other).link is Link.UP
        assert rig.get(session).link is Link.BLOCKED
        assert len(world.tunnel().targets) == 1


def test_a_connection_that_held_is_redialled_without_any_wait() -> None:
    with CoreRig(World(pace=PATIENT)) as rig:
        session = rig.attached()
        rig.world.tunnel().drop()
        dials(rig, 2)
        rig.until(session, is_link(Link.UP))


def test_a_connection_that_breaks_again_and_again_is_redialled_more_and_more_seldom() -> None:
    pace = replace(QUICK, steady_s=600.0, redial_first_s=0.001, redial_last_s=600.0)
    with CoreRig(World(pace=pace)) as rig:
        session = rig.attached()
        for number in range(2, 8):
            rig.world.tunnel().drop()
            dials(rig, number)
            rig.until(session, is_link(Link.UP))
        rig.world.tunnel().drop()
        assert rig.until(session, is_link(Link.RETRYING)).attempt == 7


@pytest.mark.parity("late-binding")
def test_a_new_record_ends_the_wait() -> None:
    """The machine came back at another address: no reason to sit out the back-off."""
    with CoreRig(World(pace=PATIENT)) as rig:
        session = rig.attached()
        rig.world.tunnel().connect_errors.append(AWAY)
        rig.world.tunnel().drop()
        rig.until(session, lambda s: s.link is Link.RETRYING and s.attempt == 2)
        rig.server.change(session.task, record=record_of(session.task, sequence=2, address="10.0.0.8"))
        rig.until(session, is_link(Link.UP))
        assert rig.world.tunnel().targets[-1].record.address == "10.0.0.8"


@pytest.mark.parity("N7")
def test_a_port_is_kept_for_a_session_that_this_process_has_not_seen() -> None:
    """A command line that knows one session only must not take another one's ports."""
    world = World()
    world.memory.sessions.save_ports(f"{ACCOUNT.id}/{'a' * 32}", {"jupyterlab": 8878, "ssh": 8022})
    with CoreRig(world, start=False) as rig:
        session = rig.attached()
        assert {e.app: e.local_port for e in rig.get(session).endpoints} == {
            "jupyterlab": 8879, "vscode": 8898, "ssh": 8023,
        }  # fmt: skip


def test_the_ports_of_ended_sessions_are_free_again() -> None:
    world = World()
    gone, ended = f"{ACCOUNT.id}/{'a' * 32}", ""
    world.memory.sessions.save_ports(gone, {"jupyterlab": 8878})
    world.memory.sessions.save_ports("another/" + "b" * 32, {"vscode": 8898})
    with CoreRig(world) as rig:
        session = rig.attached()
        ended = session.text
        rig.server.end(session.task)
        rig.until(session, lambda s: s.remote is Remote.ENDED)
        wait_until(
            lambda: not world.memory.sessions.ports(ended) and not world.memory.sessions.ports(gone), "ports to be free"
        )
    assert world.memory.sessions.ports("another/" + "b" * 32) == {"vscode": 8898}


def test_ports_are_kept_while_the_server_can_not_be_asked(expected_log: ExpectLog) -> None:
    expected_log("account acc1: ")
    world = World()
    session = SessionId(ACCOUNT.id, "a" * 32)
    world.memory.sessions.save_ports(session.text, {"jupyterlab": 8878})
    world.server().problem = failure("server.unreachable", server="x").problem
    with CoreRig(world) as rig:
        assert rig.core.polling.wait_polled(ACCOUNT.id, 5)
    assert world.memory.sessions.ports(session.text) == {"jupyterlab": 8878}
