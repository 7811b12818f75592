"""How an account's session machines are reached: directly, as the user's ssh does, or through jump hosts or a proxy.

Pure; any thread. A route is one line of text that users can write down and share; it never holds a password.
"""

from dataclasses import dataclass
from enum import Enum
from urllib.parse import SplitResult, unquote, urlsplit

from desktop_app.domain.problems import AppError, failure

SSH_CONFIG_TEXT = "ssh-config"
MAX_JUMPS = 8
EXAMPLES = "ssh-config, ssh://me@bastion:22, http://proxy:3128 or socks5://me@proxy:1080"


class Kind(Enum):
    """The ways there are."""

    DIRECT = ""
    SSH_CONFIG = SSH_CONFIG_TEXT
    JUMP = "ssh"
    HTTP = "http"
    SOCKS5 = "socks5"


PORTS = {Kind.JUMP: 0, Kind.HTTP: 3128, Kind.SOCKS5: 1080}  # 0: what the ssh config says, else 22


@dataclass(frozen=True, slots=True)
class Hop:
    """A machine on the way. ``port`` 0 and ``user`` "" mean: not said."""

    host: str
    port: int = 0
    user: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host


@dataclass(frozen=True, slots=True)
class Route:
    """``hops``: jump hosts in the order in which they are passed, or one proxy."""

    kind: Kind = Kind.DIRECT
    hops: tuple[Hop, ...] = ()

    @property
    def takes_password(self) -> bool:
        """True if a password belongs to it, which lives in the keyring."""
        return self.kind in (Kind.HTTP, Kind.SOCKS5) and bool(self.hops[0].user)

    def __str__(self) -> str:
        """Return the route in words."""
        if self.kind is Kind.DIRECT:
            return "directly"
        if self.kind is Kind.SSH_CONFIG:
            return "as your ssh configuration says"
        names = " and ".join(str(hop) for hop in self.hops)
        return {Kind.JUMP: "through ", Kind.HTTP: "through the HTTP proxy ", Kind.SOCKS5: "through the SOCKS proxy "}[
            self.kind
        ] + names


DIRECT = Route()


def parse_route(text: str) -> Route:
    """Return what the text says; "" and "direct" are the direct way. Problems: route.invalid"""
    text = text.strip()
    if text in ("", "direct"):
        return DIRECT
    if text == SSH_CONFIG_TEXT:
        return Route(Kind.SSH_CONFIG)
    parts = [part.strip() for part in text.split(",")]
    kinds = {part.partition("://")[0].lower() for part in parts}
    kind = next((scheme for scheme in PORTS if kinds == {scheme.value}), None)
    if kind is None:
        raise _invalid(f"“{text}” is none of the forms that are understood.")
    if len(parts) > (MAX_JUMPS if kind is Kind.JUMP else 1):
        raise _invalid("A route has one proxy, or up to eight jump hosts, separated by commas.")
    return Route(kind, tuple(_hop(part, PORTS[kind]) for part in parts))


def _hop(text: str, port: int) -> Hop:
    try:
        url = urlsplit(text)
        hop = Hop(url.hostname or "", url.port or port, unquote(url.username or ""))
    except ValueError:
        raise _invalid(f"“{text}” is not an address.") from None
    if url.password is not None:
        raise _invalid("Leave the password out of the route; it is asked for and kept in the keyring.")
    if not _is_plain(url, hop):
        raise _invalid(f"“{text}” is not an address.")
    return hop


def _is_plain(url: SplitResult, hop: Hop) -> bool:
    extra = url.path not in ("", "/") or url.query or url.fragment
    bad = any(c.isspace() or not c.isprintable() or c in "*?!#\"'\\" for c in hop.host + hop.user)
    return bool(hop.host) and not hop.host.startswith("-") and not extra and not bad


def _invalid(why: str) -> AppError:
    return failure("route.invalid", why=f"{why} Write it like {EXAMPLES}.")
