"""The commands around the user's own ssh: ssh-config (let it find sessions), ssh-proxy (which an alias may run).

Main thread; ssh-proxy blocks, and copies standard input on a thread of its own.
"""

import argparse
import os
import socket
import sys
import threading
from typing import TYPE_CHECKING

from desktop_app.cli.context.context import Context
from desktop_app.cli.registry import Commands
from desktop_app.cli.terminal.output import json_line, result, say
from desktop_app.domain.access.ssh_config_text import Place
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import SessionId
from remote_bootstrap.contract.apps import SSH

if TYPE_CHECKING:
    from desktop_app.services.ssh.aliases import SshStatus

CONNECT_S = 30.0
CHUNK = 64 * 1024

_SAID = {
    Place.TOP: "Your ssh knows the sessions: {path} reads SessionDock's file.",
    Place.BURIED: "{path} names SessionDock's file below a Host or Match line, where ssh may not read it. "
    "Put it at the top: sessiondock ssh-config install",
    Place.ABSENT: "Your ssh does not know the sessions. Let it: sessiondock ssh-config install "
    "(it adds one line to {path}: {line})",
}


def add_ssh_config(commands: Commands) -> None:
    """Register ssh-config."""
    command = commands.add("ssh-config", run_ssh_config, "let ssh, editors and git find sessions as sd-NAME")
    command.add_argument("what", choices=("install", "remove", "status"))


def run_ssh_config(context: Context, arguments: argparse.Namespace) -> int:
    """Let ssh know the sessions, or not; exit code 1 where the status is that it does not."""
    what, aliases = arguments.what, context.core.aliases
    changed = aliases.install() if what == "install" else aliases.remove() if what == "remove" else False
    status = aliases.status()
    if context.json:
        json_line(_status_json(status, changed))
    elif what == "status":
        _print_status(status)
    else:
        done = "was added to" if what == "install" else "was taken out of"
        already = "is already in" if what == "install" else "is not in"
        say(f"{status.line}\n{done if changed else already} {status.path}.")
    return 0 if what != "status" or status.place is Place.TOP else 1


def _print_status(status: "SshStatus") -> None:
    say(_SAID[status.place].format(path=status.path, line=status.line))
    for alias in status.aliases:
        result(f"{alias.name}  {alias.title}")


def _status_json(status: "SshStatus", changed: bool) -> dict[str, object]:
    rows = [{"alias": a.name, "session": SessionId.parse(a.session).task, "name": a.title} for a in status.aliases]
    return {
        "state": status.place.value,
        "changed": changed,
        "path": status.path,
        "line": status.line,
        "aliases": rows,
    }


def add_ssh_proxy(commands: Commands) -> None:
    """Register ssh-proxy."""
    command = commands.add("ssh-proxy", run_ssh_proxy, "connect standard input and output to a session (for ssh)")
    command.add_argument("alias")


def run_ssh_proxy(context: Context, arguments: argparse.Namespace) -> int:
    """Copy between standard input and output and a session's SSH server; anything else goes to standard error, which
    ssh shows."""
    alias = context.core.aliases.named(arguments.alias)
    session = SessionId.parse(alias.session)
    holder = context.core.connections.status(session)
    port = dict(holder.get("ports") or {}).get(SSH.key)
    if not port:
        raise failure("ssh.not_attached", name=alias.title, task=session.task[:8])
    try:
        with socket.create_connection(("127.0.0.1", int(port)), CONNECT_S) as connection:
            connection.settimeout(None)
            _relay(connection)
    except ConnectionError as error:
        raise failure("ssh.not_attached", name=alias.title, task=session.task[:8], cause=str(error)) from None
    return 0


def _relay(connection: socket.socket) -> None:
    """Copy both ways until the session closes its end."""
    threading.Thread(target=_send, args=(connection,), name="ssh-proxy-in", daemon=True).start()
    out = sys.stdout.fileno()
    while data := connection.recv(CHUNK):
        while data:
            data = data[os.write(out, data) :]


def _send(connection: socket.socket) -> None:
    try:
        while data := os.read(sys.stdin.fileno(), CHUNK):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        return  # the session closed first
