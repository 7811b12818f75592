"""Whom a session's record is believed: first sightings, changed keys, older records, and what a member edited."""

from datetime import UTC, datetime

import pytest

from desktop_app.domain.accounts.account import LogLine
from desktop_app.domain.problems import failure, problem
from desktop_app.domain.sessions.snapshot import Link, Remote, SessionId
from remote_bootstrap.contract import PARAM_AUTHORIZED_KEY, fingerprint, fingerprint_line
from tests.fakes.outside import World, record_of
from tests.services.test_supervisor import OTHER_KEY, blocked
from tests.support.core_rig import CoreRig, is_link


def test_a_record_with_a_bad_signature_is_refused() -> None:
    with CoreRig() as rig:
        rig.world.bad_record = problem("ssh.record", why="Its signature is not valid.")
        session = rig.running()
        rig.core.connections.attach(session, rig.soon())
        assert "signature" in blocked(rig, session).detail
        assert rig.world.tunnel().targets == []


@pytest.mark.parity("S2")
def test_a_record_that_the_log_contradicts_is_refused() -> None:
    with CoreRig() as rig:
        session = rig.running(log=False)
        rig.server.write_log(session.task, fingerprint_line(OTHER_KEY))
        rig.core.connections.attach(session, rig.soon())
        assert blocked(rig, session).code == "ssh.record"
        assert rig.world.tunnel().targets == []
        assert rig.world.memory.trust.host_key(session.text) == ""


def test_a_log_with_two_host_keys_is_refused() -> None:
    with CoreRig() as rig:
        session = rig.running()  # its own line is in the log
        rig.server.change(session.task, record=record_of(session.task, host_key=OTHER_KEY))
        rig.server.write_log(session.task, fingerprint_line(OTHER_KEY))
        rig.core.connections.attach(session, rig.soon())
        assert "different host keys" in blocked(rig, session).detail
        assert rig.world.tunnel().targets == []


def ran_twice(rig: CoreRig, *, began: int, second: int) -> SessionId:
    """Enqueued again without a reset, so that the log keeps what the first run announced at second 100: the new one
    ``began`` and announced its key (OTHER_KEY) at those seconds of 1970. This computer has seen neither."""
    session = rig.running(log=False)
    changed = datetime.fromtimestamp(began, UTC)
    rig.server.change(session.task, record=record_of(session.task, host_key=OTHER_KEY), changed=changed)
    first = fingerprint_line(record_of("x").host_key)
    rig.server.rows[session.task].log += [
        LogLine(100_000, first), LogLine(second * 1000, fingerprint_line(OTHER_KEY)),
    ]  # fmt: skip
    rig.until(session, lambda s: s.facts.changed == changed)
    rig.core.connections.attach(session, rig.soon())
    return session


def test_a_computer_that_saw_no_run_is_asked_about_the_present_one() -> None:
    with CoreRig() as rig:
        session = ran_twice(rig, began=200, second=210)
        found = blocked(rig, session)
        assert found.code == "ssh.new_run" and "ran before" in found.detail
        assert fingerprint(record_of("x").host_key) in found.detail and found.cause == fingerprint(OTHER_KEY)
        assert rig.world.tunnel().targets == []
        rig.core.keys.trust_host(session, found.cause)
        rig.core.connections.reconnect(session)
        rig.until(session, is_link(Link.UP))
        assert rig.world.memory.trust.host_key(session.text) == OTHER_KEY


@pytest.mark.parametrize(
    ("began", "second"), [(50, 210), (200, 150), (300, 210)], ids=["one run", "before it began", "long before it began"]
)
def test_a_key_that_was_announced_in_the_same_run_is_refused(began: int, second: int) -> None:
    """A member's line: nobody may accept it, not even by name."""
    with CoreRig() as rig:
        session = ran_twice(rig, began=began, second=second)
        assert "different host keys" in blocked(rig, session).detail
        rig.core.keys.trust_host(session, fingerprint(OTHER_KEY))
        before = rig.get(session).version
        rig.core.connections.reconnect(session)
        rig.until(session, lambda s: s.version > before + 1 and s.link is Link.BLOCKED)
        assert blocked(rig, session).code == "ssh.record"
        assert rig.world.tunnel().targets == []


