"""The tunnel's data path over a real sshd: content, fairness, half-close, redial, and nothing left behind."""

import gc
import hashlib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from desktop_app.adapters.ssh.forwarding.ports import OURSELVES
from desktop_app.adapters.ssh.transport.channels import WINDOW
from desktop_app.adapters.ssh.tunnel import SshTunnel
from desktop_app.boundary.cancel import Cancel
from desktop_app.domain.problems import AppError, Retry
from tests.support.ssh_peers import MEGABYTE, digest, download, echo, noise, receive_all
from tests.support.ssh_server import SshServer
from tests.support.waiting import wait_until


def local(tunnel: SshTunnel, port: int) -> int:
    """Our port of the one application "lab", which listens on ``port`` over there."""
    tunnel.forwards.set_app_ports({"lab": port})
    return tunnel.forwards.bind({"lab": 0})[0].port


def dial(port: int, seconds: float = 30.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), seconds)


def ask(port: int, seed: int, size: int) -> bytes:
    with dial(port) as client:
        client.sendall(b"%d %d\n" % (seed, size))
        return receive_all(client)


@pytest.mark.parity("H6")
def test_fifty_downloads_at_once_are_exact(tunnel: SshTunnel, application) -> None:
    port = local(tunnel, application(download).port)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda seed: ask(port, seed, MEGABYTE + seed), range(50)))
    assert all(answer == noise(seed, MEGABYTE + seed) for seed, answer in enumerate(answers))


@pytest.mark.parity("H6")
def test_a_large_upload_arrives_whole_and_its_answer_comes_after_the_half_close(tunnel: SshTunnel, application) -> None:
    port = local(tunnel, application(digest).port)
    data = noise(1, 64 * MEGABYTE)
    with dial(port) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        assert receive_all(client).decode() == hashlib.sha256(data).hexdigest()


def test_the_remote_may_finish_first_and_still_listen(tunnel: SshTunnel, application) -> None:
    heard: list[bytes] = []
    done = threading.Event()

    def talk_then_listen(client: socket.socket) -> None:
        client.sendall(b"that is all")
        client.shutdown(socket.SHUT_WR)
        heard.append(receive_all(client))
        done.set()

    with dial(local(tunnel, application(talk_then_listen).port)) as client:
        assert receive_all(client) == b"that is all"
        client.sendall(b"thank you")
        client.shutdown(socket.SHUT_WR)
        assert done.wait(10)
    assert heard == [b"thank you"]


@pytest.mark.parity("H6")
def test_a_stalled_reader_stops_its_sender_and_nobody_else(tunnel: SshTunnel, application) -> None:
    sent = []

    def flood(client: socket.socket) -> None:
        client.recv(1)
        block = bytes(MEGABYTE)
        for _ in range(256):
            client.sendall(block)
            sent.append(MEGABYTE)

    flooding, loading = application(flood), application(download)
    tunnel.forwards.set_app_ports({"stalled": flooding.port, "lab": loading.port})
    stalled, lab = tunnel.forwards.bind({"stalled": 0, "lab": 0})
    before = psutil.Process().memory_info().rss
    with dial(stalled.port) as sleeper:
        sleeper.sendall(b"x")
        wait_until(lambda: sum(sent) > WINDOW, "the flood to fill the window")
        assert ask(lab.port, 3, 32 * MEGABYTE) == noise(3, 32 * MEGABYTE)
        assert sum(sent) < 48 * MEGABYTE, "the sender was not stopped"
        assert psutil.Process().memory_info().rss - before < 200 * MEGABYTE
        assert tunnel.control.probe(Cancel(2)) < 2


@pytest.mark.parity("H5", "--keepalive")
def test_many_short_connections_while_keys_are_renewed(tmp_path: Path, application) -> None:
    """New keys every 4 MB while channels open and close all the time."""
    server = SshServer(tmp_path / "machine", extra=("RekeyLimit 4M",))
    server.start()
    tunnel = SshTunnel("rekey")
    try:
        tunnel.connect(server.target(), Cancel(10))
        port = local(tunnel, application(download).port)
        with ThreadPoolExecutor(8) as pool:
            answers = pool.map(lambda seed: ask(port, seed, 200_000) == noise(seed, 200_000), range(300))
            assert all(answers)
    finally:
        tunnel.close()
        server.kill()


def test_a_connection_made_while_nothing_is_up_waits_for_the_redial(server: SshServer, application) -> None:
    tunnel = SshTunnel("early")
    port = local(tunnel, application(echo).port)
    with dial(port) as client:
        client.sendall(b"early bird")
        tunnel.connect(server.target(), Cancel(10))
        assert client.recv(100) == b"early bird"
    tunnel.close()


