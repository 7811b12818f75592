"""Plain TCP connections with a cancel and a deadline: by name or address, IPv4 and IPv6. On the caller's thread."""

import contextlib
import ipaddress
import selectors
import socket
import threading

from desktop_app.adapters.ssh.transport.wire import Deadline, describe

SHORTEST_TRY_S = 2.0

Address = tuple[int, tuple[str, int]]


class ConnectError(Exception):
    """``str`` says in one technical line why there is no connection."""


def connect_tcp(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Return a socket to the first of the host's addresses that answers. Raises ConnectError, Cancelled."""
    last = "no address"
    addresses = resolve(host.strip("[]"), port, deadline)
    for number, (family, address) in enumerate(addresses):
        sock = socket.socket(family, socket.SOCK_STREAM)
        share = max(SHORTEST_TRY_S, deadline.remaining / (len(addresses) - number))  # one may be a black hole
        try:
            last = _connect_one(sock, address, deadline, share)
        except BaseException:
            sock.close()
            raise
        if not last:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        sock.close()
    raise ConnectError(last)


def _connect_one(sock: socket.socket, address: tuple[str, int], deadline: Deadline, seconds: float) -> str:
    """Return "" when connected, else why not."""
    sock.setblocking(False)
    try:
        sock.connect(address)
    except BlockingIOError:
        pass  # on its way
    except OSError as error:
        return describe(error)
    end = deadline.remaining - seconds
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_WRITE)
        while not selector.select(deadline.tick()):
            deadline.check()
            if deadline.remaining <= max(0.0, end):
                return "timed out"
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return describe(OSError(number, "connect failed")) if number else ""


def resolve(host: str, port: int, deadline: Deadline) -> list[Address]:
    """Return the addresses to try. A name is looked up on a thread of its own: nothing can interrupt it. Raises
    ConnectError."""
    with contextlib.suppress(ValueError):  # a name
        version = ipaddress.ip_address(host).version
        return [(socket.AF_INET if version == 4 else socket.AF_INET6, (host, port))]
    found: list[Address] = []
    errors: list[str] = []
    done = threading.Event()

    def look_up() -> None:
        try:
            for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                found.append((int(family), (str(address[0]), int(address[1]))))
        except (OSError, UnicodeError) as error:
            errors.append(describe(error))
        done.set()

    threading.Thread(target=look_up, name="ssh-resolve", daemon=True).start()
    if not deadline.wait(done) or errors:
        raise ConnectError(errors[0] if errors else "the name could not be resolved in time")
    return found
