"""Telling a full link from a dead one, over a real sshd behind a relay that is slow or silent."""

import socket
import threading
from collections.abc import Iterator

import pytest

from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.adapters.system_watch import TICK_S
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Target
from desktop_app.boundary.outside import Pace
from desktop_app.domain.problems import AppError
from tests.support.relay import Relay
from tests.support.ssh_peers import MEGABYTE, Application, download, receive_all
from tests.support.ssh_server import SshServer
from tests.support.waiting import wait_until


@pytest.fixture
def relay(server: SshServer) -> Iterator[Relay]:
    made = Relay(("127.0.0.1", server.port))
    yield made
    made.close()


def target(server: SshServer, relay: Relay) -> Target:
    return server.target(port=relay.port)


def test_a_link_that_is_full_is_alive(server: SshServer, relay: Relay) -> None:
    """Megabytes wait on the wire before the answer: it is late, and yet nothing is wrong."""
    application, tunnel = Application(download), SshTunnel("full")
    tunnel.connect(target(server, relay), Cancel(10))
    tunnel.forwards.set_app_ports({"lab": application.port})
    port = tunnel.forwards.bind({"lab": 0})[0].port
    got: list[int] = []

    def take() -> None:
        with socket.create_connection(("127.0.0.1", port), 60) as client:
            client.sendall(b"1 %d\n" % (30 * MEGABYTE))
            got.append(len(receive_all(client)))

    loading = threading.Thread(target=take, name="test-loading")
    loading.start()
    try:
        relay.delay_s = 0.05  # a megabyte per second
        before = relay.carried
        wait_until(lambda: relay.carried > before + 2 * MEGABYTE, "the link to fill", 30)
        assert tunnel.control.probe(Cancel(0.5)) >= 0.0
    finally:
        relay.heal()
        loading.join(60)
        tunnel.close()
        application.close()
    assert got == [30 * MEGABYTE]


@pytest.mark.parametrize("fault", ["black_hole", "half_open", "freeze"])
def test_a_link_that_is_silent_is_dead(server: SshServer, relay: Relay, fault: str) -> None:
    tunnel = SshTunnel("silent")
    tunnel.connect(target(server, relay), Cancel(10))
    getattr(relay, fault)()
    with pytest.raises(AppError, match="lost"):
        tunnel.control.probe(Cancel(0.5))
    tunnel.close()


def test_the_promise_fits_the_product_s_pace() -> None:
    """Noticed within 20 s at idle, and within 5 s of a wake or another network."""
    pace = Pace()
    assert pace.probe_every_s + pace.probe_s < 20
    assert TICK_S + pace.check_s < 5
    assert (pace.redial_first_s, pace.redial_last_s) == (1.0, 30.0)
