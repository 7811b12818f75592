"""Whose a loopback connection is: both addresses and both ports decide, in every way that we ask the system.

Another user of this computer takes the port that a program of ours has, on another address of the same computer.
"""

import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from desktop_app.adapters.browser_page import LoginPages
from desktop_app.adapters.loopback_peer import Look, Peer, glance, whose
from desktop_app.adapters.os.sockets import Untold, look_through_processes
from desktop_app.adapters.os.sockets_linux import ask_kernel, owner_in, read_tables
from desktop_app.adapters.ssh.forwarding.doorman import Doorman
from desktop_app.adapters.ssh.forwarding.engine import Forwarder
from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.connection import Destination
from remote_bootstrap.contract.apps import JUPYTERLAB
from tests.support.guards import ExpectLog
from tests.support.namespaces import as_another_user, is_root
from tests.support.ssh_peers import Application

LOOKS: tuple[Look, ...] = (ask_kernel, read_tables, look_through_processes)
every_way = pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.__name__)
# Comes from the given address and port, says something, prints what it gets and stays until it is told to go.
STRANGER = """
import socket, sys
c = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
c.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
c.settimeout(20)
try:
    c.bind((sys.argv[1], int(sys.argv[2])))
    try:
        c.connect((sys.argv[3], int(sys.argv[4])))
    except ConnectionResetError:  # shut out before connect() has returned; the rest shows it
        pass
    print("there", flush=True)
    c.sendall(bytes.fromhex(sys.argv[5]))
    print("got", c.recv(99), flush=True)
except OSError as error:
    print("not there", error, flush=True)
sys.stdin.read()
"""


@dataclass
class Stranger:
    process: subprocess.Popen[str]

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextmanager
def stranger(near: tuple[str, int], far: tuple[str, int], says: bytes = b"hi") -> Iterator[Stranger]:
    """A program of another user that is connected from ``near`` to ``far``."""
    as_nobody = [*as_another_user(), "/usr/bin/python3"]
    command = [*as_nobody, "-c", STRANGER, near[0], str(near[1]), far[0], str(far[1]), says.hex()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/") as process:
        assert process.stdin is not None
        try:
            yield Stranger(process)
        finally:
            process.stdin.close()
            process.wait(20)


@contextmanager
def connected(near: str = "127.0.0.1", listens: str = "127.0.0.1") -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client of ours, and the accepted end of its connection."""
    family = socket.AF_INET6 if ":" in listens else socket.AF_INET
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((listens, 0), family=family))
        client = stack.enter_context(socket.socket(socket.AF_INET6 if ":" in near else socket.AF_INET))
        client.bind((near, 0))
        client.connect(("::ffff:" * (":" in near and family == socket.AF_INET) + listens, listener.getsockname()[1]))
        accepted = stack.enter_context(closing(listener.accept()[0]))
        yield client, accepted


@every_way
@pytest.mark.parametrize(
    ("near", "listens"),
    [("127.0.0.1", "127.0.0.1"), ("127.0.0.2", "127.0.0.1"), ("::1", "::1"), ("::ffff:127.0.0.1", "127.0.0.1")],
)
def test_a_program_of_ours_is_known(look: Look, near: str, listens: str) -> None:
    with connected(near, listens) as (_client, accepted):
        assert glance(accepted, [look]) is Peer.OURS


@every_way
def test_who_left_is_not_taken_for_anybody(look: Look) -> None:
    """Neither for root, whose the kernel calls a socket that nobody has, nor for the listener of that port.

    Newer kernels still know whose it was, where that is not root.
    """
    with connected() as (client, accepted):
        client.close()
        found = glance(accepted, [look])
        assert found is Peer.GONE or (found is Peer.OURS and not is_root() and look is not look_through_processes)


@every_way
def test_a_listener_is_no_connection(look: Look) -> None:
    """The kernel offers it where nobody has the two ends that it was asked for."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        try:
            assert look(listener.getsockname(), ("127.0.0.1", 1)) is Peer.GONE
        except Untold:
            assert look is not read_tables


@every_way
@pytest.mark.parametrize("address", ["127.0.0.2", "127.255.255.254"])
def test_another_user_with_the_port_of_a_program_of_ours_is_a_stranger(look: Look, address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        far = listener.getsockname()
        with socket.create_connection(far) as ours, closing(listener.accept()[0]) as accepted:
            with stranger((address, ours.getsockname()[1]), far) as theirs:
                assert theirs.says() == "there"
                with closing(listener.accept()[0]) as taken:
                    assert glance(taken, [look]) in kept_out(look)
            assert glance(accepted, [look]) is Peer.OURS


@every_way
def test_another_user_is_a_stranger_on_ipv6_too(look: Look) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6))
        theirs = stack.enter_context(stranger(("::1", 0), listener.getsockname()[:2]))
        assert theirs.says() == "there"
        taken = stack.enter_context(closing(listener.accept()[0]))
        assert glance(taken, [look]) in kept_out(look)


