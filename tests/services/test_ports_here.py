"""Forwards of a session that runs on this very computer never lead into themselves."""

from collections.abc import Iterator

import pytest

from desktop_app.adapters.peers.local_socket import is_own_address
from desktop_app.domain.problems import AppError
from desktop_app.domain.sessions.snapshot import Link, SessionId
from tests.fakes.outside import ACCOUNT, record_of, report_of
from tests.support.core_rig import CoreRig


@pytest.fixture(params=["127.0.0.1", "10.0.0.7"])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[CoreRig, SessionId, bool]]:
    """A session at that address, and whether it is this computer's."""
    with CoreRig() as rig:
        session = rig.running()
        rig.server.publish(session.task, record_of(session.task, address=request.param))
        rig.core.store.see(session, rig.server.sessions.get(session.task, rig.soon()).facts)
        rig.core.connections.attach(session, rig.soon())
        rig.until(session, lambda s: s.link is Link.UP)
        yield rig, session, request.param == "127.0.0.1"


def test_the_local_port_is_another_one_where_the_same_would_be_itself(place: tuple[CoreRig, SessionId, bool]) -> None:
    rig, session, here = place
    forward = rig.core.ports.forward(session, 6106, rig.soon())
    assert (forward.local_port == 6106) is not here


def test_the_same_number_is_refused_where_it_is_insisted_on(place: tuple[CoreRig, SessionId, bool]) -> None:
    rig, session, here = place
    if here:
        with pytest.raises(AppError, match="make a loop"):
            rig.core.ports.forward(session, 6106, rig.soon(), local=6106)
        assert rig.world.tunnel().destinations == {}
    else:
        assert rig.core.ports.forward(session, 6106, rig.soon(), local=6106).local_port == 6106


def test_a_reverse_forward_to_the_same_number_is_refused(place: tuple[CoreRig, SessionId, bool]) -> None:
    rig, session, here = place
    if here:
        with pytest.raises(AppError, match="make a loop"):
            rig.core.ports.reverse(session, 7000, 7000, rig.soon())
        assert rig.world.tunnel().reversed == {}
    else:
        rig.core.ports.reverse(session, 7000, 7000, rig.soon())


def test_two_forwards_do_not_feed_each_other(place: tuple[CoreRig, SessionId, bool]) -> None:
    rig, session, here = place
    rig.core.ports.forward(session, 6106, rig.soon(), local=6107)
    if here:
        with pytest.raises(AppError, match="make a loop"):
            rig.core.ports.forward(session, 6107, rig.soon(), local=6106)
    else:
        rig.core.ports.forward(session, 6107, rig.soon(), local=6106)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3"])
def test_our_own_end_of_a_tunnel_is_not_forwarded(address: str) -> None:
    """Whatever this computer's own address is called."""
    with CoreRig() as rig:
        session = rig.running(report=report_of(jupyterlab="ready"))
        rig.server.publish(session.task, record_of(session.task, address=address))
        rig.core.store.see(session, rig.server.sessions.get(session.task, rig.soon()).facts)
        rig.core.connections.attach(session, rig.soon())
        rig.until(session, lambda s: s.link is Link.UP)
        own = next(e.local_port for e in rig.get(session).endpoints if e.app == "jupyterlab")
        with pytest.raises(AppError, match="own end of the tunnel"):
            rig.core.ports.forward(session, own, rig.soon())


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "[::1]", "127.1.2.3"])
def test_own_addresses_are_known(address: str) -> None:
    assert is_own_address(address)


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "gpu-7.example.org", ""])
def test_others_are_not(address: str) -> None:
    assert not is_own_address(address)


def test_the_loopback_behind_a_jump_host_is_not_this_computers() -> None:
    with CoreRig() as rig:
        account = rig.core.accounts.find(ACCOUNT.id)
        rig.core.routes.set(account, "ssh://gate.example", "", rig.soon())
        session = rig.running()
        rig.server.publish(session.task, record_of(session.task, address="127.0.0.1"))
        rig.core.store.see(session, rig.server.sessions.get(session.task, rig.soon()).facts)
        rig.core.connections.attach(session, rig.soon())
        rig.until(session, lambda s: s.link is Link.UP)
        rig.core.ports.reverse(session, 7000, 7000, rig.soon())
        assert rig.core.ports.forward(session, 6106, rig.soon(), local=6106).local_port == 6106


def test_a_reverse_forward_to_a_port_where_nothing_listens_is_told() -> None:
    with CoreRig() as rig:
        session = rig.attached()
        rig.core.ports.reverse(session, 7000, 7001, rig.soon())
        rig.world.tunnel().knock_in_vain(7000, 7001)
        notice = rig.get(session).notice
        assert notice is not None and notice.code == "port.unanswered"
        assert "port 7001 of this computer" in notice.detail
