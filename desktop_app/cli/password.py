"""The command password: what other SSH programs need to log in to a session that has one. Main thread."""

from desktop_app.cli.base import CommandBase
from desktop_app.cli.output import json_line, result


class PasswordCommands(CommandBase):
    """One method per command; each returns the exit code."""

    def run_password(self) -> int:
        snapshot = self.session()
        password = self.core.passwords.of(snapshot.id)
        if self.json:
            json_line({"id": snapshot.id.task, "account": snapshot.id.account, "password": password})
        else:
            result(password)
        return 0
