"""Passphrases of sessions: what a face calls so that a session can be attached from another computer. Blocking."""

from collections.abc import Callable

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.connection.session.trust import kept_key
from desktop_app.services.secrets.session_keys import SessionKeys
from desktop_app.services.secrets.stored import api_secrets, owners_of


def key_of(outside: Outside, session: SessionId, server: Server, cancel: Cancel) -> str:
    """Return the session's private key, from this computer or out of the task. Problems: ssh.no_key, ssh.passphrase,
    keyring.*, server.*"""
    owners, own = owners_of(outside, session), api_secrets(outside, session.account)
    return SessionKeys(outside.secrets, outside.slot_cipher).find(owners, session.task, own, server, cancel)


class KeyAccess:
    """Thread-safe."""

    def __init__(self, outside: Outside, server: Callable[[str, Cancel], Server]) -> None:
        self._outside = outside
        self._server = server
        self._keys = SessionKeys(outside.secrets, outside.slot_cipher)

    def check(self, session: SessionId, cancel: Cancel) -> None:
        """Make sure that this computer has the session's key. Problems: ssh.no_key, ssh.passphrase, keyring.*"""
        key_of(self._outside, session, self._server(session.account, cancel), cancel)

    def unlock(self, session: SessionId, passphrase: str, cancel: Cancel) -> None:
        """Fetch the session's key with its passphrase and keep it. Problems: ssh.wrong_passphrase, keyring.*"""
        self._outside.register_secret(passphrase)
        self._keys.unlock(session, self._server(session.account, cancel), passphrase, cancel)

    def trust_host(self, session: SessionId, fingerprint: str) -> None:
        """Expect this key ("SHA256:…") of the session's machine from now on: that of clearml-session's session, or of
        a new run of ours, which is then believed if its record and its log agree with that."""
        memory = self._outside.memory
        believed, _ = kept_key(self._outside, session)
        if believed:
            memory.trust.save_trusted(session.text, {**memory.trust.trusted(session.text), "accepted": fingerprint})
        else:
            memory.trust.save_host_key(session.text, fingerprint)

    def set_passphrase(self, session: SessionId, passphrase: str, cancel: Cancel) -> None:
        """Let this passphrase open the session's key. Problems: ssh.short_passphrase, ssh.no_key, ssh.passphrase"""
        self._outside.register_secret(passphrase)
        server = self._server(session.account, cancel)
        private = key_of(self._outside, session, server, cancel)
        self._keys.set_passphrase(session, server, private, passphrase, cancel)
