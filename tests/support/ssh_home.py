"""Programs that run with another home folder in the account database, as OpenSSH reads it (it ignores HOME).

In a mount namespace of their own, so that neither the real ~/.ssh is read nor anything real is written.
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from desktop_app.adapters.ssh.client.config import OVERRIDE


class SshHome:
    """``run`` runs a program for which ``home`` is this user's home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.config = home / ".ssh" / "config"
        self._accounts = home / "passwd"
        own = pwd.getpwuid(os.geteuid())
        fields = [line.split(":") for line in Path("/etc/passwd").read_text().splitlines()]
        for one in fields:
            if one[0] == own.pw_name:
                one[5:] = [str(home), "/bin/sh"]
        self._accounts.write_text("".join(":".join(one) + "\n" for one in fields))

    def argv(self, command: Sequence[str]) -> list[str]:
        own = ["--mount"] if os.geteuid() == 0 else ["--map-current-user", "--user", "--mount", "--keep-caps"]
        mounts = f"/bin/mount --make-rprivate / && /bin/mount --bind {self._accounts} /etc/passwd"
        return ["/usr/bin/unshare", *own, "/bin/sh", "-c", mounts + ' && exec "$@"', "sh", *command]

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

    def must_run(self, *command: str, **more: str) -> str:
        """Standard output of a program that must end well, without a word on standard error."""
        done = self.run(*command, **more)
        assert (done.returncode, done.stderr) == (0, ""), (command, done.returncode, done.stderr)
        return done.stdout


def ssh_home(folder: Path) -> SshHome:
    """Skips the test where no mount namespace can be made."""
    made = SshHome(folder)
    if made.run("/bin/true").returncode != 0:
        pytest.skip("no mount namespaces for this user")
    return made
