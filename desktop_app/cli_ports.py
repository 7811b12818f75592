"""Commands about a session's ports: ports, forward. Main thread.

They ask the process that holds the session's connection, so something must be attached: the window, or
``sessiondock attach`` in another terminal.
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from desktop_app.cli_base import CommandBase
from desktop_app.cli_output import json_line, result, say, table
from desktop_app.domain.listening import LOOPBACK
from desktop_app.services.port_view import PortView

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
    for command in (ports, forward):
        command.add_argument("--account", default="", help="the account's name or id")


def port_number(text: str) -> int:
    """A port as an argument; argparse turns ValueError into wrong usage."""
    port = int(text)
    if not 0 < port < 65536:
        raise ValueError(text)
    return port


def port_json(view: PortView) -> dict[str, Any]:
    return {**asdict(view), "local_port": view.local_port or None, "pid": view.pid or None}


class PortCommands(CommandBase):
    """One method per command; each returns the exit code."""

    def run_ports(self) -> int:
        view = self.core.ports.look(self.session().id, self.cancel())
        if self.json:
            json_line({"ports": [port_json(one) for one in view.ports], "more": view.more})
            return 0
        if not view.ports:
            say("Nothing listens in the session beside its own applications.")
            return 0
        rows = [(str(one.port), one.label, _here(one), _who(one)) for one in view.ports]
        result(table(("PORT", "WHAT", "HERE", "PROCESS"), rows))
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
            say(f"{view.label} (port {port}) is at {LOOPBACK}:{view.local_port} while the session is attached.")
        return 0


def _here(view: PortView) -> str:
    return f"{LOOPBACK}:{view.local_port}" if view.local_port else "-"


def _who(view: PortView) -> str:
    if not view.listening:
        return "-"
    return f"{view.command or view.process} ({view.pid})" + ("" if view.session else ", not of this session")
