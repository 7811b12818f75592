"""The SSH password of a session, for the user whose session it is. Blocking; any thread."""

from collections.abc import Callable

from desktop_app.boundary.cancel import Cancel
from desktop_app.boundary.outside import Outside
from desktop_app.boundary.server import Server
from desktop_app.domain.accounts.secrets import SSH_PASSWORD
from desktop_app.domain.problems import failure
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.secrets.stored import kept, owners_of
from desktop_app.services.state.store import SessionStore

ASK_S = 20.0


class Passwords:
    """Ours are in this computer's keyring and nowhere else; clearml-session's are in the task for everybody to read."""

    def __init__(self, outside: Outside, store: SessionStore, server: Callable[[str, Cancel], Server]) -> None:
        self._outside = outside
        self._store = store
        self._server = server

    def of(self, session: SessionId) -> str:
        """Return the session's SSH password. Blocks. Problems: ssh.no_password, keyring.*, server.*"""
        found = kept(self._outside, SSH_PASSWORD, owners_of(self._outside, session)) or self._read_from_task(session)
        if not found:
            raise failure("ssh.no_password")
        return found

    def _read_from_task(self, session: SessionId) -> str:
        now, cancel = self._store.get(session), Cancel(ASK_S)
        if now is None or now.facts.clearml_session is None:
            return ""
        found = self._server(session.account, cancel).tasks.clearml_session_login(session.task, cancel).password
        if found:
            self._outside.register_secret(found)
        return found
