"""What proxies speak before they become a wire: HTTP CONNECT (RFC 9110) and SOCKS5 (RFC 1928, 1929). No threads.

The proxy resolves the name of the session's machine. Answers are read byte by byte where their length is not known, so
that nothing of the SSH server's greeting is swallowed.
"""

import base64
import ipaddress
import selectors
import socket
import struct

from desktop_app.adapters.ssh.transport.wire import Deadline, describe
from desktop_app.domain.access.route import Hop
from desktop_app.domain.problems import AppError, failure

ANSWER_LIMIT = 16 * 1024
SOCKS_REASONS = {
    1: "it had a failure of its own", 2: "its rules don't allow it", 3: "the network can't be reached from there",
    4: "the machine can't be reached from there", 5: "the machine refused the connection", 6: "it took too long",
    7: "it does not make connections", 8: "it does not know that kind of address",
}  # fmt: skip


class Talk:
    """Sends and receives on a non-blocking socket, with deadline. Problems: route.unreachable"""

    def __init__(self, sock: socket.socket, hop: Hop, deadline: Deadline) -> None:
        self._sock = sock
        self._hop = hop
        self._deadline = deadline
        sock.setblocking(False)

    def send(self, data: bytes) -> None:
        while data:
            self._wait(selectors.EVENT_WRITE)
            try:
                data = data[self._sock.send(data) :]
            except OSError as error:
                raise self._gone(describe(error)) from None

    def receive(self, size: int) -> bytes:
        """Return exactly so many bytes."""
        data = b""
        while len(data) < size:
            self._wait(selectors.EVENT_READ)
            try:
                got = self._sock.recv(size - len(data))
            except OSError as error:
                raise self._gone(describe(error)) from None
            if not got:
                raise self._gone("it closed the connection")
            data += got
        return data

    def _wait(self, event: int) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._sock, event)
            while not selector.select(self._deadline.tick()):
                self._deadline.check()
                if self._deadline.remaining == 0.0:
                    raise self._gone("no answer in time")

    def _gone(self, cause: str) -> AppError:
        return failure("route.unreachable", hop=self._hop, cause=cause)


def http_connect(sock: socket.socket, proxy: Hop, password: str, target: tuple[str, int], deadline: Deadline) -> None:
    """Have the proxy connect. Problems: route.unreachable, route.refused, route.auth"""
    host, port = target
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.user:
        token = base64.b64encode(f"{proxy.user}:{password}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {token}")
    talk = Talk(sock, proxy, deadline)
    talk.send("\r\n".join([*lines, "", ""]).encode())
    answer = bytearray()
    while not answer.endswith((b"\r\n\r\n", b"\n\n")):
        answer += talk.receive(1)
        if len(answer) > ANSWER_LIMIT:
            raise failure("route.refused", hop=proxy, why="It does not answer as an HTTP proxy does.")
    _judge_http(proxy, bytes(answer).partition(b"\n")[0].decode("latin-1").split(None, 2))


def _judge_http(proxy: Hop, status: list[str]) -> None:
    if len(status) < 2 or not status[0].startswith("HTTP/1."):
        raise failure("route.refused", hop=proxy, why="It does not answer as an HTTP proxy does.")
    if status[1] == "407":
        raise failure("route.auth", hop=proxy, why="Enter the proxy's user and password in the account's route.")
    if not status[1].startswith("2"):
        said = " ".join(status[1:]).strip()
        raise failure("route.refused", hop=proxy, why=f"It answered “{said}”; proxies often allow port 443 only.")


def socks5_connect(sock: socket.socket, proxy: Hop, password: str, target: tuple[str, int], deadline: Deadline) -> None:
    """Have the proxy connect. Problems: route.unreachable, route.refused, route.auth"""
    talk = Talk(sock, proxy, deadline)
    talk.send(b"\x05\x02\x00\x02" if proxy.user else b"\x05\x01\x00")
    version, method = talk.receive(2)
    if version != 5:
        raise failure("route.refused", hop=proxy, why="It does not answer as a SOCKS5 proxy does.")
    if method == 2 and proxy.user:
        _socks_sign_in(talk, proxy, password)
    elif method != 0:
        raise failure("route.auth", hop=proxy, why="Enter the proxy's user and password in the account's route.")
    talk.send(b"\x05\x01\x00" + _socks_address(*target))
    _, code, _, kind = talk.receive(4)
    if code:
        why = f"It says that {SOCKS_REASONS.get(code, f'something went wrong (code {code})')}."
        raise failure("route.refused", hop=proxy, why=why)
    rest = {1: 4, 4: 16}.get(kind) or talk.receive(1)[0]
    talk.receive(rest + 2)


def _socks_sign_in(talk: Talk, proxy: Hop, password: str) -> None:
    user, secret = proxy.user.encode()[:255], password.encode()[:255]
    talk.send(b"\x01" + bytes([len(user)]) + user + bytes([len(secret)]) + secret)
    if talk.receive(2)[1] != 0:
        raise failure("route.auth", hop=proxy, why="It refused the user or the password.")


def _socks_address(host: str, port: int) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("idna")[:255]
        return b"\x03" + bytes([len(name)]) + name + struct.pack(">H", port)
    return (b"\x01" if address.version == 4 else b"\x04") + address.packed + struct.pack(">H", port)
