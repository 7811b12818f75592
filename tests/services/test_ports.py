"""core.ports over the fakes: looking, forwarding, opening, rules, and another process of ours that holds the tunnel."""

from collections.abc import Iterator

import pytest

from desktop_app.boundary.connection import Destination
from desktop_app.demo.memory import FakeForwards
from desktop_app.demo.tunnel import FakeTunnel
from desktop_app.domain.access.listening import Forward, Kind, Page
from desktop_app.domain.problems import AppError, failure
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.core import Core
from remote_bootstrap import contract
from tests.fakes.outside import World
from tests.support.core_rig import CoreRig
from tests.support.waiting import wait_until

BOARD = {"port": 6006, "address": "127.0.0.1", "pid": 77, "process": "tensorboard",
         "command": "python bin/tensorboard --logdir …", "session": True}  # fmt: skip
SITE = {"port": 8080, "address": "::1", "pid": 78, "process": "java", "command": "java", "session": True}
LAB = {"port": 9000, "address": "127.0.0.1", "pid": 79, "process": "jupyter-lab", "command": "", "session": True}


def listens(*rows: dict[str, object]) -> dict[str, object]:
    return {"ports": list(rows), "more": 0}


@pytest.fixture
def world() -> World:
    made = World()

    def prepare(tunnel: FakeTunnel) -> None:
        tunnel.answers[contract.OP_LISTENING] = listens(BOARD, SITE, LAB)

    made.prepare_tunnel = prepare
    return made


@pytest.fixture
def rig(world: World) -> Iterator[CoreRig]:
    with CoreRig(world) as made:
        yield made


@pytest.fixture
def session(rig: CoreRig) -> SessionId:
    found = rig.attached()
    rig.world.tunnel().push(contract.Report("ready", "", 9, {"jupyterlab": contract.AppReport("ready", "", 9000)}))
    rig.until(found, lambda s: any(e.remote_port == 9000 for e in s.endpoints))
    return found


def test_ports_are_named_and_the_applications_are_not_among_them(rig: CoreRig, session: SessionId) -> None:
    view = rig.core.ports.look(session, rig.soon())
    assert [(one.port, one.label, one.local_port) for one in view.ports] == [
        (6006, "TensorBoard", 0),
        (8080, "java", 0),
    ]


def test_a_forward_takes_the_same_port_here_and_leads_where_it_listens(rig: CoreRig, session: SessionId) -> None:
    assert rig.core.ports.forward(session, 6006, rig.soon()).local_port == 6006
    assert rig.core.ports.forward(session, 8080, rig.soon()).local_port == 8080
    assert rig.world.tunnel().destinations == {"local:6006": Destination(6006), "local:8080": Destination(8080, "::1")}
    assert {one.local_port for one in rig.core.ports.look(session, rig.soon()).ports} == {6006, 8080}


def test_a_taken_port_is_replaced_and_the_replacement_stays(rig: CoreRig, session: SessionId) -> None:
    rig.world.tunnel().taken[6006] = "nc (process 1)"
    assert rig.core.ports.forward(session, 6006, rig.soon()).local_port == 6007
    assert rig.core.ports.stop(session, 6006, rig.soon())
    assert not rig.core.ports.stop(session, 6006, rig.soon())
    rig.world.tunnel().taken.clear()
    assert rig.core.ports.forward(session, 6006, rig.soon()).local_port == 6007


def test_two_sessions_do_not_ask_for_the_same_local_port(rig: CoreRig, session: SessionId) -> None:
    other = rig.attached()
    assert rig.core.ports.forward(session, 6006, rig.soon()).local_port == 6006
    assert rig.core.ports.forward(other, 6006, rig.soon()).local_port == 6007


