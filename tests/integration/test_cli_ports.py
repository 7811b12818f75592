"""The commands ports and forward, over a core with fakes that another process of ours holds the session for."""

from collections.abc import Iterator

import pytest

from desktop_app.demo.tunnel import FakeTunnel
from remote_bootstrap import contract
from tests.fakes.outside import World
from tests.support.cli_rig import Run
from tests.support.core_rig import CoreRig

BOARD = {"port": 6006, "address": "127.0.0.1", "pid": 77, "process": "tensorboard",
         "command": "python bin/tensorboard --logdir …", "session": True}  # fmt: skip
DNS = {"port": 5353, "address": "0.0.0.0", "pid": 9, "process": "dnsd", "command": "", "session": False}


@pytest.fixture
def window(other: World) -> Iterator[CoreRig]:
    """The process that holds the session."""

    def prepare(tunnel: FakeTunnel) -> None:
        tunnel.answers[contract.OP_LISTENING] = {"ports": [BOARD, DNS], "more": 3}

    other.prepare_tunnel = prepare
    with CoreRig(other) as rig:
        rig.attached()
        yield rig


def test_ports_as_a_table(run: Run, window: CoreRig) -> None:
    said = run("ports", "a session")
    assert said.code == 0
    head, board, dns = said.out.splitlines()
    assert head.split() == ["PORT", "WHAT", "HERE", "PROCESS"]
    assert board.split()[:3] == ["6006", "TensorBoard", "-"]
    assert board.endswith("python bin/tensorboard --logdir … (77)")
    assert dns.endswith("dnsd (9), not of this session")


def test_forwarding_and_stopping(run: Run, window: CoreRig) -> None:
    said = run("forward", "a session", "6006", "--local", "16006")
    assert (said.code, said.out) == (0, "127.0.0.1:16006\n")
    listed = run("ports", "a session", "--json").json
    assert listed["more"] == 3
    assert listed["ports"][0] == {
        "port": 6006,
        "label": "TensorBoard",
        "service": "tensorboard",
        "process": "tensorboard",
        "pid": 77,
        "command": BOARD["command"],
        "session": True,
        "listening": True,
        "local_port": 16006,
        "always": False,
    }
    assert run("forward", "a session", "6006", "--stop", "--json").json == {"port": 6006, "stopped": True}
    again = run("forward", "a session", "6006", "--json").json
    assert again["local_port"] == 16006
    assert again["why_elsewhere"] == "It keeps the local port that it had before."


def test_a_port_that_is_taken_here_is_told_with_the_program_that_has_it(
    run: Run, window: CoreRig, other: World
) -> None:
    other.tunnel().taken[6006] = "tensorboard (process 4711)"
    said = run("forward", "a session", "6006")
    assert said.out == "127.0.0.1:6007\n"
    assert "Port 6006 of this computer is taken by tensorboard (process 4711)." in said.err
    run("forward", "a session", "6006", "--stop")
    shown = run("forward", "a session", "6006", "--json").json
    assert (shown["local_port"], shown["why_elsewhere"]) == (6007, "It keeps the local port that it had before.")
    dns = run("forward", "a session", "5353", "--json").json
    assert (dns["local_port"], dns["why_elsewhere"]) == (5353, None)


@pytest.mark.parametrize("port", ["0", "70000", "x"])
def test_what_is_no_port_is_wrong_usage(run: Run, port: str) -> None:
    with pytest.raises(SystemExit) as caught:
        run("forward", "a session", port)
    assert caught.value.code == 2


def test_nothing_attached_is_a_problem(run: Run, window: CoreRig) -> None:
    session = window.core.store.all()[0].id
    window.core.connections.detach(session)
    said = run("ports", "a session", "--json")
    assert said.code == 1 and f"sessiondock attach {session.task[:8]}" in said.err
    assert said.json["error"]["code"] == "session.not_attached"


def test_reverse_and_socks(run: Run, window: CoreRig) -> None:
    assert run("reverse", "a session", "3128:8888", "--json").json == {
        "kind": "reverse", "local_port": 8888, "remote_port": 3128, "host": "127.0.0.1",
    }  # fmt: skip
    assert "127.0.0.1:11080" in run("socks", "a session", "--local", "11080").err
    listed = run("ports", "a session", "--json").json
    assert [one["kind"] for one in listed["others"]] == ["reverse", "socks"]
    assert "port 8888 of this computer at 127.0.0.1:3128" in run("ports", "a session").err
    assert run("socks", "a session", "--stop", "--json").json == {"stopped": True}
    assert run("reverse", "a session", "3128", "--stop").err.endswith("Stopped.\n")


@pytest.mark.parametrize("pair", ["x", "0:1", "1:", "1:2:3"])
def test_what_is_no_pair_of_ports_is_wrong_usage(run: Run, pair: str) -> None:
    with pytest.raises(SystemExit) as caught:
        run("reverse", "a session", pair)
    assert caught.value.code == 2
