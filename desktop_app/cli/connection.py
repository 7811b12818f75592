"""Commands about connections that some process of ours holds: reconnect. Main thread."""

import argparse

from desktop_app.cli.base import CommandBase
from desktop_app.cli.output import json_line, say
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import SessionSnapshot


def add_reconnect(command: argparse.ArgumentParser) -> None:
    command.add_argument("--all", action="store_true", help="every session that is attached on this computer")


class ConnectionCommands(CommandBase):
    """One method per command; each returns the exit code."""

    def run_reconnect(self) -> int:
        found = self._attached() if self.arguments.all else [self._reconnected(self.session())]
        if self.json:
            json_line({"reconnecting": [snapshot.id.task for snapshot in found]})
        else:
            names = ", ".join(f"“{snapshot.name}”" for snapshot in found)
            say(f"Reconnecting {names}." if found else "No session is attached on this computer.")
        return 0

    def _reconnected(self, snapshot: SessionSnapshot) -> SessionSnapshot:
        if not self.core.connections.redial(snapshot.id, self.cancel()):
            raise failure("session.not_attached", task=snapshot.id.task[:8])
        return snapshot

    def _attached(self) -> list[SessionSnapshot]:
        found, _ = self.look()  # an account that can't be asked has no part in what is connected here
        return [snapshot for snapshot in found if self.core.connections.redial(snapshot.id, self.cancel())]
