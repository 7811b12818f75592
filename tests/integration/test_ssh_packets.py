"""Our packets over paramiko and a real sshd: each cipher, new keys under load from either side, damage on the way.

Also the paramiko that all this was written against: what we replace or rely on without documentation, by its text.
"""

import hashlib
import inspect
import socket
import threading
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import paramiko
import pytest
from packaging.requirements import Requirement
from paramiko import Channel, Transport
from paramiko.packet import Packetizer

from desktop_app.adapters.ssh.transport.packets import StreamPacketizer
from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from tests.support.paths import REPOSITORY
from tests.support.ssh_peers import MEGABYTE, Application, digest, download, noise, receive_all
from tests.support.ssh_server import SshServer, free_port

# What adapters/ssh/transport/packets.py and transport.py replace, call or rely on. Another text here: read the
# difference, run this file and `make bench-tunnel`, then write the new sums down.
RELIED_ON = {
    Packetizer.read_message: "d5d2c6765cab",
    Packetizer.send_message: "34dee385d300",
    Packetizer.set_inbound_cipher: "6f797a65419c",
    Packetizer.set_outbound_cipher: "927599b56046",
    Packetizer._trigger_rekey: "56ab325de06e",
    Transport.run: "d658434778e5",
    Transport._send_user_message: "3faeba789bc6",
    Transport._negotiate_keys: "a300d8c5ab7b",
    Transport._activate_outbound: "2879dc34cb6c",
    Transport._activate_inbound: "8b9b2e254a9f",
    Transport._parse_newkeys: "0510151c03b9",
    Transport._next_channel: "67f7b4b616fb",
    Transport.request_port_forward: "b2dd14fc8e5c",
    Channel._handle_close: "88adce72f804",
}


def test_paramiko_is_the_one_that_was_looked_at() -> None:
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]
    (wanted,) = [one for one in map(Requirement, declared) if one.name == "paramiko"]
    assert paramiko.__version__ in wanted.specifier
    sums = {one.__qualname__: hashlib.sha256(inspect.getsource(one).encode()).hexdigest()[:12] for one in RELIED_ON}
    assert sums == {one.__qualname__: known for one, known in RELIED_ON.items()}


@contextmanager
def session(folder: Path, *settings: str) -> Iterator[tuple[SshServer, SshTunnel]]:
    server = SshServer(folder / "machine", extra=("LogLevel DEBUG1", *settings))
    server.start()
    tunnel = SshTunnel("packets")
    try:
        tunnel.connect(server.target(), Cancel(20))
        yield server, tunnel
    finally:
        tunnel.close()
        server.kill()


def ask(port: int, seed: int, size: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 60) as client:
        client.sendall(b"%d %d\n" % (seed, size))
        return receive_all(client) == noise(seed, size)


def tell(port: int, seed: int, size: int) -> bool:
    data = noise(seed, size)
    with socket.create_connection(("127.0.0.1", port), 60) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return receive_all(client).decode() == hashlib.sha256(data).hexdigest()


def both_ways(tunnel: SshTunnel, loading: Application, taking: Application) -> None:
    """Large and small transfers in both directions, short connections and the control channel, all at once."""
    tunnel.forwards.set_app_ports({"down": loading.port, "up": taking.port})
    down, up = (bound.port for bound in tunnel.forwards.bind({"down": 0, "up": 0}))
    with ThreadPoolExecutor(12) as pool:
        jobs = [pool.submit(ask, down, seed, 8 * MEGABYTE) for seed in range(3)]
        jobs += [pool.submit(tell, up, seed, 8 * MEGABYTE) for seed in range(3)]
        jobs += [pool.submit(ask, down, seed, 20_000) for seed in range(100)]
        jobs += [pool.submit(tell, up, seed, 20_000) for seed in range(50)]
        for _ in range(50):
            tunnel.control.request("echo", {"text": "x" * 1000}, Cancel(60))
        assert all(job.result(120) for job in jobs)


def renewals(server: SshServer) -> int:
    """Key exchanges after the first one, as sshd logs them."""
    return (server.folder / "sshd.log").read_text().count("SSH2_MSG_NEWKEYS received") - 1


