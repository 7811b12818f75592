"""The commands about a session's ports: ports, forward, reverse, socks. Main thread; blocks.

They ask the process that holds the session's connection, so something must be attached: the window, or
``sessiondock attach`` in another terminal.
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from desktop_app.cli.context.context import Context
from desktop_app.cli.registry import SESSION, Commands, add_account
from desktop_app.cli.terminal.output import json_line, result, say
from desktop_app.cli.terminal.tables import table
from desktop_app.domain.access.listening import LOOPBACK, Forward, Kind
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.ports.view import PortView, forward_json


def port_number(text: str) -> int:
    """Return a port that was given as an argument. Raises ArgumentTypeError."""
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < port < 65536:
        raise argparse.ArgumentTypeError(f"“{text}” is no port; a port is a number from 1 to 65535")
    return port


def port_pair(text: str) -> tuple[int, int]:
    """Return the two ports of ``8080:3000``; one number stands for both. Raises ArgumentTypeError."""
    remote, colon, local = text.partition(":")
    return port_number(remote), port_number(local if colon else remote)


def port_json(view: PortView) -> dict[str, Any]:
    """Return a port of a session as --json shows it."""
    row = {**asdict(view), "local_port": view.local_port or None, "pid": view.pid or None}
    del row["why_elsewhere"]  # is told when it is forwarded
    return row


def add_ports(commands: Commands) -> None:
    """Register ports."""
    command = commands.add("ports", run_ports, "show what listens in a session and what of it is forwarded")
    command.add_argument("session", nargs="?", default="", help=SESSION)
    add_account(command)


def run_ports(context: Context, _arguments: argparse.Namespace) -> int:
    """Show the ports of a session."""
    view = context.core.ports.look(context.session().id, context.cancel())
    if context.json:
        others = [forward_json(forward) for forward in view.others]
        json_line({"ports": [port_json(port) for port in view.ports], "others": others, "more": view.more})
        return 0
    if not view.ports:
        say("Nothing listens in the session beside its own applications.")
    else:
        rows = [(str(port.port), port.label, _here(port), _process(port)) for port in view.ports]
        result(table(("PORT", "WHAT", "HERE", "PROCESS"), rows))
    for forward in view.others:
        say(forward.text)
    return 0


def add_forward(commands: Commands) -> None:
    """Register forward."""
    command = commands.add("forward", run_forward, "make a port of the session reachable on this computer")
    command.add_argument("session", help=SESSION)
    command.add_argument("port", type=port_number, help="the port in the session")
    command.add_argument("--local", type=port_number, default=0, metavar="N", help="exactly that port on this computer")
    command.add_argument("--stop", action="store_true", help="stop forwarding it")
    add_account(command)


def run_forward(context: Context, arguments: argparse.Namespace) -> int:
    """Forward a port of the session, or stop that."""
    session, port = context.session().id, arguments.port
    if arguments.stop:
        stopped = context.core.ports.stop(session, port, context.cancel())
        text = f"Port {port} is no longer forwarded." if stopped else f"Port {port} was not forwarded."
        context.tell({"port": port, "stopped": stopped}, text)
        return 0
    view = context.core.ports.forward(session, port, context.cancel(), local=arguments.local)
    if context.json:
        json_line({**port_json(view), "why_elsewhere": view.why_elsewhere or None})
        return 0
    result(f"{LOOPBACK}:{view.local_port}")
    if view.listening:
        say(f"{view.label} (port {port}) is at {LOOPBACK}:{view.local_port} while the session is attached.")
    else:
        say(f"Nothing listens on port {port} of the session now: {LOOPBACK}:{view.local_port} refuses until a "
            "program does.")  # fmt: skip
    if view.why_elsewhere:
        say(view.why_elsewhere)
    return 0


def add_reverse(commands: Commands) -> None:
    """Register reverse."""
    command = commands.add("reverse", run_reverse, "make a port of this computer reachable in the session")
    command.add_argument("session", help=SESSION)
    command.add_argument("ports", type=port_pair, metavar="REMOTE:LOCAL", help="the session's port and this computer's")
    command.add_argument("--stop", action="store_true", help="stop it")
    add_account(command)


def run_reverse(context: Context, arguments: argparse.Namespace) -> int:
    """Make a port of this computer reachable in the session, or stop that."""
    remote, local = arguments.ports
    if arguments.stop:
        return _stop(context, Forward(Kind.REVERSE, local, remote))
    return _start(context, lambda session: context.core.ports.reverse(session, remote, local, context.cancel()))


def add_socks(commands: Commands) -> None:
    """Register socks."""
    help_text = "a SOCKS5 proxy on this computer whose connections begin in the session"
    command = commands.add("socks", run_socks, help_text)
    command.add_argument("session", nargs="?", default="", help=SESSION)
    command.add_argument("--local", type=port_number, default=0, metavar="N", help="exactly that port on this computer")
    command.add_argument("--stop", action="store_true", help="stop it")
    add_account(command)


def run_socks(context: Context, arguments: argparse.Namespace) -> int:
    """Open a proxy into the session, or stop it."""
    local = arguments.local
    if arguments.stop:
        return _stop(context, Forward(Kind.SOCKS, local or 1))
    return _start(context, lambda session: context.core.ports.socks(session, context.cancel(), local=local))


def _start(context: Context, start: Callable[[SessionId], Forward]) -> int:
    forward = start(context.session().id)
    text = f"{forward.text} It goes on while the session is attached, and comes back with it."
    context.tell(forward_json(forward), text)
    return 0


def _stop(context: Context, forward: Forward) -> int:
    stopped = context.core.ports.stop_other(context.session().id, forward, context.cancel())
    context.tell({"stopped": stopped}, "Stopped." if stopped else "There was nothing to stop.")
    return 0


def _here(view: PortView) -> str:
    return f"{LOOPBACK}:{view.local_port}" if view.local_port else "-"


def _process(view: PortView) -> str:
    if not view.listening:
        return "-"
    return f"{view.command or view.process} ({view.pid})" + ("" if view.session else ", not of this session")
