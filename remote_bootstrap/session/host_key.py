"""The session's host key: made here, never leaves the session folder; signs the connection record.

By ssh-keygen where it is installed, else by the library that the asyncssh server brings (servers/sshsig.py).
Called from the SSH service's thread.
"""

import functools
from pathlib import Path
from typing import Callable, List

from remote_bootstrap import contract
from remote_bootstrap.contract import Record
from remote_bootstrap.environment.install_cache import first_executable
from remote_bootstrap.machine.folders import private
from remote_bootstrap.process import commands
from remote_bootstrap.types import InstallError

SSHSIG = str(Path(__file__).parent.parent / "servers" / "sshsig.py")
TIMEOUT_S = 30.0  # seconds


class HostKey:
    """``crypto_python`` yields a Python that has the cryptography library; only called without ssh-keygen."""

    def __init__(self, folder: Path, crypto_python: Callable[[], str]) -> None:
        self._folder = folder
        self._crypto_python = crypto_python
        self.path = folder / "host_key"

    def make(self) -> None:
        """Make the key unless it is there. Raises InstallError."""
        private(self._folder)
        if self.path.is_file():
            return
        if self._keygen:
            arguments = ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(self.path)]
            self._run([self._keygen, *arguments], "the host key could not be made")
        else:
            self._run([self._crypto_python(), "-I", SSHSIG, "make", str(self.path)], "the host key could not be made")

    @property
    def public(self) -> str:
        """Return ``ssh-ed25519 AAAA…`` without comment."""
        return " ".join(self.path.with_name("host_key.pub").read_text("ascii").split()[:2])

    def sign(self, record: Record) -> str:
        """Return the armored SSHSIG of a record. Raises InstallError."""
        text = self._folder / "record"
        text.write_text(record.signed_text(), encoding="utf-8")
        signature = text.with_name("record.sig")
        if signature.exists():
            signature.unlink()
        if self._keygen:
            options = ["-Y", "sign", "-q", "-n", contract.SIGNATURE_NAMESPACE, "-f", str(self.path)]
            self._run([self._keygen, *options, str(text)], "the connection record could not be signed")
        else:
            options = ["sign", str(self.path), contract.SIGNATURE_NAMESPACE, str(text)]
            self._run([self._crypto_python(), "-I", SSHSIG, *options], "the connection record could not be signed")
        return signature.read_text("ascii")

    @property
    @functools.lru_cache(maxsize=None)  # noqa: B019
    def _keygen(self) -> str:
        return first_executable("ssh-keygen")

    def _run(self, argv: List[str], why: str) -> None:
        if not argv[0]:
            raise InstallError("%s: neither ssh-keygen nor the cryptography library is here" % why)
        commands.run(argv, why, timeout_s=TIMEOUT_S)