@pytest.mark.parametrize("cipher", ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr"])
def test_new_keys_that_the_server_wants_under_load(tmp_path: Path, application, cipher: str) -> None:
    with session(tmp_path, "RekeyLimit 1M", f"Ciphers {cipher}") as (server, tunnel):
        both_ways(tunnel, application(download), application(digest))
        assert renewals(server) >= 5


def test_new_keys_that_we_want_under_load(tmp_path: Path, application, monkeypatch: pytest.MonkeyPatch) -> None:
    """While channels of paramiko's own are closed by the other side, too: plain paramiko then waits for itself."""
    monkeypatch.setattr(StreamPacketizer, "REKEY_BYTES", MEGABYTE // 4)
    with session(tmp_path) as (server, tunnel):
        short = application(lambda client: None).port
        done = threading.Event()
        ends: list[bool] = []

        def open_and_close() -> None:
            while not done.is_set():
                place = ("127.0.0.1", short)
                with closing(
                    tunnel._current.get().transport.open_channel("direct-tcpip", place, place, timeout=60)
                ) as channel:
                    channel.shutdown_write()
                    ends.append(channel.status_event.wait(60))  # until the other side closes it

        beside = [threading.Thread(target=open_and_close) for _ in range(4)]
        for thread in beside:
            thread.start()
        both_ways(tunnel, application(download), application(digest))
        done.set()
        for thread in beside:
            thread.join(60)
        assert not any(thread.is_alive() for thread in beside)
        assert len(ends) > 50 and all(ends)
        assert renewals(server) >= 5


@pytest.mark.parametrize("place", [200_000, 3 * MEGABYTE])
def test_damage_on_the_way_resets_what_runs(tmp_path: Path, application, place: int) -> None:
    """One bit turned over on its way down: the connection is given up, and no download looks complete."""
    server = SshServer(tmp_path / "machine")
    server.start()
    lost = threading.Event()
    relay = Application(lambda client: flip(client, server.port, place))
    tunnel = SshTunnel("damage")
    tunnel.on_lost(lost.set)
    try:
        tunnel.connect(server.target(port=relay.port), Cancel(20))
        tunnel.forwards.set_app_ports({"lab": application(download).port})
        (bound,) = tunnel.forwards.bind({"lab": 0})
        with socket.create_connection(("127.0.0.1", bound.port), 60) as client:
            client.sendall(b"1 %d\n" % (8 * MEGABYTE))
            with pytest.raises(ConnectionError):
                receive_all(client)
        assert lost.wait(20)
    finally:
        tunnel.close()
        relay.close()
        server.kill()


def flip(client: socket.socket, port: int, place: int) -> None:
    """A relay to ``port`` that turns over one bit of the byte at ``place`` on the way back."""
    with socket.create_connection(("127.0.0.1", port), 60) as wire:
        upward = threading.Thread(target=pass_on, args=(client, wire, -1))
        upward.start()
        pass_on(wire, client, place)
        upward.join(60)


def pass_on(source: socket.socket, target: socket.socket, place: int) -> None:
    try:
        while data := bytearray(source.recv(65536)):
            if 0 <= place < len(data):
                data[place] ^= 1
            place -= len(data)
            target.sendall(data)
    except OSError:
        pass  # one side left
    for one in (source, target):
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue


def test_a_reverse_connection_is_expected_before_the_machine_listens(
    server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """paramiko alone would refuse one that comes before the answer to the request."""
    expected: list[object] = []

    def asked(transport: Transport, kind: str, data: Any = None, wait: bool = True) -> object:
        expected.append(vars(transport)["_tcp_handler"])
        return real(transport, kind, data, wait)

    real = Transport.global_request
    monkeypatch.setattr(Transport, "global_request", asked)
    tunnel = SshTunnel("reverse")
    try:
        tunnel.connect(server.target(), Cancel(20))
        expected.clear()
        tunnel.forwards.reverse("reverse:1", free_port(), free_port())
        assert expected[0] is not None
    finally:
        tunnel.close()
