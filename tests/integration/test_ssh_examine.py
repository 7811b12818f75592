"""The doctor's own connection against real broken things: it must name the stage that is broken, and say why."""

import socket
from contextlib import closing
from pathlib import Path

import pytest

from desktop_app.adapters.ssh.examine import Examination, examine
from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import Target
from desktop_app.domain.access.route import parse_route
from desktop_app.domain.diagnosis import Stage, StageError
from desktop_app.domain.problems import AppError, Cancelled
from remote_bootstrap.contract import fingerprint
from tests.support.ssh_server import SshServer, free_port

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Patient:
    """What was told, and what broke."""

    def __init__(self) -> None:
        self.told: dict[Stage, str] = {}

    def examine(self, target: Target, seconds: float = 30.0) -> Examination:
        return examine(target, self.told.__setitem__, Cancel(seconds))

    def breaks(self, target: Target, seconds: float = 30.0) -> StageError:
        with pytest.raises(StageError) as caught:
            self.examine(target, seconds).close()
        assert list(self.told) == list(Stage)[list(Stage).index(Stage.NAME) : list(Stage).index(caught.value.stage)]
        return caught.value


@pytest.fixture
def patient() -> Patient:
    return Patient()


def test_a_healthy_machine_tells_what_it_is(server: SshServer, patient: Patient, application) -> None:
    page = application(lambda client: client.recv(9) and client.sendall(PAGE))
    with closing(patient.examine(server.target(address="localhost"))) as found:
        assert found.http_status(page.port) == 200
    assert "127.0.0.1" in patient.told[Stage.NAME]
    assert patient.told[Stage.SSH].startswith("SSH-2.0-OpenSSH")
    assert patient.told[Stage.HOST_KEY] == fingerprint(server.host_key)
    assert patient.told[Stage.SIGN_IN] == f"as {server.user}"


def test_an_unknown_name(server: SshServer, patient: Patient) -> None:
    broken = patient.breaks(server.target(address="no-such-host.invalid"))
    assert (broken.stage, broken.problem.code) == (Stage.NAME, "ssh.name")
    assert "VPN" in broken.problem.detail


def test_a_closed_port(server: SshServer, patient: Patient) -> None:
    broken = patient.breaks(server.target(port=free_port()))
    assert (broken.stage, broken.problem.code) == (Stage.REACH, "ssh.unreachable")
    assert "refused" in broken.problem.cause.lower()


def test_a_black_hole(server: SshServer, patient: Patient) -> None:
    """A listener whose backlog is full drops what comes, as a firewall does."""
    with closing(socket.socket()) as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        address = hole.getsockname()
        with closing(socket.create_connection(address)), closing(socket.socket()) as more:
            more.setblocking(False)
            more.connect_ex(address)
            broken = patient.breaks(server.target(port=address[1]), 2.0)
    assert (broken.stage, broken.problem.code) == (Stage.REACH, "ssh.unreachable")
    assert "timed out" in broken.problem.cause


@pytest.mark.parametrize("greeting", [b"HTTP/1.0 400 Bad Request\r\n\r\n", b"220 mail ESMTP\r\n" * 600])
def test_a_server_that_is_no_ssh_server(server: SshServer, patient: Patient, application, greeting: bytes) -> None:
    other = application(lambda client: client.sendall(greeting) or client.recv(1 << 16))
    broken = patient.breaks(server.target(port=other.port), 10.0)
    assert broken.stage is Stage.SSH
    assert broken.problem.code in ("ssh.protocol", "ssh.unreachable")


def test_a_port_that_takes_connections_and_says_nothing(server: SshServer, patient: Patient, application) -> None:
    silent = application(lambda client: client.recv(1 << 16) and client.recv(1))
    assert patient.breaks(server.target(port=silent.port), 4.0).stage is Stage.SSH


def test_another_machine_at_that_address(server: SshServer, patient: Patient) -> None:
    broken = patient.breaks(server.target(host_key=server.stranger_key))
    assert (broken.stage, broken.problem.code) == (Stage.HOST_KEY, "ssh.host_key")
    assert fingerprint(server.host_key) in broken.problem.detail


def test_a_machine_that_refuses_the_key(server: SshServer, patient: Patient) -> None:
    broken = patient.breaks(server.target("stranger"))
    assert (broken.stage, broken.problem.code) == (Stage.SIGN_IN, "ssh.auth")


def test_an_ssh_server_without_a_session(tmp_path: Path, patient: Patient) -> None:
    other = SshServer(tmp_path / "other", subsystem=False)
    other.start()
    try:
        broken = patient.breaks(other.target())
    finally:
        other.kill()
    assert (broken.stage, broken.problem.code) == (Stage.CONTROL, "ssh.protocol")


def test_an_application_that_died(server: SshServer, patient: Patient, application) -> None:
    speechless = application(lambda client: client.recv(1))
    greeter = application(lambda client: client.sendall(b"SSH-2.0-x\r\n") or client.recv(1))
    with closing(patient.examine(server.target())) as found:
        with pytest.raises(AppError, match="Nothing listens"):
            found.http_status(free_port())
        with pytest.raises(AppError, match="no page comes back"):
            found.http_status(speechless.port)
        assert found.http_status(greeter.port) == 0


def test_a_jump_host_that_is_down_is_named(server: SshServer, patient: Patient) -> None:
    target = server.target()
    hop = f"127.0.0.1:{free_port()}"
    through = Target(target.record, target.private_key, parse_route(f"ssh://{hop}"))
    broken = patient.breaks(through)
    assert broken.stage is Stage.REACH
    assert hop in str(broken.problem)


def test_a_cancel_ends_it(server: SshServer) -> None:
    cancel = Cancel(30)
    cancel.cancel()
    with pytest.raises(Cancelled):
        examine(server.target(), lambda _stage, _text: None, cancel)