def test_a_local_connection_does_not_wait_for_ever() -> None:
    tunnel = SshTunnel("never", wait_s=0.3)
    with dial(local(tunnel, 1), 5) as client, pytest.raises(ConnectionError):
        receive_all(client)
    tunnel.close()


def test_a_server_that_stops_after_its_greeting_is_given_up_with_all_its_threads(
    server: SshServer, application
) -> None:
    def greet(client: socket.socket) -> None:
        client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        receive_all(client)

    cancel = Cancel(0.7)
    tunnel = SshTunnel("stalled")
    with pytest.raises(AppError) as caught:
        tunnel.connect(server.target(port=application(greet).port), cancel)
    assert caught.value.problem.code == "ssh.unreachable"
    assert cancel.expired
    tunnel.close()
    assert not [t.name for t in threading.enumerate() if isinstance(t, threading.Timer) and not t.finished.is_set()]


@pytest.mark.parity("--keepalive", "N7")
def test_a_killed_server_resets_what_runs_and_the_same_port_works_after_the_redial(
    server: SshServer, tunnel: SshTunnel, application
) -> None:
    lost = threading.Event()
    tunnel.on_lost(lost.set)
    port = local(tunnel, application(echo).port)
    with dial(port) as client:
        client.sendall(b"before")
        assert client.recv(100) == b"before"
        server.kill()
        with pytest.raises(ConnectionError):  # a clean end would pass half an answer off as a whole one
            receive_all(client)
    assert lost.wait(5)
    with dial(port) as client:
        client.sendall(b"meanwhile")
        server.start()
        tunnel.connect(server.target(), Cancel(10))
        assert client.recv(100) == b"meanwhile"


def test_a_restarted_application_gets_a_new_route(tunnel: SshTunnel, application) -> None:
    old, new = application(echo), application(digest)
    port = local(tunnel, old.port)
    with dial(port) as client:
        client.sendall(b"old")
        assert client.recv(10) == b"old"
        assert local(tunnel, new.port) == port
        with dial(port) as second:
            second.shutdown(socket.SHUT_WR)
            assert len(receive_all(second)) == 64
        client.sendall(b"still")
        assert client.recv(10) == b"still"


def test_an_application_that_is_down_refuses_at_once(tunnel: SshTunnel, application) -> None:
    gone = application(echo)
    gone.close()
    with dial(local(tunnel, gone.port), 5) as client, pytest.raises(ConnectionError):
        client.sendall(b"hello?")
        receive_all(client)


def test_only_loopback_listens(tunnel: SshTunnel) -> None:
    (bound,) = tunnel.forwards.bind({"lab": 0})
    mine = [c.laddr.ip for c in psutil.Process().net_connections("tcp") if c.laddr.port == bound.port]
    assert mine == ["127.0.0.1"]


@pytest.mark.parity("N2")
def test_the_program_that_holds_a_port_is_named(tunnel: SshTunnel) -> None:
    code = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with holder:
        taken = int(holder.stdout.readline())
        (bound,) = tunnel.forwards.bind({"lab": taken})
        name = psutil.Process(holder.pid).name()
        holder.communicate("\n")
    assert bound.taken_by == f"{name} (process {holder.pid})"
    assert taken < bound.port < taken + 200
    (again,) = tunnel.forwards.bind({"ssh": bound.port})
    assert again.taken_by == OURSELVES


@pytest.mark.parametrize(
    "setting",
    ["Ciphers aes256-cbc,3des-cbc", "MACs hmac-sha1\nCiphers aes128-ctr", "KexAlgorithms diffie-hellman-group14-sha1"],
)
def test_weak_algorithms_are_not_spoken(tmp_path: Path, setting: str) -> None:
    server = SshServer(tmp_path / "machine", extra=(setting,))
    server.start()
    tunnel = SshTunnel("weak")
    with pytest.raises(AppError, match="no secure algorithms in common"):
        tunnel.connect(server.target(), Cancel(10))
    tunnel.close()
    server.kill()


def test_a_server_without_our_kind_of_host_key_is_another_machine(tmp_path: Path) -> None:
    server = SshServer(tmp_path / "machine")
    rsa = server.folder / "rsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(rsa)], check=True)
    config = server.folder / "config"
    config.write_text(config.read_text().replace(f"HostKey {server.folder}/host", f"HostKey {rsa}"))
    server.start()
    tunnel = SshTunnel("rsa")
    with pytest.raises(AppError) as caught:
        tunnel.connect(server.target(), Cancel(10))
    tunnel.close()
    server.kill()
    assert caught.value.problem.code == "ssh.host_key"


