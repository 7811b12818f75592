"""What every ports.Tunnel does: the same cases on the fake that the services' tests use and on a real sshd."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Destination, Target, Tunnel
from desktop_app.demo.tunnel import FakeTunnel
from desktop_app.domain.problems import AppError, Cancelled, Remedy, Retry, failure
from remote_bootstrap.contract import APP_READY, READY, AppReport, Record, Report, fingerprint
from tests.support.ssh_server import SshServer, free_port

REPORT = Report(READY, "Ready", 7, {"lab": AppReport(APP_READY, "", 8888, "token-of-lab")}, {"ready": 3.5})


class World(Protocol):
    """A session's machine that the test plays."""

    tunnel: Tunnel

    def target(self) -> Target: ...

    def target_with(self, fault: str) -> Target:
        """A way to connect that fails with the problem of that code."""

    def take_port(self) -> int:
        """A port that another program holds from now on."""

    def take_remote_port(self) -> int:
        """A port of the machine that another program of it holds."""

    def push(self, report: Report) -> None: ...

    def drop(self) -> None:
        """The machine goes away."""

    def come_back(self) -> None: ...

    def close(self) -> None: ...


class FakeWorld:
    def __init__(self) -> None:
        self.fake = FakeTunnel()
        self.fake.answers["refuse"] = failure("ssh.refused", why="The workspace is read-only.")
        self.fake.answers["echo"] = {"text": "grüße"}
        self.tunnel: Tunnel = self.fake

    def target(self) -> Target:
        return Target(Record("t", "127.0.0.1", 22, "me", "ssh-ed25519 AAAA", 1), "key")

    def target_with(self, fault: str) -> Target:
        values = {"address": "127.0.0.1", "port": "22", "found": "SHA256:x", "expected": "SHA256:y"}
        if fault == "black hole":
            self.fake.connect_blocks = True
        else:
            self.fake.connect_errors.append(failure(fault, **values))
        return self.target()

    def take_port(self) -> int:
        self.fake.taken[9000] = "nc (process 1)"
        return 9000

    def take_remote_port(self) -> int:
        self.fake.refused_ports.add(9001)
        return 9001

    def push(self, report: Report) -> None:
        self.fake.push(report)

    def drop(self) -> None:
        self.fake.drop()
        self.fake.probe_error = None

    def come_back(self) -> None:
        pass

    def close(self) -> None:
        pass


class SshWorld:
    def __init__(self, folder: Path) -> None:
        self.server = SshServer(folder)
        self.server.start()
        self.tunnel: Tunnel = SshTunnel("contract")
        self.listener = socket.create_server(("127.0.0.1", 0))

    def target(self) -> Target:
        return self.server.target()

    def target_with(self, fault: str) -> Target:
        if fault == "ssh.host_key":
            return self.server.target(host_key=self.server.stranger_key)
        if fault == "ssh.auth":
            return self.server.target("stranger")
        if fault == "black hole":  # accepts and never says a word
            return self.server.target(port=self.take_port())
        return self.server.target(port=free_port())

    def take_port(self) -> int:
        return int(self.listener.getsockname()[1])

    def take_remote_port(self) -> int:
        return self.take_port()

    def push(self, report: Report) -> None:
        self.tunnel.control.request("push", {"report": report.to_json()}, Cancel(5))

    def drop(self) -> None:
        self.server.kill()

    def come_back(self) -> None:
        self.server.start()

    def close(self) -> None:
        self.listener.close()
        self.server.kill()


