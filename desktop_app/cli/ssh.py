"""Commands around the user's own ssh: ssh-config (let it find sessions), ssh-proxy (what an alias runs when it must).

Main thread; ssh-proxy copies standard input on a thread of its own.
"""

import argparse
import os
import socket
import sys
import threading
from collections.abc import Callable

from desktop_app.cli.base import CommandBase
from desktop_app.cli.output import json_line, result, say
from desktop_app.domain.access.ssh_config_text import Place
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.ssh.aliases import SshStatus
from remote_bootstrap.contract.apps import SSH

CONNECT_S = 30.0
CHUNK = 64 * 1024

_SAID = {
    Place.TOP: "Your ssh knows the sessions: {path} reads SessionDock's file.",
    Place.BURIED: "{path} names SessionDock's file below a Host or Match line, where ssh may not read it. "
    "Put it at the top: sessiondock ssh-config install",
    Place.ABSENT: "Your ssh does not know the sessions. Let it: sessiondock ssh-config install "
    "(it adds one line to {path}: {line})",
}


def add_arguments(command: Callable[[str, str, str], argparse.ArgumentParser]) -> None:
    config = command("ssh-config", "run_ssh_config", "let ssh, editors and git find sessions as sd-NAME")
    config.add_argument("what", choices=("install", "remove", "status"))
    proxy = command("ssh-proxy", "run_ssh_proxy", "connect standard input and output to a session (for ssh)")
    proxy.add_argument("alias")


class SshCommands(CommandBase):
    """One method per command; each returns the exit code."""

    def run_ssh_config(self) -> int:
        what = self.arguments.what
        changed = {"install": self.core.aliases.install, "remove": self.core.aliases.remove}.get(what, lambda: False)()
        status = self.core.aliases.status()
        if self.json:
            json_line(_status_json(status, changed))
        elif what == "status":
            self._print_status(status)
        else:
            done = "was added to" if what == "install" else "was taken out of"
            already = "is already in" if what == "install" else "is not in"
            say(f"{status.line}\n{done if changed else already} {status.path}.")
        return 0 if what != "status" or status.place is Place.TOP else 1

    def _print_status(self, status: SshStatus) -> None:
        say(_SAID[status.place].format(path=status.path, line=status.line))
        for alias in status.aliases:
            result(f"{alias.name}  {alias.title}")

    def run_ssh_proxy(self) -> int:
        """What it prints besides the connection itself goes to standard error, which ssh shows."""
        alias = self.core.aliases.named(self.arguments.alias)
        session = SessionId.parse(alias.session)
        holder = self.core.connections.status(session)
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


def _status_json(status: SshStatus, changed: bool) -> dict[str, object]:
    rows = [{"alias": a.name, "session": SessionId.parse(a.session).task, "name": a.title} for a in status.aliases]
    return {
        "state": status.place.value,
        "changed": changed,
        "path": status.path,
        "line": status.line,
        "aliases": rows,
    }


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
