"""Commands about a session's ports: ports, forward, reverse, socks. Main thread.

They ask the process that holds the session's connection, so something must be attached: the window, or
``sessiondock attach`` in another terminal.
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from desktop_app.cli.base import CommandBase
from desktop_app.cli.output import json_line, result, say, table
from desktop_app.domain.access.listening import LOOPBACK, Forward, Kind
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.ports.view import PortView, forward_json

MakeCommand = Callable[[str, str, str], argparse.ArgumentParser]


def add_port_commands(make: MakeCommand) -> None:
    """``make(name, handler, help)`` makes one command with its common arguments."""
    ports = make("ports", "run_ports", "show what listens in a session and what of it is forwarded")
    ports.add_argument("session", nargs="?", default="", help="id, beginning of an id, or name")
    forward = make("forward", "run_forward", "make a port of the session reachable on this computer")
    forward.add_argument("session", help="id, beginning of an id, or name")
    forward.add_argument("port", type=port_number, help="the port in the session")
    forward.add_argument("--local", type=port_number, default=0, metavar="N", help="exactly that port on this computer")
    forward.add_argument("--stop", action="store_true", help="stop forwarding it")
    reverse = make("reverse", "run_reverse", "make a port of this computer reachable in the session")
    reverse.add_argument("session", help="id, beginning of an id, or name")
    reverse.add_argument("ports", type=port_pair, metavar="REMOTE:LOCAL", help="the session's port and this computer's")
    socks = make("socks", "run_socks", "a SOCKS5 proxy on this computer whose connections begin in the session")
    socks.add_argument("session", nargs="?", default="", help="id, beginning of an id, or name")
    socks.add_argument("--local", type=port_number, default=0, metavar="N", help="exactly that port on this computer")
    for command in (reverse, socks):
        command.add_argument("--stop", action="store_true", help="stop it")
    for command in (ports, forward, reverse, socks):
        command.add_argument("--account", default=argparse.SUPPRESS, help="the account's name or id")


def port_number(text: str) -> int:
    """A port as an argument."""
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < port < 65536:
        raise argparse.ArgumentTypeError(f"“{text}” is no port; a port is a number from 1 to 65535")
    return port


def port_pair(text: str) -> tuple[int, int]:
    """``8080:3000``; one number stands for both."""
    remote, colon, local = text.partition(":")
    return port_number(remote), port_number(local if colon else remote)


def port_json(view: PortView) -> dict[str, Any]:
    return {**asdict(view), "local_port": view.local_port or None, "pid": view.pid or None}


class PortCommands(CommandBase):
    """One method per command; each returns the exit code."""

    def run_ports(self) -> int:
        view = self.core.ports.look(self.session().id, self.cancel())
        if self.json:
            others = [forward_json(one) for one in view.others]
            json_line({"ports": [port_json(one) for one in view.ports], "others": others, "more": view.more})
            return 0
        if not view.ports:
            say("Nothing listens in the session beside its own applications.")
        else:
            rows = [(str(one.port), one.label, _here(one), _who(one)) for one in view.ports]
            result(table(("PORT", "WHAT", "HERE", "PROCESS"), rows))
        for one in view.others:
            say(one.text)
        return 0

    def run_reverse(self) -> int:
        remote, local = self.arguments.ports
        return self._other(lambda session: self.core.ports.reverse(session, remote, local, self.cancel()),
                           Forward(Kind.REVERSE, local, remote))  # fmt: skip

    def run_socks(self) -> int:
        local = self.arguments.local
        return self._other(lambda session: self.core.ports.socks(session, self.cancel(), local=local),
                           Forward(Kind.SOCKS, local or 1))  # fmt: skip

    def _other(self, start: Callable[[SessionId], Forward], other: Forward) -> int:
        session = self.session().id
        if self.arguments.stop:
            stopped = self.core.ports.stop_other(session, other, self.cancel())
            if self.json:
                json_line({"stopped": stopped})
            else:
                say("Stopped." if stopped else "There was nothing to stop.")
            return 0
        found = start(session)
        if self.json:
            json_line(forward_json(found))
        else:
            say(f"{found.text} It goes on while the session is attached, and comes back with it.")
        return 0

    def run_forward(self) -> int:
        session, port = self.session().id, self.arguments.port
        if self.arguments.stop:
            stopped = self.core.ports.stop(session, port, self.cancel())
            if self.json:
                json_line({"port": port, "stopped": stopped})
            else:
                say(f"Port {port} is no longer forwarded." if stopped else f"Port {port} was not forwarded.")
            return 0
        view = self.core.ports.forward(session, port, self.cancel(), local=self.arguments.local)
        if self.json:
            json_line(port_json(view))
        else:
            result(f"{LOOPBACK}:{view.local_port}")
            if view.listening:
                say(f"{view.label} (port {port}) is at {LOOPBACK}:{view.local_port} while the session is attached.")
            else:
                say(f"Nothing listens on port {port} of the session now: {LOOPBACK}:{view.local_port} refuses until a "
                    "program does.")  # fmt: skip
        return 0


def _here(view: PortView) -> str:
    return f"{LOOPBACK}:{view.local_port}" if view.local_port else "-"


def _who(view: PortView) -> str:
    if not view.listening:
        return "-"
    return f"{view.command or view.process} ({view.pid})" + ("" if view.session else ", not of this session")
