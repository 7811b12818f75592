"""The SSH password that a session was launched with, for the person who launched it. Blocking; any thread."""

from desktop_app.domain.problems import failure
from desktop_app.domain.secrets import SSH_PASSWORD
from desktop_app.domain.session import SessionId
from desktop_app.ports import SecretStore


class Passwords:
    """Reads them from this computer's keyring, which is the only place that has them."""

    def __init__(self, secrets: SecretStore) -> None:
        self._secrets = secrets

    def of(self, session: SessionId) -> str:
        """Problems: ssh.no_password, keyring.*"""
        found = self._secrets.get(SSH_PASSWORD, session.text)
        if not found:
            raise failure("ssh.no_password")
        return found