@pytest.fixture(params=["fake", "ssh"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made: World = FakeWorld() if request.param == "fake" else SshWorld(tmp_path / "machine")
    with closing(made):
        yield made
        made.tunnel.close()


@pytest.mark.parity("N7")
def test_ports_are_bound_before_a_connection_exists_and_never_move(world: World) -> None:
    first = world.tunnel.forwards.bind({"lab": 0, "ssh": 0})
    assert [bound.app for bound in first] == ["lab", "ssh"]
    assert first[0].port != first[1].port
    assert all(bound.port > 0 and bound.taken_by == "" for bound in first)
    world.tunnel.connect(world.target(), Cancel(10))
    assert world.tunnel.forwards.bind({"ssh": 1, "lab": 2}) == (first[1], first[0])


@pytest.mark.parity("N2")
def test_a_taken_port_is_named_and_replaced_upward(world: World) -> None:
    taken = world.take_port()
    (bound,) = world.tunnel.forwards.bind({"lab": taken})
    assert bound.wanted == taken
    assert bound.port > taken
    assert bound.taken_by


def test_a_forward_keeps_its_port_until_it_is_unbound(world: World) -> None:
    taken = world.take_port()
    first = world.tunnel.forwards.forward("tcp:6006", taken, Destination(6006))
    assert first.port > taken
    assert first.taken_by
    assert world.tunnel.forwards.forward("tcp:6006", 0, Destination(6007)) == first
    world.tunnel.forwards.unbind("tcp:6006")
    world.tunnel.forwards.unbind("tcp:6006")
    assert world.tunnel.forwards.forward("tcp:6006", first.port, Destination(6006)).port == first.port


def test_a_proxy_has_a_port_of_its_own(world: World) -> None:
    bound = world.tunnel.forwards.proxy("socks:0", 0)
    assert bound.port > 0
    assert world.tunnel.forwards.proxy("socks:0", 0) == bound
    world.tunnel.forwards.unbind("socks:0")
    assert world.tunnel.forwards.proxy("socks:0", bound.port).port == bound.port


def test_a_reverse_forward_that_the_machine_refuses_is_a_problem(world: World) -> None:
    taken = world.take_remote_port()
    world.tunnel.connect(world.target(), Cancel(10))
    with pytest.raises(AppError) as caught:
        world.tunnel.forwards.reverse("reverse:1", taken, 9)
    assert caught.value.problem.code == "port.remote"
    world.tunnel.forwards.reverse("reverse:2", free_port(), 9)
    world.tunnel.forwards.unbind("reverse:2")


@pytest.mark.parity("N1")
def test_connected_means_that_a_probe_comes_back(world: World) -> None:
    world.tunnel.connect(world.target(), Cancel(10))
    assert 0 < world.tunnel.control.probe(Cancel(5)) < 5


def test_a_request_is_answered(world: World) -> None:
    world.tunnel.connect(world.target(), Cancel(10))
    assert world.tunnel.control.request("echo", {"text": "grüße"}, Cancel(5)) == {"text": "grüße"}


def test_what_the_remote_refuses_is_a_problem_in_its_words(world: World) -> None:
    world.tunnel.connect(world.target(), Cancel(10))
    with pytest.raises(AppError) as caught:
        world.tunnel.control.request("refuse", {}, Cancel(5))
    assert caught.value.problem.code == "ssh.refused"
    assert "The workspace is read-only." in caught.value.problem.detail
    world.tunnel.control.probe(Cancel(5))


def test_reports_arrive_with_their_secrets(world: World) -> None:
    got: list[Report] = []
    arrived = threading.Event()

    def take(report: Report) -> None:
        got.append(report)
        arrived.set()

    world.tunnel.on_report(take)
    world.tunnel.connect(world.target(), Cancel(10))
    world.push(REPORT)
    assert arrived.wait(5)
    assert got == [REPORT]


def test_without_a_connection_everything_is_lost(world: World) -> None:
    tunnel = world.tunnel
    for ask in (
        lambda: tunnel.control.probe(Cancel(1)),
        lambda: tunnel.control.request("echo", {}, Cancel(1)),
        lambda: tunnel.agent.lend(Cancel(1)),
    ):
        with pytest.raises(AppError) as caught:
            ask()
        assert caught.value.problem.code == "ssh.lost"


@pytest.mark.parametrize("fault", ["ssh.unreachable", "ssh.host_key", "ssh.auth"])
def test_a_failed_connect_has_its_code_and_leaves_no_connection(world: World, fault: str) -> None:
    with pytest.raises(AppError) as caught:
        world.tunnel.connect(world.target_with(fault), Cancel(10))
    assert caught.value.problem.code == fault
    assert caught.value.problem.retry is (Retry.AUTO if fault == "ssh.unreachable" else Retry.USER)
    with pytest.raises(AppError, match="lost"):
        world.tunnel.control.probe(Cancel(1))
    world.tunnel.connect(world.target(), Cancel(10))
    world.tunnel.control.probe(Cancel(5))


def test_a_silent_machine_is_given_up_at_the_deadline(world: World) -> None:
    cancel = Cancel(0.6)
    with pytest.raises(AppError) as caught:
        world.tunnel.connect(world.target_with("black hole"), cancel)
    assert caught.value.problem.code == "ssh.unreachable"
    assert cancel.expired


def test_a_cancel_ends_a_connect(world: World) -> None:
    cancel = Cancel(30)
    target = world.target_with("black hole")
    trigger = threading.Timer(0.2, cancel.cancel)
    trigger.start()
    with pytest.raises(Cancelled):
        world.tunnel.connect(target, cancel)
    trigger.join()


def test_the_loss_is_told_once_and_the_ports_survive_the_redial(world: World) -> None:
    lost = threading.Event()
    losses: list[int] = []

    def count() -> None:
        losses.append(1)
        lost.set()

    world.tunnel.on_lost(count)
    before = world.tunnel.forwards.bind({"lab": 0})
    world.tunnel.connect(world.target(), Cancel(10))
    world.drop()
    assert lost.wait(5)
    with pytest.raises(AppError, match="lost"):
        world.tunnel.control.probe(Cancel(2))
    world.come_back()
    world.tunnel.connect(world.target(), Cancel(10))
    world.tunnel.control.probe(Cancel(5))
    assert world.tunnel.forwards.bind({"lab": 0}) == before
    world.tunnel.disconnect()
    assert losses == [1]


def test_leaving_on_purpose_is_no_loss(world: World) -> None:
    losses: list[int] = []
    world.tunnel.on_lost(lambda: losses.append(1))
    before = world.tunnel.forwards.bind({"lab": 0})
    world.tunnel.connect(world.target(), Cancel(10))
    world.tunnel.disconnect()
    world.tunnel.disconnect()
    with pytest.raises(AppError, match="lost"):
        world.tunnel.control.probe(Cancel(1))
    assert world.tunnel.forwards.bind({"lab": 0}) == before
    assert losses == []


def test_closed_is_for_good(world: World) -> None:
    world.tunnel.forwards.bind({"lab": 0})
    world.tunnel.connect(world.target(), Cancel(10))
    world.tunnel.close()
    world.tunnel.close()
    with pytest.raises(Cancelled):
        world.tunnel.control.probe(Cancel(1))
    with pytest.raises(Cancelled):
        world.tunnel.connect(world.target(), Cancel(1))
    with pytest.raises(Cancelled):
        world.tunnel.forwards.forward("tcp:6006", 0, Destination(6006))
    world.tunnel.forwards.unbind("tcp:6006")


@pytest.mark.parity("S2", "--disable-fingerprint-check")
def test_a_wrong_host_key_is_told_with_both_fingerprints(tmp_path: Path) -> None:
    with closing(SshWorld(tmp_path / "machine")) as world, pytest.raises(AppError) as caught:
        world.tunnel.connect(world.target_with("ssh.host_key"), Cancel(10))
    world.tunnel.close()
    detail = caught.value.problem.detail
    assert fingerprint(world.server.host_key) in detail
    assert fingerprint(world.server.stranger_key) in detail


def test_another_key_than_the_one_that_a_person_trusted_is_told_with_both(tmp_path: Path) -> None:
    """A session of clearml-session that was started again shows another key: nothing of ours can tell whose it is."""
    with closing(SshWorld(tmp_path / "machine")) as world, pytest.raises(AppError) as caught:
        trusted = fingerprint(world.server.stranger_key)
        target = replace(world.target(), is_clearml_session=True, password="pw", fingerprints=frozenset({trusted}))
        world.tunnel.connect(target, Cancel(10))
    world.tunnel.close()
    why = caught.value.problem
    assert why.code == "ssh.other_host" and trusted in why.detail and fingerprint(world.server.host_key) in why.detail
    assert why.cause == fingerprint(world.server.host_key) and Remedy.TRUST_HOST in why.remedies
