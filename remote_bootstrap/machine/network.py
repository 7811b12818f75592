"""Addresses and ports: where this machine is reached, which port is free, who answers. Any thread; no state."""

import contextlib
import http.client
import ipaddress
import os
import socket
import urllib.request
from typing import Dict, Optional, Sequence
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
LOOPBACK6, ANY6 = "::1", "::"
ANY = "0.0.0.0"  # noqa: S104  a remote machine is reached from elsewhere; SSH asks for the session's key
AGENT_ADDRESS = "CLEARML_AGENT_HOST_IP"
PORT_TRIES = 200
ANSWER_TIMEOUT = 2.0  # seconds
ADDRESS_SERVICE = "SESSIONDOCK_ADDRESS_SERVICE"  # a URL that answers with the address of its caller
DEFAULT_ADDRESS_SERVICE = "https://checkip.amazonaws.com"
SERVICE_TIMEOUT = 5.0  # seconds
# RFC 5737 and 3849; never contacted: connecting a UDP socket sends nothing.
DOCUMENTATION_ADDRESSES = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def outbound_address(families: Sequence[int] = (socket.AF_INET, socket.AF_INET6)) -> str:
    """Return this machine's address on the interface of its default route, IPv4 before IPv6, "" without one. Sends
    nothing."""
    for family, far in DOCUMENTATION_ADDRESSES:
        if family not in families:
            continue
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            return str(probe.getsockname()[0])
    return ""


def asked_address() -> str:
    """Return this machine's address as a service in the internet sees it, "" when that does not answer with one."""
    service = os.environ.get(ADDRESS_SERVICE, "").strip() or DEFAULT_ADDRESS_SERVICE
    if not service.startswith(("https://", "http://")):
        return ""
    try:
        with urllib.request.urlopen(service, timeout=SERVICE_TIMEOUT) as answer:  # noqa: S310
            text = answer.read(200).decode("ascii").strip()
        return str(ipaddress.ip_address(text))
    except (OSError, ValueError, http.client.HTTPException):
        return ""


def public_address(override: str, api_host: str, *, ask: bool = False) -> str:
    """Return where the desktop finds this machine.

    The task's own word first; with ``ask`` that of a service in the internet; a ClearML server on this very machine
    means that the desktop is here too (sandbox); then the agent's word, then the outbound interface.
    """
    if override:
        return override
    asked = asked_address() if ask else ""
    if asked:
        return asked
    if api_host and is_loopback(urlsplit(api_host).hostname or ""):
        return LOOPBACK
    return os.environ.get(AGENT_ADDRESS, "").strip() or outbound_address() or LOOPBACK


def bind_address(address: str) -> str:
    """Return where SSH listens to be reached at ``address``: on IPv6 where the address, or all that the machine has, is
    such."""
    if is_loopback(address):
        return LOOPBACK6 if address.strip("[]") == LOOPBACK6 else LOOPBACK
    six = ":" in address or not outbound_address((socket.AF_INET,))
    return ANY6 if six and outbound_address((socket.AF_INET6,)) else ANY


def outer_port(inner: int, published: str) -> int:
    """Return where a container's port is reached from outside it: ``published`` is "outer:inner,…", each a port or a
    range such as 8000-8010; the port itself where nothing is said about it."""
    for pair in published.split(","):
        outer, _, own = pair.strip().partition(":")
        first, _, last = own.partition("-")
        start = outer.partition("-")[0]
        if first.isdigit() and start.isdigit() and int(first) <= inner <= int(last if last.isdigit() else first):
            return int(start) + inner - int(first)
    return inner


def _family(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def near(host: str) -> str:
    """Return the loopback address at which a server that listens on ``host`` is reached from here."""
    return LOOPBACK6 if ":" in host else LOOPBACK


def is_free(host: str, port: int) -> bool:
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port(host: str, wanted: int = 0, last: int = 65535) -> int:
    """Return ``wanted`` or the next free port above it, up to ``last``; any free one for 0, or when all of those are
    taken. Another program may still be faster."""
    for port in range(wanted, min(wanted + PORT_TRIES, last + 1)) if wanted else ():
        if is_free(host, port):
            return port
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def greeting(port: int, host: str = LOOPBACK) -> bytes:
    """Return the first bytes that a server sends by itself, b"" if none answers."""
    try:
        with socket.create_connection((host, port), ANSWER_TIMEOUT) as connection:
            return connection.recv(64)
    except OSError:
        return b""


def http_status(port: int, path: str, headers: Optional[Dict[str, str]] = None) -> int:
    """Return the status of GET http://127.0.0.1:``port````path``, 0 if nothing answers."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=ANSWER_TIMEOUT)
    try:
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