def kept_out(look: Look) -> tuple[Peer, ...]:
    """An ordinary user sees no processes of others: whoever can't be found among their own is not let in either."""
    unseen = look is look_through_processes and not is_root()
    return (Peer.GONE,) if unseen else (Peer.STRANGER,)


def test_the_next_way_is_asked_and_a_system_that_tells_nothing_lets_in() -> None:
    def silent(_client: object, _server: object) -> Peer:
        raise Untold

    with connected() as (_client, accepted):
        assert glance(accepted, [silent]) is None
        assert glance(accepted, [silent, lambda _client, _server: Peer.STRANGER]) is Peer.STRANGER
        assert whose(accepted, [silent]) is Peer.OURS


TABLE = b"""\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000   501        0 1 1 0 20
   1: 0100007F:C350 0100007F:1F90 06 00000000:00000000 03:00001753 00000000     0        0 0 3 0
   2: 0200007F:C351 0100007F:1F90 01 00000000:00000000 00:00000000 00000000   666        0 5 1 0 20
   3: 0000000000000000FFFF00000100007F:C350 0000000000000000FFFF00000100007F:1F90 01 0:0 00:0 0  1000  0 2
   4: 0100007F:C351 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 6 1 0 20
   5: 0100007F:C352 0100007F:1F90 05 00000000:00000000 00:00000000 00000000     0        0 0 1 0
   6: 0100007F:C353 0100007F:1F90 05 00000000:00000000 00:00000000 00000000  1000        0 0 1 0
"""


def test_the_kernels_table_is_read_as_it_is_written() -> None:
    server = ("127.0.0.1", 8080)
    assert owner_in(TABLE, ("127.0.0.1", 50000), server) == 1000
    assert owner_in(TABLE, server, ("127.0.0.1", 50000)) == 501
    assert owner_in(TABLE, ("127.0.0.1", 50001), server) == 1000  # not the row before, of another address
    assert owner_in(TABLE, ("127.0.0.2", 50001), server) == 666
    assert owner_in(TABLE, ("127.0.0.3", 50001), server) is None
    assert owner_in(TABLE, ("127.0.0.1", 50002), server) is None  # whose it was is not known any more: not root's
    assert owner_in(TABLE, ("127.0.0.1", 50003), server) == 1000  # newer kernels know


# -- what is guarded


def test_a_guarded_forward_stays_shut_for_the_port_of_a_program_of_ours(
    tunnel: SshTunnel, echoing: Application, expected_log: ExpectLog
) -> None:
    expected_log("another user")
    far = ("127.0.0.1", tunnel.forwards.forward("tcp:6006", 0, Destination(echoing.port)).port)
    with socket.create_connection(far, 20) as ours:
        ours.sendall(b"hi")
        assert ours.recv(9) == b"hi"
        with stranger(("127.0.0.2", ours.getsockname()[1]), far) as theirs:
            assert theirs.says() == "there"
            assert "hi" not in theirs.says()
        ours.sendall(b"yo")
        assert ours.recv(9) == b"yo"


