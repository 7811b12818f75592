"""The kinds of secret that SessionDock keeps, one row each. All of them live in the OS keyring and nowhere else."""

from dataclasses import dataclass

SERVICE = "SessionDock"
# Windows Credential Manager takes 2,560 bytes of UTF-16 per entry.
MAX_CHARS = 1_200


@dataclass(frozen=True, slots=True)
class SecretKind:
    """``key`` starts the entry's name in the keyring; ``scope`` says what the rest of the name identifies."""

    key: str
    label: str
    scope: str  # "account" or "session"


API_SECRET = SecretKind("api-secret", "ClearML API secret", "account")
CLIENT_KEY = SecretKind("client-key", "SSH key of one session", "session")
SSH_PASSWORD = SecretKind("ssh-password", "SSH password of one session", "session")
GIT_CREDENTIALS = SecretKind("git-credentials", "Git credentials", "account")
PROXY_PASSWORD = SecretKind("proxy-password", "Password of an account's proxy", "account")

KINDS = (API_SECRET, CLIENT_KEY, SSH_PASSWORD, GIT_CREDENTIALS, PROXY_PASSWORD)
SESSION_KINDS = tuple(kind for kind in KINDS if kind.scope == "session")  # end with their session


def entry_name(kind: SecretKind, owner: str) -> str:
    """Return the keyring's "user name" field: kind and owner (an account's id or ``SessionId.text``)."""
    return f"{kind.key}/{owner}"
