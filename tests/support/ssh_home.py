"""Programs that run with another home folder in the account database, as OpenSSH reads it (it ignores HOME).

In a mount namespace of their own, so that neither the real ~/.ssh is read nor anything real is written.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from desktop_app.adapters.ssh.route.asked import OVERRIDE
from tests.support.namespaces import accounts_file, as_this_user, bind


class SshHome:
    """``run`` runs a program for which ``home`` is this user's home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.config = home / ".ssh" / "config"
        self._accounts = accounts_file(home, home, "/bin/sh")

    def argv(self, command: Sequence[str]) -> list[str]:
        return [*as_this_user([bind(self._accounts, "/etc/passwd")]), *command]

    def run(
        self, *command: str, seconds: float = 30.0, input: bytes | None = None, **env: str
    ) -> "subprocess.CompletedProcess[str]":
        settings = {**os.environ, "HOME": str(self.home), OVERRIDE: str(self.config), **env}
        done = subprocess.run(
            self.argv(command),
            capture_output=True,
            timeout=seconds,
            env=settings,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
        )
        out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    def must_run(self, *command: str, **more: Any) -> str:
        """Standard output of a program that must end well, without a word on standard error."""
        done = self.run(*command, **more)
        assert (done.returncode, done.stderr) == (0, ""), (command, done.returncode, done.stderr)
        return done.stdout
