"""The way to a session's machine: a connected socket, whatever stands between. Runs on the caller's thread.

Jump hosts and proxy commands end in one half of a local socket pair, so that the transport above always has a real
socket; two threads per such step carry the bytes.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from desktop_app.adapters.ssh.route.command import run_proxy_command
from desktop_app.adapters.ssh.route.config import UserSshConfig
from desktop_app.adapters.ssh.route.jump import Jump
from desktop_app.adapters.ssh.route.proxy import http_connect, socks5_connect
from desktop_app.adapters.ssh.route.settings import HostSettings
from desktop_app.adapters.ssh.transport.tcp import ConnectError, connect_tcp
from desktop_app.adapters.ssh.transport.wire import Deadline
from desktop_app.domain.access.route import MAX_JUMPS, Hop, Kind, Route
from desktop_app.domain.problems import failure


@dataclass(slots=True)
class RoutedSocket:
    """``sock`` leads to the machine. ``close`` gives up all that it stands on; quick, idempotent."""

    sock: socket.socket
    closers: list[Callable[[], None]] = field(default_factory=list)
    reasons: list[Callable[[], str]] = field(default_factory=list)

    def close(self) -> None:
        for closer in reversed(self.closers):
            closer()
        self.sock.close()

    def why(self) -> str:
        """Return what a step of the route says about its end, "" when none has anything to say."""
        return next(filter(None, (reason() for reason in self.reasons)), "")


class Connector:
    """Connects to one address by a route. Each call makes a new connection."""

    def __init__(self, route: Route, password: str, deadline: Deadline) -> None:
        self._route = route
        self._password = password
        self._deadline = deadline
        self._config: UserSshConfig | None = None

    @property
    def config(self) -> UserSshConfig:
        """Read when the first step needs it. Problems: route.config"""
        if self._config is None:
            self._config = UserSshConfig()
        return self._config

    def reach(self, host: str, port: int) -> RoutedSocket:
        """Connect. Problems: route.*. Raises ConnectError when nothing but the address itself is at fault, and
        Cancelled."""
        kind = self._route.kind
        if kind is Kind.SSH_CONFIG:
            settings = self.config.lookup(Hop(host, port))
            return self._as_configured(settings, depth=0)
        if kind is Kind.JUMP:
            return self._through(self._route.hops, host, port, depth=0)
        if kind in (Kind.HTTP, Kind.SOCKS5):
            return self._through_proxy(self._route.hops[0], host, port)
        return RoutedSocket(connect_tcp(host, port, self._deadline))

    def _through_proxy(self, proxy: Hop, host: str, port: int) -> RoutedSocket:
        routed = RoutedSocket(_connect_hop(proxy, self._deadline))
        speak = http_connect if self._route.kind is Kind.HTTP else socks5_connect
        try:
            speak(routed.sock, proxy, self._password, (host, port), self._deadline)
        except BaseException:
            routed.close()
            raise
        return routed

    def _as_configured(self, settings: HostSettings, depth: int) -> RoutedSocket:
        """Connect to a host as its ssh config entry says."""
        if depth > MAX_JUMPS:
            raise failure("route.config", why="Its jump hosts lead in a circle.")
        if settings.proxy_command:
            return _through_command(settings.proxy_command)
        if settings.proxy_jump:
            return self._through(settings.proxy_jump, settings.host, settings.port, depth + 1)
        return RoutedSocket(connect_tcp(settings.host, settings.port, self._deadline))

    def _through(self, hops: tuple[Hop, ...], host: str, port: int, depth: int) -> RoutedSocket:
        """Connect to ``host`` through the last of the hops, which is reached through those before it."""
        *before, last = hops
        settings = self.config.lookup(last)
        try:
            if before:
                routed = self._through(tuple(before), settings.host, settings.port, depth)
            else:
                routed = self._as_configured(settings, depth)
        except ConnectError as error:
            raise failure("route.unreachable", hop=last, cause=str(error)) from None
        jump = Jump(routed.sock, settings, routed.close)
        try:
            jump.sign_in(self._deadline)
            sock = jump.open(host, port, self._deadline)
        except BaseException:
            jump.close()
            raise
        return RoutedSocket(sock, [*routed.closers, jump.close], routed.reasons)


def _through_command(command: str) -> RoutedSocket:
    running = run_proxy_command(command)
    return RoutedSocket(running.sock, [running.close], [running.why])


def _connect_hop(hop: Hop, deadline: Deadline) -> socket.socket:
    try:
        return connect_tcp(hop.host, hop.port, deadline)
    except ConnectError as error:
        raise failure("route.unreachable", hop=hop, cause=str(error)) from None
