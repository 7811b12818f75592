"""Which proxy leads to a server, as the environment (or the system's settings) say. Any thread; no state.

The variables are read here and not by the HTTP library, which raises errors of all kinds for values that it does not
know, and for networks in NO_PROXY. Nothing on this computer is ever reached through a proxy.
"""

import ipaddress
import os
import re
import socket
import sys
import urllib.request
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from desktop_app.domain.problems import failure

SCHEMES = {"http": "http", "https": "https", "socks5": "socks5", "socks5h": "socks5h", "socks": "socks5h"}
SYSTEM = "the system's proxy settings"
_HOST = re.compile(r"[A-Za-z0-9_.:-]+")
_PORTS = range(1, 65536)


@dataclass(frozen=True, slots=True)
class NamedProxy:
    """A proxy and what names it. ``shown`` holds no login."""

    proxy: httpx.Proxy = field(repr=False)
    shown: str
    variable: str


def proxy_for(url: str) -> NamedProxy | None:
    """Return the proxy that the environment names; None where the server is reached directly. Problems: server.proxy"""
    server = _split(url)
    if server is None or is_this_computer(server[0]) or _is_exempt(*server):
        return None
    found = urllib.request.getproxies()
    for scheme in (url.partition("://")[0].lower(), "all"):
        value = found.get(scheme, "").strip()
        if value:
            return _named(value, _variable(scheme, found[scheme]))
    return None


def is_this_computer(host: str) -> bool:
    """True if that is a name or an address of the loopback interface, in any spelling that connects there."""
    host = host.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    if address is None:
        try:
            address = ipaddress.ip_address(socket.inet_aton(host))  # 127.1, 0x7f000001
        except (OSError, ValueError):
            return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or address.is_unspecified or (mapped is not None and mapped.is_loopback)


def _named(value: str, variable: str) -> NamedProxy:
    text = value if "://" in value else f"http://{value}"
    scheme, _, rest = text.partition("://")
    shown = _shown(scheme, rest)
    known = SCHEMES.get(scheme.lower())
    if known is None:
        why = f"it is a {scheme} proxy; SessionDock knows http, https and socks5 ones"
        raise failure("server.proxy", variable=variable, value=shown, why=why)
    try:
        proxy = httpx.Proxy(f"{known}://{rest}")
        host, port = proxy.url.host, proxy.url.port
    except (httpx.InvalidURL, ValueError):
        host, port = "", None
    if not _HOST.fullmatch(host) or (port is not None and port not in _PORTS):
        raise failure("server.proxy", variable=variable, value=shown, why="it is no address of a proxy")
    if known.startswith("socks") and max(map(len, proxy.raw_auth or (b"",))) > 255:
        raise failure("server.proxy", variable=variable, value=shown, why="its user or password is too long for SOCKS")
    return NamedProxy(proxy, shown, variable)


def _shown(scheme: str, rest: str) -> str:
    """Return the address without user and password, which may hold any sign, and fit for a line."""
    place = rest.rpartition("@")[2].partition("/")[0]
    return "".join(sign if sign.isprintable() else "?" for sign in f"{scheme}://{place}")[:200]


def _variable(scheme: str, value: str) -> str:
    for name in (f"{scheme}_proxy", f"{scheme}_PROXY", f"{scheme.upper()}_PROXY"):
        if os.environ.get(name) == value:
            return name
    return next((name for name in os.environ if name.lower() == f"{scheme}_proxy"), SYSTEM)


# -- who is reached directly


def _is_exempt(host: str, port: int) -> bool:
    """Read NO_PROXY as curl and Go do: names with all below them, addresses, networks, each with or without a port."""
    if sys.platform in ("win32", "darwin") and not urllib.request.getproxies_environment():
        return bool(urllib.request.proxy_bypass(host))
    text = urllib.request.getproxies_environment().get("no", "")
    return any(_covers(item.lower(), host.lower(), port) for item in re.split(r"[,\s]+", text) if item)


def _covers(item: str, host: str, port: int) -> bool:
    if item == "*":
        return True
    item = item.rpartition("://")[2]
    if "/" in item:
        return _in_network(item, host)
    found = _split(f"//{item}") if _address(item) is None else (item, 0)
    if found is None or found[1] not in (0, port):
        return False
    name, address = found[0].strip("[]"), _address(host)
    if address is not None:
        return address == _address(name)
    name = name.removeprefix("*").strip(".")
    host = host.rstrip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _in_network(item: str, host: str) -> bool:
    address = _address(host)
    try:
        return address is not None and address in ipaddress.ip_network(item.replace("[", "").replace("]", ""), False)
    except ValueError:  # a mistake of whoever wrote it
        return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _split(url: str) -> tuple[str, int] | None:
    """Return host and port (0: not named, and no usual one); None for what is no address."""
    try:
        found = urlsplit(url)
        return (found.hostname or "", found.port or {"http": 80, "https": 443}.get(found.scheme, 0))
    except ValueError:
        return None