@pytest.mark.parity("N2")
def test_the_port_that_a_person_insists_on_is_had_or_said_to_be_taken(rig: CoreRig, session: SessionId) -> None:
    assert rig.core.ports.forward(session, 6006, rig.soon(), local=16006).local_port == 16006
    assert rig.core.ports.forward(session, 6006, rig.soon(), local=16007).local_port == 16007
    rig.world.tunnel().taken[16008] = "nc (process 1)"
    with pytest.raises(AppError, match=r"16008 .*nc \(process 1\)"):
        rig.core.ports.forward(session, 6006, rig.soon(), local=16008)
    kept = rig.core.ports.forward(session, 6006, rig.soon())
    assert kept.local_port == 16007
    assert rig.world.tunnel().bound["local:6006"].port == 16007, "a refused wish takes nothing away"


def test_a_refused_wish_leaves_the_forward_and_the_proxy_that_were_there(rig: CoreRig, session: SessionId) -> None:
    rig.core.ports.forward(session, 6006, rig.soon(), local=16007)
    rig.core.ports.socks(session, rig.soon(), local=16010)
    rig.world.tunnel().taken.update({16008: "nc (process 1)"})
    with pytest.raises(AppError, match="16008"):
        rig.core.ports.forward(session, 6006, rig.soon(), local=16008)
    with pytest.raises(AppError, match="16008"):
        rig.core.ports.socks(session, rig.soon(), local=16008)
    bound = rig.world.tunnel().bound
    assert {one.port for one in bound.values()} >= {16007, 16010}
    assert {one.local_port for one in rig.world.memory.forwards.of(session.text)} == {16007, 16010}


def test_a_port_where_nobody_listens_yet_can_be_forwarded(rig: CoreRig, session: SessionId) -> None:
    view = rig.core.ports.forward(session, 5000, rig.soon())
    assert (view.local_port, view.listening) == (5000, False)


def test_forwards_come_back_with_the_next_run_before_the_first_dial(world: World) -> None:
    with CoreRig(world) as rig:
        session = rig.attached()
        rig.core.ports.forward(session, 6006, rig.soon(), local=16006)
        rig.core.ports.forward(session, 8080, rig.soon())
        rig.core.ports.stop(session, 8080, rig.soon())
    assert world.memory.forwards.of(session.text) == (Forward(Kind.LOCAL, 16006, 6006),)
    world.prepare_tunnel = lambda tunnel: setattr(tunnel, "connect_blocks", True)
    with CoreRig(world) as rig:
        rig.core.store.see(session, rig.server.sessions.get(session.task, rig.soon()).facts)
        rig.core.connections.attach(session, rig.soon())
        tunnel = world.tunnel(1)
        tunnel.wait_for(lambda one: "local:6006" in one.bound)
        assert tunnel.bound["local:6006"].port == 16006


def test_open_forwards_asks_for_the_page_and_opens_it(rig: CoreRig, session: SessionId) -> None:
    rig.world.page = Page("https", "", 200)
    assert rig.core.ports.open(session, 6006, rig.soon()) == "https://127.0.0.1:6006/"
    assert rig.world.opened == ["https://127.0.0.1:6006/"]


def test_what_is_no_web_page_is_not_opened(rig: CoreRig, session: SessionId) -> None:
    rig.world.page = Page()
    with pytest.raises(AppError, match=r"127\.0\.0\.1:8080"):
        rig.core.ports.open(session, 8080, rig.soon())
    assert rig.world.opened == []


def test_without_a_connection_that_is_said(rig: CoreRig, session: SessionId) -> None:
    rig.core.connections.detach(session)
    with pytest.raises(AppError, match="not attached"):
        rig.core.ports.look(session, rig.soon())


def test_a_named_service_is_forwarded_by_itself_until_a_person_stops_it(rig: CoreRig, session: SessionId) -> None:
    tunnel = rig.world.tunnel()
    rig.core.ports.always("tensorboard", True)
    tunnel.wait_for(lambda one: "local:6006" in one.bound)
    rig.core.ports.stop(session, 6006, rig.soon())
    asked = len(tunnel.requests)
    tunnel.wait_for(lambda one: len(one.requests) > asked + 2)
    assert "local:6006" not in tunnel.bound
    tunnel.answers[contract.OP_LISTENING] = listens({**BOARD, "pid": 99})  # started anew
    tunnel.wait_for(lambda one: "local:6006" in one.bound)
    assert "local:8080" not in tunnel.bound