def test_names_are_resolved_and_unknown_ones_are_unreachable(server: SshServer) -> None:
    tunnel = SshTunnel("names")
    tunnel.connect(server.target(address="localhost"), Cancel(10))
    tunnel.control.probe(Cancel(5))
    with pytest.raises(AppError) as caught:
        tunnel.connect(server.target(address="no-such-machine.invalid"), Cancel(10))
    tunnel.close()
    assert caught.value.problem.code == "ssh.unreachable"
    assert "no-such-machine.invalid" in caught.value.problem.detail


@pytest.mark.parity("attach to clearml-session")
def test_a_foreign_ssh_server_is_recognised(tmp_path: Path) -> None:
    server = SshServer(tmp_path / "machine", subsystem=False)
    server.start()
    tunnel = SshTunnel("foreign")
    with pytest.raises(AppError) as caught:
        tunnel.connect(server.target(), Cancel(10))
    tunnel.close()
    server.kill()
    assert caught.value.problem.code == "ssh.protocol"
    assert "not a SessionDock session" in caught.value.problem.detail


@pytest.mark.parametrize(
    ("file", "text", "words"), [("contract", "99", "version 99"), ("task", "another", "another session")]
)
def test_another_half_is_refused(server: SshServer, file: str, text: str, words: str) -> None:
    (server.folder / file).write_text(text)
    tunnel = SshTunnel("other")
    with pytest.raises(AppError, match=words) as caught:
        tunnel.connect(server.target(), Cancel(10))
    tunnel.close()
    assert caught.value.problem.retry is (Retry.USER if file == "contract" else Retry.AUTO)


def test_a_web_server_is_not_taken_for_a_machine(server: SshServer, application) -> None:
    page = application(lambda client: client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    tunnel = SshTunnel("web")
    with pytest.raises(AppError) as caught:
        tunnel.connect(server.target(port=page.port), Cancel(5))
    tunnel.close()
    assert caught.value.problem.code in ("ssh.protocol", "ssh.unreachable")


def test_a_damaged_key_is_said_without_showing_it(server: SshServer) -> None:
    key = (server.folder / "client").read_text()
    target = server.target()
    damaged = type(target)(target.record, key[: len(key) // 2])
    tunnel = SshTunnel("damaged")
    with pytest.raises(AppError) as caught:
        tunnel.connect(damaged, Cancel(5))
    tunnel.close()
    assert caught.value.problem.code == "ssh.no_key"
    assert key.splitlines()[1][:20] not in f"{caught.value} {caught.value.problem!r} {damaged!r}"


def test_an_unanswered_request_ends_at_its_deadline(tunnel: SshTunnel) -> None:
    cancel = Cancel(0.3)
    with pytest.raises(AppError) as caught:
        tunnel.control.request("slow", {}, cancel)
    assert caught.value.problem.code == "ssh.lost"
    assert cancel.expired
    tunnel.control.probe(Cancel(5))


def test_an_unreadable_message_stops_nothing(
    tunnel: SshTunnel, caplog: pytest.LogCaptureFixture, expected_log: Callable[[str], None]
) -> None:
    expected_log("unreadable message on the control channel")
    assert tunnel.control.request("garbage", {}, Cancel(5)) == {}
    assert "this is no JSON" not in caplog.text


def test_a_frozen_machine_is_noticed_by_the_probe_and_left_quickly(
    server: SshServer, tunnel: SshTunnel, application
) -> None:
    """A stopped sshd takes bytes until its buffers are full and answers none: what a black hole looks like."""
    port = local(tunnel, application(echo).port)
    family = psutil.Process(server.process.pid).children(recursive=True)
    with dial(port) as client, dial(port) as uploading:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        for member in family:
            member.suspend()
        uploading.settimeout(0.5)
        with pytest.raises(TimeoutError):
            uploading.sendall(bytes(64 * MEGABYTE))
        with pytest.raises(AppError, match="lost"):
            tunnel.control.probe(Cancel(0.5))
        left = Cancel(3)
        tunnel.close()
        assert not left.expired
    for member in family:
        member.resume()


def test_nothing_is_left_after_close(server: SshServer, application) -> None:
    serve = application(echo)
    threads, sockets = set(threading.enumerate()), len(psutil.Process().net_connections())
    for _ in range(3):
        tunnel = SshTunnel("leaver")
        port = local(tunnel, serve.port)
        tunnel.connect(server.target(), Cancel(10))
        with closing(dial(port)) as client, closing(dial(port)) as idle:
            client.sendall(b"x")
            assert client.recv(1) == b"x"
            tunnel.close()
            with pytest.raises(ConnectionError):
                receive_all(client)
            idle.close()

    def left() -> set[str]:
        mine = ("fwd-", "ssh-")
        return {t.name for t in threading.enumerate() if t not in threads and t.name.startswith(mine)}

    assert left() == set()
    gc.collect()
    wait_until(lambda: len(psutil.Process().net_connections()) <= sockets, "sockets to be gone")
