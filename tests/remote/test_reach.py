"""Where a session is reached: gateway, ports, the public address. Python 3.8, standard library and pytest only."""

from __future__ import annotations  # Python 3.8 can not subscript collections.abc

import contextlib
import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from remote_bootstrap.machine import network
from remote_bootstrap.task import settings

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIClc+iDIgnNKgeHZCAHLnywLqBqHg9NjfxrHDCu3YAi6"


@contextlib.contextmanager
def answering(text: str) -> Iterator[str]:
    """A web server that answers everything with ``text``; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    server = http.server.HTTPServer((network.LOOPBACK, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parity("--remote-gateway")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ("", 0)),
        ("gate.example", ("gate.example", 0)),
        ("gate.example:31022", ("gate.example", 31022)),
        ("2001:db8::1", ("2001:db8::1", 0)),
        ("[2001:db8::1]:31022", ("2001:db8::1", 31022)),
    ],
)
def test_the_gateway_is_an_address_with_or_without_a_port(text, found) -> None:
    read = settings.parse({"authorized_key": KEY, "remote_gateway": text})
    assert (read.address, read.gateway_port) == found


@pytest.mark.parity("--remote-ssh-port")
def test_the_ssh_port_may_be_a_range() -> None:
    assert settings.parse({"authorized_key": KEY, "ssh_port": "10030:10040"}).ssh_ports == (10030, 10040)
    with socket.socket() as taken:
        taken.bind((network.LOOPBACK, 0))
        first = taken.getsockname()[1]
        assert network.free_port(network.LOOPBACK, first, first) not in (0, first)  # none of the range: another one


@pytest.mark.parity("--public-ip", "--router-enabled")
def test_the_public_address_is_asked_for_unless_a_router_finds_the_session() -> None:
    wanted = {"authorized_key": KEY, "public_ip": "True"}
    assert settings.parse(wanted).public_ip
    assert not settings.parse({**wanted, "router_enabled": "True"}).public_ip
    assert not settings.parse({"authorized_key": KEY}).public_ip


@pytest.mark.parity("--public-ip")
@pytest.mark.parametrize(("answer", "address"), [("203.0.113.7\n", "203.0.113.7"), ("<html>", "127.0.0.1")])
def test_a_service_tells_the_public_address(monkeypatch, answer, address) -> None:
    with answering(answer) as url:
        monkeypatch.setenv(network.ADDRESS_SERVICE, url)
        assert network.public_address("", "http://localhost:8008", ask=True) == address
        assert network.public_address("gate.example", "http://localhost:8008", ask=True) == "gate.example"


@pytest.mark.parity("--docker-network")
@pytest.mark.parametrize(
    ("inner", "published", "outer"),
    [
        (10022, "", 10022),
        (10022, "10000:10022", 10000),
        (2222, "9000:80,10000:2222", 10000),
        (8003, "9000-9010:8000-8010", 9003),
        (8011, "9000-9010:8000-8010", 8011),
        (10022, "rubbish, :, a:b,-", 10022),
    ],
)
def test_a_published_port_is_what_the_agent_made_of_it(inner, published, outer) -> None:
    assert network.outer_port(inner, published) == outer
