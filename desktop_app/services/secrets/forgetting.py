"""What this computer keeps about a session, and how it is forgotten. Blocking; any thread."""

from desktop_app.boundary.outside import Outside
from desktop_app.domain.accounts.secrets import SESSION_KINDS
from desktop_app.domain.sessions.snapshot import SessionId
from desktop_app.services.secrets.stored import owners_of


def forget_session(outside: Outside, session: SessionId) -> None:
    """Forget its secrets first: when the keyring refuses, the rest still tells of it. Problems: keyring.*,
    file.unwritable"""
    for kind in SESSION_KINDS:
        for owner in owners_of(outside, session):
            outside.secrets.delete(kind, owner)
    outside.memory.sessions.forget(session.text)
