"""Small proxies for tests: HTTP CONNECT and SOCKS5, with or without a password, which note what they were asked for.

One thread accepts, two carry each connection; ``close`` ends them all.
"""

import base64
import contextlib
import socket
import threading
from collections.abc import Iterator
from io import RawIOBase

from tests.support.ssh_peers import Application


class Proxy:
    """``kind``: "http" or "socks5". ``login``: "user:password" that it insists on. ``asked`` holds host and port."""

    def __init__(self, kind: str, login: str = "", refuse: str = "", leads_to: int = 0) -> None:
        self._serve = {"http": self._http, "socks5": self._socks5}[kind]
        self._login = login
        self._leads_to = leads_to  # a port of this computer, wherever the client wanted to go
        self._refuse = refuse  # HTTP status line or SOCKS code, instead of a connection
        self.asked: list[tuple[str, int]] = []
        self._application = Application(self._one)
        self.port = self._application.port

    def close(self) -> None:
        self._application.close()

    def _one(self, client: socket.socket) -> None:
        with client.makefile("rb", buffering=0) as lines:
            target = self._serve(client, lines)
        if target is None:
            return
        place = ("127.0.0.1", self._leads_to) if self._leads_to else target
        with socket.create_connection(place, 10) as far:
            far.settimeout(None)
            back = threading.Thread(target=_carry, args=(far, client), name="test-application-2", daemon=True)
            back.start()
            _carry(client, far)
            back.join(5)

    def _http(self, client: socket.socket, lines: RawIOBase) -> tuple[str, int] | None:
        asked = lines.readline().split()[1].decode()
        headers = dict(_headers(lines))
        wanted = "Basic " + base64.b64encode(self._login.encode()).decode()
        if self._login and headers.get("proxy-authorization") != wanted:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return None
        host, _, port = asked.rpartition(":")
        self.asked.append((host.strip("[]"), int(port)))
        if self._refuse:
            client.sendall(f"HTTP/1.1 {self._refuse}\r\n\r\n".encode())
            return None
        client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
        return self.asked[-1]

    def _socks5(self, client: socket.socket, lines: RawIOBase) -> tuple[str, int] | None:
        offered = lines.read(lines.read(2)[1])
        method = 2 if self._login else 0
        if method not in offered:
            client.sendall(b"\x05\xff")
            return None
        client.sendall(bytes([5, method]))
        if method == 2:
            lines.read(1)
            found = ":".join(lines.read(lines.read(1)[0]).decode() for _ in range(2))
            client.sendall(b"\x01" + bytes([found != self._login]))
            if found != self._login:
                return None
        kind = lines.read(4)[3]
        raw = lines.read({1: 4, 4: 16}.get(kind) or lines.read(1)[0])
        host = raw.decode() if kind == 3 else socket.inet_ntop({1: socket.AF_INET, 4: socket.AF_INET6}[kind], raw)
        self.asked.append((host, int.from_bytes(lines.read(2), "big")))
        client.sendall(bytes([5, int(self._refuse or 0), 0, 1, 0, 0, 0, 0, 0, 0]))
        return None if self._refuse else self.asked[-1]


def _headers(lines: RawIOBase) -> Iterator[tuple[str, str]]:
    while line := lines.readline().strip():
        key, _, value = line.decode().partition(":")
        yield key.lower(), value.strip()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
