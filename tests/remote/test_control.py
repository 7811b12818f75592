"""The control channel's server: an operation that takes its time delays nobody, and one that fails says so."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remote_bootstrap import contract
from remote_bootstrap.channel.control import ControlServer
from remote_bootstrap.channel.operations.operation import Host, OperationError
from remote_bootstrap.environment.environments import Environments
from remote_bootstrap.session.context import Context
from remote_bootstrap.task.progress import Progress
from remote_bootstrap.task.settings import Settings
from tests.support.waiting import wait_until


class Peer:
    """A connected desktop."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile("rb")

    def ask(self, number: int, op: str, args: dict | None = None) -> None:
        self.socket.sendall(contract.Request(number, op, args or {}).dumps().encode())

    def hear(self) -> dict:
        return json.loads(self.lines.readline())

    def close(self) -> None:
        self.lines.close()
        self.socket.close()


class Desk:
    """A control server with three operations of its own."""

    def __init__(self, folder: Path) -> None:
        self.go = threading.Event()
        self.desktops: list[int] = []
        settings = Settings("ssh-ed25519 AAAA", folder)
        context = Context("ab" * 16, folder, folder, settings, Environments(folder, print), "127.0.0.1")
        operations = {"slow": self.slow, "refuse": self.refuse, "break": self.fail}
        self.path = folder / "control.sock"
        self.progress = Progress(begun=0.0)
        self.server = ControlServer(
            self.path, Host(context, self.progress, print, print), self.desktops.append, operations
        )
        self.server.start()
        self.peer = Peer(self.path)

    def slow(self, _host: Host, args: dict[str, Any]) -> dict[str, Any]:
        assert self.go.wait(10)
        return {"echo": args}

    def refuse(self, _host: Host, _args: dict[str, Any]) -> dict[str, Any]:
        raise OperationError("The folder does not exist.")

    def fail(self, _host: Host, _args: dict[str, Any]) -> dict[str, Any]:
        raise ValueError("hunter" + "2")  # the traceback shows this line, and must not show the text


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.go.set()
    desk.peer.close()
    desk.server.close()
    desk.progress.notice("ends the threads that push")


def test_a_slow_operation_does_not_delay_a_probe(desk: Desk) -> None:
    desk.peer.ask(1, "slow", {"a": 1})
    desk.peer.ask(2, contract.OP_HELLO)
    assert desk.peer.hear()["id"] == 2
    desk.go.set()
    assert desk.peer.hear() == {"id": 1, "ok": True, "result": {"echo": {"a": 1}}, "error": "", "event": ""}


def test_a_refusal_is_a_sentence(desk: Desk) -> None:
    desk.peer.ask(1, "refuse")
    answer = desk.peer.hear()
    assert not answer["ok"]
    assert answer["error"] == "The folder does not exist."


def test_a_failure_tells_its_kind_and_not_its_text(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    desk.peer.ask(1, "break")
    answer = desk.peer.hear()
    assert not answer["ok"]
    assert answer["error"] == "break failed: ValueError"
    assert "hunter2" not in "".join(capfd.readouterr())


def test_an_unknown_operation_is_refused(desk: Desk) -> None:
    desk.peer.ask(1, "fly")
    assert desk.peer.hear()["error"] == "unknown operation 'fly'"


def test_the_session_knows_how_many_desktops_listen(desk: Desk) -> None:
    """Its own commands ask over the same socket and do not count."""
    desk.peer.ask(1, contract.OP_HELLO)
    desk.peer.hear()
    assert desk.desktops == []
    desk.peer.ask(2, contract.OP_SUBSCRIBE)
    desk.peer.ask(3, contract.OP_SUBSCRIBE)
    wait_until(lambda: desk.desktops == [1], "the first")
    other = Peer(desk.path)
    other.ask(1, contract.OP_SUBSCRIBE)
    wait_until(lambda: desk.desktops == [1, 2], "the second")
    other.close()
    wait_until(lambda: desk.desktops == [1, 2, 1], "the first alone")
