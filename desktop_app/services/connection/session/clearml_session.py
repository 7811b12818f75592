"""Getting into a session that clearml-session made: password, host keys, and what to tell about them. Blocking.

Runs on the session's supervisor thread; one instance per attached session.
"""

from dataclasses import replace

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.connection import KeyPair, LoginDoor, LoginKeys, Target, Tunnel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server
from desktop_app.domain.accounts.secrets import CLIENT_KEY
from desktop_app.domain.problems import AppError, Problem, failure, problem
from desktop_app.domain.sessions.clearml_session import PUBLISHED_KEYS, ClearmlSession, ClearmlSessionLogin
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.accounts.routes import route_of
from desktop_app.services.secrets.stored import kept, owners_of
from remote_bootstrap.contract import Record
from remote_bootstrap.contract.apps import JUPYTERLAB

PUBLISHED = (
    "Its host keys are those of every clearml-session, which anyone can download: someone between you and the "
    "machine can read along. All members of your ClearML workspace can read its password and log in."
)
DISGUISED = (
    "SessionDock launched this session, but its task claims now that clearml-session did. A member of your workspace "
    "may have changed it to lead you to another machine."
)
PASSWORD = "All members of your ClearML workspace can read its password and log in."  # noqa: S105
EXPOSED = "Its task also shows them {what}: make a new one and revoke the old."


class ClearmlSessionAccess:
    """Remembers what the last look at the task told."""

    def __init__(self, session: SessionId, outside: Outside) -> None:
        self._session = session
        self._outside = outside
        self._login = ClearmlSessionLogin()
        self._keys: tuple[KeyPair, KeyPair] | None = None  # of the client and of the host, for ``login``
        self._login_target: Target | None = None
        self.no_login: Problem | None = None  # why ``login`` is not possible

    def target(self, place: ClearmlSession, server: Server, cancel: Cancel) -> Target:
        """Return where to connect, read anew: router and Kubernetes may have changed it.

        Problems: ssh.unreachable, ssh.record, server.*
        """
        if self._is_ours():
            raise failure("ssh.record", why=DISGUISED)
        if not place.ready:
            raise failure("ssh.unreachable", address=place.address or "The session", port=place.port or "?")
        self._login = server.tasks.clearml_session_login(self._session.task, cancel)
        for secret in (self._login.password, self._login.token):
            if secret:
                self._outside.register_secret(secret)
        record = Record(self._session.task, place.address, place.port, place.user, "", 0)
        way = route_of(self._outside, self._session.account)
        return Target(record, "", *way, True, self._login.password, self._trusted())

    def _is_ours(self) -> bool:
        """True if SessionDock launched it, as what is kept here tells: any member of the workspace can write a task's
        tags."""
        host_key = self._outside.memory.trust.host_key(self._session.text)
        owners = owners_of(self._outside, self._session)
        return host_key.startswith("ssh-") or bool(kept(self._outside, CLIENT_KEY, owners))

    def _trusted(self) -> frozenset[str]:
        """Return the key that the user confirmed, and no other one; before that those that the tool is known by."""
        confirmed = self._outside.memory.trust.host_key(self._session.text)
        return frozenset({confirmed}) if confirmed else frozenset(PUBLISHED_KEYS)

    def login(self, tunnel: Tunnel, target: Target, cancel: Cancel) -> LoginDoor | None:
        """Let the user's own ssh in without the password, if that machine can; None tells why in the warning.

        Problems: ssh.lost
        """
        self._login_target = None
        self.no_login = None
        if self._keys is None:  # never stored: whatever is left over there lets nobody in
            self._keys = self._outside.new_key("sessiondock client"), self._outside.new_key("sessiondock host")
            for pair in self._keys:
                self._outside.register_secret(pair.private)
        client, host = self._keys
        try:
            door = tunnel.serve_login(LoginKeys(client.public, host.private), cancel)
        except AppError as error:
            if error.problem.code != "session.no_login":
                raise
            self.no_login = error.problem
            return None
        record = replace(target.record, host_key=host.public)
        self._login_target = replace(target, record=record, private_key=client.private)
        return door

    @property
    def login_target(self) -> Target | None:
        """Return what the user's own ssh gets in with at the local port, None where it does not. Any thread."""
        return self._login_target

    def secrets(self) -> dict[str, str]:
        """Return application -> what lets a browser in. Its VS Code asks for nothing."""
        return {JUPYTERLAB.key: self._login.token}

    def warning(self) -> Problem:
        """Return what the user should know of such a session."""
        text = PASSWORD if self._outside.memory.trust.host_key(self._session.text) else PUBLISHED
        if self._login.exposed:
            text = f"{text} {EXPOSED.format(what=' and '.join(self._login.exposed))}"
        if self.no_login is not None:
            text = f"{text} {self.no_login.title}: {self.no_login.detail}"
        return problem("session.exposed", why=text)
