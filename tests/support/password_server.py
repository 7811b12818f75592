"""An sshd that lets in by password and knows none of our keys, as those of clearml-session's sessions do. It runs as
root, an ordinary user's as the root of a namespace of theirs.

Its mount namespace has a shadow file of its own; nothing of the computer changes.
"""

import subprocess
from pathlib import Path

from desktop_app.boundary.connection import Target
from remote_bootstrap.contract import Record, fingerprint
from tests.support.namespaces import accounts_file, as_root, bind, shadow_text
from tests.support.ssh_server import SshServer

PASSWORD = 'it\'s a "pass" $word'


class PasswordServer(SshServer):
    """``target()`` is that of a session of clearml-session whose host key was confirmed."""

    def __init__(self, folder: Path, extra: tuple[str, ...] = ()) -> None:
        super().__init__(folder, subsystem=False, extra=extra, user="root")
        (folder / "authorized").write_text("")
        config = folder / "config"
        text = config.read_text().replace("PasswordAuthentication no", "PasswordAuthentication yes")
        config.write_text(text.replace("PermitRootLogin prohibit-password", "PermitRootLogin yes"))
        command = ["openssl", "passwd", "-6", "-stdin"]
        hashed = subprocess.run(command, input=PASSWORD, capture_output=True, text=True, check=True).stdout.strip()
        self._shadow = folder / "shadow"
        self._shadow.touch(0o600)
        self._shadow.write_text(shadow_text({self.user: hashed}))

    @property
    def home(self) -> Path:
        return self.folder / "login"

    def namespace(self, home: Path) -> list[str]:
        accounts = accounts_file(self.folder, home, name=self.user)
        return as_root([bind(accounts, "/etc/passwd"), bind(self._shadow, "/etc/shadow")])

    def target(self, key: str = "", **changes: object) -> Target:
        given = self.record(**changes)
        record = Record(given.task, given.address, given.port, given.user, "", 0)
        keys = frozenset({fingerprint(self.host_key)})
        return Target(record, is_clearml_session=True, password=PASSWORD, fingerprints=keys)
