"""An sshd that lets in by password and knows none of our keys, as those of clearml-session's sessions do. As root only.

Its mount namespace has a shadow file of its own; nothing of the computer changes.
"""

import os
import subprocess
from pathlib import Path
from typing import BinaryIO

import pytest

from desktop_app.ports import Target
from remote_bootstrap.contract import Record, fingerprint
from tests.support.bare_account import UNSHARE
from tests.support.ssh_server import SshServer

PASSWORD = 'it\'s a "pass" $word'


class PasswordServer(SshServer):
    """``target()`` is that of a session of clearml-session whose host key was confirmed."""

    def __init__(self, folder: Path, extra: tuple[str, ...] = ()) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root can give sshd a password to check")
        super().__init__(folder, subsystem=False, extra=extra)
        (folder / "authorized").write_text("")
        config = folder / "config"
        text = config.read_text().replace("PasswordAuthentication no", "PasswordAuthentication yes")
        config.write_text(text.replace("PermitRootLogin prohibit-password", "PermitRootLogin yes"))
        command = ["openssl", "passwd", "-6", "-stdin"]
        hashed = subprocess.run(command, input=PASSWORD, capture_output=True, text=True, check=True).stdout.strip()
        lines = [line.split(":") for line in Path("/etc/shadow").read_text().splitlines()]
        for line in lines:
            line[1] = hashed if line[0] == self.user else line[1]
        self._shadow = folder / "shadow"
        self._shadow.touch(0o600)
        self._shadow.write_text("".join(":".join(line) + "\n" for line in lines))

    @property
    def home(self) -> Path:
        return self.folder / "login"

    def launch(self, command: list[str], log: BinaryIO) -> "subprocess.Popen[bytes]":
        mounts = f"/bin/mount --make-rprivate / && /bin/mount --bind {self._shadow} /etc/shadow"
        return super().launch([UNSHARE, "--mount", "/bin/sh", "-c", mounts + ' && exec "$@"', "sh", *command], log)

    def target(self, key: str = "", **changes: object) -> Target:
        given = self.record(**changes)
        record = Record(given.task, given.address, given.port, given.user, "", 0)
        keys = frozenset({fingerprint(self.host_key)})
        return Target(record, foreign=True, password=PASSWORD, fingerprints=keys)
