"""Whom a session's record is believed: first sightings, changed keys, older records, and what a member edited."""

import pytest

from desktop_app.domain.problems import failure, problem
from desktop_app.domain.session import Link, Remote
from remote_bootstrap.contract import PARAM_AUTHORIZED_KEY, fingerprint_line
from tests.fakes.outside import World, record_of
from tests.services.test_supervisor import OTHER_KEY, blocked
from tests.support.core_rig import CoreRig, is_link


def test_a_record_with_a_bad_signature_is_refused() -> None:
    with CoreRig() as rig:
        rig.world.bad_record = problem("ssh.record", why="Its signature is not valid.")
        session = rig.running()
        rig.core.attach(session, rig.soon())
        assert "signature" in blocked(rig, session).detail
        assert rig.world.tunnel().targets == []


@pytest.mark.parity("S2")
def test_a_record_that_the_log_contradicts_is_refused() -> None:
    with CoreRig() as rig:
        session = rig.running(log=False)
        rig.server.write_log(session.task, fingerprint_line(OTHER_KEY))
        rig.core.attach(session, rig.soon())
        assert blocked(rig, session).code == "ssh.record"
        assert rig.world.tunnel().targets == []
        assert rig.world.profiles.host_key(session.text) == ""


def test_a_log_with_two_host_keys_is_refused() -> None:
    with CoreRig() as rig:
        session = rig.running()  # its own line is in the log
        rig.server.change(session.task, record=record_of(session.task, host_key=OTHER_KEY))
        rig.server.write_log(session.task, fingerprint_line(OTHER_KEY))
        rig.core.attach(session, rig.soon())
        assert "different host keys" in blocked(rig, session).detail
        assert rig.world.tunnel().targets == []


def test_the_log_may_come_later_than_the_record() -> None:
    with CoreRig() as rig:
        session = rig.running(log=False)
        rig.server.write_log(session.task, "Collecting clearml\n")
        rig.core.attach(session, rig.soon())
        rig.until(session, is_link(Link.CONNECTING))
        assert rig.world.tunnel().targets == []
        rig.server.write_log(session.task, "noise\n" + fingerprint_line(record_of("x").host_key) + "\nmore")
        rig.until(session, is_link(Link.UP))
        assert rig.world.profiles.host_key(session.text) == record_of("x").host_key


def test_a_host_key_that_changed_since_the_first_sighting_is_refused() -> None:
    world = World()
    with CoreRig(world) as rig:
        session = rig.attached()
    with CoreRig(world) as rig:
        rig.server.change(session.task, record=record_of(session.task, sequence=2, host_key=OTHER_KEY))
        rig.server.write_log(session.task, fingerprint_line(OTHER_KEY))
        rig.until(session, lambda s: s.remote is Remote.READY)
        rig.core.attach(session, rig.soon())
        assert blocked(rig, session).code == "ssh.record"


def test_an_older_record_is_not_believed_again() -> None:
    with CoreRig() as rig:
        session = rig.running()
        rig.server.change(session.task, record=record_of(session.task, sequence=5))
        rig.core.attach(session, rig.soon())
        rig.until(session, is_link(Link.UP))
        rig.server.change(session.task, record=record_of(session.task, sequence=4, address="10.6.6.6"))
        rig.world.tunnel().drop()
        assert "older" in blocked(rig, session).detail


def test_an_older_record_is_not_believed_by_the_next_start_either() -> None:
    world = World()
    with CoreRig(world) as rig:
        session = rig.running()
        rig.server.change(session.task, record=record_of(session.task, sequence=5))
        rig.core.attach(session, rig.soon())
        rig.until(session, is_link(Link.UP))
    with CoreRig(world) as rig:
        rig.server.change(session.task, record=record_of(session.task, sequence=4, address="10.6.6.6"))
        rig.until(session, lambda s: s.remote is Remote.READY)
        rig.core.attach(session, rig.soon())
        assert "older" in blocked(rig, session).detail
    with CoreRig(world) as rig:
        rig.server.change(session.task, record=record_of(session.task, sequence=5))
        rig.until(session, lambda s: s.remote is Remote.READY)
        rig.core.attach(session, rig.soon())
        rig.until(session, is_link(Link.UP))


@pytest.mark.parametrize(
    ("admitted", "code"),
    [("ssh-ed25519 AAAAmallory x", "ssh.key_replaced"), ("ssh-ed25519 AAAAclient ours", "ssh.auth")],
)
def test_a_key_that_a_member_replaced_in_the_queue_is_named(admitted: str, code: str) -> None:
    refused = failure("ssh.auth", address="10.0.0.7")
    with CoreRig(World(prepare_tunnel=lambda tunnel: tunnel.connect_errors.append(refused))) as rig:
        session = rig.running()
        rig.server.tasks[session.task].parameters[PARAM_AUTHORIZED_KEY] = admitted
        rig.core.attach(session, rig.soon())
        assert blocked(rig, session).code == code


def test_an_unreadable_record_is_told() -> None:
    with CoreRig() as rig:
        session = rig.running()
        rig.server.change(session.task, record=None, record_error="connection record has no usable 'port'")
        rig.core.attach(session, rig.soon())
        assert "no usable 'port'" in blocked(rig, session).detail
