"""A real sshd on 127.0.0.1 in a folder of its own, with keys made by ssh-keygen and the test's control subsystem.

Used from the test's thread; every process is ended by its own pid.
"""

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from desktop_app.boundary.connection import Target
from remote_bootstrap.contract import SIGNATURE_NAMESPACE, Record
from tests.support.bare_account import without_dotfiles
from tests.support.waiting import wait_until

SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin") or "/usr/sbin/sshd"
TASK = "0123456789abcdef0123456789abcdef"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_key(path: Path) -> str:
    """An Ed25519 key by ssh-keygen; returns the public line without a comment."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


def sign(record: Record, key: Path, namespace: str = SIGNATURE_NAMESPACE, hash_name: str = "sha512") -> str:
    """The armored signature by ``ssh-keygen -Y sign`` over the record's text."""
    command = ["ssh-keygen", "-Y", "sign", "-n", namespace, "-O", f"hashalg={hash_name}", "-f", str(key)]
    done = subprocess.run(command, input=record.signed_text(), capture_output=True, text=True, check=True)
    return done.stdout


@dataclass
class SshServer:
    """``start`` and ``kill`` as often as needed, always on the same port with the same keys."""

    folder: Path
    subsystem: bool = True
    extra: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    user: str = field(default_factory=lambda: pwd.getpwuid(os.getuid()).pw_name)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.host_key = make_key(self.folder / "host")
        self.client_key = make_key(self.folder / "client")
        self.stranger_key = make_key(self.folder / "stranger")
        (self.folder / "authorized").write_text(self.client_key + "\n")
        (self.folder / "task").write_text(TASK)
        self._configure()

    def _configure(self) -> None:
        stub = Path(__file__).with_name("ssh_subsystem.py")
        lines = [
            f"HostKey {self.folder}/host", f"PidFile {self.folder}/sshd.pid",
            f"AuthorizedKeysFile {self.folder}/authorized", "ListenAddress 127.0.0.1", "StrictModes no", "UsePAM no",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin prohibit-password",
            "MaxStartups 100", "Subsystem sftp internal-sftp", *self.extra,
        ]  # fmt: skip
        if self.subsystem:
            lines.append(f"Subsystem sessiondock {sys.executable} {stub} {self.folder}")
        (self.folder / "config").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd refuses to start as root without it
        home = self.folder / "login"
        home.mkdir(exist_ok=True)
        command = [*self.namespace(home), SSHD, "-D", "-e", "-f", f"{self.folder}/config", "-p", str(self.port)]
        with (self.folder / "sshd.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._answers, "sshd to answer", 30)

    def namespace(self, home: Path) -> list[str]:
        """What stands before sshd's command: whom it logs in, and where that account's home is."""
        return without_dotfiles(self.folder, home)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                return probe.recv(4) == b"SSH-"
        except OSError:
            return False

    def family(self) -> list[psutil.Process]:
        """The listener and every session of it, the listener last."""
        if self.process is None:
            return []
        return [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]

    def kill(self) -> None:
        """All of them at once, as when the machine's container is killed."""
        if self.process is None:
            return
        for member in self.family():
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait()
        self.process = None

    def record(self, **changes: object) -> Record:
        fields = {
            "task": TASK, "address": "127.0.0.1", "port": self.port, "user": self.user,
            "host_key": self.host_key, "sequence": 1,
        }  # fmt: skip
        return Record.loads(json.dumps({**fields, "signature": "", **changes}))

    def target(self, key: str = "client", **changes: object) -> Target:
        return Target(self.record(**changes), (self.folder / key).read_text())