def test_without_a_rule_nobody_asks(world: World) -> None:
    class Counting(FakeForwards):
        looks = 0

        def always(self) -> frozenset[str]:
            self.looks += 1
            return frozenset()

    world.memory.forwards = counting = Counting()
    with CoreRig(world) as rig:
        rig.attached()
        wait_until(lambda: counting.looks > 3, "the watch to look for rules")
        assert world.tunnel().requests == []


def test_rules_survive_a_session_that_does_not_know_the_operation(rig: CoreRig, session: SessionId) -> None:
    tunnel = rig.world.tunnel()
    tunnel.answers[contract.OP_LISTENING] = failure("ssh.refused", why="unknown operation")
    rig.core.ports.always("tensorboard", True)
    tunnel.wait_for(lambda one: len(one.requests) > 2)
    tunnel.answers[contract.OP_LISTENING] = listens(BOARD)
    tunnel.wait_for(lambda one: "local:6006" in one.bound)


def test_another_process_of_ours_is_asked_when_it_holds_the_session(rig: CoreRig, session: SessionId) -> None:
    world = rig.world
    other = World(world.memory, world.secrets, servers=world.servers, runtime_dir=world.runtime_dir)
    with CoreRig(other, "cli", start=False) as command:
        asked: Core = command.core
        assert asked.ports.look(session, rig.soon()).of(6006) == rig.core.ports.look(session, rig.soon()).of(6006)
        assert asked.ports.forward(session, 6006, rig.soon()).local_port == 6006
        assert "local:6006" in world.tunnel().bound
        assert asked.ports.stop(session, 6006, rig.soon())
        world.tunnel().taken[16006] = "nc (process 1)"
        with pytest.raises(AppError, match="nc"):
            asked.ports.forward(session, 6006, rig.soon(), local=16006)


def test_reverse_forwards_and_the_proxy_are_listed_stopped_and_come_back(world: World) -> None:
    with CoreRig(world) as rig:
        session = rig.attached()
        reverse = rig.core.ports.reverse(session, 3128, 8888, rig.soon())
        socks = rig.core.ports.socks(session, rig.soon())
        assert (reverse, socks) == (Forward(Kind.REVERSE, 8888, 3128), Forward(Kind.SOCKS, 1080))
        assert rig.core.ports.look(session, rig.soon()).others == (reverse, socks)
        assert world.tunnel().reversed == {reverse.key: (3128, 8888)}
    with CoreRig(world) as rig:
        rig.core.store.see(session, rig.server.sessions.get(session.task, rig.soon()).facts)
        rig.core.connections.attach(session, rig.soon())
        tunnel = world.tunnel(1)
        tunnel.wait_for(lambda one: one.connected and socks.key in one.bound and reverse.key in one.reversed)
        assert tunnel.bound[socks.key].port == 1080
        for other in (reverse, socks):
            assert rig.core.ports.stop_other(session, other, rig.soon())
            assert not rig.core.ports.stop_other(session, other, rig.soon())
        assert (tunnel.reversed, socks.key in tunnel.bound) == ({}, False)
    assert world.memory.forwards.of(session.text) == ()


def test_a_refused_reverse_forward_is_not_remembered(rig: CoreRig, session: SessionId) -> None:
    rig.world.tunnel().refused_ports.add(80)
    with pytest.raises(AppError, match="80"):
        rig.core.ports.reverse(session, 80, 8888, rig.soon())
    assert rig.core.ports.look(session, rig.soon()).others == ()


def test_a_reverse_forward_can_lead_elsewhere(rig: CoreRig, session: SessionId) -> None:
    rig.core.ports.reverse(session, 3128, 8888, rig.soon())
    rig.core.ports.reverse(session, 3128, 9999, rig.soon())
    assert rig.core.ports.look(session, rig.soon()).others == (Forward(Kind.REVERSE, 9999, 3128),)
    assert rig.core.ports.socks(session, rig.soon(), local=11080).local_port == 11080