def test_a_key_that_was_named_before_the_first_connection_is_the_only_one() -> None:
    """“sessiondock trust” of a session of ours that this computer has not seen."""
    with CoreRig() as rig:
        session = rig.running()
        rig.core.keys.trust_host(session, fingerprint(OTHER_KEY))
        rig.core.connections.attach(session, rig.soon())
        found = blocked(rig, session)
        assert found.code == "ssh.record" and fingerprint(OTHER_KEY) in found.detail
        rig.core.keys.trust_host(session, fingerprint(record_of("x").host_key))
        rig.core.connections.reconnect(session)
        rig.until(session, is_link(Link.UP))
        assert rig.world.memory.trust.host_key(session.text) == record_of("x").host_key


def test_the_log_may_come_later_than_the_record() -> None:
    with CoreRig() as rig:
        session = rig.running(log=False)
        rig.server.write_log(session.task, "Collecting clearml\n")
        rig.core.connections.attach(session, rig.soon())
        rig.until(session, is_link(Link.CONNECTING))
        assert rig.world.tunnel().targets == []
        rig.server.write_log(session.task, "noise\n" + fingerprint_line(record_of("x").host_key) + "\nmore")
        rig.until(session, is_link(Link.UP))
        assert rig.world.memory.trust.host_key(session.text) == record_of("x").host_key


def test_a_host_key_that_changed_since_the_first_sighting_is_refused() -> None:
    world = World()
    with CoreRig(world) as rig:
        session = rig.attached()
    with CoreRig(world) as rig:
        rig.server.change(session.task, record=record_of(session.task, sequence=2, host_key=OTHER_KEY))
        rig.server.write_log(session.task, fingerprint_line(OTHER_KEY))
        rig.until(session, lambda s: s.remote is Remote.READY)
        rig.core.connections.attach(session, rig.soon())
        assert blocked(rig, session).code == "ssh.record"


def test_an_older_record_is_not_believed_again() -> None:
    with CoreRig() as rig:
        session = rig.running()
        rig.server.change(session.task, record=record_of(session.task, sequence=5))
        rig.core.connections.attach(session, rig.soon())
        rig.until(session, is_link(Link.UP))
        rig.server.change(session.task, record=record_of(session.task, sequence=4, address="10.6.6.6"))
        rig.world.tunnel().drop()
        assert "older" in blocked(rig, session).detail


def test_an_older_record_is_not_believed_by_the_next_start_either() -> None:
    world = World()
    with CoreRig(world) as rig:
        session = rig.running()
        rig.server.change(session.task, record=record_of(session.task, sequence=5))
        rig.core.connections.attach(session, rig.soon())
        rig.until(session, is_link(Link.UP))
    with CoreRig(world) as rig:
        rig.server.change(session.task, record=record_of(session.task, sequence=4, address="10.6.6.6"))
        rig.until(session, lambda s: s.remote is Remote.READY)
        rig.core.connections.attach(session, rig.soon())
        assert "older" in blocked(rig, session).detail
    with CoreRig(world) as rig:
        rig.server.change(session.task, record=record_of(session.task, sequence=5))
        rig.until(session, lambda s: s.remote is Remote.READY)
        rig.core.connections.attach(session, rig.soon())
        rig.until(session, is_link(Link.UP))


@pytest.mark.parametrize(
    ("admitted", "code"),
    [("ssh-ed25519 AAAAmallory x", "ssh.key_replaced"), ("ssh-ed25519 AAAAclient ours", "ssh.auth")],
)
def test_a_key_that_a_member_replaced_in_the_queue_is_named(admitted: str, code: str) -> None:
    refused = failure("ssh.auth", address="10.0.0.7")
    with CoreRig(World(prepare_tunnel=lambda tunnel: tunnel.connect_errors.append(refused))) as rig:
        session = rig.running()
        rig.server.rows[session.task].parameters[PARAM_AUTHORIZED_KEY] = admitted
        rig.core.connections.attach(session, rig.soon())
        assert blocked(rig, session).code == code


def test_an_unreadable_record_is_told() -> None:
    with CoreRig() as rig:
        session = rig.running()
        rig.server.change(session.task, record=None, record_error="connection record has no usable 'port'")
        rig.core.connections.attach(session, rig.soon())
        assert "no usable 'port'" in blocked(rig, session).detail
