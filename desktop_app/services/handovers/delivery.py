"""Brings what a user hands over into a session, and takes it back: one function per kind. Any thread; blocking.

Secrets are read here, go into the session through its control channel, and are kept nowhere on the way.
"""

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.domain.accounts.account import Account
from desktop_app.domain.accounts.git_logins import GitIdentity
from desktop_app.domain.accounts.handover import AGENT, CLEARML, GIT, HandoverKind
from desktop_app.domain.accounts.secrets import API_SECRET
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.connection.session.session_tunnel import SessionTunnel
from desktop_app.services.secrets.git_logins import GitKeyring
from remote_bootstrap import contract


class Delivery:
    """Thread-safe."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._clearml_keys: dict[SessionId, str] = {}  # the access key that a session got last from this process

    def git_identity(self, account: str) -> GitIdentity:
        """Return the keyring's logins, then those of git's own files, and git's settings. Problems: git.*, keyring.*"""
        own = self._outside.read_git()
        kept = GitKeyring(self._outside).kept(account)
        for login in (*kept, *own.logins):
            self._outside.register_secret(login.password)
        return GitIdentity((*kept, *own.logins), own.settings)

    def clearml_key(self, session: SessionId) -> str:
        """Return the access key of the ClearML key that this process brought into the session last, "" for none."""
        return self._clearml_keys.get(session, "")

    def deliver(
        self, kind: HandoverKind, session: SessionId, account: Account, tunnel: SessionTunnel, cancel: Cancel
    ) -> None:
        """Bring it into the session now. Problems: git.*, keyring.*, server.unauthorised, agent.none, ssh.*"""
        if kind is GIT:
            self._deliver_git(session, tunnel, cancel)
        elif kind is CLEARML:
            self._deliver_clearml(session, account, tunnel, cancel)
        elif kind is AGENT:
            tunnel.agent.lend(cancel)

    def take_back(self, kind: HandoverKind, tunnel: SessionTunnel, cancel: Cancel) -> None:
        """Have the session forget it, as far as it can. Problems: ssh.*"""
        if kind is GIT:
            tunnel.control.request(contract.OP_GIT_DELIVER, {"logins": [], "settings": {}}, cancel)
        elif kind is CLEARML:
            tunnel.control.request(contract.OP_CLEARML_DELIVER, {"access_key": "", "secret_key": ""}, cancel)
        elif kind is AGENT:
            tunnel.agent.take_back()

    def _deliver_git(self, session: SessionId, tunnel: SessionTunnel, cancel: Cancel) -> None:
        identity = self.git_identity(session.account)
        if not identity.logins and not identity.settings:
            raise failure("git.none")
        logins = [login.to_json() for login in identity.logins]
        tunnel.control.request(contract.OP_GIT_DELIVER, {"logins": logins, "settings": dict(identity.settings)}, cancel)

    def _deliver_clearml(self, session: SessionId, account: Account, tunnel: SessionTunnel, cancel: Cancel) -> None:
        key = account.all_keys[0]  # the one in use
        secret = self._outside.secrets.get(API_SECRET, key.owner)
        if not secret:
            raise failure("server.unauthorised", server=account.api_url)
        tunnel.control.request(
            contract.OP_CLEARML_DELIVER, {"access_key": key.access_key, "secret_key": secret}, cancel
        )
        self._clearml_keys[session] = key.access_key