def test_the_socks_proxy_stays_shut_for_the_port_of_a_program_of_ours(
    tunnel: SshTunnel, echoing: Application, expected_log: ExpectLog
) -> None:
    expected_log("another user")
    far = ("127.0.0.1", tunnel.forwards.proxy("socks:0", 0).port)
    greets = b"\x05\x01\x00"
    with ExitStack() as stack:
        ours = stack.enter_context(socket.create_connection(far, 20))
        theirs = stack.enter_context(stranger(("127.0.0.2", ours.getsockname()[1]), far, greets))
        assert theirs.says() == "there"
        assert "x05" not in theirs.says()


def test_a_login_page_stays_shut_for_the_port_of_a_program_of_ours(expected_log: ExpectLog) -> None:
    expected_log("another user")
    link = urlsplit(LoginPages().open(JUPYTERLAB.login, "http://127.0.0.1:1", "the-secret"))
    far = ("127.0.0.1", link.port or 0)
    asks = f"GET {link.path} HTTP/1.1\r\nHost: 127.0.0.1:{link.port}\r\n\r\n".encode()
    with socket.create_connection(far, 20) as ours:
        with stranger(("127.0.0.2", ours.getsockname()[1]), far, asks) as theirs:
            assert theirs.says() == "there"
            assert " 200 " not in theirs.says()
        ours.sendall(asks)
        assert b" 200 " in ours.recv(99)


def test_an_applications_port_is_for_this_user_too(
    tunnel: SshTunnel, echoing: Application, expected_log: ExpectLog
) -> None:
    """Its login is not enough: pages on 127.0.0.1 are shown its cookies."""
    expected_log("another user")
    (bound,) = tunnel.forwards.bind({"jupyterlab": 0})
    tunnel.forwards.set_app_ports({"jupyterlab": echoing.port})
    far = ("127.0.0.1", bound.port)
    with socket.create_connection(far, 20) as ours:
        ours.sendall(b"hi")
        assert ours.recv(9) == b"hi"
        with stranger(("127.0.0.2", ours.getsockname()[1]), far) as theirs:
            assert theirs.says() == "there"
            assert "hi" not in theirs.says()


# -- where the kernel does not tell at once


@contextmanager
def forwarder(look: Callable[[socket.socket], Peer]) -> Iterator[Forwarder]:
    with closing(Forwarder("slow", 20.0, Doorman("slow", lambda _client: None, look))) as made:
        yield made


def refused(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 20) as client:
            return client.recv(1) == b""
    except ConnectionResetError:  # which may come before connect() has returned
        return True


def test_a_long_look_keeps_nobody_else_waiting(expected_log: ExpectLog) -> None:
    expected_log("another user")
    looking, seen = threading.Event(), threading.Event()

    def look(_client: socket.socket) -> Peer:
        seen.set()
        looking.wait(20)
        return Peer.STRANGER

    with forwarder(look) as made:
        slow = made.forward("tcp:1", 0, Destination(1))
        with socket.create_connection(("127.0.0.1", slow.port), 20) as client:
            assert seen.wait(20)
            turned = threading.Event()
            made._loop.call_soon(turned.set)
            assert turned.wait(20)
            looking.set()
            with pytest.raises(ConnectionResetError):
                client.recv(1)


def test_who_comes_while_too_many_wait_is_refused(expected_log: ExpectLog) -> None:
    expected_log("too many programs")
    looking = threading.Event()
    with forwarder(lambda _client: Peer.OURS if looking.wait(20) else Peer.GONE) as made, ExitStack() as stack:
        port = made.forward("tcp:1", 0, Destination(1)).port
        for _ in range(129):  # one is looked at, the others wait; the last may come before the first is looked at
            with contextlib.suppress(ConnectionResetError):
                stack.enter_context(socket.create_connection(("127.0.0.1", port), 20))
        assert refused(port) or refused(port)  # the first one may be looked at only now
        looking.set()


def test_who_waits_is_let_go_at_the_end_and_a_fault_ends_nobody_elses_door(expected_log: ExpectLog) -> None:
    expected_log("could not be found out")

    def look(_client: socket.socket) -> Peer:
        raise ZeroDivisionError

    with forwarder(look) as made:
        port = made.forward("tcp:1", 0, Destination(1)).port
        assert refused(port)
        assert refused(port)
